"""Positive systems: one of them, or G x = 1 on many sets of learners, one after another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dposv, dpotrs, dtrtrs

from bench.solvers.solution import Array, Index

FACTOR_RIDGE = 1e-14
"""Added to the diagonal before a factorisation, relative to it; one step of refinement takes it out again."""

GROWTH = 12
"""How often the ridge may grow, a hundredfold each time."""

LARGE = 250
"""From so many learners on, the factor of a set is kept for the sets near it; a smaller set is factored anew."""

MOST_LEFT_OUT = 8
"""A set near the kept one leaves out one learner of so many at most; a new one counts twice."""

MOST_RESIDUAL = 1e-6
"""The residual that a solution by way of another set's factor may leave; one step of refinement squares it."""


def solve_positive(gram: Array, ridge: Array, right: Array) -> Array:
    """Solve G x = right by Cholesky with one refinement; the ridge grows until the factor exists."""
    return _factor_and_solve(gram, ridge, right)[1]


def _factor_and_solve(gram: Array, ridge: Array, right: Array) -> tuple[Array, Array]:
    """Return the lower Cholesky factor of G and the solution of G x = right."""
    for _ in range(GROWTH):
        shifted = gram.T.copy(order="F")
        shifted.ravel(order="K")[:: len(gram) + 1] += ridge
        lower, x, failed = dposv(shifted, right, lower=1, overwrite_a=1)
        if not failed:
            return lower, x + dpotrs(lower, right - gram @ x, lower=1)[0]
        ridge = 100 * ridge
    raise np.linalg.LinAlgError("the matrix is far from positive semidefinite, or not finite")


@dataclass(frozen=True)
class _Factor:
    """L with G = LL' for the learners in `order`, and Y = L⁻¹E, E the unit vectors of the places `out`."""

    order: Index
    lower: Array
    out: Index
    Y: Array


@dataclass
class ActiveSets:
    """Solutions of G x = 1 on sets of learners; `ridge` (L,) is added to the diagonal of G (L, L) where it is factored.

    The last large factor is kept. A set near its own needs no factorisation: new learners are appended to the factor,
    and others are left out, by way of the Schur complement (Gill, Murray, Saunders & Wright, 1990, A
    Schur-complement method for sparse quadratic programming).
    """

    gram: Array
    ridge: Array
    kept: _Factor | None = None

    def part(self, support: Index) -> Array:
        """Return G of the support, without a copy if that is all of it."""
        whole = len(support) == len(self.gram)
        return self.gram if whole else self.gram.take(support, axis=0).take(support, axis=1)

    def solve(self, support: Index) -> Array:
        """Return x on the support, which is sorted, with G x = 1 there."""
        if len(support) < LARGE:
            return solve_positive(self.part(support), self.ridge[support], np.ones(len(support)))
        members = np.zeros(len(self.gram), dtype=bool)
        members[support] = True
        factor = self._find_near(members, len(support))
        x = None if factor is None else self._solve_through(factor, members)
        return self._factor(support) if x is None else x[support]

    def _factor(self, support: Index) -> Array:
        """Solve on the support and keep its factor."""
        lower, x = _factor_and_solve(self.part(support), self.ridge[support], np.ones(len(support)))
        self._keep(support, lower)
        return x

    def _keep(self, order: Index, lower: Array) -> _Factor:
        self.kept = _Factor(order, lower, np.zeros(0, dtype=np.intp), np.zeros((len(order), 0)))
        return self.kept

    def _find_near(self, members: Array, count: int) -> _Factor | None:
        """Return a factor that has all members and few other learners, or None."""
        missing = members.copy()
        if self.kept is not None:
            missing[self.kept.order] = False
            new, size = missing.nonzero()[0], len(self.kept.order)
            if size + 2 * len(new) - count <= size / MOST_LEFT_OUT:
                return self._append(self.kept, new) if len(new) else self.kept
        if len(members) - count > len(members) / (2 * MOST_LEFT_OUT):
            return None
        # a set of nearly all learners: the factor of all serves it, and whatever follows
        self._factor(np.arange(len(members)))
        return self.kept

    def _append(self, kept: _Factor, new: Index) -> _Factor:
        """Append some learners to the kept factor."""
        size, rows = len(kept.order), self.gram.take(new, axis=0)
        side = dtrtrs(kept.lower, rows.take(kept.order, axis=1).T, lower=1)[0]
        lower = np.zeros((size + len(new), size + len(new))).T
        lower[:size, :size], lower[size:, :size] = kept.lower, side.T
        corner = rows.take(new, axis=1) - side.T @ side
        lower[size:, size:] = _factor_and_solve(corner, self.ridge[new], np.ones(len(new)))[0]
        return self._keep(np.concatenate((kept.order, new)), lower)

    def _solve_through(self, factor: _Factor, members: Array) -> Array | None:
        """Solve with x = 0 for all learners that are no members, or return None where that is inexact.

        L'x is L⁻¹1 less its projection on the columns of Y.
        """
        inside = members[factor.order]
        Y = self._leave_out(factor, np.logical_not(inside)).Y
        cross = Y.T @ Y

        def solve_members(right: Array) -> Array:
            t = dtrtrs(factor.lower, right[factor.order], lower=1)[0]
            if len(cross):
                t -= Y @ solve_positive(cross, FACTOR_RIDGE * cross.diagonal(), Y.T @ t)
            x = np.zeros(len(members))
            x[factor.order] = np.where(inside, dtrtrs(factor.lower, t, lower=1, trans=1)[0], 0)
            return x

        x = solve_members(members.astype(np.float64))
        lack = np.where(members, 1 - self.gram @ x, 0)
        return x + solve_members(lack) if np.abs(lack).max() <= MOST_RESIDUAL else None

    def _leave_out(self, factor: _Factor, outside: Array) -> _Factor:
        """Return the factor with the Y of all places outside, and keep it."""
        stays = outside[factor.out]
        fresh = outside.copy()
        fresh[factor.out] = False
        out, Y, new = factor.out[stays], factor.Y[:, stays], fresh.nonzero()[0]
        if len(new):
            unit = np.zeros((len(new), len(outside))).T
            unit[new, np.arange(len(new))] = 1
            added = dtrtrs(factor.lower, unit, lower=1, overwrite_b=1)[0]
            out, Y = np.concatenate((out, new)), np.concatenate((Y, added), axis=1)
        self.kept = _Factor(factor.order, factor.lower, out, Y)
        return self.kept
