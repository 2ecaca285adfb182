"""Linear quantile regression by an interior point method on the box of its dual, with a certificate.

    primal   min_b  Σ_i w_i ψ_τ(y_i - x_i'b) + ½ Σ_j D_j b_j²
    dual     max_a  y'(a - (1-τ)w) - ½ Σ_j D_j b_j²   with   X'(a - (1-τ)w) = D b,   0 <= a <= w

A step solves one system of as many equations as there are columns, and the number of steps hardly grows with
the rows (10 to 30), where a simplex method visits thousands of corners. Of many rows only those near a first solution
enter: the others keep their sides, and their loss is linear.

Portnoy and Koenker (1997), The Gaussian Hare and the Laplacian Tortoise; Mehrotra (1992), On the Implementation
of a Primal-Dual Interior Point Method. Written from the equations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.core.losses import pinball
from bench.solvers.solution import Array, Index

TOLERANCE = 1e-9
"""Relative gap at which the steps end."""

STALLED_STEPS = 15
"""Steps without a smaller gap after which rounding allows no smaller one."""

INTERIOR_STEPS = 100
"""Steps at most; 10 to 30 are usual."""

TRACE_RIDGE = 3e-15
"""Share of the trace added to a system's diagonal: ten times smaller, and indicators that sum to one break it."""

THINNEST = 1e-15
"""Distance from a wall at least, as a share of the box."""

NEARLY_ONE = 0.9995
"""Share of the way to a wall that a step may go."""

FEW = 4000
"""Up to so many rows are solved at once."""

ROWS_FACTOR = 2.0
"""Rows that enter of n with p columns: ROWS_FACTOR (n √p)^(2/3), by the error of a first solution from so many rows."""

SIDE_CHANGES = 5
"""How often rows may change their sides, and enter after all, before all rows are solved at once."""

UNSOLVED_GAP = 1e-7
"""Gap above which the near rows have not been solved."""


@dataclass(frozen=True)
class RegressionProblem:
    """Rows X (n, p) with the constant first, targets y (n,), weights w (n,), level τ, penalties D (p,).

    Rows that are left out may have a loss that is linear: `fixed` - `pull`'b, with `pull` (p,).
    """

    X: Array
    y: Array
    w: Array
    level: float
    penalty: Array
    pull: Array | float = 0.0
    fixed: float = 0.0

    def some(self, rows: Index) -> RegressionProblem:
        """Return the problem of some rows, with the penalty as it is to all."""
        share = self.w[rows].sum() / self.w.sum()
        return RegressionProblem(self.X[rows], self.y[rows], self.w[rows] / share, self.level, self.penalty)

    def near(self, rows: Index, above: NDArray[np.bool_]) -> RegressionProblem:
        """Return the problem of some rows, with a linear loss for the others, `above` (n,) their fit or not."""
        slope = self.w * np.where(above, self.level, self.level - 1)
        slope[rows] = 0
        return replace(
            self, X=self.X[rows], y=self.y[rows], w=self.w[rows], pull=slope @ self.X, fixed=float(slope @ self.y)
        )


class Point(NamedTuple):
    """Coefficients b (p,), the dual a, its slack s = w - a, and the multipliers z and v of their walls."""

    b: Array
    a: Array
    s: Array
    z: Array
    v: Array


class NewtonDirection(NamedTuple):
    """Where to go from a point; s goes against a."""

    b: Array
    a: Array
    z: Array
    v: Array


def quantile_regression(problem: RegressionProblem, tol: float = TOLERANCE) -> tuple[Array, float]:
    """Return the coefficients (p,) and the gap to the optimum that is proved, relative to the loss; `tol` is enough.

    Losses below a thousandth of Σ_i w_i |y_i| count as that, so that a perfect fit has a gap too.
    """
    n, p = problem.X.shape
    smallest = 1e-3 * float(problem.w @ np.abs(problem.y)) or 1.0
    count = int(ROWS_FACTOR * (n * np.sqrt(p)) ** (2 / 3))
    if n <= max(FEW, 2 * count):
        return _interior(problem, smallest, tol)
    rows = np.sort(np.random.default_rng(0).choice(n, count, replace=False))
    b, _ = _interior(problem.some(rows), smallest, TOLERANCE)
    return _solve_from_near(problem, b, count, smallest, tol) or _interior(problem, smallest, tol)


def _solve_from_near(
    problem: RegressionProblem, b: Array, count: int, smallest: float, tol: float
) -> tuple[Array, float] | None:
    """Solve the rows that are nearest to a solution b, until all others are found on the side where they were put.

    Then the solution and its gap are those of all rows. None where they go on changing sides, or where the near rows
    alone are no good problem, as happens after a poor b.
    """
    residual = problem.y - problem.X @ b
    reach = np.sqrt(np.square(problem.X) @ (1 / np.maximum(np.square(problem.X).mean(axis=0), 1e-300)))
    inside = np.zeros(len(residual), dtype=bool)
    inside[np.argpartition(np.abs(residual) / reach, count)[:count]] = True
    above = residual > 0
    for _ in range(SIDE_CHANGES):
        b, gap = _interior(problem.near(np.flatnonzero(inside), above), smallest, tol)
        changed = (problem.y - problem.X @ b > 0) != above
        changed &= ~inside
        if not changed.any():
            return (b, gap) if gap <= max(tol, UNSOLVED_GAP) else None
        inside |= changed
    return None


def _interior(problem: RegressionProblem, smallest: float, tol: float) -> tuple[Array, float]:
    """Solve all rows at once by Mehrotra's steps."""
    point = _start(problem)
    best, least, since = point.b, np.inf, 0
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # seen as a gap that falls no more
        for _ in range(INTERIOR_STEPS):
            residual = problem.y - problem.X @ point.b
            gap, unmet = _certificate(problem, point, residual, smallest)
            best, least, since = (point.b, gap, 0) if gap < least else (best, least, since + 1)
            if least <= tol or since == STALLED_STEPS or not np.isfinite(gap):
                break
            point = _mehrotra_step(problem, point, residual, unmet)
    return best, least


def _start(problem: RegressionProblem) -> Point:
    """Return weighted least squares, shifted so that the level's share of the residuals is negative."""
    X, y, w, level, penalty = problem.X, problem.y, problem.w, problem.level, problem.penalty
    b = _solver(X, w, penalty)(X.T @ (w * y))
    residual = y - X @ b
    shift = np.quantile(residual, level)
    b[0] += shift
    residual -= shift
    away = 0.1 * max(np.abs(residual).mean(), 0.1 * np.abs(y).mean()) or 1.0
    v = np.maximum(residual, 0) + away * w.mean() / w
    return Point(b, w * (1 - level), w * level, v - residual, v)


def _certificate(problem: RegressionProblem, point: Point, residual: Array, smallest: float) -> tuple[float, Array]:
    """Return the relative gap between primal and dual, and what X'(a - (1-τ)w) = D b - pull lacks."""
    loss = problem.w @ pinball(residual, np.zeros((len(residual), 1)), np.array([problem.level]))[:, 0]
    penalty = point.b @ (problem.penalty * point.b)
    linear = -float(np.sum(problem.pull * point.b))
    dual = point.a - (1 - problem.level) * problem.w
    unmet = problem.penalty * point.b - problem.pull - problem.X.T @ dual
    gap = abs(loss + penalty + linear - problem.y @ dual) + np.abs(unmet) @ np.abs(point.b)
    return float(gap / max(loss + penalty / 2 + linear + problem.fixed, smallest)), unmet


def _solver(X: Array, weight: Array, penalty: Array) -> Any:
    """Return the function that solves (X' diag(weight) X + diag(penalty)) x = right."""
    from scipy.linalg import cho_factor, cho_solve

    root = X * np.sqrt(weight)[:, None]
    system = root.T @ root
    diagonal = np.einsum("jj->j", system)
    # full sets of indicators make the system singular: a ridge of rounding size picks one of equal solutions
    diagonal += penalty + TRACE_RIDGE * diagonal.sum() + 1e-300
    factor = cho_factor(system, overwrite_a=True, check_finite=False)
    return lambda right: cho_solve(factor, right, check_finite=False)


def _mehrotra_step(problem: RegressionProblem, point: Point, residual: Array, unmet: Array) -> Point:
    """Go towards the optimum, then correct for the curvature of a z = μ and s v = μ on the way (Mehrotra)."""
    _, a, s, z, v = point
    q = 1 / (z / a + v / s)
    solve = _solver(problem.X, q, problem.penalty)

    def direction(to_z: Any, to_v: Any) -> NewtonDirection:
        slack = residual - to_v + to_z
        b = solve(problem.X.T @ (q * slack) - unmet)
        da = q * (slack - problem.X @ b)
        # Refine once: near the optimum q spans the range of floats, and X'da must still balance.
        more = solve(problem.X.T @ da - problem.penalty * b - unmet)
        b, da = b + more, da - q * (problem.X @ more)
        return NewtonDirection(b, da, to_z - z - z / a * da, to_v - v + v / s * da)

    straight = direction(0.0, 0.0)
    length = _step_to_wall(point, straight)
    centre = _centre(point, straight, length)
    # The curvature is that of a full step: where the walls allow a short one only, most of it is not met.
    met = length**2
    bent = direction((centre - met * straight.a * straight.z) / a, (centre + met * straight.a * straight.v) / s)
    # A short straight step is a sign of walls that are too near: then stay further away from the next.
    share = min(NEARLY_ONE, 0.9 + 0.1 * length)
    return _move(problem, point, bent, share * _step_to_wall(point, bent))


def _centre(point: Point, go: NewtonDirection, length: float) -> float:
    """Return the product μ to aim at: small when the straight step alone would get far."""
    now = point.a @ point.z + point.s @ point.v
    then = (point.a + length * go.a) @ (point.z + length * go.z) + (point.s - length * go.a) @ (point.v + length * go.v)
    return float(now / (2 * len(point.a)) * (then / now) ** 3)


def _step_to_wall(point: Point, go: NewtonDirection) -> float:
    """Return the longest step, at most 1, to the nearest wall."""
    worst = min((go.a / point.a).min(), (-go.a / point.s).min(), (go.z / point.z).min(), (go.v / point.v).min())
    return min(1.0, -1.0 / worst) if worst < 0 else 1.0


def _move(problem: RegressionProblem, point: Point, go: NewtonDirection, length: float) -> Point:
    a = point.a + length * go.a
    # Recomputed, not updated, so that a + s = w to the last bit; and rounding must not put it on the wall.
    slack = np.maximum(problem.w - a, THINNEST * problem.w)
    return Point(point.b + length * go.b, a, slack, point.z + length * go.z, point.v + length * go.v)
