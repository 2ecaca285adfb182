"""Letters, positions, and whether an order is real."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from bench.stats import letters as module
from bench.stats.bootstrap import percentiles, position_intervals, winner_stays, winner_stays_by_chance
from bench.stats.draws import draw_hash, task_counts
from bench.stats.letters import letters
from bench.stats.ranks import positions
from bench.stats.stability import agreement, fold_correlation, folds_needed, kendall

nan, inf = np.nan, np.inf


def rng():
    return np.random.default_rng(5)


def symmetric(K, share, seed):
    apart = np.random.default_rng(seed).random((K, K)) < share
    return np.triu(apart, 1) | np.triu(apart, 1).T


def shares_a_letter(found):
    return np.array([[bool(set(a) & set(b)) for b in found] for a in found])


# letters


@given(arrays(bool, st.integers(1, 8).map(lambda K: (K, K))), st.randoms(use_true_random=False))
def test_two_share_a_letter_if_and_only_if_they_are_alike(different, random):
    apart = np.triu(different, 1) | np.triu(different, 1).T
    order = list(range(len(apart)))
    random.shuffle(order)
    found = letters(apart, np.array(order))
    np.testing.assert_array_equal(shares_a_letter(found), ~apart)
    assert "a" in found[order[0]]
    used = sorted(set("".join(found)))
    assert used == [chr(97 + k) for k in range(len(used))]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_letters_of_twenty_methods(share):
    apart = symmetric(20, share, 0)
    found = letters(apart, np.arange(20))
    assert len(set("".join(found))) <= 52
    np.testing.assert_array_equal(shares_a_letter(found), ~apart)


def test_letters_of_a_chain():
    # neighbours are alike, others are not
    apart = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) > 1
    assert letters(apart, np.arange(5)) == ["a", "ab", "bc", "cd", "d"]


def test_letters_by_hand_after_piepho():
    # b differs from c alone: insertion makes two columns, nothing is absorbed
    apart = np.zeros((4, 4), dtype=bool)
    apart[1, 2] = True  # one side is enough
    assert letters(apart, np.array([0, 1, 2, 3])) == ["ab", "a", "b", "ab"]


def test_all_alike_all_different_and_left_out():
    assert letters(np.zeros((3, 3), dtype=bool), np.arange(3)) == ["a", "a", "a"]
    assert letters(~np.eye(3, dtype=bool), np.array([2, 0, 1])) == ["b", "c", "a"]
    assert letters(np.zeros((3, 3), dtype=bool), np.array([1])) == ["", "a", ""]
    assert letters(np.zeros((2, 2), dtype=bool), np.array([], dtype=int)) == ["", ""]


def test_where_groups_are_too_many_a_cover_takes_their_place(monkeypatch):
    apart = symmetric(14, 0.4, 1)
    monkeypatch.setattr(module, "MOST_COLUMNS", 0)
    np.testing.assert_array_equal(shares_a_letter(letters(apart, np.arange(14))), ~apart)


def test_sixty_different_methods_have_sixty_names():
    found = letters(~np.eye(60, dtype=bool), np.arange(60))
    assert len(set(found)) == 60
    assert found[25:28] == ["z", "Aa", "Ab"]
    assert len(set(module._letter_names(900))) == 900


# bootstraps


def draws_of(N, draws=300):
    return task_counts([f"t{k}" for k in range(N)], draws)


def test_a_draw_takes_the_task_that_its_hash_names():
    names = ["bundled:iris", "openml:37", "x"]
    taken = draw_hash(5, names).astype(float) * 3 // 2**32
    expected = [[(row == task).sum() for task in range(3)] for row in taken]
    np.testing.assert_array_equal(task_counts(names, 5), expected)


@pytest.mark.parametrize(("K", "share"), [(3, 0.70), (8, 0.56)])
def test_by_chance_the_winner_of_equals_stays_more_often_than_not(K, share):
    """The medians that an audit found for six tasks."""
    ranks = stats.rankdata(rng().normal(size=(6, K)), axis=1)
    found = winner_stays_by_chance(ranks, draws_of(6, 1000), np.random.default_rng(1))
    np.testing.assert_allclose(found, share, atol=0.05)


def test_counts_draw_as_many_tasks_as_there_are():
    counts = draws_of(9, 500)
    assert counts.shape == (500, 9)
    assert (counts.sum(axis=1) == 9).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.15)


def test_percentiles_leave_out_what_is_not_known():
    values = np.c_[np.arange(101.0), np.where(np.arange(101) < 51, np.arange(101), nan), np.full(101, nan)]
    found = percentiles(values, 0.8)
    np.testing.assert_allclose(found.lo, [10, 5, nan])
    np.testing.assert_allclose(found.hi, [90, 45, nan])


def test_positions_are_those_of_redrawn_boards():
    ranks = stats.rankdata(rng().normal(size=(8, 4)) + np.arange(4) / 2, axis=1)
    counts = draws_of(8, 300).astype(int)
    found = position_intervals(ranks, counts, level=0.9)
    each = np.array([positions(np.repeat(ranks, count, axis=0).mean(axis=0)) for count in counts], dtype=float)
    np.testing.assert_array_equal(found.lo, np.quantile(each, 0.05, axis=0, method="inverted_cdf"))
    np.testing.assert_array_equal(found.hi, np.quantile(each, 0.95, axis=0, method="inverted_cdf"))
    first = each == 1
    won = ranks.mean(axis=0).argmin()
    expected = (first[:, won] / first.sum(axis=1)).mean()
    np.testing.assert_allclose(winner_stays(ranks, counts), expected)


def test_ties_share_the_first_place_in_every_draw():
    ranks = np.full((6, 3), 2.0)
    found = position_intervals(ranks, draws_of(len(ranks)))
    np.testing.assert_array_equal([found.lo, found.hi], 1)
    assert winner_stays(ranks, draws_of(len(ranks))) == 1  # there are three winners, and one of them is always first


def test_no_interval_under_six_tasks():
    found = position_intervals(np.ones((5, 2)), draws_of(5))
    assert np.isnan([found.lo, found.hi]).all()
    assert found.reason == "too few tasks: 5, needed 6"
    assert np.isnan(winner_stays(np.ones((5, 2)), draws_of(5)))


def test_a_method_without_ranks_has_no_position():
    ranks = np.c_[np.ones(7), np.full(7, nan), 2 * np.ones(7)]
    found = position_intervals(ranks, draws_of(len(ranks)))
    np.testing.assert_array_equal(found.hi, [1, nan, 2])
    assert winner_stays(ranks, draws_of(len(ranks))) == 1


# stability


@given(arrays(float, (2, 6), elements=st.sampled_from([0.0, 1, 2, 3])))
def test_tau_is_that_of_scipy(both):
    expected = stats.kendalltau(*both).statistic if np.ptp(both, axis=1).all() else nan
    np.testing.assert_allclose(kendall(*both), expected, atol=1e-12)


def test_tau_of_missing_and_of_too_few():
    np.testing.assert_allclose(kendall(np.array([1, 2, nan, 3]), np.array([1, 3, 0, 2])), 1 / 3)
    assert np.isnan(kendall(np.array([1.0]), np.array([1.0])))
    found = agreement({"elo": np.arange(3), "borda": np.arange(3), "kemeny": -np.arange(3)})
    assert found == {("elo", "borda"): 1, ("elo", "kemeny"): -1, ("borda", "kemeny"): -1}


def test_fold_correlation_by_loops():
    badness, task = rng().integers(0, 5, size=(14, 6)).astype(float), np.repeat([0, 1, 2, 3], [3, 5, 1, 5])
    badness[4] = 2  # all tie
    badness[13, 0] = nan
    each = []
    for name in range(4):
        folds = [b for b in np.flatnonzero(task == name) if b not in {4, 13}]
        pairs = [(a, b) for a in folds for b in folds if a < b]
        each += [np.mean([stats.spearmanr(badness[a], badness[b]).statistic for a, b in pairs])] if pairs else []
    assert len(each) == 3
    np.testing.assert_allclose(fold_correlation(badness, task), np.mean(each))


def test_folds_that_agree_or_are_alone():
    assert fold_correlation(np.tile([1.0, 2, 3], (4, 1)), np.zeros(4)) == pytest.approx(1)
    assert np.isnan(fold_correlation(rng().normal(size=(4, 3)), np.arange(4)))
    assert np.isnan(fold_correlation(np.ones((4, 3)), np.zeros(4)))


def reliability(rho, k):
    """Return the Spearman-Brown reliability of the mean over k folds."""
    return k * rho / (1 + (k - 1) * rho)


@given(st.floats(0.01, 0.99), st.floats(0.5, 0.99))
def test_so_many_folds_are_enough_and_one_less_is_not(rho, wanted):
    k = folds_needed(rho, wanted)
    assert reliability(rho, k) >= wanted - 1e-9
    assert k == 1 or reliability(rho, k - 1) < wanted


def test_folds_needed_at_the_ends():
    assert folds_needed(0.5) == 9  # Spearman-Brown: 9 × 0.5 / (1 + 8 × 0.5) = 0.9
    assert (folds_needed(1.0), folds_needed(0.0), folds_needed(-0.2)) == (1, inf, inf)
    assert np.isnan(folds_needed(nan))
