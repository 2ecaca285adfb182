"""Convex weights that differ from region to region of the columns; nothing is registered here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Panel
from bench.methods.ensembles.cross_validation import choose, fold_rows
from bench.methods.ensembles.rows import shares_of, used_rows, weights_of_rows
from bench.solvers.pinball import simplex_pinball

TIES = (np.inf, 1.0, 0.3, 0.1, 0.03, 0.0)
"""Candidates for κ, in shares of the rows' weights; the first, one weight a learner everywhere, wins a tie."""

CHUNK = 65536
"""Rows that are predicted at once, which bounds the memory."""

Place = Callable[[Array], Array]
"""Encoded rows (n, d) -> the number of the region of each (n,)."""

Divide = Callable[[Panel, Array], Place]
"""(panel, y) -> how the columns of its rows are divided into regions."""


@dataclass(frozen=True)
class Regional:
    """Weights `w` (R, L) of every region, and which region a row is in."""

    place: Place
    w: Array

    @property
    def used(self) -> tuple[bool, ...]:
        """Which learners have any weight anywhere."""
        return tuple(bool(share > 0) for share in self.w.max(axis=0))

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        w, prediction = self.w[self.place(panel.X.to_numpy(dtype=float))], np.empty(panel.predictions.shape[1:])
        for start in range(0, len(w), CHUNK):
            rows = slice(start, start + CHUNK)
            prediction[rows] = np.einsum("nl,lnk->nk", w[rows], panel.predictions[:, rows])
        return prediction


@dataclass(frozen=True)
class Regions:
    """The best weights of each region `own` (R, L), of all rows `whole` (L,), and the regions' shares (R,)."""

    place: Place
    own: Array
    whole: Array
    share: Array

    def shrink(self, tie: float) -> Regional:
        """Draw the weights of each region towards those of all rows, the more so the smaller the region is.

        w_r = (s_r own_r + κ whole) / (s_r + κ)
        """
        # 1e-300: an empty region without a tie has no weight of its own, not 0 / 0
        local = np.zeros(len(self.share)) if np.isinf(tie) else self.share / np.maximum(self.share + tie, 1e-300)
        return Regional(self.place, local[:, None] * self.own + (1 - local[:, None]) * self.whole)


def regional_combiner(panel: Panel, y: Array, divide: Divide) -> Regional:
    """Return weights by region, tied to those of all rows as strongly as is best on the inner folds.

    In every fold the columns are divided anew, on the rows of the other folds alone.
    """
    folds = fold_rows(panel)
    used = used_rows(panel)

    def held_out(k: int) -> Array:
        fitted = np.concatenate([rows for j, rows in enumerate(folds) if j != k])
        regions = _regions(panel.rows(fitted), y[fitted], divide)
        held, weight = panel.rows(folds[k]), weights_of_rows(panel)
        tried = (np.sort(regions.shrink(tie)(held), axis=1) for tie in TIES)
        return np.array([weight[folds[k]] @ losses.proper_loss(held.target, y[folds[k]], each) for each in tried])

    return _regions(panel.rows(used), y[used], divide).shrink(TIES[choose(len(folds), held_out)])


def _regions(panel: Panel, y: Array, divide: Divide) -> Regions:
    """Solve one pinball problem for every region, and one for all rows."""
    place, share = divide(panel, y), shares_of(panel)
    region = place(panel.X.to_numpy(dtype=float))
    whole = simplex_pinball(panel.predictions, y, panel.target.levels, share).w
    sizes = np.bincount(region, weights=share)
    own = [_region_weights(panel, y, share, region == r, whole) for r in range(len(sizes))]
    return Regions(place, np.stack(own), whole, sizes)


def _region_weights(panel: Panel, y: Array, share: Array, inside: Array, whole: Array) -> Array:
    """Return the best weights of the rows of a region; those of all rows where it has none."""
    rows = np.flatnonzero(inside)
    if not len(rows):
        return whole
    return simplex_pinball(panel.predictions[:, rows], y[rows], panel.target.levels, share[rows]).w
