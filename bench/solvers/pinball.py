"""Pinball loss on the simplex: one weight per learner for some levels, or weights of several simplices with a penalty.

Letters: p are predictions; D = y - p of shape (L, N), a column for each of the N = n K pairs of a row and a level;
u = D'w.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bench.solvers.pinball_interior import FLOOR, Program, interior
from bench.solvers.pinball_penalty import Free, Penalty
from bench.solvers.pinball_problem import PinballProblem, Reach, Survey, local_model, scan, survey
from bench.solvers.solution import Array, Solution

DIRECT = 6000
"""Up to so many pairs that may change sign enter one linear program at once."""

SAMPLE = 6
"""One row of so many is in the sample that gives the first weights."""

BAND = 2.5
"""Share of the pairs that enter after a sample of m rows: BAND √(L / m)."""

SAMPLE_TOL = 1e-5
"""The certificate that is enough for a sample."""

NO_PENALTY = Free()


class Proof(NamedTuple):
    """Where a lower bound comes from: the reach of each pair of a problem, which of them were free, and their e."""

    reach: Reach
    free: Array
    e: Array


@dataclass(frozen=True)
class Optimum:
    """Weights (B, L), the objective there, a lower bound of it, and the least loss that counts in a gap.

    `proofs` has one entry a simplex; it is empty where the bound 0 was enough.
    """

    w: Array
    value: float
    bound: float
    floor: float
    proofs: tuple[Proof, ...] = ()

    @property
    def gap(self) -> float:
        """(value - bound) / value; see FLOOR where the value is next to nothing."""
        return float((self.value - self.bound) / max(self.value, self.floor)) if self.value > self.bound else 0.0


def simplex_pinball(
    predictions: Array, y: Array, levels: Array, weight: Array | None = None, tol: float = 1e-6
) -> Solution:
    """Minimise F(w), the mean over rows and levels of ψ_τ(y - Σ_l w_l p_l), over w >= 0, Σw = 1.

    `predictions` p have shape (L, n, K) and may be a memory map of any float type, `levels` (K,), `weight` (n,), and
    ψ_τ(u) is max(τu, (τ - 1)u). These are the "coarse" weights of Fakoor, Kim, Mueller, Smola & Tibshirani (2023,
    Flexible model aggregation for quantile regression); for weights that differ from level to level see
    `pinball_levels`.

        gap    (F(w) - bound) / F(w), the bound being min_l (D e)_l for some e in the box s(τ - 1) <= e <= sτ;
               see FLOOR where F(w) is next to nothing
        value  F(w)

    Raises:
        ValueError: a value is not finite.
    """
    found = solve((problem_of(predictions, y, levels, weight),), tol=tol)
    return Solution(found.w[0], found.gap, found.value)


def penalised_pinball(
    predictions: Array,
    y: Array,
    levels: Array,
    weight: Array | None = None,
    *,
    penalty: Penalty,
    tol: float = 1e-9,
    start: Array | None = None,
) -> Solution:
    """Minimise F(w) of `simplex_pinball` plus a penalty on one simplex; value and gap include it.

    Raises:
        ValueError: a value is not finite.
    """
    problem = problem_of(predictions, y, levels, weight)
    found = solve((problem,), penalty, tol, None if start is None else start[None])
    return Solution(found.w[0], found.gap, found.value)


def problem_of(predictions: Array, y: Array, levels: Array, weight: Array | None = None) -> PinballProblem:
    """Return the problem of a mean over rows and levels; rows of weight zero are left out."""
    share = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    y, levels = np.asarray(y, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    problem = PinballProblem(predictions, y, share / (share.sum() * len(levels)), levels)
    return problem if share.all() else problem.used()


def solve(
    problems: Sequence[PinballProblem], penalty: Penalty = NO_PENALTY, tol: float = 1e-6, start: Array | None = None
) -> Optimum:
    """Minimise the sum of the losses of B problems plus a penalty over the product of their simplices.

    The problems have the same rows and the same number of learners; `penalty` takes all weights (B L,), and `start`
    (B, L) are weights that are near the optimum.

    Without a start, a sample of the rows gives one. Most errors keep their sign near it, so that their loss is linear:
    only the others enter an interior point method. Its w is the next centre, until the certificate holds (Portnoy &
    Koenker, 1997, The Gaussian hare and the Laplacian tortoise).

    Raises:
        ValueError: a value is not finite.
    """
    search = _Search(tuple(problems), penalty, tol, [survey(each) for each in problems])
    guesses, counts = _plan(search, start)
    search.offer(guesses)
    for count in counts:
        if search.best.gap <= tol:
            break
        search.sharpen(count)
    return search.best


class _Search:
    """The best weights so far, (B, L), and the reach of the pairs of each problem there."""

    def __init__(
        self, problems: tuple[PinballProblem, ...], penalty: Penalty, tol: float, surveys: list[Survey]
    ) -> None:
        self.problems, self.penalty, self.tol, self.surveys = problems, penalty, tol, surveys
        floor = FLOOR * float(sum(each.single.min() for each in surveys))
        self.best = Optimum(self.single(), np.inf, 0.0, floor)
        self.reach: list[Reach] = []

    def single(self) -> Array:
        """Return weight one on the best learner of each problem, (B, L)."""
        return np.stack([np.eye(len(each.single))[np.argmin(each.single)] for each in self.surveys])

    def offer(self, guesses: Array) -> None:
        """Take one of some weights (C, B, L) if it is better: the first that meets the certificate, else the best."""
        scans = [scan(problem, guesses[:, b]) for b, problem in enumerate(self.problems)]
        values = sum(each.values for each in scans) + np.array([self.penalty.value(w.ravel()) for w in guesses])
        offered = [replace(self.best, w=w, value=float(value)) for w, value in zip(guesses, values, strict=True)]
        pick = 0 if offered[0].gap <= self.tol else int(np.argmin(values))
        if values[pick] < self.best.value:
            self.best, self.reach = offered[pick], [each.reach[pick] for each in scans]

    def sharpen(self, counts: Sequence[int]) -> None:
        """Solve the program of so many pairs of each problem around the best weights."""
        reach = self.reach
        parts = [local_model(*each) for each in zip(self.problems, reach, counts, strict=True)]
        program = Program(
            tuple(part.D for part in parts),
            np.concatenate([part.lower for part in parts]),
            np.concatenate([part.upper for part in parts]),
            np.concatenate([part.g for part in parts]),
            self.penalty,
        )
        # the better a learner, the more weight it has at the start, (B L,); beside one without loss others have little
        losses = [each.single for each in self.surveys]
        start = np.concatenate(
            [loss.min() / loss if loss.min() > 0 else np.where(loss == 0, 1.0, 1e-3) for loss in losses]
        )
        found = interior(program, start, self.tol, self.best.floor)
        if found.bound > self.best.bound:
            proofs = [
                Proof(r, part.free, found.e[cut]) for r, part, cut in zip(reach, parts, program.cuts, strict=True)
            ]
            self.best = replace(self.best, bound=found.bound, proofs=tuple(proofs))
        self.offer(found.w.reshape(-1, *self.best.w.shape))


def _plan(search: _Search, start: Array | None) -> tuple[Array, Iterator[list[int]]]:
    """Return the first weights to try, (C, B, L), and how many pairs of each problem enter each program."""
    totals = [each.turning for each in search.surveys]
    size, n = search.problems[0].size, len(search.problems[0].y)
    guesses = search.single()[None] if start is None else np.stack((start, search.single()))
    if sum(totals) <= DIRECT or n < SAMPLE:
        return guesses, iter([totals])
    m = n // SAMPLE
    if start is None:
        rows = np.sort(np.random.default_rng(0).choice(n, m, replace=False))
        parts = [problem.some(rows) for problem in search.problems]
        sampled = solve(parts, search.penalty, max(search.tol, SAMPLE_TOL))
        guesses = np.concatenate((guesses, sampled.w[None]))
    first = [max(int(BAND * np.sqrt(size / m) * total), DIRECT) for total in totals]
    return guesses, _double(first, totals)


def _double(counts: list[int], totals: list[int]) -> Iterator[list[int]]:
    """Yield counts, twice as many each time, until they are the totals."""
    while any(count < total for count, total in zip(counts, totals, strict=True)):
        yield [min(pair) for pair in zip(counts, totals, strict=True)]
        counts = [2 * count for count in counts]
    yield totals
