"""Cumulative logits of ordered classes, P(Y <= k | x) = σ(η_k), η_k = a_k + b_k'x: the likelihood and its slopes.

Letters: n rows, K classes 0 … K-1, d columns. B holds (a_k, b_k) in its rows, shape (K - 1, d + 1). `theta` has the
same shape and holds (a_k, b_k - b_{k-1}), b_{-1} = 0: the first slopes, and their steps from threshold to threshold.

A row of class y has u = η_y (∞ in the last class) and v = η_{y-1} (-∞ in the first), and with δ = u - v

    -ln P(Y = y) = -ln(σ(u) - σ(v)) = ln(1 + e^-u) + ln(1 + e^v) - ln(1 - e^-δ):

the losses of two binary logits, of the thresholds around the class, and a barrier that keeps these two apart. It is
convex in (u, v), so the mean loss is convex in theta. Thresholds that are not around the class of a row must not cross
there either, or its probabilities would not sum to one: two classes could both be held certain. A fence sees to it,

    fence Σ_i share_i Σ_k g(t_ik),   t = (η_k - η_{k-1}) / width_k,   g(t) = -ln t + (t - 1) - (t - 1)² / 2  for t < 1,

and 0 above: it is convex with two derivatives, and nothing where thresholds keep a small distance.

McCullagh (1980), Regression Models for Ordinal Data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from bench.solvers.solution import Array, Index

FENCE_START = 0.1
"""The fence begins at this share of the distance that the thresholds have without slopes (at most 1)."""


@dataclass(frozen=True)
class Cumulative:
    """Coefficients B of thresholds, in the units of the columns."""

    B: Array

    def probabilities(self, X: Array) -> Array:
        """Return class probabilities of new rows, shape (n, K).

        Thresholds with slopes of their own cross somewhere: there σ(η_k) - σ(η_{k-1}) < 0 for some class, which gets
        0, and the others, whose sum is above one, are divided by it.
        """
        from scipy.special import expit

        eta = np.column_stack([np.ones(len(X)), X]) @ self.B.T
        p = np.empty((len(X), len(self.B) + 1))
        p[:, 0], p[:, -1] = expit(eta[:, 0]), expit(-eta[:, -1])
        apart = np.maximum(np.diff(eta, axis=1), 0.0)
        # σ(u) - σ(v) without cancellation
        p[:, 1:-1] = -np.expm1(-apart) * expit(eta[:, 1:]) * expit(-eta[:, :-1])
        return np.asarray(p / p.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class OrdinalRows:
    """Training rows in the order of their classes, on columns of mean 0 and deviation 1.

    `A` has shape (n, d + 1), the constant first; `share` (n,) sums to one; the rows of class k are `parts[k]`; `mean`
    and `scale` (d,) lead back to the units of the columns.
    """

    A: Array
    share: Array
    parts: tuple[slice, ...]
    mean: Array
    scale: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of B and theta."""
        return len(self.parts) - 1, self.A.shape[1]

    @cached_property
    def null(self) -> Array:
        """The theta without slopes that fits best: the log odds of the shares of the classes."""
        theta = np.zeros(self.shape)
        sizes = np.array([self.share[part].sum() for part in self.parts])
        theta[:, 0] = np.log(sizes.cumsum()[:-1]) - np.log(sizes[::-1].cumsum()[-2::-1])
        return theta

    @cached_property
    def width(self) -> Array:
        """Where the fence between thresholds begins, shape (K - 2,)."""
        return FENCE_START * np.minimum(np.diff(self.null[:, 0]), 1.0)

    def at(self, theta: Array) -> Margins:
        """Return the margins of the rows at theta."""
        return Margins(self, self.A @ coefficients(theta).T)

    def model(self, theta: Array) -> Cumulative:
        """Return the model in the units of the columns."""
        B = coefficients(theta)
        B[:, 1:] /= self.scale
        B[:, 0] -= B[:, 1:] @ self.mean
        return Cumulative(B)


@dataclass(frozen=True)
class Margins:
    """The rows at one theta: `eta` has shape (n, K - 1)."""

    rows: OrdinalRows
    eta: Array

    @cached_property
    def around(self) -> tuple[Array, Array]:
        """The margins u and v of every row, each (n,)."""
        u, v = np.full(len(self.eta), np.inf), np.full(len(self.eta), -np.inf)
        for k, (here, above) in enumerate(pairwise(self.rows.parts)):
            u[here], v[above] = self.eta[here, k], self.eta[above, k]
        return u, v

    @cached_property
    def apart(self) -> Array:
        """Distances of the thresholds in units of the fence, shape (n, K - 2)."""
        return np.asarray(np.diff(self.eta, axis=1) / self.rows.width)

    @cached_property
    def near(self) -> tuple[Index, Index]:
        """Rows and places (k of the upper threshold, less one) that pay for the fence."""
        row, place = np.nonzero(self.apart < 1)
        return row, place

    def loss(self, fence: float) -> float:
        """Return the mean -ln P(Y = y) with the fence, ∞ where thresholds cross."""
        if not self.apart.min(initial=1.0) > 0:
            return float("inf")
        u, v = self.around
        rows = np.logaddexp(0.0, -u) + np.logaddexp(0.0, v) - np.log(-np.expm1(v - u))
        t, share = self.apart[self.near], self.rows.share[self.near[0]]
        return float(self.rows.share @ rows + fence * share @ (t - 1 - np.log(t) - (t - 1) ** 2 / 2))

    def slope(self, fence: float) -> Array:
        """Return the gradient of the loss in theta."""
        from scipy.special import expit

        u, v = self.around
        share, parts = self.rows.share, self.rows.parts
        pull = np.exp(v - u) / -np.expm1(v - u)
        up, down = -share * (expit(-u) + pull), share * (expit(v) + pull)
        pulls = np.zeros_like(self.eta)
        for k, (here, above) in enumerate(pairwise(parts)):
            pulls[here, k], pulls[above, k] = up[here], down[above]
        row, place = self.near
        t = self.apart[row, place]
        push = fence * share[row] * (1 - t) ** 2 / (t * self.rows.width[place])
        pulls[row, place] += push
        pulls[row, place + 1] -= push
        slope = pulls.T @ self.rows.A
        _sum_from_above(slope[:, 1:])
        return np.asarray(slope)

    def curve(self, fence: float) -> Array:
        """Return the Hessian of the loss in theta, shape (K - 1, d + 1, K - 1, d + 1)."""
        from scipy.special import expit

        u, v = self.around
        A, share, parts = self.rows.A, self.rows.share, self.rows.parts
        bind = share * np.exp(v - u) / np.expm1(v - u) ** 2
        alone = [share * expit(side) * expit(-side) for side in (u, v)]
        curve = np.zeros(self.rows.shape * 2)
        for k, (here, above) in enumerate(pairwise(parts)):
            curve[k, :, k] += _gram(A[here], alone[0][here]) + _gram(A[above], alone[1][above])
        for k, here in enumerate(parts[1:-1]):
            row = self.near[0][self.near[1] == k]
            t = self.apart[row, k]
            stiff = fence * share[row] * (1 / t**2 - 1) / self.rows.width[k] ** 2
            _tie(curve, k, _gram(A[here], bind[here]) + _gram(A[row], stiff))
        _sum_from_above(curve[:, 1:])
        _sum_from_above(curve.transpose(2, 3, 0, 1)[:, 1:])
        return curve

    def slack(self) -> float:
        """Return the most that the loss can owe to a fence of one: Σ_i share_i Σ_k |g'(t)| t = Σ share (1 - t)²."""
        return float(self.rows.share[self.near[0]] @ (1 - self.apart[self.near]) ** 2)

    def reach(self, change: Margins) -> float:
        """Return the length of a step at which the first thresholds meet, ∞ if none do; `change` has length one."""
        closing = change.apart < 0
        return float(np.min(self.apart[closing] / -change.apart[closing], initial=np.inf))


def coefficients(theta: Array) -> Array:
    """Return B of theta: the intercepts as they are, the slopes as sums of their steps."""
    B = theta.copy()
    B[:, 1:] = theta[:, 1:].cumsum(axis=0)
    return B


def ordinal_rows(X: Array, y: Index, weight: Array | None = None) -> OrdinalRows:
    """Return the rows of X (n, d) with codes y (n,), all of 0 … K-1 present, K >= 2, and weights (n,) or None.

    A column that does not vary becomes zero.
    """
    order = np.argsort(y, kind="stable")
    share = np.full(len(y), 1.0) if weight is None else np.asarray(weight, dtype=np.float64)[order]
    share = share / share.sum()
    X = np.asarray(X, dtype=np.float64)[order]
    mean = share @ X
    deviation = np.sqrt(share @ np.square(X - mean))
    # a constant column has a mean, and so deviations, that are off by rounding
    varies = deviation > 1e-10 * np.abs(X).max(axis=0, initial=0.0)
    scale = np.where(varies, deviation, 1.0)
    A = np.column_stack([np.ones(len(X)), np.where(varies, (X - mean) / scale, 0.0)])
    ends = np.cumsum(np.bincount(y))
    starts = np.concatenate([[0], ends[:-1]])
    parts = tuple(slice(int(start), int(end)) for start, end in zip(starts, ends, strict=True))
    return OrdinalRows(A, share, parts, mean, scale)


def _gram(A: Array, weight: Array) -> Array:
    return np.asarray((A.T * weight) @ A)


def _tie(curve: Array, k: int, gram: Array) -> None:
    """Add the curvature of a function of η_{k+1} - η_k."""
    curve[k, :, k] += gram
    curve[k + 1, :, k + 1] += gram
    curve[k, :, k + 1] -= gram
    curve[k + 1, :, k] -= gram


def _sum_from_above(values: Array) -> None:
    """Add to every threshold what the thresholds above it have: a step of slopes moves all of them."""
    for k in range(len(values) - 1, 0, -1):
        values[k - 1] += values[k]
