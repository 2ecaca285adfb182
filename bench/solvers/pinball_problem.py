"""The pairs of rows and levels of one pinball problem, read in chunks; what depends on all of them stays small.

Letters: D = y - predictions of shape (L, N), a column for each of the N = n K pairs of a row and a level; u = D'w.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.solvers.row_blocks import SomeRows, is_one_block
from bench.solvers.solution import Array, Index

CHUNK = 1 << 17
"""Numbers of D in one pass over the rows: a megabyte of float64."""

Reach = NDArray[np.float32]
"""How far each pair is from a change of sign, see `Scan`."""

Columns = tuple[slice | Index, slice | Index]
"""Two indices into `predictions`, learners and outputs: slices, or two arrays of the same length, one pair a column."""

EVERYTHING: Columns = (slice(None), slice(None))


@dataclass(frozen=True)
class PinballProblem:
    """`predictions` (L, n, K), of which `columns` are used, `y` (n,), `share` (n,), `levels` (K,).

    The loss is Σ share ψ_τ(u) over rows and levels. With arrays as columns there is one level and a weight for each.
    """

    predictions: Array | SomeRows
    y: Array
    share: Array
    levels: Array
    columns: Columns = EVERYTHING

    def read(self, rows: slice) -> Array:
        """Return the predictions for some rows, (L, rows, K)."""
        learners, outputs = self.columns
        part = self.predictions[learners, rows, outputs]
        return part.reshape(len(part), -1, len(self.levels))

    @property
    def size(self) -> int:
        """L, the number of weights."""
        return len(self.predictions[self.columns[0], :1, self.columns[1]])

    @property
    def pairs(self) -> int:
        """N, the number of pairs."""
        return len(self.y) * len(self.levels)

    def slices(self) -> Iterator[slice]:
        """Yield the rows of each chunk."""
        step = max(CHUNK // (self.size * len(self.levels)), 1)
        for start in range(0, len(self.y), step):
            yield slice(start, min(start + step, len(self.y)))

    def chunks(self) -> Iterator[Chunk]:
        """Yield some pairs with their D, in float64."""
        K = len(self.levels)
        for rows in self.slices():
            D = np.subtract(self.y[rows, None], self.read(rows), dtype=np.float64)
            share, pairs = self.share[rows], slice(rows.start * K, rows.stop * K)
            lower, upper = np.outer(share, self.levels - 1).ravel(), np.outer(share, self.levels).ravel()
            yield Chunk(pairs, D.reshape(len(D), -1), lower, upper)

    def some(self, rows: Index) -> PinballProblem:
        """Return the problem of some rows, sorted, in memory; its shares keep their sum."""
        L, K = self.size, len(self.levels)
        predictions = np.empty((len(rows), L, K), dtype=self.read(slice(0, 1)).dtype).transpose(1, 0, 2)
        for part in self.slices():
            first, last = np.searchsorted(rows, (part.start, part.stop))
            predictions[:, first:last] = self.read(part)[:, rows[first:last] - part.start]
        return PinballProblem(predictions, self.y[rows], self._shares(rows), self.levels)

    def used(self) -> PinballProblem:
        """Return the problem of the rows of any share, which stay where they are if they are many."""
        rows = np.flatnonzero(self.share)
        if is_one_block(len(rows)) or isinstance(self.predictions, SomeRows):
            return self.some(rows)
        return replace(self, predictions=SomeRows(self.predictions, rows), y=self.y[rows], share=self._shares(rows))

    def _shares(self, rows: Index) -> Array:
        """Return the shares of some rows, scaled to the sum of all."""
        share = self.share[rows]
        return np.asarray(share * (self.share.sum() / share.sum()))


class Chunk(NamedTuple):
    """Some pairs: their places, D (L, c), and the slopes of the loss below and above zero, s(τ - 1) and sτ, (c,)."""

    pairs: slice
    D: Array
    lower: Array
    upper: Array

    def loss(self, u: Array) -> Array:
        """Return the loss of errors u (…, c), summed over the pairs."""
        return np.asarray(np.maximum(u, 0) @ self.upper + np.minimum(u, 0) @ self.lower)


class Survey(NamedTuple):
    """The loss of each learner, (L,), and how many pairs turn: their u may change its sign on the simplex."""

    single: Array
    turning: int


class Scan(NamedTuple):
    """The losses (C,) of some weights, and the reach of each pair, (C, N) in float32.

    The reach is u / (high - low), where D is between `low` and `high`, and ±∞ where u cannot change its sign. While w
    moves by d in the sum of absolute differences, the reach moves by d / 2 at most.
    """

    values: Array
    reach: Reach


class LocalModel(NamedTuple):
    """The pairs near a change of sign, D (L, N), their slopes (N,), and the sum g (L,) of all others, which are linear.

    `free` (all pairs,) marks them.
    """

    D: Array
    lower: Array
    upper: Array
    g: Array
    free: Array


def survey(problem: PinballProblem) -> Survey:
    """Read all rows once.

    Raises:
        ValueError: a value is not finite.
    """
    single, turning = np.zeros(problem.size), 0
    for chunk in problem.chunks():
        single += chunk.loss(chunk.D)
        turning += int(np.count_nonzero((chunk.D.min(axis=0) < 0) & (chunk.D.max(axis=0) > 0)))
    if not np.isfinite(single).all():
        raise ValueError("predictions, y or weight hold a value that is not finite")
    return Survey(single, turning)


def scan(problem: PinballProblem, w: Array) -> Scan:
    """Read all rows once with some weights of shape (C, L)."""
    values, reach = np.zeros(len(w)), np.empty((len(w), problem.pairs), dtype=np.float32)
    for chunk in problem.chunks():
        u, low, high = w @ chunk.D, chunk.D.min(axis=0), chunk.D.max(axis=0)
        values += chunk.loss(u)
        linear = np.where(low >= 0, np.inf, -np.inf)
        turning = (low < 0) & (high > 0)
        reach[:, chunk.pairs] = np.divide(u, high - low, where=turning, out=np.tile(linear, (len(w), 1)))
    return Scan(values, reach)


def local_model(problem: PinballProblem, reach: Reach, count: int) -> LocalModel:
    """Keep the `count` pairs of the least reach (N,), and take the others as linear."""
    free = _mark_nearest(reach, count)
    g, columns, boxes = np.zeros(problem.size), [], []
    for chunk in problem.chunks():
        kept = free[chunk.pairs]
        slope = np.where(reach[chunk.pairs] > 0, chunk.upper, chunk.lower)
        g += chunk.D @ np.where(kept, 0, slope)
        columns.append(chunk.D[:, kept])
        boxes.append(np.stack((chunk.lower[kept], chunk.upper[kept])))
    lower, upper = np.concatenate(boxes, axis=1)
    return LocalModel(np.concatenate(columns, axis=1), lower, upper, g, free)


def _mark_nearest(reach: Reach, count: int) -> Array:
    """Mark the `count` pairs of the least reach, all with the same reach as the last, and none of infinite reach."""
    size = np.abs(reach)
    if count < len(size):
        limit = np.partition(size, count)[count]
        return np.asarray(size <= min(limit, np.finfo(np.float32).max))
    return np.isfinite(size)


def dual(problem: PinballProblem, reach: Reach, free: Array, e: Array) -> Array:
    """Return e of all pairs, (N,): the slope where a pair is linear."""
    lower, upper = np.outer(problem.share, problem.levels - 1).ravel(), np.outer(problem.share, problem.levels).ravel()
    whole = np.where(reach > 0, upper, lower)
    whole[free] = e
    return whole
