"""Pinball weights with a penalty: a path over its strengths, of which the inner folds choose one.

Nothing is registered here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles.cross_validation import choose, fold_rows, predict_rows, restrict, total


class Solved(Protocol):
    """What a solver returns."""

    @property
    def w(self) -> Array:
        """Weights (L,) or (L, K)."""
        ...

    @property
    def gap(self) -> float:
        """The certificate of the whole objective."""
        ...


FitAtStrength = Callable[[Panel, Array, float, Array | None], Solved]
"""Panel, y, strength in units of `unit`, weights near the optimum or None -> weights with their gap."""


def unit(panel: Panel, y: Array) -> float:
    """Return the median over the learners of their mean pinball loss: it is what penalties are measured in."""
    return float(np.median(losses.of_learners(panel, y))) / 2


def check_strength(strength: float | None, parameter: str, name: str) -> float | None:
    """Return the strength if it can be one.

    Raises:
        BenchError: it is negative, or no number.
    """
    if strength is not None and not (isinstance(strength, (int, float)) and strength >= 0):
        raise BenchError(f"{parameter} of {name} cannot be {strength!r}: give a number from 0 to inf")
    return strength


def choose_weights(
    fit: FitAtStrength, panel: Panel, y: Array, strengths: tuple[float, ...], fixed: float | None
) -> Weights:
    """Return the weights for the `fixed` strength, or for that of the least WIS on the inner folds, the first at a tie.

    WIS is that of the sorted predictions. Along the path each solution is near the next.
    """
    strength = fixed
    if strength is None:
        folds = fold_rows(panel)

        def held_out(k: int) -> Array:
            fitted = np.sort(np.concatenate(folds[:k] + folds[k + 1 :]))
            others, rest = restrict(panel, y, fitted), folds[k]
            weight = None if panel.weight is None else panel.weight[rest]
            w, found = None, []
            for each in strengths:
                w = fit(*others, each, w).w
                predicted = np.sort(predict_rows(Weights(w), panel, rest), axis=1)
                found.append(total(losses.wis(y[rest], predicted, panel.target.levels), weight))
            return np.array(found)

        strength = strengths[choose(len(folds), held_out)]
    found = fit(panel, y, strength, None)
    return Weights(found.w, gap=found.gap)
