"""Log loss of a logarithmic opinion pool: the classes' odds are weighted products of the learners' odds.

With b_lk = ln p_lk - ln p_ly, the log odds of class k against the true class y by learner l, the loss of a row is
ln Σ_k exp(w'b_k), b_y = 0: a multinomial logit without intercept, convex in w.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from bench.solvers.row_blocks import row_blocks
from bench.solvers.simplex_qp import simplex_qp
from bench.solvers.solution import Array, Index, Solution

CHUNK = 4096
"""Rows of one pass."""

NEWTON_STEPS = 200
"""Newton steps at most; five to ten are usual, and one a nat of log odds where learners separate the classes."""

WHOLE_STEP = 0.1
"""A step that changes no log odds by more than this is taken whole: the model is right there."""

STILL = 1e-10
"""A step that changes no log odds by more than this is the last."""


class LogProbabilities(Protocol):
    """Logarithms of probabilities (L, n, K), or what gives those of some rows."""

    @property
    def shape(self) -> tuple[int, ...]:
        """L, n and K."""
        ...

    def __getitem__(self, key: tuple[slice, Index], /) -> Array:
        """Return the logarithms of some rows, (L, m, K)."""
        ...


class Part(NamedTuple):
    """Some of the rows that count, and their `odds` b (K - 1, L, m)."""

    rows: slice
    odds: Array


@dataclass(frozen=True)
class _PoolProblem:
    """Minimise Σ s ln(1 + Σ_k exp(w'b_k)), w >= 0, Σw <= cap: `size` is L, `share` s (n,), Σs = 1."""

    size: int
    parts: Sequence[Part]
    share: Array
    cap: float

    def pooled(self, w: Array) -> Array:
        """Return the pool's log odds w'b of every class but the true one, shape (K - 1, n)."""
        return np.concatenate([w @ part.odds for part in self.parts], axis=1)

    def chunks(self) -> Iterator[tuple[slice, Array]]:
        """Yield slices of rows of fixed size, and their b."""
        for part in self.parts:
            for start in range(0, part.odds.shape[2], CHUNK):
                b = part.odds[:, :, start : start + CHUNK]
                first = part.rows.start + start
                yield slice(first, first + b.shape[2]), b

    def gap(self, w: Array, slope: Array) -> float:
        """Return the largest slope'(w - u) over all u that are allowed; the loss is convex, so it bounds the excess."""
        return max(float(slope @ w) + self.cap * max(-float(slope.min()), 0.0), 0.0)


def log_pool_weights(
    log_p: LogProbabilities, y: Index, weight: Array | None = None, cap: float | None = None, tol: float = 1e-12
) -> Solution:
    """Minimise the mean log loss of p_k ∝ exp(Σ_l w_l ln p_lk) over w >= 0, Σw <= cap, with exact zeros.

    `log_p` has shape (L, n, K), finite, and may be worked out when it is read; `y` holds the codes of the true classes,
    `weight` has shape (n,); `cap` is 10 L unless given, for where the learners separate all classes the loss falls for
    ever. Newton's method: the second-order model at w is a simplex QP (one more learner, uniform and harmless, takes
    what is left of the sum), within a sum of at most 1 + 2 Σw, followed by backtracking (Armijo).

        gap    max over allowed u of ∇f'(w - u) = ∇f'w + cap max(0, -min_l ∇f_l): never less than the distance of the
               value to its minimum over w >= 0, Σw <= cap; in nats, so free of units
        value  mean log loss
    """
    problem = _pool_problem(log_p, y, weight, 10.0 * log_p.shape[0] if cap is None else cap)
    w = np.zeros(log_p.shape[0])
    pooled = problem.pooled(w)
    for _ in range(NEWTON_STEPS):
        slope, curve = _second_order(problem, pooled)
        if problem.gap(w, slope) <= tol:
            break
        step = _capped_newton(problem, w, slope, curve) - w
        change = problem.pooled(step)
        a = _share_of_step(problem, pooled, change, float(slope @ step))
        w, pooled = (w + step if a == 1 else w + a * step), pooled + a * change
        if a * float(np.abs(change).max(initial=0.0)) <= STILL:
            break
    pooled = problem.pooled(w)
    return Solution(w, problem.gap(w, _second_order(problem, pooled)[0]), _mean_log_loss(problem, pooled))


def _pool_problem(log_p: LogProbabilities, y: Index, weight: Array | None, cap: float) -> _PoolProblem:
    """Leave out the rows without weight, and set every class against the true one.

    The odds are kept, as large as the panel but for one class: to work them out at every step takes five times as long.
    """
    used = np.arange(len(y)) if weight is None else np.flatnonzero(weight)
    share = np.ones(len(used)) if weight is None else np.asarray(weight, dtype=np.float64)[used]
    parts = [Part(rows, _odds(log_p[:, used[rows]], y[used[rows]])) for rows in row_blocks(len(used))]
    return _PoolProblem(log_p.shape[0], parts, share / share.sum(), cap)


def _odds(log_p: Array, y: Index) -> Array:
    """Return b, the log odds of every class against the true one, (K - 1, L, n)."""
    rows, width = np.arange(len(y)), log_p.shape[2]
    true = log_p[:, rows, y]
    odds = np.empty((width - 1, *true.shape))
    for k in range(1, width):
        odds[k - 1] = log_p[:, rows, (y + k) % width] - true
    if not np.isfinite(odds).all():
        raise ValueError("every log probability must be finite")
    return odds


def _mean_log_loss(problem: _PoolProblem, pooled: Array) -> float:
    """Return the mean log loss, exact however small: ln(1 + Σ_k exp(pooled_k))."""
    return float(problem.share @ np.logaddexp(0.0, np.logaddexp.reduce(pooled, axis=0)))


def _second_order(problem: _PoolProblem, pooled: Array) -> tuple[Array, Array]:
    """Return the gradient and the Hessian of the loss: the mean of m and of the covariance of b under the pool.

    Every term of m = Σ_k p_k b_k is of a class that is not the true one, so that nothing cancels where the loss is
    small.
    """
    slope, curve = np.zeros(problem.size), np.zeros((problem.size, problem.size))
    for rows, b in problem.chunks():
        share = problem.share[rows]
        loss = np.logaddexp(0.0, np.logaddexp.reduce(pooled[:, rows], axis=0))
        p = np.exp(pooled[:, rows] - loss)
        mean = np.einsum("kn,kln->ln", p, b)
        slope += mean @ share
        away = mean * np.sqrt(share * np.exp(-loss))
        curve += away @ away.T
        for one, odds in zip(p, b, strict=True):
            away = (odds - mean) * np.sqrt(share * one)
            curve += away @ away.T
    return slope, curve


def _capped_newton(problem: _PoolProblem, w: Array, slope: Array, curve: Array) -> Array:
    """Minimise slope'(u - w) + (u - w)'curve(u - w) / 2 over u >= 0, Σu <= min(cap, 1 + 2 Σw)."""
    reach = min(problem.cap, 1 + 2 * float(w.sum()))
    gram = np.zeros((len(w) + 1, len(w) + 1))
    gram[:-1, :-1] = 0.5 * reach**2 * curve
    linear = np.append(reach * (slope - curve @ w), 0.0)
    return reach * simplex_qp(gram, linear).w[:-1]


def _share_of_step(problem: _PoolProblem, pooled: Array, change: Array, promised: float) -> float:
    """Return the share of the step after which the loss has fallen enough; `promised` is its slope, below zero."""
    farthest, a = float(np.abs(change).max(initial=0.0)), 1.0
    before = _mean_log_loss(problem, pooled)
    while a * farthest > WHOLE_STEP and _mean_log_loss(problem, pooled + a * change) > before + 1e-4 * a * promised:
        a /= 2
    return a
