"""What the decisions cost."""

from __future__ import annotations

from bench.core import losses
from bench.core.nouns import Array, NotApplicableError, Prediction, Target
from bench.methods.class_weights.costs import cost_matrix_of
from bench.methods.metrics import register

NAME = "expected_cost"


def _has_as_many_classes(target: Target, *, costs: str) -> bool:
    """Return whether the costs are for the classes of a target.

    Raises:
        BenchError: they are no text of costs.
    """
    try:
        cost_matrix_of(costs, NAME, target.width, target.positive)
    except NotApplicableError:
        return False
    return True


@register("class", direction="min", label=True, tags=("extended",), applies=_has_as_many_classes)
def expected_cost(target: Target, y: Array, prediction: Prediction, *, costs: str = "") -> float:
    """Return the mean cost C[y, decided] of a row, in the unit of the costs; without `costs` the share of mistakes.

    `costs` are written as for `cost-threshold` and `cost-matrix`: a matrix, a number for each class, or one for the
    positive class. Elkan (2001), The foundations of cost-sensitive learning.
    """
    C = cost_matrix_of(costs, NAME, target.width, target.positive)
    return float(losses.mean(C[y, prediction.labels], prediction.weight))
