"""Pinball weights with a penalty: a path over its strengths, of which the inner folds choose one.

Nothing is registered here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles.cross_validation import choose, fold_rows


class Learned(Protocol):
    """What a solver returns."""

    @property
    def w(self) -> Array:
        """Weights (L,) or (L, K)."""
        ...

    @property
    def gap(self) -> float:
        """The certificate of the whole objective."""
        ...


Fit = Callable[[Panel, Array, float, Array | None], Learned]
"""Panel, y, strength in units of `unit`, weights near the optimum or None -> weights with their gap."""


def unit(panel: Panel, y: Array) -> float:
    """Return the median over the learners of their mean pinball loss: it is what penalties are measured in."""
    return float(np.median(losses.of_learners(panel, y))) / 2


def checked(strength: float | None, parameter: str, name: str) -> float | None:
    """Return the strength that was given.

    Raises:
        BenchError: it is negative, or no number.
    """
    if strength is not None and not (isinstance(strength, (int, float)) and strength >= 0):
        raise BenchError(f"{parameter} of {name} cannot be {strength!r}: give a number from 0 to inf")
    return strength


def weights_of(fit: Fit, panel: Panel, y: Array, strengths: tuple[float, ...], given: float | None) -> Weights:
    """Return the weights for the given strength, or for that of the least WIS on the inner folds, the first at a tie.

    WIS is that of the sorted answers. Along the path each solution is near the next.
    """
    strength = given
    if strength is None:
        folds = fold_rows(panel)

        def held_out(k: int) -> Array:
            fitted = np.sort(np.concatenate(folds[:k] + folds[k + 1 :]))
            path = _path(fit, panel.rows(fitted), y[fitted], strengths)
            rest = panel.rows(folds[k])
            return np.array([_total_wis(rest, y[folds[k]], w) for w in path])

        strength = strengths[choose(len(folds), held_out)]
    found = fit(panel, y, strength, None)
    return Weights(found.w, gap=found.gap)


def _path(fit: Fit, panel: Panel, y: Array, strengths: tuple[float, ...]) -> list[Array]:
    """Return the weights for each strength."""
    path: list[Array] = []
    for strength in strengths:
        path.append(fit(panel, y, strength, path[-1] if path else None).w)
    return path


def _total_wis(panel: Panel, y: Array, w: Array) -> float:
    loss = losses.wis(y, np.sort(Weights(w)(panel), axis=1), panel.target.levels)
    return float(loss.sum() if panel.weight is None else panel.weight @ loss)
