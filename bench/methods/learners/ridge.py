"""Ridge regression."""

from __future__ import annotations

from bench.core.nouns import BenchError, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import PointModel, Standardised


@register("point", tags=("core",), encoding="scaled", weights=True, space={"alpha": (1e-3, 1e3)})
def ridge(target: Target, seed: int, *, alpha: float = 1.0) -> Model:
    """Linear regression with a squared penalty `alpha` on the coefficients of standardised columns.

    Minimises Σ_i w_i (y_i - x_i'b)² + alpha ‖b‖², intercept free, y in units of its deviation.
    Hoerl and Kennard (1970), Ridge Regression: Biased Estimation for Nonorthogonal Problems.
    """
    from sklearn.linear_model import Ridge

    if alpha <= 0:
        raise BenchError(f"parameter 'alpha' of learner 'ridge' is {alpha}: give a positive number")
    return Standardised(PointModel(lambda _: Ridge(alpha=alpha)))
