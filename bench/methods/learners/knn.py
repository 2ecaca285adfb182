"""Nearest neighbours."""

from __future__ import annotations

from typing import Any

from bench.core.nouns import BenchError, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import ClassModel, PointModel, Standardised


@register("point", "class", tags=("core",), encoding="scaled", weights=False, space={"n_neighbors": (3, 60)})
def knn(target: Target, seed: int, *, n_neighbors: int = 15, weights: str = "distance", p: float = 2.0) -> Model:
    """Mean of the nearest training rows, weighted by inverse distance; row weights are not used.

    `weights=uniform` weighs them alike; `p` is the exponent of Minkowski's distance, 2 that of Euclid.
    Dudani (1976), The Distance-Weighted k-Nearest-Neighbor Rule.
    """
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    if n_neighbors < 1:
        raise BenchError(f"parameter 'n_neighbors' of learner 'knn' is {n_neighbors}: give 1 or more")
    # Trees lose against the matrix product of brute force as soon as there are ten columns.
    rule: dict[str, Any] = {"weights": weights, "p": p, "algorithm": "brute", "n_jobs": 1}
    if target.kind == "class":
        return ClassModel(lambda n: KNeighborsClassifier(min(n_neighbors, n), **rule), target.width)
    return Standardised(PointModel(lambda n: KNeighborsRegressor(min(n_neighbors, n), **rule)))
