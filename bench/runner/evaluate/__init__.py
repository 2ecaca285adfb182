"""The weigh stage: every scheme learns on out-of-fold answers and answers the test rows; every answer is scored.

No function here sees a test label but `score` and the oracle.

May import: `core`, `tasks`, `methods`, and of `runner` the store, the records and post-processing.
Next of its kind: a kind of board gets a module beside `ensembles` and `learners`.
"""

from __future__ import annotations

from bench.runner.evaluate.ensembles import EnsembleEvaluation
from bench.runner.evaluate.learners import LearnerEvaluation
from bench.runner.evaluate.split_data import MethodResult, SplitData, finish, score

__all__ = ["EnsembleEvaluation", "LearnerEvaluation", "MethodResult", "SplitData", "finish", "score"]
