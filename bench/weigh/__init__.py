"""The weigh stage: every scheme learns on out-of-fold answers and answers the test rows; every answer is scored.

No function here sees a test label but `score` and the oracle.
"""

from __future__ import annotations

from bench.weigh.ensembles import EnsembleSheet
from bench.weigh.evidence import PROPER, Evidence, Weighed, finish, score
from bench.weigh.learners import LearnerSheet

__all__ = ["PROPER", "EnsembleSheet", "Evidence", "LearnerSheet", "Weighed", "finish", "score"]
