"""The folds of OpenML's evaluation engine, computed from the rows of a data set alone.

The engine (github.com/openml/EvaluationEngine, package `foldgenerators`) leaves the work to Weka: it shuffles the rows
with one `java.util.Random` of seed 0, groups them by class where the target is nominal, whatever the flag
`stratified_sampling` says, and cuts them into contiguous folds. The next repeat shuffles what the last one left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, Split

SEED = 0
"""Seed of the engine's generator, for every task."""

MULTIPLIER, INCREMENT, MASK = 0x5DEECE66D, 0xB, (1 << 48) - 1
"""Linear congruential generator of `java.util.Random`, as its documentation fixes it."""


@dataclass(frozen=True)
class Procedure:
    """How a task is cut: the type by its name at OpenML, and the percentage of rows that a holdout tests."""

    type: str
    repeats: int = 1
    folds: int = 1
    percentage: int = 0


def official_splits(procedure: Procedure, n: int, strata: Array | None) -> tuple[Split, ...] | None:
    """Return the splits of the engine for n rows, rows in the order of the table; None if it makes none of that type.

    `strata` are the class codes (n,) of a nominal target, None where the target is numeric.
    """
    cut = CUTS.get(procedure.type)
    return None if cut is None or n < 2 or procedure.folds > n else tuple(cut(procedure, n, strata))


def _cross_validation(procedure: Procedure, n: int, strata: Array | None) -> Iterator[Split]:
    order, draw = np.arange(n), _java_random(SEED)
    for repeat in range(procedure.repeats):
        _shuffle(order, draw)
        if strata is not None:
            order = _stratify(order, strata, procedure.folds)
        # contiguous: the first n % folds parts hold one row more
        for fold, test in enumerate(np.array_split(order, procedure.folds)):
            yield _split(repeat, fold, test, n)


def _holdout(procedure: Procedure, n: int, _: Array | None) -> Iterator[Split]:
    order, draw = np.arange(n), _java_random(SEED)
    for repeat in range(procedure.repeats):
        _shuffle(order, draw)
        # whole numbers divided in Java: 33 % of 3,196 rows are 1,054
        yield _split(repeat, 0, order[: n * procedure.percentage // 100], n)


def _leave_one_out(_: Procedure, n: int, __: Array | None) -> Iterator[Split]:
    return (_split(0, row, np.array([row]), n) for row in range(n))


CUTS: Mapping[str, Callable[[Procedure, int, Array | None], Iterator[Split]]] = {
    "crossvalidation": _cross_validation,
    "holdout": _holdout,
    "leaveoneout": _leave_one_out,
}
"""Types of procedure that the engine cuts itself; custom ones come with files that somebody made."""


def _split(repeat: int, fold: int, test: Array, n: int) -> Split:
    tested = np.zeros(n, dtype=bool)
    tested[test] = True
    return Split(repeat, fold, np.flatnonzero(~tested), np.flatnonzero(tested))


def _java_random(seed: int) -> Callable[[int], int]:
    """Return `nextInt(bound)` of a `java.util.Random` of that seed."""
    state = (seed ^ MULTIPLIER) & MASK

    def draw(bound: int) -> int:
        nonlocal state
        while True:
            state = (state * MULTIPLIER + INCREMENT) & MASK
            bits = state >> 17
            if bound & (bound - 1) == 0:  # a power of two takes the high bits
                return (bound * bits) >> 31
            value = bits % bound
            if bits - value + bound <= 1 << 31:  # else the last numbers would be drawn less often: draw again
                return value

    return draw


def _shuffle(order: Array, draw: Callable[[int], int]) -> None:
    """Shuffle in place from the last row to the second (Fisher and Yates, as `Instances.randomize` of Weka does)."""
    rows = order.tolist()
    for last in range(len(rows) - 1, 0, -1):
        other = draw(last + 1)
        rows[last], rows[other] = rows[other], rows[last]
    order[:] = rows


def _stratify(order: Array, strata: Array, folds: int) -> Array:
    """Group rows by class, by swaps, and deal them out to the folds, as `Instances.stratify` of Weka does."""
    order = order.copy()
    done = 0
    while done < len(order):
        same = done + np.flatnonzero(strata[order[done:]] == strata[order[done]])
        for place, row in enumerate(same.tolist(), start=done):
            order[place], order[row] = order[row], order[place]
        done += len(same)
    return np.concatenate([order[start::folds] for start in range(folds)])
