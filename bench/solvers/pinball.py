"""Pinball loss on the simplex: one weight per learner, shared by all quantile levels.

Letters: D = y - said of shape (L, N), a column for each of the N = n K pairs of a row and a level; u = D'w.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.solvers.faces import solve_positive
from bench.solvers.solution import Array, Index, Solution

CHUNK = 1 << 17
"""Numbers of D in one pass over the rows."""

DIRECT = 6000
"""Up to so many pairs that may change sign enter one linear program at once."""

SAMPLE = 6
"""One row of so many is in the sample that gives the first weights."""

BAND = 2.5
"""Share of the pairs that enter after a sample of m rows: BAND √(L / m)."""

FLOOR = 1e-6
"""The gap is relative to the loss, or to this share of the best learner's loss if that is more."""

STEPS = 100
"""Interior point steps at most; 10 to 30 are usual."""

SHORT = 0.9995
"""Share of the longest step that is taken."""

RIDGE = 1e-13
"""Added to the diagonal of the normal equations, relative to it."""


@dataclass(frozen=True)
class _Problem:
    """`said` (L, n, K), `y` (n,), `share` (n,) with Σ share = 1/K, `levels` (K,)."""

    said: Array
    y: Array
    share: Array
    levels: Array

    def chunks(self) -> Iterator[tuple[slice, Array]]:
        """Yield some pairs and their D, in float64."""
        size, _, K = self.said.shape
        step = max(CHUNK // (size * K), 1)
        for start in range(0, len(self.y), step):
            rows = slice(start, start + step)
            D = np.subtract(self.y[rows, None], self.said[:, rows], dtype=np.float64)
            yield slice(start * K, (start + step) * K), D.reshape(size, -1)

    def box(self) -> tuple[Array, Array]:
        """Return the slopes of the loss below and above zero, s(τ - 1) and sτ, each of shape (N,)."""
        return np.outer(self.share, self.levels - 1).ravel(), np.outer(self.share, self.levels).ravel()

    def some(self, rows: Index) -> _Problem:
        """Return the problem of some rows; the shares stay as they are."""
        return _Problem(self.said[:, rows], self.y[rows], self.share[rows], self.levels)


@dataclass(frozen=True)
class _Survey:
    """The range of D over the learners for each pair, `low` and `high` (N,), and F of each learner, (L,)."""

    low: Array
    high: Array
    single: Array

    def turning(self) -> Index:
        """Return the pairs whose u may change its sign on the simplex; all others are linear."""
        return np.flatnonzero((self.low < 0) & (self.high > 0))


@dataclass(frozen=True)
class _Program:
    """Minimise Σ max(lower u, upper u) + g'w, u = D'w, on the simplex, where D (L, N) has few columns.

    Its dual: maximise min_l (D e + g)_l over lower <= e <= upper. A point is x = (w, u⁺, u⁻) with the slacks
    s = (D e + g - λ, upper - e, e - lower), both positive and of length L + 2N; x s = 0 at the optimum.
    """

    D: Array
    lower: Array
    upper: Array
    g: Array

    def parts(self, x: Array) -> tuple[Array, Array, Array]:
        """Return the three parts of x or of s."""
        size, N = self.D.shape
        return x[:size], x[size : size + N], x[size + N :]

    def value(self, w: Array) -> float:
        """Return the objective at w."""
        u = w @ self.D
        return float(np.maximum(self.lower * u, self.upper * u).sum() + self.g @ w)

    def bound(self, s: Array) -> float:
        """Return the dual objective at e, which stays in the box whatever was rounded."""
        e = np.minimum(self.lower + self.parts(s)[2], self.upper)
        return float((self.D @ e + self.g).min())


def simplex_pinball(said: Array, y: Array, levels: Array, weight: Array | None = None, tol: float = 1e-6) -> Solution:
    """Minimise F(w), the mean over rows and levels of ψ_τ(y - Σ_l w_l said_l), over w >= 0, Σw = 1.

    `said` has shape (L, n, K) and may be a memory map, `levels` (K,), `weight` (n,), and ψ_τ(u) is
    max(τu, (τ - 1)u). These are the "coarse" weights of Fakoor, Kim, Mueller, Smola & Tibshirani (2023,
    Flexible model aggregation for quantile regression). One level at a time gives "medium", and `said` of
    shape (L K, n, 1) gives "fine".

    A sample of the rows gives a first w. Most errors keep their sign near it, so that their loss is
    linear: only the others enter an interior point method. Its w is the next centre, until the
    certificate holds (Portnoy & Koenker, 1997, The Gaussian hare and the Laplacian tortoise).

        gap    (F(w) - bound) / F(w), the bound being min_l (D e)_l for some e in the box s(τ - 1) <= e <= sτ;
               see FLOOR where F(w) is next to nothing
        value  F(w)
    """
    share = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    y, levels = np.asarray(y, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    problem = _Problem(said, y, share / (share.sum() * len(levels)), levels)
    return _solve(problem if share.all() else problem.some(np.flatnonzero(share)), tol)


def _solve(problem: _Problem, tol: float) -> Solution:
    """Solve linear programs around the best w so far, each with more pairs, until the certificate holds."""
    survey = _survey(problem)
    floor, bound = FLOOR * float(survey.single.min()), 0.0
    guesses, counts = _guesses(problem, survey)
    errors, values = _losses(problem, guesses)
    pick = int(np.argmin(values))
    w, u, value = guesses[pick], errors[pick], float(values[pick])
    for count in counts:
        if _gap(value, bound, floor) <= tol:
            break
        program = _program(problem, survey, u, count)
        guesses, least = _interior(program, survey.single.min() / survey.single, tol, floor)
        bound = max(bound, least)
        errors, values = _losses(problem, guesses)
        # the first guess has exact zeros
        pick = 0 if _gap(values[0], bound, floor) <= tol else int(np.argmin(values))
        if values[pick] < value:
            w, u, value = guesses[pick], errors[pick], float(values[pick])
    return Solution(w, _gap(value, bound, floor), value)


def _gap(value: float, bound: float, floor: float) -> float:
    """Return the relative distance of a value to the bound."""
    return float((value - bound) / max(value, floor)) if value > bound else 0.0


def _survey(problem: _Problem) -> _Survey:
    """Read all rows once."""
    lower, upper = problem.box()
    low, high, single = np.empty(len(lower)), np.empty(len(lower)), np.zeros(len(problem.said))
    for part, D in problem.chunks():
        low[part], high[part] = D.min(axis=0), D.max(axis=0)
        single += np.maximum(D, 0) @ upper[part] + np.minimum(D, 0) @ lower[part]
    if not np.isfinite(single).all():
        raise ValueError("said, y or weight holds a value that is not finite")
    return _Survey(low, high, single)


def _guesses(problem: _Problem, survey: _Survey) -> tuple[Array, list[int]]:
    """Return the first weights to try, (C, L), and how many pairs enter the programs, one after another."""
    size, n, _ = problem.said.shape
    best = np.zeros(size)
    best[np.argmin(survey.single)] = 1.0
    total = len(survey.turning())
    if total <= DIRECT or n < SAMPLE:
        return best[None], [total]
    rows = np.random.default_rng(0).choice(n, n // SAMPLE, replace=False)
    first = max(int(BAND * np.sqrt(size / len(rows)) * total), DIRECT)
    counts = [first << k for k in range(64) if first << k < total]
    return np.stack((best, _solve(problem.some(np.sort(rows)), 1e-5).w)), [*counts, total]


def _losses(problem: _Problem, w: Array) -> tuple[Array, Array]:
    """Return u = D'w, (C, N), and F(w), (C,), for some w of shape (C, L)."""
    lower, upper = problem.box()
    u = np.empty((len(w), len(lower)))
    for part, D in problem.chunks():
        u[:, part] = w @ D
    return u, np.maximum(u * lower, u * upper).sum(axis=1)


def _program(problem: _Problem, survey: _Survey, u: Array, count: int) -> _Program:
    """Keep the `count` pairs that are the nearest to a change of sign, and take the others as linear.

    While w moves by d in the sum of absolute differences, u moves by d (high - low) / 2 at most.
    """
    lower, upper = problem.box()
    turning = survey.turning()
    if count < len(turning):
        near = np.abs(u[turning]) / (survey.high[turning] - survey.low[turning])
        turning = np.sort(turning[np.argpartition(near, count)[:count]])
    slope = np.where((survey.low >= 0) | ((u > 0) & (survey.high > 0)), upper, lower)
    slope[turning] = 0
    free = np.zeros(len(u), dtype=bool)
    free[turning] = True
    g, columns = np.zeros(len(survey.single)), []
    for part, D in problem.chunks():
        g += D @ slope[part]
        columns.append(D[:, free[part]])
    return _Program(np.concatenate(columns, axis=1), lower[turning], upper[turning], g)


def _interior(program: _Program, start: Array, tol: float, floor: float) -> tuple[Array, float]:
    """Return w with exact zeros and w without, (2, L), and a lower bound of F.

    Primal-dual path following from about `start` (Mehrotra, 1992, On the implementation of a primal-dual
    interior point method; for quantiles Portnoy & Koenker, 1997): a step only factors an L x L matrix.
    Weights below their slack, in units of the best learner's loss, are on their way to zero.
    """
    if not program.D.shape[1]:
        return np.eye(len(start))[[np.argmin(program.g)]], float(program.g.min())
    (x, s), bound = _begin(program, start / start.sum()), -np.inf
    for _ in range(STEPS):
        w = program.parts(x)[0] / program.parts(x)[0].sum()
        value, bound = program.value(w), max(program.bound(s), bound)
        target = 0.01 * tol * max(value, floor)
        if value - bound <= target or x @ s <= 1e-4 * target:
            break
        x, s = _step(program, x, s)
    exact = np.where(w * floor / FLOOR > program.parts(s)[0], w, 0.0)
    exact = exact / exact.sum() if exact.any() else w
    return np.stack((exact, w)), bound


def _begin(program: _Program, w: Array) -> tuple[Array, Array]:
    """Return a point that meets all constraints, with e in the middle of the box."""
    u, reach = w @ program.D, float((w @ np.abs(program.D)).mean())
    half = (program.upper - program.lower) / 2
    slope = program.D @ (program.lower + half) + program.g
    above = slope - slope.min() + max(float(np.ptp(slope)), reach * float(half.mean()) * len(w))
    x = np.concatenate((w, np.maximum(u, 0) + reach, np.maximum(-u, 0) + reach))
    return x, np.concatenate((above, half, half))


def _step(program: _Program, x: Array, s: Array) -> tuple[Array, Array]:
    """Take a predictor-corrector step that keeps x and s positive."""
    system, gap = _system(program, x, s), x @ s
    dx, ds = _direction(program, system, x, s, -x * s)
    left = (x + _length(x, dx) * dx) @ (s + _length(s, ds) * ds) / gap
    dx, ds = _direction(program, system, x, s, left**3 * gap / len(x) - x * s - dx * ds)
    return x + SHORT * _length(x, dx) * dx, s + SHORT * _length(s, ds) * ds


def _length(x: Array, dx: Array) -> float:
    """Return the longest step, up to one, that keeps x + step dx nonnegative."""
    return 1 / max(float(np.max(-dx / x)), 1.0)


def _system(program: _Program, x: Array, s: Array) -> tuple[Array, Array, Array]:
    """Return T (N,), D T D' + diag(s_w / w), and what rounding has left of D e + g - λ - s_w."""
    (w, up, down), (above, room, rise) = program.parts(x), program.parts(s)
    T = 1 / (up / room + down / rise)
    drift = program.D @ (program.lower + rise) + program.g - above
    return T, (program.D * T) @ program.D.T + np.diag(above / w), drift - w @ drift


def _direction(
    program: _Program, system: tuple[Array, Array, Array], x: Array, s: Array, r: Array
) -> tuple[Array, Array]:
    """Solve s dx + x ds = r with D'dw = du⁺ - du⁻, Σdw = 0 and ds = (D de - dλ, -de, de).

    What is left after elimination is (D T D' + diag(s_w / w)) dw = D T h + r_w / w + dλ.
    """
    (w, up, down), (above, room, rise), (rw, r_up, r_down) = (program.parts(v) for v in (x, s, r))
    T, normal, drift = system
    h = r_up / room - r_down / rise
    right = np.stack((program.D @ (T * h) + rw / w - drift, np.ones(len(w))), axis=1)
    z = solve_positive(normal, RIDGE * normal.diagonal(), right)
    dw = z[:, 0] - z[:, 0].sum() / z[:, 1].sum() * z[:, 1]
    de = T * (dw @ program.D - h)
    dx = np.concatenate((dw, (r_up + up * de) / room, (r_down - down * de) / rise))
    return dx, np.concatenate(((rw - above * dw) / w, -de, de))
