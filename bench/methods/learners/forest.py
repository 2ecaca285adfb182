"""Random forest."""

from __future__ import annotations

from bench.core.nouns import Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import ClassModel, PointModel, Standardised


@register(
    "point",
    "class",
    tags=("core",),
    encoding="ordinal",
    weights=True,
    space={"min_samples_leaf": (1, 20), "max_features": (0.1, 1.0)},
)
def forest(
    target: Target,
    seed: int,
    *,
    n_estimators: int = 100,
    min_samples_leaf: int = 2,
    max_features: float | None = None,
    max_depth: int | None = None,
    min_samples_split: int = 2,
    max_samples: float | None = None,
) -> Model:
    """Random forest; a split looks at the share `max_features` of columns, 1/3 or √d for classes.

    A bootstrap holds as many draws as rows, or the share `max_samples`.
    Breiman (2001), Random Forests.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    size = {
        "n_estimators": n_estimators,
        "min_samples_leaf": min_samples_leaf,
        "max_depth": max_depth,
        "min_samples_split": min_samples_split,
        "max_samples": max_samples,
        "random_state": seed,
        "n_jobs": 1,
    }
    if target.kind == "class":
        share = max_features or "sqrt"
        return ClassModel(lambda _: RandomForestClassifier(max_features=share, **size), target.width)
    return Standardised(PointModel(lambda _: RandomForestRegressor(max_features=max_features or 1 / 3, **size)))
