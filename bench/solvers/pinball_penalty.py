"""Penalties on weights beside their pinball loss: none, a quadratic one, or their entropy.

Weights of B simplices with L learners each come as one array of shape (B L,), one simplex after another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bench.solvers.solution import Array


class Penalty(Protocol):
    """A convex P(w) >= 0 on `blocks` simplices."""

    @property
    def blocks(self) -> int:
        """B, the number of simplices."""
        ...

    def value(self, w: Array) -> float:
        """Return P(w)."""
        ...

    def gradient(self, w: Array) -> Array:
        """Return the gradient at w > 0, shape (B L,)."""
        ...

    def curvature(self, w: Array) -> Array | float:
        """Return the Hessian at w > 0, (B L, B L), or zero.

        It ties a weight to those of the same simplex, and to those of the same learner in the simplices beside it.
        """
        ...

    def least(self, c: Array, w: Array) -> float:
        """Return a lower bound of min_v c'v + P(v) on the simplices, sharp where w is the minimiser."""
        ...


@dataclass(frozen=True)
class Free:
    """P = 0 on one simplex."""

    blocks: int = 1

    def value(self, w: Array) -> float:  # noqa: ARG002 - there is no penalty
        """Return 0."""
        return 0.0

    def gradient(self, w: Array) -> Array:
        """Return zeros."""
        return np.zeros(len(w))

    def curvature(self, w: Array) -> float:  # noqa: ARG002 - it is flat
        """Return 0."""
        return 0.0

    def least(self, c: Array, w: Array) -> float:  # noqa: ARG002 - the bound is sharp without it
        """Return min_l c_l."""
        return float(c.min())


@dataclass(frozen=True)
class Quadratic:
    """P(w) = (w - m)'H(w - m) / 2 with H positive semidefinite, (B L, B L)."""

    H: Array
    m: Array
    blocks: int = 1

    def value(self, w: Array) -> float:
        """Return P(w)."""
        return float((w - self.m) @ self.H @ (w - self.m)) / 2

    def gradient(self, w: Array) -> Array:
        """Return H(w - m)."""
        return np.asarray(self.H @ (w - self.m))

    def curvature(self, w: Array) -> Array:  # noqa: ARG002 - it is the same everywhere
        """Return H."""
        return self.H

    def least(self, c: Array, w: Array) -> float:
        """Return the minimum of c'v plus the tangent of P at w, which lies below P."""
        slope = self.gradient(w)
        corners = (c + slope).reshape(self.blocks, -1).min(axis=1)
        return float(self.value(w) - slope @ w + corners.sum())


@dataclass(frozen=True)
class Entropy:
    """P(w) = λ Σ_l w_l ln(L w_l) on one simplex: the divergence of Kullback and Leibler from equal weights."""

    price: float
    blocks: int = 1

    def value(self, w: Array) -> float:
        """Return P(w); 0 ln 0 is 0."""
        positive = w[w > 0]
        return max(self.price * float(positive @ np.log(len(w) * positive)), 0.0)

    def gradient(self, w: Array) -> Array:
        """Return λ (ln(L w_l) + 1)."""
        return np.asarray(self.price * (np.log(len(w) * w) + 1))

    def curvature(self, w: Array) -> Array:
        """Return diag(λ / w_l)."""
        return np.diag(self.price / w)

    def least(self, c: Array, w: Array) -> float:  # noqa: ARG002 - the bound is sharp without it
        """Return min_v c'v + P(v) = -λ ln(mean_l exp(-c_l / λ))."""
        low = float(c.min())
        return low - self.price * float(np.log(np.exp((low - c) / self.price).mean()))


def towards_equal(price: float, size: int) -> Quadratic:
    """Return λ Σ_l (w_l - 1/L)²."""
    return Quadratic(2 * price * np.eye(size), np.full(size, 1 / size))


def tied(price: float, size: int, blocks: int) -> Quadratic:
    """Return λ Σ_k |w_k - w_(k+1)|² over neighbouring simplices."""
    step = np.diff(np.eye(blocks), axis=0)
    H = np.asarray(2 * price * np.kron(step.T @ step, np.eye(size)), dtype=np.float64)
    return Quadratic(H, np.zeros(blocks * size), blocks)
