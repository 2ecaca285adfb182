"""An interior point method for pinball losses of few pairs, on one simplex or on several that a penalty ties together.

Letters: D = y - predictions of shape (L, N), a column for each pair of a row and a level; u = D'w. With B simplices D
is block diagonal: w has length B L, and N is the number of all pairs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

from bench.solvers.active_set import GROWTH, solve_positive
from bench.solvers.pinball_penalty import Free, Penalty
from bench.solvers.solution import Array

FLOOR = 1e-6
"""The gap is relative to the loss, or to this share of the best learner's loss if that is more."""

INTERIOR_STEPS = 100
"""Interior point steps at most; 10 to 30 are usual."""

SHARE_TO_BOUNDARY = 0.9995
"""Share of the longest step that is taken."""

NORMAL_RIDGE = 1e-13
"""Added to the diagonal of the normal equations, relative to it."""


@dataclass(frozen=True)
class Program:
    """Minimise Σ max(lower u, upper u) + g'w + P(w), u = D'w, on B simplices, where D has few columns.

    `D` holds the blocks (L, N_b), `lower` and `upper` (N,), `g` (B L,). The dual of P = 0: maximise
    Σ_b min_l (D e + g)_bl over lower <= e <= upper. A point is x = (w, u⁺, u⁻) with the slacks
    s = (D e + g + ∇P - λ_b, upper - e, e - lower), both positive and of length B L + 2N; x s = 0 at the optimum.
    """

    D: tuple[Array, ...]
    lower: Array
    upper: Array
    g: Array
    penalty: Penalty

    @cached_property
    def cuts(self) -> list[slice]:
        """Places of the pairs of each block."""
        ends = np.cumsum([0, *(block.shape[1] for block in self.D)])
        return [slice(a, b) for a, b in pairwise(ends.tolist())]

    def parts(self, x: Array) -> tuple[Array, Array, Array]:
        """Return the three parts of x or of s."""
        size, N = len(self.g), len(self.lower)
        return x[:size], x[size : size + N], x[size + N :]

    def forward(self, w: Array) -> Array:
        """Return D'w."""
        rows = w.reshape(len(self.D), -1)
        return np.concatenate([row @ block for row, block in zip(rows, self.D, strict=True)])

    def adjoint(self, e: Array) -> Array:
        """Return D e."""
        return np.concatenate([block @ e[cut] for block, cut in zip(self.D, self.cuts, strict=True)])

    def square(self, T: Array) -> Array:
        """Return D T D'."""
        size = len(self.g) // len(self.D)
        total = np.zeros((len(self.g), len(self.g)))
        for b, (block, cut) in enumerate(zip(self.D, self.cuts, strict=True)):
            part = slice(b * size, (b + 1) * size)
            total[part, part] = (block * T[cut]) @ block.T
        return total

    def sums(self, x: Array) -> Array:
        """Return the sums over each simplex, (B, …)."""
        return x.reshape(len(self.D), -1, *x.shape[1:]).sum(axis=1)

    @cached_property
    def members(self) -> Array:
        """Ones where a weight (B L,) belongs to a simplex (B,)."""
        return np.repeat(np.eye(len(self.D)), len(self.g) // len(self.D), axis=0)

    def spread(self, x: Array) -> Array:
        """Return one number of each simplex for each of its weights, (B L,)."""
        return np.repeat(x, len(self.g) // len(self.D))

    def value(self, w: Array) -> float:
        """Return the objective at w."""
        u = self.forward(w)
        return float(np.maximum(self.lower * u, self.upper * u).sum() + self.g @ w) + self.penalty.value(w)

    def inside(self, s: Array) -> Array:
        """Return e, which stays in the box whatever was rounded."""
        return np.minimum(self.lower + self.parts(s)[2], self.upper)

    def bound(self, e: Array, w: Array) -> float:
        """Return the dual objective at e, sharp if w is the optimum."""
        return self.penalty.least(self.adjoint(e) + self.g, w)


@dataclass(frozen=True)
class Found:
    """Weights with exact zeros and without, (2, B L), a lower bound of the objective, and the e that proves it."""

    w: Array
    bound: float
    e: Array


def interior(program: Program, start: Array, tol: float, floor: float) -> Found:
    """Solve a program from about `start` (B L,).

    Primal-dual path following (Mehrotra, 1992, On the implementation of a primal-dual interior point method; for
    quantiles Portnoy & Koenker, 1997): a step only factors a matrix of as many rows as there are weights. Weights
    below their slack, in units of the best learner's loss, are on their way to zero.
    """
    if not len(program.lower) and isinstance(program.penalty, Free):
        corner = np.eye(len(program.g))[[np.argmin(program.g)]]
        return Found(corner, float(program.g.min()), program.lower)
    x, s = _begin(program, _normalise(program, start))
    best, proof = -np.inf, program.inside(s)
    for _ in range(INTERIOR_STEPS):
        w, e = _normalise(program, program.parts(x)[0]), program.inside(s)
        value, bound = program.value(w), program.bound(e, w)
        if bound > best:
            best, proof = bound, e
        # a hundredth of the tolerance for the program; the rest is for the pairs that are taken as linear
        target = 0.01 * tol * max(value, floor)
        if value - best <= target or x @ s <= 1e-4 * target:
            break
        x, s = _take_step(program, x, s)
    exact = np.where(w * floor / FLOOR > program.parts(s)[0], w, 0.0)
    exact = _normalise(program, exact) if program.sums(exact).all() else w
    return Found(np.stack((exact, w)), best, proof)


def _normalise(program: Program, w: Array) -> Array:
    """Let each simplex sum to one."""
    return np.asarray(w / program.spread(program.sums(w)))


def _begin(program: Program, w: Array) -> tuple[Array, Array]:
    """Return a point that meets all constraints, with e in the middle of the box."""
    u, half = program.forward(w), (program.upper - program.lower) / 2
    absolute = [row @ np.abs(D) for row, D in zip(w.reshape(len(program.D), -1), program.D, strict=True)]
    reach = float(np.concatenate(absolute).sum()) / max(len(u), 1)
    slope = program.adjoint(program.lower + half) + program.g + program.penalty.gradient(w)
    rows = slope.reshape(len(program.D), -1)
    size = np.maximum(np.ptp(rows, axis=1), reach * float(half.sum()) / max(len(u), 1) * rows.shape[1])
    above = slope + program.spread(np.where(size > 0, size, 1.0) - rows.min(axis=1))
    x = np.concatenate((w, np.maximum(u, 0) + reach, np.maximum(-u, 0) + reach))
    return x, np.concatenate((above, half, half))


def _take_step(program: Program, x: Array, s: Array) -> tuple[Array, Array]:
    """Take a predictor-corrector step that keeps x and s positive."""
    system, gap = _newton_system(program, x, s), x @ s
    dx, ds = _newton_direction(program, system, x, s, -x * s)
    left = (x + _longest_step(x, dx) * dx) @ (s + _longest_step(s, ds) * ds) / gap
    dx, ds = _newton_direction(program, system, x, s, left**3 * gap / len(x) - x * s - dx * ds)
    return x + SHARE_TO_BOUNDARY * _longest_step(x, dx) * dx, s + SHARE_TO_BOUNDARY * _longest_step(s, ds) * ds


def _longest_step(x: Array, dx: Array) -> float:
    """Return the longest step, up to one, that keeps x + step dx nonnegative."""
    return 1 / max(float(np.max(-dx / x)), 1.0)


class _NewtonSystem(NamedTuple):
    """T (N,), the solver of D T D' + diag(s_w / w) + ∇²P, and what is left of D e + g + ∇P - λ - s_w."""

    T: Array
    solve: Callable[[Array], Array]
    drift: Array


def _newton_system(program: Program, x: Array, s: Array) -> _NewtonSystem:
    """Return what both directions of a step have in common; the matrix is factored once."""
    (w, up, down), (above, room, rise) = program.parts(x), program.parts(s)
    T = 1 / (up / room + down / rise)
    drift = program.adjoint(program.lower + rise) + program.g + program.penalty.gradient(w) - above
    drift = drift - program.spread(program.sums(w * drift))
    normal = program.square(T) + np.diag(above / w) + program.penalty.curvature(w)
    return _NewtonSystem(T, _positive_solver(normal, len(w) // len(program.D)), drift)


def _newton_direction(program: Program, system: _NewtonSystem, x: Array, s: Array, r: Array) -> tuple[Array, Array]:
    """Solve s dx + x ds = r with D'dw = du⁺ - du⁻, Σdw = 0 and ds = (D de + ∇²P dw - dλ, -de, de).

    What is left after elimination is (D T D' + diag(s_w / w) + ∇²P) dw = D T h + r_w / w + dλ.
    """
    (w, up, down), (above, room, rise), (rw, r_up, r_down) = (program.parts(v) for v in (x, s, r))
    T, h = system.T, r_up / room - r_down / rise
    z = system.solve(np.column_stack((program.adjoint(T * h) + rw / w - system.drift, program.members)))
    dw = z[:, 0] - z[:, 1:] @ np.linalg.solve(program.sums(z[:, 1:]), program.sums(z[:, 0]))
    de = T * (program.forward(dw) - h)
    dx = np.concatenate((dw, (r_up + up * de) / room, (r_down - down * de) / rise))
    return dx, np.concatenate(((rw - above * dw) / w, -de, de))


def _positive_solver(normal: Array, width: int) -> Callable[[Array], Array]:
    """Return the solver of a positive system with entries at most `width`, the size of a simplex, off the diagonal.

    Raises:
        LinAlgError: the matrix is far from positive semidefinite, or not finite.
    """
    n = len(normal)
    if width == n:
        return functools.partial(solve_positive, normal, NORMAL_RIDGE * normal.diagonal())
    band = np.zeros((width + 1, n))
    for i in range(width + 1):
        band[i, : n - i] = normal.diagonal(-i)
    ridge = NORMAL_RIDGE * band[0]
    for _ in range(GROWTH):
        try:
            factor = cholesky_banded(np.vstack((band[:1] + ridge, band[1:])), lower=True)
        except np.linalg.LinAlgError:
            ridge = 100 * ridge
            continue
        return functools.partial(_solve_and_refine, factor, normal)
    raise np.linalg.LinAlgError("the matrix is far from positive semidefinite, or not finite")


def _solve_and_refine(factor: Array, normal: Array, right: Array) -> Array:
    x = cho_solve_banded((factor, True), right)
    return np.asarray(x + cho_solve_banded((factor, True), right - normal @ x))
