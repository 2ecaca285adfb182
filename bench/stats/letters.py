"""Compact letter display: methods that cannot be told apart share a letter."""

from __future__ import annotations

from itertools import product
from string import ascii_letters

import numpy as np

from bench.core.nouns import Array

MOST_COLUMNS = 300
"""Columns held at a time; where the algorithm would need more, a cover of cliques takes its place."""


def letters(different: Array, order: Array) -> list[str]:
    """Return the letters of each method, such that two share one if and only if they are not different.

    `different` (K, K) marks pairs that are told apart (a pair without a p-value is not); `order` lists the methods that
    get letters, from the best, which has an "a"; others get an empty text. Insert and absorb: start with one column
    that holds all methods; for every pair that differs, split each column that holds both into two without one of
    them; drop columns within others, and at the end those without which all pairs that are alike still share one. So
    each letter is a largest set of methods that are alike. Where 52 are not enough, a letter after `z` is a capital and
    small ones, `Aa`. Source: Piepho (2004), An algorithm for a letter-based representation of all-pairwise comparisons.
    """
    order = np.asarray(order, dtype=int)
    apart = np.asarray(different, dtype=bool)[np.ix_(order, order)]
    apart = (apart | apart.T) & ~np.eye(len(order), dtype=bool)
    columns = _insert_absorb(apart)
    columns = _drop_needless(_cover(apart) if columns is None else columns, len(order))
    names = _letter_names(len(columns))
    found = [""] * len(different)
    for place, method in enumerate(order):
        found[method] = "".join(name for name, column in zip(names, columns, strict=True) if place in column)
    return found


def _insert_absorb(apart: Array) -> list[frozenset[int]] | None:
    """Return the largest sets without a pair that differs, or None if they become too many.

    A set is a number whose bits are its members. No column lies within another, so that only new halves can.
    """
    columns = [(1 << len(apart)) - 1]
    for i, j in zip(*(side.tolist() for side in np.nonzero(np.triu(apart))), strict=True):
        pair = 1 << i | 1 << j
        kept = [column for column in columns if column & pair != pair]
        halves = sorted({column & ~(1 << k) for column in columns if column & pair == pair for k in (i, j)})
        rivals = kept + halves
        columns = kept + [half for half in halves if not any(half & ~other == 0 for other in rivals if other != half)]
        if len(columns) > MOST_COLUMNS:
            return None
    return [frozenset(k for k in range(len(apart)) if column >> k & 1) for column in columns]


def _cover(apart: Array) -> list[frozenset[int]]:
    """Return sets without a pair that differs that hold every other pair: greedily, from the best method on."""
    columns: list[frozenset[int]] = []
    for i, j in product(range(len(apart)), repeat=2):
        if i <= j and not apart[i, j] and not any(i in column and j in column for column in columns):
            members = [i, j]
            members += [k for k in range(len(apart)) if k not in members and not apart[k, members].any()]
            # a method may differ from one that was added before it
            columns.append(_without_conflict(members, apart))
    return columns


def _without_conflict(members: list[int], apart: Array) -> frozenset[int]:
    """Return the members, each left out that differs from one before it."""
    kept: list[int] = []
    for member in members:
        if not apart[member, kept].any():
            kept.append(member)
    return frozenset(kept)


def _drop_needless(columns: list[frozenset[int]], K: int) -> list[frozenset[int]]:
    """Drop columns all of whose pairs share another letter, from the worst on; sort by the best members."""
    columns = sorted(columns, key=sorted)
    shared = sum((_pairs(column, K) for column in columns), np.zeros((K, K), dtype=int))
    kept = []
    for column in reversed(columns):
        rest = shared - _pairs(column, K)
        if (rest[_pairs(column, K) > 0] > 0).all():
            shared = rest
        else:
            kept.append(column)
    return kept[::-1]


def _pairs(column: frozenset[int], K: int) -> Array:
    """Return a table (K, K) of the pairs within a column."""
    inside = np.zeros(K, dtype=int)
    inside[list(column)] = 1
    return np.outer(inside, inside)


def _letter_names(count: int) -> list[str]:
    """Return so many letters: a … z, A … Z, or where that is not enough a … z, Aa, Ab and so on."""
    if count <= len(ascii_letters):
        return list(ascii_letters[:count])
    small, capital = ascii_letters[:26], ascii_letters[26:]
    size = 1
    while 26 * 26**size < count - 26:
        size += 1
    long = ("".join(parts) for parts in product(capital, *[small] * size))
    return [*small, *(next(long) for _ in range(count - 26))]
