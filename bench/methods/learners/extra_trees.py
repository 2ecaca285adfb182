"""Extremely randomised trees."""

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
def extra_trees(
    target: Target,
    seed: int,
    *,
    n_estimators: int = 100,
    min_samples_leaf: int = 2,
    max_features: float | None = None,
    max_depth: int | None = None,
    min_samples_split: int = 2,
) -> Model:
    """Trees with random cuts; a split looks at the share `max_features` of columns, 0.6 or √d for classes.

    Geurts, Ernst and Wehenkel (2006), Extremely Randomized Trees.
    """
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    size = {
        "n_estimators": n_estimators,
        "min_samples_leaf": min_samples_leaf,
        "max_depth": max_depth,
        "min_samples_split": min_samples_split,
        "random_state": seed,
        "n_jobs": 1,
    }
    if target.kind == "class":
        share = max_features or "sqrt"
        return ClassModel(lambda _: ExtraTreesClassifier(max_features=share, **size), target.width)
    return Standardised(PointModel(lambda _: ExtraTreesRegressor(max_features=max_features or 0.6, **size)))
