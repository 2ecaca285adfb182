"""Pinball weights that differ from level to level: one set for each group of levels, or for each output level.

The problems of different levels are independent, so that threads may share them; the solution is the same for any
number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.solvers.pinball import Optimum, problem_of, solve
from bench.solvers.pinball_penalty import tied
from bench.solvers.pinball_problem import PinballProblem, dual
from bench.solvers.solution import Array

WHOLE = 100
"""A level of so many columns at most is solved at once."""

START = 20
"""About so many columns of a level take part from the beginning, the nearest; the others must be cheap to enter."""

ROUGH = 1e-3
"""The certificate that is enough while columns are still missing."""

Work = TypeVar("Work")
Result = TypeVar("Result")


@dataclass(frozen=True)
class LevelSolution:
    """Weights w (L, K) or (L, K, K), the certificate `gap` of the mean over all levels, and that mean."""

    w: Array
    gap: float
    value: float


def pinball_by_groups(
    predictions: Array,
    y: Array,
    levels: Array,
    weight: Array | None = None,
    *,
    groups: Iterable[slice],
    tol: float = 1e-6,
    threads: int = 1,
) -> LevelSolution:
    """Minimise the mean pinball loss of weights w (L, K), on the simplex at each level and equal inside each group.

    `groups` are slices that divide the K levels; each is a problem of its own, as in `simplex_pinball`.

        gap    (F(w) - bound) / F(w), both summed over the groups

    Raises:
        ValueError: a value is not finite.
    """
    whole, parts = problem_of(predictions, y, levels, weight), list(groups)
    problems = _split_levels(whole, parts)
    found = in_threads(lambda problem: solve((problem,), tol=tol), problems, threads)
    w = [np.tile(each.w.T, part.stop - part.start) for each, part in zip(found, parts, strict=True)]
    return LevelSolution(np.concatenate(w, axis=1), *_add_up(found))


def pinball_tied(
    predictions: Array,
    y: Array,
    levels: Array,
    weight: Array | None = None,
    *,
    price: float,
    tol: float = 1e-9,
    start: Array | None = None,
) -> LevelSolution:
    """Minimise the mean pinball loss of weights w (L, K), on the simplex at each level, plus λ Σ_k |w_k - w_(k+1)|².

    λ is `price`, in units of the loss; `start` (L, K) are weights that are near the optimum. A step of the interior
    point method solves L K equations.

        gap    (F(w) - bound) / F(w), the penalty included
        value  F(w), the penalty included

    Raises:
        ValueError: a value is not finite.
    """
    whole = problem_of(predictions, y, levels, weight)
    K = len(whole.levels)
    problems = _split_levels(whole, each_level(whole.levels))
    found = solve(problems, tied(price, len(predictions), K), tol, None if start is None else start.T)
    return LevelSolution(found.w.T, found.gap, found.value)


def pinball_banded(
    predictions: Array,
    y: Array,
    levels: Array,
    weight: Array | None = None,
    *,
    band: int,
    tol: float = 1e-8,
    threads: int = 1,
) -> LevelSolution:
    """Minimise the mean pinball loss of weights w (L, K, K), on the simplex over learners and input levels.

    Level k uses the input levels j with |j - k| <= band. Of many columns (l, j), each level starts with the
    nearest; all others are priced by the dual solution e, and of each learner the column whose (D e)_lj lies furthest
    below the loss enters, until none does (column generation: Gilmore & Gomory, 1961, A linear programming approach to
    the cutting-stock problem). A round reads the panel once for all levels that are not done yet.

        gap    (F(w) - bound) / F(w), both summed over the levels, the bounds over all columns allowed

    Raises:
        ValueError: a value is not finite.
    """
    whole = problem_of(predictions, y, levels, weight)
    K = len(whole.levels)
    near = np.abs(np.arange(K)[:, None] - np.arange(K)) <= band
    tasks = [_Level(whole, k, near[k], tol) for k in range(K)]
    waiting = tasks
    while waiting:
        in_threads(_Level.solve, waiting, threads)
        waiting = [task for task in waiting if not task.done]
        for task, prices in zip(waiting, _prices(whole, waiting), strict=True):
            task.enter(prices)
        waiting = [task for task in waiting if not task.done]
    w = np.stack([task.w for task in tasks if task.w is not None], axis=2)
    return LevelSolution(w, *_add_up([task.found for task in tasks]))


def each_level(levels: Array) -> list[slice]:
    """Return a group for each level."""
    return [slice(k, k + 1) for k in range(len(levels))]


def in_threads(function: Callable[[Work], Result], jobs: Iterable[Work], threads: int) -> list[Result]:
    """Return the results of all jobs in their order; two threads gain a third of the time on a million rows.

    On 100,000 rows or fewer they gain nothing: most steps are too short to leave the interpreter.
    """
    if threads == 1:
        return [function(job) for job in jobs]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, jobs))


def _split_levels(whole: PinballProblem, groups: list[slice]) -> list[PinballProblem]:
    """Return the problem of each group of levels."""
    return [replace(whole, levels=whole.levels[part], columns=(slice(None), part)) for part in groups]


def _add_up(found: Iterable[Optimum]) -> tuple[float, float]:
    """Return the gap and the value of the sum of independent problems."""
    each = list(found)
    value, bound, floor = (
        float(sum(part)) for part in zip(*((one.value, one.bound, one.floor) for one in each), strict=True)
    )
    total = Optimum(each[0].w, value, bound, floor)
    return total.gap, total.value


class _Level:
    """One output level: the columns (l, j) that take part so far and their weights, both (L, K)."""

    def __init__(self, whole: PinballProblem, k: int, near: NDArray[np.bool_], tol: float) -> None:
        L, _, K = whole.predictions.shape
        self.problem = replace(whole, levels=whole.levels[k : k + 1])
        self.allowed = np.tile(near, (L, 1))
        reach = K if self.allowed.sum() <= WHOLE else (START // L - 1) // 2
        self.active = self.allowed & (np.abs(np.arange(K) - k) <= max(reach, 0))
        self.final = tol / 2
        self.tol = self.final if self.complete else max(ROUGH, self.final)
        self.w: Array | None = None

    @property
    def complete(self) -> bool:
        """Whether all columns that are allowed take part."""
        return bool((self.active == self.allowed).all())

    def solve(self) -> None:
        """Solve the problem of the columns that take part."""
        learners, outputs = np.nonzero(self.active)
        columns = learners, outputs
        start = None if self.w is None else self.w[columns][None]
        self.found = solve((replace(self.problem, columns=columns),), tol=self.tol, start=start)
        self.w = np.zeros(self.active.shape)
        self.w[columns] = self.found.w[0]
        self.done = self.complete and self.tol <= self.final

    def dual(self) -> Array:
        """Return e of all rows, (n,)."""
        zeros = np.zeros(len(self.problem.y))
        return dual(self.problem, *self.found.proofs[0]) if self.found.proofs else zeros

    def enter(self, prices: Array) -> None:
        """Lower the bound to the least price, (L, K), and let the cheapest new column of each learner take part."""
        prices = np.where(self.allowed, prices, np.inf)
        self.found = replace(self.found, bound=min(self.found.bound, float(prices.min())))
        new = np.where(self.active, np.inf, prices)
        cheap = np.flatnonzero(new.min(axis=1) < self.found.value)
        self.active[cheap, new.argmin(axis=1)[cheap]] = True
        exact = self.tol <= self.final
        self.done = self.found.gap <= 2 * self.final or (exact and not len(cheap))
        self.tol = max(min(self.found.gap, self.tol) / 10, self.final)


def _prices(whole: PinballProblem, tasks: list[_Level]) -> Array:
    """Return (D e)_lj of every column for the dual solution of each level, (T, L, K)."""
    if not tasks:
        return np.zeros((0, 0, 0))
    e = np.stack([task.dual() for task in tasks], axis=1)
    prices = np.zeros((len(tasks), *whole.predictions.shape[::2]))
    for rows in whole.slices():
        D = np.subtract(whole.y[rows, None], whole.read(rows), dtype=np.float64)
        prices += np.tensordot(e[rows], D, axes=(0, 1))
    return prices
