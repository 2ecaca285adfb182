"""Borda, Copeland and Kemeny against all orders tried one by one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.stats import kemeny as module
from bench.stats.borda import borda_two_level, copeland
from bench.stats.kemeny import kemeny
from bench.stats.linear_order import climb, cost, integer_program
from bench.stats.pairwise_wins import games, preference

nan = np.nan


def prefer(badness):
    badness = np.asarray(badness, dtype=float)
    return preference(games(badness, np.arange(len(badness))))


def brute(table):
    """Return the least distance and the mean places over all orders that have it."""
    orders = np.array(list(permutations(range(len(table)))))
    distance = np.array([np.tril(table[np.ix_(order, order)], -1).sum() for order in orders])
    best = orders[distance < distance.min() + 1e-9]
    return distance.min(), (np.argsort(best, axis=1) + 1).mean(axis=0)


def tournament(K, seed, size=3):
    margin = np.triu(np.random.default_rng(seed).integers(-size, size + 1, size=(K, K)), 1)
    return (margin - margin.T).astype(np.int64)


def small_tables():
    shape = st.tuples(st.integers(1, 5), st.integers(2, 5))
    return shape.flatmap(lambda shape: arrays(float, shape, elements=st.sampled_from([0.0, 1.0, 2.0, nan])))


# Borda and Copeland


def test_two_levels_by_hand():
    # task 0: mean ranks 1.5 1.5 3, so 1.5 1.5 3; task 1: ranks 3 2 1 twice and 1 2 3 once, means 7/3 2 5/3, so 3 2 1
    badness = np.array([[1.0, 2, 3], [2, 1, 3], [3, 2, 1], [3, 2, 1], [1, 2, 3]])
    task = np.array([0, 0, 1, 1, 1])
    np.testing.assert_allclose(borda_two_level(badness, task), [2.25, 1.75, 2])


def test_ties_share_ranks_whatever_the_order_of_columns():
    badness = np.zeros((4, 3))
    np.testing.assert_array_equal(borda_two_level(badness, np.arange(4) // 2), [2, 2, 2])


def test_missing_methods_and_blocks():
    badness = np.array([[1.0, nan, 2], [2, nan, 1], [3, nan, nan]])
    np.testing.assert_allclose(borda_two_level(badness, np.arange(3)), [1.5, nan, 1.5])


def test_copeland_by_hand():
    table = prefer([[1, 2, 3, nan], [1, 3, 2, nan], [3, 1, 2, nan]])
    np.testing.assert_allclose(copeland(table), [1, 0.5, 0, nan])


# Kemeny


@given(small_tables())
def test_kemeny_is_the_best_of_all_orders(badness):
    table = prefer(badness)
    met = (table + table.T).any(axis=1)
    found = kemeny(table)
    assert found.exact
    assert np.array_equal(np.isnan(found.rank), ~met)
    if met.any():
        least, places = brute(table[np.ix_(met, met)])
        np.testing.assert_allclose([found.distance, found.bound], least, atol=1e-9)
        distinct_rows = {tuple(row) for row in (table - table.T)[met]}
        if len(distinct_rows) == met.sum():
            np.testing.assert_allclose(found.rank[met], places)


@pytest.mark.parametrize("seed", range(10))
def test_kemeny_of_seven_methods_with_folds(seed):
    rng = np.random.default_rng(seed)
    task = rng.integers(0, 4, 12)
    table = preference(games(rng.normal(size=(12, 7)), task))
    least, places = brute(table)
    found = kemeny(table)
    np.testing.assert_allclose([found.distance, found.bound], least, atol=1e-7)
    np.testing.assert_allclose(found.rank, places)


def test_a_condorcet_winner_is_first_though_borda_says_otherwise():
    table = prefer([[1, 2, 3]] * 3 + [[2, 3, 1]] * 0 + [[3, 1, 2]] * 2)  # a beats b 3:2 and c 3:2
    assert kemeny(table).order[0] == 0


def test_a_cycle_is_shared_and_so_are_ties():
    cycle = kemeny(prefer([[1, 2, 3], [3, 1, 2], [2, 3, 1]]))
    np.testing.assert_allclose(cycle.rank, [2, 2, 2])
    assert sorted(cycle.order) == [0, 1, 2]
    tied = kemeny(prefer(np.zeros((3, 40))))
    np.testing.assert_allclose(tied.rank, 20.5)
    assert tied.exact


def test_equals_share_their_place_in_large_groups_too():
    badness = np.random.default_rng(0).normal(size=(3, 30))
    badness[:, 7] = badness[:, 21]
    found = kemeny(prefer(badness))
    assert found.rank[7] == found.rank[21]
    assert found.rank.sum() == 30 * 31 / 2


@pytest.mark.parametrize("exact_to", [0, 40])
def test_columns_may_stand_in_any_order(exact_to):
    rng = np.random.default_rng(3)
    badness = rng.normal(size=(9, 30))
    order = rng.permutation(30)
    one, two = (kemeny(prefer(table), exact_to) for table in (badness, badness[:, order]))
    assert one.distance == two.distance
    np.testing.assert_array_equal(order[two.order], one.order)


@pytest.mark.parametrize("seed", range(4))
def test_subsets_and_the_integer_program_agree(seed, monkeypatch):
    badness = np.random.default_rng(seed).normal(size=(4, 13))
    whole = kemeny(prefer(badness))
    monkeypatch.setattr(module, "BY_SUBSETS", 2)
    parts = kemeny(prefer(badness))
    assert whole.exact
    assert parts.exact
    np.testing.assert_allclose([parts.distance, parts.bound], whole.distance)


@pytest.mark.parametrize("seed", range(12))
def test_the_integer_program_is_exact_on_tournaments(seed):
    margin = tournament(6 + seed % 2, seed)
    order, bound, exact = integer_program(margin)
    least = min(cost(margin, list(one)) for one in permutations(range(len(margin))))
    assert exact
    assert cost(margin, order) == bound == least


def test_a_program_without_branches_left_says_so(monkeypatch):
    monkeypatch.setattr("bench.stats.linear_order.NODES", 0)
    margin = tournament(24, 5, size=1)
    order, bound, exact = integer_program(margin)
    assert sorted(order) == list(range(24))
    assert bound <= cost(margin, order)
    assert exact == (bound == cost(margin, order))


@pytest.mark.parametrize("K", [7, 60])
def test_the_local_search_cannot_be_mended_by_one_move(K):
    margin = tournament(K, K)
    order, bound, _ = climb(margin)
    reached = cost(margin, order)
    assert bound <= reached
    for start in range(K):
        rest = order[:start] + order[start + 1 :]
        assert all(cost(margin, [*rest[:end], order[start], *rest[end:]]) >= reached for end in range(K))


def test_many_methods_get_a_bound_and_no_promise():
    badness = np.random.default_rng(0).normal(size=(3, 120))
    found = kemeny(prefer(badness))
    assert not found.exact
    assert 0 < found.bound <= found.distance
    assert sorted(found.order) == list(range(120))
    np.testing.assert_allclose(found.distance, np.tril(prefer(badness)[np.ix_(found.order, found.order)], -1).sum())
