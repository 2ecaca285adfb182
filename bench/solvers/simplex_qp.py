"""Squared error on the simplex: an exact active set that needs only the Gram matrix of the residuals.

With predictions p_l of the learners, on the simplex Σ_l w_l p_l - y = Σ_l w_l E_l, so that the mean squared error is
w'Gw. The residual form matters: P'P and P'y lose all digits when y is far from zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.solvers.active_set import FACTOR_RIDGE, ActiveSets, solve_positive
from bench.solvers.solution import Array, Index, Solution

PRODUCT_NOISE = 1e-15
"""Rounding of one product Gw, relative to |G|w."""

NEGLIGIBLE = 1e-13
"""A w'Gw below this share of w'|G|w is rounding."""

CHUNK = 4096
"""Rows of one pass: L x CHUNK numbers stay in the cache."""

FIRST_ENTRANTS = 100
"""How many learners may enter at first; the number doubles with every success."""

STAYED = 0.98
"""When this share of more than FIRST_ENTRANTS learners stays, the optimum is dense, and all others may enter."""


def residual_gram(predictions: Array, y: Array, weight: Array | None = None, *, rows: Index | None = None) -> Array:
    """Return G = E'SE / Σs of the residuals E_l = p_l - y of predictions p, shape (L, L).

    `predictions` have shape (L, n) and may be a memory map of any float type: rows are read in chunks of fixed size,
    which stay in the cache, and summed in float64. `rows` are the positions of those that count, all unless given.
    """
    size, n = len(predictions), len(y) if rows is None else len(rows)
    gram, room = np.zeros((size, size)), np.empty((size, min(CHUNK, n)))
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK) if rows is None else rows[start : start + CHUNK]
        truth = y[part]
        error = np.subtract(predictions[:, part], truth, out=room[:, : len(truth)], dtype=np.float64)
        if weight is not None:
            error *= np.sqrt(weight[part])
        gram += error @ error.T
    if weight is not None:
        return gram / np.sum(weight if rows is None else weight[rows])
    return gram / n


@dataclass(frozen=True)
class _QuadraticProblem:
    """Minimise w'Gw + c'w: `half` is c/2 or None, `scale` is a size."""

    gram: Array
    half: Array | None
    scale: float
    sets: ActiveSets

    def slope(self, w: Array) -> Array:
        """Return half the gradient, Gw + c/2."""
        slope: Array = self.gram @ w
        return slope if self.half is None else slope + self.half

    def allowed(self, level: float, tol: float) -> float:
        """Return how far below the level a slope may stay."""
        return tol * (level if self.half is None else self.scale)


def simplex_qp(gram: Array, linear: Array | None = None, tol: float = 1e-12) -> Solution:
    """Minimise w'Gw + c'w over w >= 0, Σw = 1, with exact zeros.

    `gram` G has shape (L, L), symmetric and positive semidefinite, of any rank and scale; `linear` c has
    shape (L,). Start at the best single learner. Let learners of too small a slope enter, minimise on the
    support, and drop those of negative weight: many at once while the value falls, else one at a time
    (Lawson & Hanson, 1974, Solving Least Squares Problems, chapter 23; block exchange after Portugal,
    Judice & Vicente, 1994, A comparison of block pivoting and interior-point algorithms for linear least
    squares problems with nonnegative variables).

        gap    without c: 1 - min_j (Gw)_j / w'Gw, so that w'Gw <= min + 2 gap w'Gw; 0 if w'Gw is rounding;
               with c, where ∇f = 2Gw + c: (∇f'w - min_j ∇f_j) / max(|f|, size of G and c)
        value  w'Gw + c'w
    """
    problem = _quadratic_problem(gram, linear)
    single = problem.gram.diagonal() if linear is None else problem.gram.diagonal() + linear
    w = np.zeros(len(single))
    w[np.argmin(single)] = 1.0
    return _certify_quadratic(problem, _descend(problem, w, tol))


def _quadratic_problem(gram: Array, linear: Array | None) -> _QuadraticProblem:
    """Check the numbers and find their size; a zero on the diagonal still gets a ridge."""
    gram = np.ascontiguousarray(gram, dtype=np.float64)
    half = None if linear is None else np.asarray(linear, dtype=np.float64) / 2
    diagonal = gram.diagonal()
    scale = float(diagonal.mean()) if half is None else max(float(diagonal.mean()), float(np.abs(half).max()))
    if not np.isfinite(scale):
        raise ValueError("the Gram matrix or the linear term holds a value that is not finite")
    return _QuadraticProblem(
        gram, half, scale, ActiveSets(gram, FACTOR_RIDGE * np.where(diagonal > 0, diagonal, scale or 1.0))
    )


def _descend(problem: _QuadraticProblem, w: Array, tol: float) -> Array:
    """Exchange learners until no slope lies below the level, the mean slope of the support."""
    slope = problem.slope(w)
    most = FIRST_ENTRANTS
    for _ in range(100 + 10 * len(w)):  # bounds the exchanges, should rounding let them cycle
        level = float(w @ slope)
        low = ((slope < level - problem.allowed(level, tol)) & (w == 0)).nonzero()[0]
        if not len(low):
            break
        entering = low[slope[low].argsort(kind="stable")]
        for move, count in ((_block, most), (_single, 1)):
            chosen = w > 0
            chosen[entering[:count]] = True
            support = chosen.nonzero()[0]
            new = move(problem, w, support)
            new_slope = problem.slope(new)
            # the change of the value, in a form that keeps its sign long after the values agree in all digits
            if (new - w) @ (slope + new_slope - 2 * level) < 0:
                break
        else:
            break
        stayed = np.count_nonzero(new) >= STAYED * len(support) > STAYED * 2 * FIRST_ENTRANTS
        w, slope, most = new, new_slope, len(w) if stayed else 2 * count
    return w


def _block(problem: _QuadraticProblem, w: Array, support: Index) -> Array:
    """Minimise on the support, dropping all negative weights at once: fast, but the value may rise."""
    z = _minimise_on(problem, w, support)
    while z.min() <= 0:
        support = support[z > 0]
        z = _minimise_on(problem, w, support)
    return _fill_support(z, support, len(w))


def _single(problem: _QuadraticProblem, w: Array, support: Index) -> Array:
    """Walk from w towards the minimiser on the support, dropping a learner where its weight reaches zero."""
    z = _minimise_on(problem, w, support)
    while z.min() <= 0:
        here = w[support]
        low = z <= 0
        share = np.full(len(z), np.inf)
        share[low] = here[low] / np.maximum(here[low] - z[low], np.finfo(np.float64).tiny)
        here += share.min() * (z - here)
        keep = (share > share.min()) & (here > 0)
        support = support[keep]
        w = _fill_support(here[keep], support, len(w))
        z = _minimise_on(problem, w, support)
    return _fill_support(z, support, len(w))


def _fill_support(values: Array, support: Index, size: int) -> Array:
    """Return an array of zeros but for the values on the support."""
    w = np.zeros(size)
    w[support] = values
    return w


def _minimise_on(problem: _QuadraticProblem, w: Array, support: Index) -> Array:
    """Return the minimiser over Σz = 1 on the support, of any sign.

    Without c it is z = x / Σx, where G x = 1. With c it is w plus a step along the solutions of M x = 1 and
    M x = -slope, M = G + scale 11', which has the same minimiser and is no longer singular along 1.
    """
    if problem.half is None:
        x = problem.sets.solve(support)
        return np.asarray(x / x.sum())
    gram, here = problem.sets.part(support), w[support]
    slope = gram @ here + problem.half[support]
    right = np.stack((np.ones(len(support)), slope.mean() - slope), axis=1)
    x = solve_positive(gram + problem.scale, problem.sets.ridge[support], right)
    missing = 1 - here.sum() - x[:, 1].sum()
    return np.asarray(here + x[:, 1] + missing / x[:, 0].sum() * x[:, 0])


def _certify_quadratic(problem: _QuadraticProblem, w: Array) -> Solution:
    """Return w / Σw with its value and its gap."""
    w = w / w.sum()
    slope = problem.slope(w)
    level = float(w @ slope)
    if problem.half is not None:
        value = level + float(w @ problem.half)
        lack = 2 * max(level - float(slope.min()), 0.0)
        return Solution(w, lack / max(abs(value), problem.scale) if lack else 0.0, value)
    below = level - slope
    if below.max() <= PRODUCT_NOISE * level:
        return Solution(w, 0.0, level)
    suspects = (below > PRODUCT_NOISE * np.abs(slope)).nonzero()[0]
    size = np.abs(problem.gram.take(suspects, axis=0)) @ w
    lack = float(np.max(below[suspects], where=below[suspects] > PRODUCT_NOISE * size, initial=0.0))
    noise = lack > 0 and level <= NEGLIGIBLE * (w @ np.abs(problem.gram) @ w)
    return Solution(w, 0.0 if noise or not lack else lack / level, max(level, 0.0))
