"""The exact convex combination for squared error with weighted data points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.rows import lower_quantiles, shares_of
from bench.solvers.simplex_qp import residual_gram, simplex_qp


@register(
    "point",
    tags=("extended",),
    breaks={"row_order": "by recency, the order of the rows is the order of time"},
)
def qp_simplex_weighted(
    panel: Panel, y: Array, rng: np.random.Generator, *, by: str = "recency", half_life: float = 0.5
) -> Weights:
    """Minimise a weighted squared error of a convex combination, exactly.

        min_w Σ_n s_n (y_n - Σ_l w_l ŷ_ln)² over w ≥ 0, Σ w = 1;  s_n ∝ row weight × 2^(-above_n / half_life)

    `above_n` is the share of the rows that rank above row n: `by=recency` ranks them in their order, the last highest;
    `by=magnitude` by the distance of y from its median. Echtenbruck, Echtenbruck, Batenburg, Bäck, Naujoks and Emmerich
    (2022), "Optimally weighted ensembles of regression models", prove that weighted data points keep it convex. The gap
    is that of the weighted error.

    Raises:
        BenchError: `by` is unknown, or `half_life` is not above zero.
    """
    if by not in RANKED_BY:
        raise BenchError(f"by of qp-simplex-weighted cannot be {by!r}: choose from {', '.join(RANKED_BY)}")
    if not half_life > 0:
        raise BenchError(f"half_life of qp-simplex-weighted cannot be {half_life!r}: give a share of the rows above 0")
    share = shares_of(panel)
    weight = decayed_weights(RANKED_BY[by](y, share), share, half_life)
    solution = simplex_qp(residual_gram(panel.predictions[:, :, 0], y, weight))
    return Weights(solution.w, gap=solution.gap)


def _recency(y: Array, share: Array) -> Array:
    return np.arange(len(y))


def _magnitude(y: Array, share: Array) -> Array:
    return np.abs(y - lower_quantiles(y, share, np.array([0.5]))[0])


RANKED_BY: Mapping[str, Callable[[Array, Array], Array]] = MappingProxyType(
    {"recency": _recency, "magnitude": _magnitude}
)
"""What rows can be ranked by: (y, shares of the row weights) -> a number a row; the highest rows count most."""


def decayed_weights(rank: Array, share: Array, half_life: float) -> Array:
    """Return the weight of each row (n,): the integral of 2^(-above / half_life) over the row's own share.

    Integrals, because then a row of weight three counts like three equal rows. Rows of equal rank share theirs.
    """
    _, group = np.unique(rank, return_inverse=True)
    mass = np.bincount(group, weights=share)
    above = np.maximum(1 - np.cumsum(mass), 0)
    decay = np.log(2) / half_life
    per_mass = np.exp(-decay * above) * -np.expm1(-decay * mass) / (decay * np.where(mass > 0, mass, 1))
    return np.asarray(share * per_mass[group])
