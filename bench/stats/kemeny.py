"""Kemeny consensus: the order that disagrees least with the orders of all tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import connected_components

from bench.core.nouns import Array
from bench.stats.linear_order import climb, integer_program

MARGIN_GRID = 1e9
"""Margins are rounded to one part in 1e9 of the largest number of tasks, so that sums do not depend on their order."""

SLACK = 1000
"""Costs on that grid that differ by less are equal: a third of a fold has no exact number."""

BY_SUBSETS = 16
"""Groups up to this size are solved over all subsets, which also finds every best order."""

EXACT_TO = 40
"""Groups up to this size are solved exactly; above, a local search."""


class Kemeny(NamedTuple):
    """A consensus of K methods.

    `rank` (K,) is the mean place over all best orders, so that ties share it (NaN for a method that met no other);
    `order` one best order, as columns from the best; `distance` its disagreement and `bound` a lower bound, in tasks
    times pairs; `exact` whether the order is proven to be best.
    """

    rank: Array
    order: Array
    distance: float
    bound: float
    exact: bool


def kemeny(preference: Array, exact_to: int = EXACT_TO) -> Kemeny:
    """Return the Kemeny consensus of a preference table (K, K) from `games.preference`.

        minimise over orders  Σ preference_ji over pairs with i before j

    the sum over tasks of the Kendall distance, where a tie within a task costs a half either way (Kemeny, 1959,
    Mathematics without numbers). Steps:

    1. Methods with the same margins against all (so none between themselves) are made one: they share their place.
    2. The methods fall into groups such that each of a group beats each of every later one; every best order keeps
       the groups in this order (Truchon, 1998, An extension of the Condorcet criterion and Kemeny orders).
    3. A group of up to `BY_SUBSETS` is solved by dynamic programming over its subsets, all best orders counted, of
       which `order` is the first when methods are sorted by Borda.
    4. A larger one is split where strict majorities have no cycle. Parts up to `exact_to` are solved by an integer
       program (`linear_order`), exact to the tolerance of HiGHS, 1e-6 of the largest margin; larger ones by a local
       search. Of several best orders this finds one, led by Borda, not their mean.
    """
    K = len(preference)
    played = (preference + preference.T).sum(axis=1) > 0
    rank, inside = np.full(K, np.nan), np.flatnonzero(played)
    table = preference[np.ix_(inside, inside)]
    # whole numbers, so that equal margins are equal; 1e-300 where no method met another
    margin = np.rint(MARGIN_GRID * (table - table.T) / max(float((table + table.T).max(initial=0.0)), 1e-300)).astype(
        np.int64
    )
    members = _equal_groups(margin)
    first = np.array([group[0] for group in members], dtype=int)
    size = np.array([len(group) for group in members], dtype=np.int64)
    merged = margin[np.ix_(first, first)] * np.outer(size, size)
    place, found, excess, proven = _by_groups(merged, size, exact_to)
    for k, group in enumerate(members):
        rank[inside[group]] = place[k]
    order = np.array([inside[i] for k in found for i in members[k]], dtype=int)
    least = float(np.minimum(table, table.T).sum() / 2)
    distance = _distance(preference, order)
    missing = distance - least if proven.all() else excess * float((table + table.T).max(initial=0.0)) / MARGIN_GRID
    return Kemeny(rank, order, distance, min(least + missing, distance), bool(proven.all()))


def _distance(preference: Array, order: Array) -> float:
    """Return the disagreement of an order: for each pair, the tasks that prefer the later one."""
    return float(np.tril(preference[np.ix_(order, order)], -1).sum())


def _equal_groups(margin: Array) -> list[Array]:
    """Return the groups of methods with equal margins, the best by Borda first."""
    rows, group = np.unique(margin, axis=0, return_inverse=True) if len(margin) else (margin, np.zeros(0, dtype=int))
    group = group.reshape(-1)
    keys = [(-int(row.sum()), tuple(-np.sort(-row)), k) for k, row in enumerate(rows)]
    return [np.flatnonzero(group == k) for *_, k in sorted(keys)]


def _connected_groups(linked: Array) -> list[Array]:
    """Return the strongly connected groups of a relation, each sorted."""
    count, label = connected_components(linked, directed=True, connection="strong") if len(linked) else (0, linked)
    return [np.flatnonzero(label == k) for k in range(count)]


def _by_groups(margin: Array, size: Array, exact_to: int) -> tuple[Array, list[int], float, Array]:
    """Return mean places, an order, a bound of what it costs above the least of each pair, and what is proven."""
    groups = _connected_groups(margin >= 0)
    groups.sort(key=lambda group: -int((margin[group[0]] > 0).sum() - (margin[group[0]] < 0).sum()))
    place, order, bound, proven = np.zeros(len(size)), [], 0.0, [True]
    start = 0
    for group in groups:
        inner, sizes = margin[np.ix_(group, group)], size[group]
        solved = _average_all_best if len(group) <= BY_SUBSETS else _find_one_best
        where, found, least, sure = solved(inner, sizes, exact_to)
        place[group] = start + where
        order += [int(group[k]) for k in found]
        bound, start = bound + least, start + int(sizes.sum())
        proven.append(sure)
    return place, order, bound, np.array(proven)


def _places(order: list[int], size: Array) -> Array:
    """Return the mean place of each, where the members of one share their places."""
    place = np.empty(len(size))
    ends = np.cumsum(size[order])
    place[order] = ends - (size[order] - 1) / 2
    return place


def _find_one_best(margin: Array, size: Array, exact_to: int) -> tuple[Array, list[int], float, bool]:
    """Split a group where strict majorities have no cycle, and solve the parts."""
    parts = _connected_groups(margin > 0)
    order: list[int] = []
    bound, proven = 0.0, True
    while parts:
        others = [np.concatenate([part for part in parts if part is not one] or [one[:0]]) for one in parts]
        free = [k for k, one in enumerate(parts) if not (margin[np.ix_(others[k], one)] > 0).any()]
        part = parts.pop(min(free, key=lambda k: (-margin[parts[k]].sum(axis=1).mean(), int(parts[k][0]))))
        found, least, sure = _order_part(margin[np.ix_(part, part)], exact_to)
        order += [int(part[k]) for k in found]
        bound, proven = bound + least, proven and sure
    return _places(order, size), order, bound, proven


def _order_part(margin: Array, exact_to: int) -> tuple[list[int], float, bool]:
    """Order one part: over subsets, by an integer program, or by local search."""
    if len(margin) <= BY_SUBSETS:
        _, found, least, _ = _average_all_best(margin, np.ones(len(margin), dtype=np.int64), exact_to)
        return found, least, True
    return (integer_program if len(margin) <= exact_to else climb)(margin)


def _average_all_best(margin: Array, size: Array, exact_to: int) -> tuple[Array, list[int], float, bool]:
    """Return the mean places over all best orders, the first best order, and its cost above the least of each pair.

    best[S] is the least cost of putting the set S first: min over its last member i of best[S - i] + Σ_{j in S - i}
    max(margin_ij, 0); S is a number whose bits are its members. `ways` counts the best orders of S, `rest` the best
    completions of S.
    """
    K = len(margin)
    full = (1 << K) - 1
    into = _subset_sums(np.maximum(margin, 0))
    layers = _layers(K)
    best, ways = np.full(1 << K, np.iinfo(np.int64).max), np.zeros(1 << K)
    best[0], ways[0] = 0, 1.0
    for layer in layers[1:]:
        for _, S, _, cost in _steps(layer, K, best, into):
            best[S] = np.minimum(best[S], cost)
        for _, S, before, cost in _steps(layer, K, best, into):
            ways[S] += np.where(cost <= best[S] + SLACK, ways[before], 0.0)
    rest, share = np.zeros(1 << K), np.zeros(K)
    rest[full] = 1.0
    ahead = _subset_sums(size[None, :])[0]
    for layer in layers[:0:-1]:
        for i, S, before, cost in _steps(layer, K, best, into):
            through = np.where(cost <= best[S] + SLACK, rest[S], 0.0)
            rest[before] += through
            share[i] += (through * ways[before] * (ahead[before] + (size[i] + 1) / 2)).sum()
    return share / ways[full], _first_order(best, into, rest, K), float(best[full]), True


def _steps(layer: Array, K: int, best: Array, into: Array) -> Iterator[tuple[int, Array, Array, Array]]:
    """Yield, for each last member i: the sets of the layer that have it, these without it, and their cost."""
    for i in range(K):
        S = layer[(layer >> i) & 1 == 1]
        before = S ^ (1 << i)
        yield i, S, before, best[before] + into[i][before]


def _subset_sums(values: Array) -> Array:
    """Return Σ_{j in S} values_ij for every set S, shape (rows, 2^K)."""
    sums = np.zeros((len(values), 1), dtype=np.int64)
    for column in values.T:
        sums = np.concatenate([sums, sums + column[:, None]], axis=1)
    return sums


def _layers(K: int) -> list[Array]:
    """Return the sets of each size 0 … K."""
    sets = np.arange(1 << K)
    count = _subset_sums(np.ones((1, K), dtype=np.int64))[0]
    return [sets[count == size] for size in range(K + 1)]


def _first_order(best: Array, into: Array, rest: Array, K: int) -> list[int]:
    """Return the first of the best orders."""
    order: list[int] = []
    S = 0
    while len(order) < K:
        free = [i for i in range(K) if not S >> i & 1]
        i = next(i for i in free if rest[S | 1 << i] > 0 and best[S] + into[i][S] <= best[S | 1 << i] + SLACK)
        order, S = [*order, i], S | 1 << i
    return order
