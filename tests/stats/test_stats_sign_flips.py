"""Step-down max-|t| over sign flips: against a naive loop, under a null, and repeatable by any program."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from bench.stats.draws import draw_hash, flips
from bench.stats.sign_flips import STATISTICS, max_t

GOLDEN = [[1734571953, 1019481683], [2008674764, 3300693810], [452428691, 198153484]]
NAMES = [f"task {t}" for t in range(200)]


def drawn(T, K, seed=0, shift=0.0):
    table = np.random.default_rng(seed).normal(size=(T, K))
    table[:, 0] -= shift
    return table


def naive(table):
    """Romano and Wolf's steps, one flip and one pair at a time."""
    T, K = table.shape
    pairs = list(combinations(range(K), 2))
    every = [np.array([1, *rest]) for rest in product([1, -1], repeat=T - 1)]

    def t_of(pair, signs):
        d = signs * (table[:, pair[0]] - table[:, pair[1]])
        return abs(ttest_1samp(d, 0).statistic)

    observed = {pair: t_of(pair, np.ones(T)) for pair in pairs}
    left = sorted(pairs, key=lambda pair: -observed[pair])
    p, least = np.ones((K, K)), 0.0
    while left:
        largest = [max(t_of(pair, signs) for pair in left) for signs in every]
        least = max(least, np.mean(np.array(largest) >= observed[left[0]] * (1 - 1e-9)))
        i, j = left.pop(0)
        p[i, j] = p[j, i] = least
    return p


@pytest.mark.parametrize("seed", range(3))
def test_p_values_are_those_of_a_naive_loop(seed):
    table = drawn(6, 3, seed, shift=seed)
    np.testing.assert_allclose(max_t(table, NAMES[:6]), naive(table), rtol=1e-12)


def test_six_tasks_can_tell_methods_apart_and_five_cannot():
    table = drawn(6, 3, shift=50.0)
    p = max_t(table, NAMES[:6])
    np.testing.assert_allclose([p[0, 1], p[0, 2]], 1 / 32)
    assert np.isnan(max_t(table[:5], NAMES[:5])).all()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_units_order_and_names_of_methods_change_nothing(statistic):
    table, order = drawn(9, 5, shift=1.0), np.array([3, 0, 4, 1, 2])
    p = max_t(table, NAMES[:9], statistic)
    np.testing.assert_array_equal(max_t(1e200 * table, NAMES[:9], statistic), p)
    np.testing.assert_array_equal(max_t(table[:, order], NAMES[:9], statistic), p[np.ix_(order, order)])
    np.testing.assert_array_equal(p, p.T)


def test_a_pair_uses_the_tasks_that_both_have():
    table = drawn(8, 3, shift=30.0)
    table[:3, 2] = np.nan
    p = max_t(table, NAMES[:8])
    assert np.isnan(p[0, 2])
    assert p[0, 1] < 0.05


def test_equal_methods_and_equal_differences_have_no_spread():
    table = np.ones((8, 3)) * [1.0, 1.0, 2.0]
    p = max_t(table, NAMES[:8])
    assert p[0, 1] == 1
    np.testing.assert_allclose(p[0, 2], 1 / 128)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_family_wise_error_is_kept(statistic):
    """Twelve tasks, five equal methods: any pair is told apart in about one of twenty tables."""
    above = np.triu_indices(5, 1)
    wrong = [(max_t(drawn(12, 5, seed), NAMES[:12], statistic)[above] < 0.05).any() for seed in range(200)]
    assert np.mean(wrong) <= 0.09  # 0.05 and two and a half deviations of 200 tables


def test_draws_are_a_documented_hash_of_number_and_name():
    """Golden numbers, so that another program can check its own."""
    np.testing.assert_array_equal(
        draw_hash(3, ["bundled:iris", "openml:37"]),
        np.array(GOLDEN, dtype=np.uint32),
    )
    signs = flips(NAMES)
    assert signs.shape == (4096, 200)
    np.testing.assert_array_equal(signs[0], np.ones(200))
    np.testing.assert_array_equal(flips(NAMES[::-1])[:, ::-1], signs)
    np.testing.assert_allclose(np.abs(signs.mean(axis=0)), 0, atol=4 / 64)


def test_all_flips_of_few_tasks_are_taken_once():
    signs = flips(NAMES[:7])
    assert len({tuple(row) for row in signs}) == len(signs) == 64
    assert (signs[:, 0] == 1).all()
