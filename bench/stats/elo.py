"""Elo points: the Bradley-Terry model, fitted by maximum likelihood to all games at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bench.core.nouns import Array
from bench.stats.bootstrap import LEVEL, expanded_level, percentiles
from bench.stats.pairwise_wins import Games
from bench.stats.tables import too_few

RIDGE = 0.01
"""Half of it times Σ θ² is added to the loss, a normal prior of standard deviation 10 (1,737 points) around the mean:
a method that always wins has finite points. Beside the games of a board it moves no digit that is shown."""

POINTS = 400 / np.log(10)
"""Points of one unit of log odds: 400 points are odds of ten to one."""

CENTRE = 1000.0
"""Points of the anchor, or of the mean where there is none: odds tell strengths apart, and fix no zero."""

STEP = 1.5
"""The range of a Newton step is cut to this: up to 1.79 the loss is sure to fall (see `bradley_terry`)."""


class Elo(NamedTuple):
    """Points (K,), the ends of their intervals, and why there are none."""

    points: Array
    lo: Array
    hi: Array
    reason: str = ""


def elo(
    played: Games,
    counts: Array,
    *,
    anchor: int | None = None,
    level: float = LEVEL,
    ridge: float = RIDGE,
) -> Elo:
    """Return Elo points with percentile intervals over bootstraps of tasks; none under six tasks or without draws.

        P(i beats j) = 1 / (1 + 10^((R_j - R_i) / 400)),  R = anchor + 400 θ / ln 10

    Every task is one game between two methods that met on it (`games`). In each draw `anchor` (a column), or else the
    mean of the methods, stands at 1000: an interval says how far a method is from the anchor, whose own has no width.
    `counts` (draws, N) says how often each draw takes each task (`draws.task_counts`). Points of methods that no chain
    of games connects with the anchor (else with most others) are NaN. Source: Bradley and Terry (1952), Rank analysis
    of incomplete block designs; Hunter (2004), MM algorithms for generalized Bradley-Terry models.
    """
    N, K = len(played.won), played.won.shape[1]
    won, met = played.won.sum(axis=0), played.met.sum(axis=0)
    inside = _reference(_linked_pairs(met[None])[0], anchor)
    none = np.full(K, np.nan)
    if inside.sum() < 2:
        return Elo(none, none, none, "no two methods met")
    won, met = won[np.ix_(inside, inside)], met[np.ix_(inside, inside)]
    strength = bradley_terry(won, ridge)
    points = none.copy()
    points[inside] = POINTS * strength
    points -= points[anchor] if anchor is not None else 0.0
    reason = too_few(N)
    lo, hi = none.copy(), none.copy()
    if not reason and len(counts):
        drawn = POINTS * _draws(played, inside, counts, ridge, strength)
        if anchor is not None:  # in every draw: a shift of all draws at once would keep the anchor's own noise in all
            drawn -= drawn[:, [np.flatnonzero(inside).tolist().index(anchor)]]
        lo[inside], hi[inside], _ = percentiles(drawn, expanded_level(level, N))
    return Elo(_tidy(points + CENTRE), _tidy(lo + CENTRE), _tidy(hi + CENTRE), reason)


def _tidy(points: Array) -> Array:
    """Round far below what is shown, so that equals are equal."""
    return np.round(points, 6) + 0.0


def _draws(played: Games, inside: Array, counts: Array, ridge: float, start: Array) -> Array:
    """Return strengths in each draw, centred; NaN for methods that a draw does not connect with most others."""
    K = int(inside.sum())
    won, met = (table[:, inside][:, :, inside].reshape(-1, K * K) for table in played)
    strength = bradley_terry((counts @ won).reshape(-1, K, K), ridge, start)
    if (met == 1).reshape(-1, K, K)[:, ~np.eye(K, dtype=bool)].all():
        return strength
    reach = _linked_pairs((counts @ met).reshape(-1, K, K))
    apart = np.flatnonzero(~reach.all(axis=(1, 2)))
    for draw in apart:
        there = _reference(reach[draw], None)
        strength[draw, ~there] = np.nan
        strength[draw] -= strength[draw, there].mean() if there.any() else 0.0
    return strength


def bradley_terry(won: Array, ridge: float = RIDGE, start: Array | None = None) -> Array:
    """Return strengths θ (..., K), mean zero, from numbers of wins (..., K, K), which need not be whole.

        minimise  -Σ_ij won_ij log p_ij + ridge/2 Σ θ²,  p_ij = 1 / (1 + exp(θ_j - θ_i))
        slope     ridge θ_i - Σ_j (won_ij - n_ij p_ij),  n_ij = won_ij + won_ji

    by Newton steps δ, all problems at once. Steps are cut to a range r = max δ - min δ of 1.5: the second derivative of
    log(1 + e^x) changes by at most a factor e^r, so that the loss falls by at least 1 - (e^r - r - 1)/r² of what the
    slope promises (Bach, 2010, Self-concordant analysis for logistic regression).
    """
    K = won.shape[-1]
    tables = won.reshape(-1, K, K)
    n = tables + tables.transpose(0, 2, 1)
    theta = np.zeros(tables.shape[:2]) if start is None else np.broadcast_to(start, tables.shape[:2]).copy()
    active = np.arange(len(tables))
    for _ in range(200):  # a guard: every step lowers the loss, and a few dozen are enough
        step = _newton_step(tables[active], n[active], theta[active], ridge)
        theta[active] += step
        active = active[np.abs(step).max(axis=1, initial=0.0) > 1e-9]
        if not len(active):
            break
    return (theta - theta.mean(axis=1, keepdims=True)).reshape(won.shape[:-1]) if K else theta.reshape(won.shape[:-1])


def _newton_step(won: Array, n: Array, theta: Array, ridge: float) -> Array:
    """Return one Newton step for each problem, cut to the range STEP."""
    K = won.shape[-1]
    p = 0.5 + 0.5 * np.tanh((theta[:, :, None] - theta[:, None, :]) / 2)  # the logistic function, without overflow
    p *= n
    slope = (won - p).sum(axis=2) - ridge * theta
    curve = p * p
    curve = np.divide(curve, n, out=curve, where=n > 0)
    curve -= p  # - n p (1 - p)
    diagonal = np.arange(K)
    curve[:, diagonal, diagonal] = 0.0
    curve[:, diagonal, diagonal] = ridge - curve.sum(axis=2)
    step = np.linalg.solve(curve, slope[:, :, None])[:, :, 0]
    reach = np.ptp(step, axis=1) if K else np.zeros(len(step))
    return step * np.minimum(1.0, STEP / np.maximum(reach, STEP))[:, None]


def _linked_pairs(met: Array) -> Array:
    """Return whether a chain of games links i and j, (draws, K, K), from the numbers of games."""
    K = met.shape[-1]
    reach = (met > 0).astype(np.float32) + np.eye(K, dtype=np.float32)
    for _ in range(max(K - 1, 1).bit_length()):
        reach = np.minimum(reach @ reach, 1.0)
    return reach > 0


def _reference(reach: Array, anchor: int | None) -> Array:
    """Return the methods (K,) linked with the anchor, else the largest linked group; none if two are the largest."""
    if anchor is not None:
        return reach[anchor]
    size = reach.sum(axis=1)
    largest = size == size.max(initial=0)
    return largest & (largest.sum() == size.max(initial=0))
