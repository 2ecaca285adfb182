"""Cumulative logits whose slopes are shrunk towards each other, from proportional odds to slopes of their own.

In theta = (a_k, b_k - b_{k-1}) the penalty of PRESTO is a lasso. This file minimises

    F(theta) = mean of -ln P(Y = y) + fence + Σ_j l1_j |theta_j| + Σ_j l2_j theta_j² / 2

for any l1, l2 >= 0: l1 = ∞ on the steps gives proportional odds, l1 = l2 = 0 the unpenalised cumulative logits with
slopes of their own. These have one likelihood for all thresholds; they are K - 1 separate binary logits only where the
barrier of `bench.solvers.ordinal` has no effect: for K = 2 and in saturated designs exactly, else nearly, in many rows.

Faletto and Bien (2023), Predicting Rare Events by Shrinking Towards Proportional Odds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.solvers.ordinal import Cumulative, Margins, OrdinalRows
from bench.solvers.presto_lasso import lasso
from bench.solvers.solution import Array

Flags = NDArray[np.bool_]

NEWTON_STEPS = 100
"""Newton steps at most; 2 to 10 are usual."""

BOX = 100.0
"""Coefficients without any penalty are held to be within ±BOX by the certificate, in deviations of the column."""

HESSIAN_RIDGE = 1e-9
"""Added to the diagonal of the Hessian, relative to it: it changes the way to the minimum, not the minimum."""

FENCE = 1e-4
"""Weight of the fence between thresholds, see `bench.solvers.ordinal`: F is off by at most this for each crossing."""

AWAKE = 0.8
"""A coordinate at zero may move in a step if its slope is more than this share of its lasso."""

SHARE_OF_RANGE = 0.95
"""Share of the way to where thresholds meet that a step may go."""

SAME_VALUE = 1e-14
"""Share of F within which two values count as the same."""

SMALLEST_PENALTY = 1e-9
"""Least penalty at which a path starts, where no column is informative."""


@dataclass(frozen=True)
class OrdinalFit:
    """A fit: `theta` (K - 1, d + 1), its certificates in nats, and the value F(theta); see `ordinal_fit`."""

    rows: OrdinalRows
    theta: Array
    gap: float
    owed: float
    value: float

    @property
    def model(self) -> Cumulative:
        """The model in the units of the columns."""
        return self.rows.model(self.theta)


@dataclass(frozen=True)
class SlopePenalty:
    """l1 and l2, each of the shape (K - 1, d + 1) of theta; where `fixed`, theta is zero instead (l1 = ∞)."""

    l1: Array
    l2: Array
    fixed: Flags

    def value(self, theta: Array) -> float:
        """Return Σ_j l1_j |theta_j| + Σ_j l2_j theta_j² / 2."""
        return float((self.l1 * np.abs(theta) + self.l2 * theta**2 / 2).sum())


def presto_penalty(rows: OrdinalRows, penalty: float, alpha: float = 1.0) -> SlopePenalty:
    """Return the penalty of PRESTO, penalty (alpha |theta_j| + (1 - alpha) theta_j² / 2) on all but the intercepts."""
    strength = np.zeros(rows.shape)
    strength[:, 1:] = penalty
    return SlopePenalty(alpha * strength, (1 - alpha) * strength, strength < 0)


def proportional_penalty(rows: OrdinalRows, ridge: float) -> SlopePenalty:
    """Return the penalty of proportional odds: one slope a column, with ridge b² / 2."""
    l2, fixed = np.zeros(rows.shape), np.zeros(rows.shape, dtype=bool)
    l2[0, 1:], fixed[1:, 1:] = ridge, True
    return SlopePenalty(np.zeros(rows.shape), l2, fixed)


def largest_penalty(rows: OrdinalRows, alpha: float = 1.0) -> float:
    """Return the least penalty at which PRESTO has no slopes, alpha > 0; at least `SMALLEST_PENALTY`."""
    slope = rows.at(rows.null).slope(0.0)
    return max(float(np.abs(slope[:, 1:]).max(initial=0.0)) / alpha, SMALLEST_PENALTY)


def path(rows: OrdinalRows, penalties: Iterable[float], alpha: float = 1.0, tol: float = 1e-6) -> Iterator[OrdinalFit]:
    """Yield the fit for each penalty, each started where the one before it ended."""
    theta = rows.null
    for penalty in penalties:
        fit = ordinal_fit(rows, presto_penalty(rows, penalty, alpha), theta, tol)
        theta = fit.theta
        yield fit


def ordinal_fit(rows: OrdinalRows, penalty: SlopePenalty, start: Array | None = None, tol: float = 1e-9) -> OrdinalFit:
    """Minimise F over the theta whose thresholds do not cross on any of the rows.

    Newton steps, each a lasso, with backtracking (Armijo). `start` is a theta within, the model without slopes unless
    given.

        gap    bounds F(theta) - min F, by the convexity of the loss; coefficients that have neither l1 nor l2 are held
               to be within ±BOX
        owed   bounds F - min F where F goes without the fence, together with the gap; 0 where thresholds keep apart
        value  F(theta)
    """
    theta = np.where(penalty.fixed, 0.0, rows.null if start is None else start)
    now = _Point.at(rows.at(theta), theta, penalty)
    if not np.isfinite(now.value):  # next to where thresholds cross, by rounding
        now = _Point.at(rows.at(rows.null), rows.null, penalty)
    for _ in range(NEWTON_STEPS):
        slope, gap = now.certify()
        if gap <= tol:
            break
        after = _search_along(now, _newton(now, slope), slope)
        if after is None:  # rounding: no step that is short enough makes F less
            break
        now = after
    return OrdinalFit(rows, now.theta, now.certify()[1], FENCE * now.margins.slack(), now.value)


@dataclass(frozen=True)
class _Point:
    """A theta, the margins of the rows, and F with the fence."""

    margins: Margins
    theta: Array
    penalty: SlopePenalty
    value: float

    @classmethod
    def at(cls, margins: Margins, theta: Array, penalty: SlopePenalty) -> _Point:
        return cls(margins, theta, penalty, margins.loss(FENCE) + penalty.value(theta))

    def certify(self) -> tuple[Array, float]:
        """Return the gradient of all of F but the lasso, and the gap.

        F is at least its linear model with the penalties, so the gap is the largest fall that this promises: exactly
        where there is a ridge; with a lasso alone, for all theta whose lasso is at most F (it is at the minimum, since
        no loss is below zero); else within the box.
        """
        l1, l2, theta, fixed = self.penalty.l1, self.penalty.l2, self.theta, self.penalty.fixed
        slope = np.where(fixed, 0.0, self.margins.slope(FENCE) + l2 * theta)
        round_ = l2 > 0
        best = theta - np.divide(slope, l2, out=np.zeros_like(slope), where=round_)
        reach = np.divide(l1, l2, out=np.zeros_like(slope), where=round_)
        move = np.where(round_, theta - np.sign(best) * np.maximum(np.abs(best) - reach, 0.0), theta)
        fall = slope * move - l2 * move**2 / 2 + l1 * (np.abs(theta) - np.abs(theta - move))
        sharp, bare = ~round_ & (l1 > 0), ~round_ & (l1 == 0)
        excess = (np.abs(slope[sharp]) / l1[sharp]).max(initial=1.0) - 1
        return slope, max(float(fall.sum() + self.value * excess + BOX * np.abs(slope[bare]).sum()), 0.0)


def _newton(now: _Point, slope: Array) -> Array:
    """Return the step to the minimum of the quadratic model of the loss with the penalties.

    Coordinates at zero whose slope is well below their lasso stay there for this step.
    """
    penalty, theta = now.penalty, now.theta
    moving = np.flatnonzero(~penalty.fixed & ((theta != 0) | (np.abs(slope) >= AWAKE * penalty.l1)))
    H = now.margins.curve(FENCE).reshape(theta.size, theta.size)[np.ix_(moving, moving)]
    diagonal = H.diagonal() + penalty.l2.flat[moving]
    # the second term is for a coordinate whose own curvature is nothing
    H[np.diag_indices_from(H)] = diagonal * (1 + HESSIAN_RIDGE) + 1e-3 * HESSIAN_RIDGE * diagonal.max()
    start = theta.flat[moving]
    step = np.zeros_like(theta)
    step.flat[moving] = lasso(H, slope.flat[moving] - H @ start, penalty.l1.flat[moving], start) - start
    return step


def _search_along(now: _Point, step: Array, slope: Array) -> _Point | None:
    """Return the point after the first of 1, ½, ¼, … of the step that keeps a little of the promised fall."""
    rows, l1 = now.margins.rows, now.penalty.l1
    change = rows.at(step)
    longest = min(1.0, SHARE_OF_RANGE * now.margins.reach(change))
    promised = float((slope * step + l1 * (np.abs(now.theta + step) - np.abs(now.theta))).sum())
    for length in longest * 0.5 ** np.arange(40):
        margins = Margins(rows, now.margins.eta + length * change.eta)
        after = _Point.at(margins, now.theta + length * step, now.penalty)
        if after.value <= now.value * (1 + SAME_VALUE) + 1e-4 * length * promised:  # Armijo's usual 1e-4
            return after
    return None
