"""Log loss on the simplex: the linear pool of L densities, also known as estimating mixture proportions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.solvers.simplex_qp import simplex_qp
from bench.solvers.solution import Array, Index, Solution

CHUNK = 4096
"""Rows of one pass: L x CHUNK numbers stay in the cache."""

NEWTON_STEPS = 200
"""Newton steps at most; five to ten are usual."""

WHOLE_STEP = 0.1
"""A step that changes no row's pool by more than this share is taken whole: the model is right there."""

FAR = 10.0
"""Above this gap a step of EM follows the Newton step."""


@dataclass(frozen=True)
class _LogProblem:
    """Maximise Σ s log(p'w): `p` (L, n), of which `rows` count, or all of them.

    `top` (m,) is the maximum of each of these rows, `share` (m,) is s, Σs = 1.
    """

    p: Array
    rows: Index | None
    top: Array
    share: Array

    def chunks(self) -> Iterator[tuple[slice, Array]]:
        """Yield some rows and their p / top, which only shifts the objective and cannot underflow."""
        for start in range(0, len(self.top), CHUNK):
            rows = slice(start, start + CHUNK)
            yield rows, self.p[:, rows if self.rows is None else self.rows[rows]] / self.top[rows]


def simplex_log(p: Array, weight: Array | None = None, tol: float = 1e-8) -> Solution:
    """Maximise the mean of log(p_i'w) over w >= 0, Σw = 1, with exact zeros.

    `p` has shape (L, n): each learner's probability of the true class, or any positive density; `weight` has
    shape (n,). Sequential quadratic programming: the second-order model at w is a simplex QP, whose solution
    gives the direction, followed by backtracking (Kim, Carbonetto, Stephens & Anitescu, 2020, A fast
    algorithm for maximum likelihood estimation of mixture proportions using sequential quadratic
    programming).

        gap    max_j mean(p_j / p'w) - 1, never less than the distance of the value to its minimum
        value  -mean log(p'w)
    """
    problem = _log_problem(p, weight)
    w = np.full(len(p), 1 / len(p))
    for _ in range(NEWTON_STEPS):
        slope, gram = _second_order(problem, w)
        if slope.max() - 1 <= tol:
            break
        moved = _backtrack(problem, w, simplex_qp(gram).w)
        if slope.max() - 1 > FAR:
            # where all learners of weight were wrong, Newton only doubles a new weight and EM finds its size
            moved *= _second_order(problem, moved)[0]
        w = moved / moved.sum()
    return _certify_log(problem, w)


def _log_problem(p: Array, weight: Array | None) -> _LogProblem:
    """Leave out the rows without weight and let the shares sum to one."""
    share = np.full(p.shape[1], 1.0) if weight is None else np.asarray(weight, dtype=np.float64)
    rows = None if share.all() else np.flatnonzero(share)
    share, top = (share if rows is None else share[rows]), p.max(axis=0).astype(np.float64)
    top = top if rows is None else top[rows]
    if not (np.isfinite(top).all() and (top > 0).all()):
        raise ValueError("every row of p needs finite values and one above zero")
    return _LogProblem(p, rows, top, share / share.sum())


def _second_order(problem: _LogProblem, w: Array) -> tuple[Array, Array]:
    """Return the slope and the Gram matrix of the second-order model at w.

    With the ratios R_j = p_j / p'w the slope is Σ s R_j. The model of -Σ s log(p'u) is Σ s (R'u - 2)² / 2
    up to a constant, and that is on the simplex u'Gu / 2 with G_jk = Σ s (R_j - 2)(R_k - 2).
    """
    slope, gram = np.zeros(len(w)), np.zeros((len(w), len(w)))
    for rows, p in problem.chunks():
        ratio = p / (w @ p)
        slope += ratio @ problem.share[rows]
        error = (ratio - 2) * np.sqrt(problem.share[rows])
        gram += error @ error.T
    return slope, gram


def _backtrack(problem: _LogProblem, w: Array, goal: Array) -> Array:
    """Walk from w towards the goal, by halves until the objective falls enough (Armijo).

    The change is -Σ s log(1 + a t), t = p'(goal - w) / p'w. Near the optimum it drowns in rounding.
    """
    t = np.concatenate([(goal - w) @ p / (w @ p) for _, p in problem.chunks()])
    promised, farthest, a = float(problem.share @ t), float(np.abs(t).max()), 1.0
    while a * farthest > WHOLE_STEP:
        with np.errstate(divide="ignore"):
            gained = float(problem.share @ np.log1p(a * np.maximum(t, -1)))
        if gained >= 1e-4 * a * promised:
            break
        a /= 2
    return goal if a == 1 else w + a * (goal - w)


def _certify_log(problem: _LogProblem, w: Array) -> Solution:
    """Return w with its value and its gap."""
    slope, value = np.zeros(len(w)), 0.0
    for rows, p in problem.chunks():
        pool = w @ p
        slope += (p / pool) @ problem.share[rows]
        value -= float(problem.share[rows] @ (np.log(pool) + np.log(problem.top[rows])))
    return Solution(w, max(float(slope.max()) - 1, 0.0), value)
