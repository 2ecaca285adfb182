"""Where schemes are fitted and scored: on out-of-fold predictions, applied to the test rows.

The test fold is kept away from schemes here: no function of this package reads the true values of the test rows but
`score` and the oracle, which is never ranked.

May import: `core`, `tasks`, `methods`, and of `runner` the store, the records and post-processing.
Next of its kind: a kind of board gets a module beside `ensembles` and `learners`.
"""

from __future__ import annotations

from typing import cast

from bench.core.nouns import Cell
from bench.methods.boards import ORACLE, Method
from bench.runner.evaluate.ensembles import EnsembleEvaluation
from bench.runner.evaluate.learners import LearnerEvaluation
from bench.runner.evaluate.split_data import MethodResult, SplitData, finish, score

__all__ = ["EnsembleEvaluation", "LearnerEvaluation", "MethodResult", "SplitData", "evaluate_cell", "finish", "score"]


def evaluate_cell(
    evaluation: EnsembleEvaluation | LearnerEvaluation, cell: Cell, method: Method | None
) -> MethodResult:
    """Return what the method of a cell, the oracle, or without a method a learner alone comes to.

    Raises:
        NotApplicableError: the method does not apply to the split.
        InvalidPredictionError: its predictions are not what they must be.
    """
    if method is None:  # only ensemble boards have rows of a learner alone
        return cast("EnsembleEvaluation", evaluation).evaluate_learner(cell.learner)
    if cell.method == ORACLE:
        return evaluation.evaluate_oracle(method, cell.learner)
    return evaluation.evaluate(method, cell.learner)
