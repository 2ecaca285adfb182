"""Conformal risk control of the misses of the rarer class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, BenchError, NotApplicableError, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.intervals import RANK_SLACK

BELOW = 1e-9
"""Share of the cut by which it lies lower: ties of the decision rule go to the first class."""


@register(
    "class",
    tags=("extended",),
    binary=True,
    protocols=("split",),
    learns="calibration",
    guarantee="miss rate of the positive class <= rate (exchangeable rows)",
)
def miss_rate(
    prediction: Prediction, y: Array, rng: np.random.Generator, *, rate: float = 0.1
) -> Callable[[Prediction], Prediction]:
    """Decide on the positive class wherever its probability is at or above a cut that misses few of its rows.

    With its n calibration rows, the cut is the largest λ with

        (#{p_i < λ} + 1) / (n + 1) <= rate,

    zero where not even λ = 0 has it (n < 1 / rate - 1): then every row is decided to be of the positive class. A row of
    that class is then missed with probability <= rate if its rows are exchangeable, however bad the probabilities are;
    what that costs in false alarms is not controlled. Row weights count as so many rows: the promise is then of the
    weighted rate. Angelopoulos, Bates, Fisch, Lei and Schuster (2024), "Conformal risk control".

    Raises:
        BenchError: the rate is not between 0 and 1.
        NotApplicableError: there are more than two classes.
    """
    if not 0 < rate < 1:
        raise BenchError(f"rate of miss-rate cannot be {rate}: give a number between 0 and 1, such as 0.1")
    if prediction.target.width != 2:
        raise NotApplicableError("miss-rate is defined for two classes")
    mass = np.ones(len(y)) if prediction.weight is None else prediction.weight
    positive = prediction.target.positive
    own = (y == positive) & (mass > 0)
    cut = _cut(prediction.values[own, positive], mass[own], rate)
    rule = np.where(np.arange(2) == positive, 1 - cut, cut)
    return lambda other: replace(other, rule=rule)


def _cut(p: Array, mass: Array, rate: float) -> float:
    """Return the largest λ that may be, less `BELOW` of it, so that a row at λ is not missed."""
    score, place = np.unique(p, return_inverse=True)
    below = np.append(0.0, np.cumsum(np.bincount(place, weights=mass)))  # the mass below each score
    allowed = rate * (below[-1] + 1) * (1 + RANK_SLACK) - 1
    last = int(np.searchsorted(below[:-1], allowed, side="right")) - 1
    return float(score[last] * (1 - BELOW)) if last >= 0 else 0.0
