"""The linear ordering problem: put methods in a row so that as little margin as possible points backwards.

`margin` (K, K) holds whole numbers, margin_ij = -margin_ji; putting j before i costs max(margin_ij, 0).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from bench.core.nouns import Array

CUT_TOLERANCE = 1e-6
"""A triangle is broken beyond this; bounds are trusted to this share of the largest margin."""

AT_ONCE = 2000
"""Triangles added to the program in one round, the most broken first."""

NODES = 2_000
"""Branches at most; a clock would make the order depend on the machine."""

SolvedOrder = tuple[list[int], float, bool]


def cost(margin: Array, order: list[int]) -> float:
    """Return the margin that points backwards."""
    return float(np.maximum(np.tril(margin[np.ix_(order, order)], -1), 0).sum())


def integer_program(margin: Array) -> SolvedOrder:
    """Return a best order, a lower bound of its cost, and whether they meet.

        minimise Σ_{i<j} -margin_ij x_ij,  0 <= x_ij + x_jk - x_ik <= 1 for i < j < k,  x_ij = 1 if i is before j

    Only broken triangles are added, first to the linear program, and where no order reaches its bound, to the integer
    program; orders read from solutions are mended by the local search. Source: Grötschel, Jünger and Reinelt (1984), A
    cutting plane algorithm for the linear ordering problem.
    """
    number = _pair_numbers(len(margin))
    c = margin[np.triu_indices(len(margin), 1)]
    scale, least = float(max(np.abs(c).max(), 1)), float(np.maximum(c, 0).sum())
    best, bound, whole = climb(margin)[0], 0.0, False
    x, rows = (c > 0).astype(float), [np.zeros((0, 3), dtype=int)]
    while True:
        best = min(best, _climb_from(margin, _read_order(x, len(margin))), key=lambda order: cost(margin, order))
        broken = _broken_triangles(x, number)
        if bound >= cost(margin, best) or (whole and not len(broken)):
            break
        whole = whole or not len(broken)
        rows.append(broken)
        found = _solve_program(-c / scale, np.concatenate(rows), int(whole))
        reached = -np.inf if found.x is None else found.mip_dual_bound if whole else found.fun
        bound = max(bound, np.ceil(scale * (reached - CUT_TOLERANCE) + least))  # costs are whole numbers
        if found.status != 0:  # the branches are used up
            break
        x = found.x
    exact = cost(margin, best) - bound <= 2 * CUT_TOLERANCE * scale
    return best, cost(margin, best) if exact else bound, bool(exact)


def _pair_numbers(K: int) -> Array:
    """Return the number of the variable of each pair i < j, shape (K, K)."""
    number = np.zeros((K, K), dtype=int)
    number[np.triu_indices(K, 1)] = np.arange(K * (K - 1) // 2)
    return number


def _solve_program(c: Array, triangles: Array, integrality: int) -> Any:
    """Solve the program with these triangles, columns (ij, jk, ik)."""
    entries = np.tile([1.0, 1.0, -1.0], len(triangles))
    at = np.repeat(np.arange(len(triangles)), 3)
    matrix = csr_array((entries, (at, triangles.ravel())), shape=(len(triangles), len(c)))
    constraint = LinearConstraint(matrix, 0, 1)
    options: Any = {"mip_rel_gap": 0.0, "node_limit": NODES}
    return milp(
        c, integrality=np.full(len(c), integrality), bounds=Bounds(0, 1), constraints=constraint, options=options
    )


def _broken_triangles(x: Array, number: Array) -> Array:
    """Return the variables (ij, jk, ik) of the triangles that x breaks, the most broken first."""
    full, K = _to_square(x, len(number)), len(number)
    i, j, k = (part.ravel() for part in np.meshgrid(*(np.arange(K),) * 3, indexing="ij"))
    ordered = (i < j) & (j < k)
    i, j, k = i[ordered], j[ordered], k[ordered]
    value = full[i, j] + full[j, k] - full[i, k]
    off = np.maximum(-value, value - 1)
    worst = np.argsort(-off, kind="stable")[:AT_ONCE]
    worst = worst[off[worst] > CUT_TOLERANCE]
    return np.column_stack([number[i, j], number[j, k], number[i, k]])[worst]


def _to_square(x: Array, K: int) -> Array:
    """Return the variables as a table (K, K), zero below the diagonal."""
    full = np.zeros((K, K))
    full[np.triu_indices(K, 1)] = x
    return full


def _read_order(x: Array, K: int) -> list[int]:
    """Return the order by how many rivals a method is before; ties keep the given order."""
    full = _to_square(x, K)
    full += np.tril(1 - full.T, -1)
    # six decimals, as `TOLERANCE`: what the solver leaves below them is a tie
    return [int(i) for i in np.argsort(-full.sum(axis=1).round(6), kind="stable")]


def climb(margin: Array) -> SolvedOrder:
    """Return the better of two local optima, a lower bound that ignores cycles, and whether they meet.

    Starts are the orders by Borda and by Copeland; then the one method is moved whose move gains most, as long as one
    gains. The bound is zero: every pair at the least it can cost.
    """
    starts = [margin.sum(axis=1), (margin > 0).sum(axis=1) - (margin < 0).sum(axis=1)]
    orders = [[int(i) for i in np.argsort(-score, kind="stable")] for score in starts]
    best = min((_climb_from(margin, order) for order in orders), key=lambda order: cost(margin, order))
    return best, 0.0, cost(margin, best) == 0


def _climb_from(margin: Array, order: list[int]) -> list[int]:
    """Move one method after the other to a better place, while there is one."""
    place = np.array(order, dtype=int)
    while True:
        gains = _gains(margin[np.ix_(place, place)])
        start, end = np.unravel_index(int(np.argmin(gains)), gains.shape)
        if gains[start, end] >= 0:
            return [int(i) for i in place]
        moved, kept = place[start], np.delete(place, start)
        place = np.insert(kept, end, moved)


def _gains(sorted_margin: Array) -> Array:
    """Return the change of the cost (K, K) when the method at place p is moved to place q."""
    running = np.cumsum(sorted_margin, axis=1)
    own = np.diag(running)[:, None]
    earlier = np.concatenate([np.zeros((len(running), 1), dtype=running.dtype), running[:, :-1]], axis=1)
    q = np.arange(len(running))
    right = running - own  # it falls behind p+1 … q
    left = -(own - earlier)  # it goes before q … p-1, whose margins it had on the wrong side
    return np.where(q[None, :] > q[:, None], right, left)
