"""Units for the ends of intervals that are lengths within the prediction; nothing is registered here."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess.intervals import UnitOfEnds, central, mass_of

SHORTEST = 1e-6
"""A length counts as this share of the mean one at least: an interval without any would need an infinite margin."""


def never_zero(lengths: UnitOfEnds, prediction: Prediction) -> UnitOfEnds:
    """Return the units `lengths`, none below `SHORTEST` of their mean on the calibration rows, one if all are zero.

    An infinite length, of an end that an earlier step has moved out, counts as the shortest.
    """
    mass = mass_of(prediction)
    least = {
        (lo, hi): _shortest(np.stack(lengths(prediction, lo, hi)), mass) for _, lo, hi in central(prediction.target)
    }

    def unit(other: Prediction, lower: int, upper: int) -> tuple[Array, Array]:
        both, floor = np.stack(lengths(other, lower, upper)), least[lower, upper]
        u, v = np.where(np.isfinite(both), np.maximum(both, floor), floor)
        return u, v

    return unit


def _shortest(lengths: Array, mass: Array) -> float:
    finite = np.isfinite(lengths).all(axis=0) & (mass > 0)
    mean = np.average(lengths[:, finite].mean(axis=0), weights=mass[finite]) if finite.any() else 0.0
    return float(SHORTEST * mean) or 1.0
