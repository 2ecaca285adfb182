"""Tables, games, effect sizes and headroom, by hand and against naive code."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.stats import ranks, tables
from bench.stats.effects import (
    hodges_lehmann,
    improvability,
    rank_biserial,
    relative_score,
)
from bench.stats.headroom import headroom
from bench.stats.pairwise_wins import games, preference

nan, inf = np.nan, np.inf
TASK = np.array(["b", "a", "a", "b", "a"])


def small():
    """Return tables of few values, so that ties are many, and some missing."""
    values = st.sampled_from([0.0, 1.0, 2.0, 3.0, inf, nan])
    return st.tuples(st.integers(1, 8), st.integers(1, 5)).flatmap(lambda shape: arrays(float, shape, elements=values))


# tables


def test_every_task_counts_one_whatever_its_folds():
    weight = tables.task_weights(TASK)
    np.testing.assert_allclose(weight, [1 / 4, 1 / 6, 1 / 6, 1 / 4, 1 / 6])
    uneven = tables.task_weights(TASK, np.array([3.0, 1, 1, 1, 2]))
    np.testing.assert_allclose(uneven, [3 / 8, 1 / 8, 1 / 8, 1 / 8, 1 / 4])


def test_block_weights_and_task_weights_agree():
    blocks = pd.DataFrame({"task": TASK, "fold": [0, 0, 1, 1, 2]})
    weight = ranks.block_weights(blocks)
    np.testing.assert_allclose(tables.task_weights(TASK, weight), weight)


def test_a_task_with_a_missing_fold_has_no_mean_and_an_infinite_one_an_infinite_mean():
    values = np.array([[1.0, 1, 1], [2, nan, inf], [4, 1, 1], [3, 3, 3], [6, 6, 6]])
    np.testing.assert_allclose(tables.task_means(values, TASK), [[4, nan, inf], [2, 2, 2]])


def test_differences_have_no_float_noise():
    left, right = np.array([0.85, 0.75, 1e6 + 0.1, inf, -inf, nan, 1e-300]), np.array([0.80, 0.70, 1e6, inf, 1, 1, 0])
    found = tables.differences(left, right)
    assert found[0] == found[1] == 0.05
    np.testing.assert_array_equal(found[2:], [0.1, 0, -inf, nan, 1e-300])


def test_logs_exist_above_zero_only():
    np.testing.assert_array_equal(tables.logs(np.array([1.0, 0, -1, inf, nan])), [0, nan, nan, inf, nan])


def test_mean_ranks_leave_out_blocks_that_lack_a_method_but_not_for_one_that_never_answered():
    badness = np.array([[1.0, 2, nan], [2, 1, nan], [nan, 1, nan], [3, 3, nan]])
    task = np.array([0, 0, 1, 1])
    np.testing.assert_allclose(ranks.mean_ranks(badness, task), [1.5, 1.5, nan])
    np.testing.assert_allclose(ranks.task_ranks(badness, task), [[1.5, 1.5, nan], [1.5, 1.5, nan]])


@given(small())
def test_the_mean_of_task_ranks_is_the_mean_rank(badness):
    task = np.arange(len(badness)) % 3
    means = ranks.task_ranks(badness, task)
    expected = means.mean(axis=0) if len(means) else np.full(badness.shape[1], nan)
    np.testing.assert_allclose(ranks.mean_ranks(badness, task), expected)


# games


@given(small())
def test_games_by_loops(badness):
    rng = np.random.default_rng(0)
    task, weight = rng.integers(0, 3, len(badness)), rng.uniform(0.1, 1, len(badness))
    played = games(badness, task, weight)
    for t, name in enumerate(np.unique(task)):
        for i, j in np.ndindex(played.won.shape[1:]):
            rows = [b for b in np.flatnonzero(task == name) if not np.isnan(badness[b, [i, j]]).any()]
            outcome = [(badness[b, i] < badness[b, j]) + 0.5 * (badness[b, i] == badness[b, j]) for b in rows]
            expected = np.average(outcome, weights=weight[rows]) if rows and i != j else 0.0
            np.testing.assert_allclose(played.won[t, i, j], expected, atol=1e-12)
            assert played.met[t, i, j] == (bool(rows) and i != j)


def test_float_noise_is_a_tie_in_games_too():
    played = games(np.array([[0.1 + 0.2, 0.3]]), np.zeros(1))
    np.testing.assert_array_equal(preference(played), [[0, 0.5], [0.5, 0]])


# ratios of errors


def test_improvability_by_hand():
    errors = np.array([[1.0, 2, 4], [3, 3, 6]])
    np.testing.assert_allclose(improvability(errors, np.arange(2)), [0, 0.25, 0.625])
    # a perfect best, a failed rival
    np.testing.assert_allclose(improvability(np.array([[0.0, 2, inf, 0]]), np.zeros(1)), [0, 1, 1, 0])
    assert np.isnan(improvability(np.array([[-1.0, 2]]), np.zeros(1))).all()


def test_relative_score_is_a_geometric_mean_over_tasks():
    errors = np.array([[1.0, 2, 1], [1, 2, 1], [2, 1, nan]])
    task = np.array([0, 0, 1])
    np.testing.assert_allclose(relative_score(errors, 0, task), [1, 1, 1])
    turned = relative_score(errors, 1, task)
    np.testing.assert_allclose(turned, [1, 1, 0.5])


def test_ratios_with_zero_are_undefined_but_equals_are_equal():
    errors = np.array([[0.0, 0, 1, inf]])
    np.testing.assert_allclose(relative_score(errors, 0, np.zeros(1)), [1, 1, nan, nan])


# effect sizes


def test_rank_biserial_favours_what_is_lower_and_is_nan_without_pairs():
    low, high = np.array([1.0, 2, 3]), np.array([4.0, 6, 8])
    assert rank_biserial(low, high) == 1
    assert rank_biserial(high, low) == -1
    assert rank_biserial(low, low) == 0
    assert np.isnan([rank_biserial(low[:0], low[:0]), hodges_lehmann(low * nan)]).all()


def test_rank_biserial_by_hand():
    # differences -1 3 0 -4: ranks 2 3 1 4
    assert rank_biserial(np.array([0.0, 3, 5, 0]), np.array([1.0, 0, 5, 4])) == (6 - 3) / 10


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_hodges_lehmann_by_loops_and_by_bisection(n, monkeypatch):
    d = np.random.default_rng(n).normal(size=n).round(1)
    expected = np.median([(d[i] + d[j]) / 2 for i in range(n) for j in range(i, n)])
    np.testing.assert_allclose(hodges_lehmann(d), expected, atol=1e-14)
    monkeypatch.setattr("bench.stats.effects.BY_PAIRS", 0)
    np.testing.assert_allclose(hodges_lehmann(d), expected, atol=1e-14)


def test_hodges_lehmann_of_infinite_differences():
    assert np.isnan(hodges_lehmann(np.array([-inf, 0, inf])))
    assert hodges_lehmann(np.array([0.0, 0, 0, inf])) == 0


# headroom


def test_headroom_by_hand():
    baseline, oracle = np.array([2.0, 10, 1]), np.array([1.0, 9, 1])
    loss = np.array([[2.0, 1, 1.5], [10, 9, 11], [1, 1, 1.2]])
    found = headroom(loss, baseline, oracle)
    np.testing.assert_allclose(found.gap, [0.5, 0.1, 0])
    np.testing.assert_allclose(found.each, [[0, 1, 0.5], [0, 1, -1], [nan, nan, nan]])
    np.testing.assert_allclose(found.closed, [0, 1, (0.25 - 0.1) / 0.6])


def test_next_to_no_gap_moves_nothing():
    baseline, oracle = np.array([1.0, 1.0]), np.array([0.5, 1 - 1e-7])
    found = headroom(np.array([[0.75], [1.001]]), baseline, oracle)
    assert found.each[1, 0] < -1000
    np.testing.assert_allclose(found.closed, [0.5], atol=0.003)


def test_headroom_without_a_gap_or_a_loss_is_unknown():
    one = np.ones(1)
    for loss, baseline, oracle in [(1, 1, 1), (1, -1, -2), (1, nan, 1), (nan, 2, 1), (1, inf, 1)]:
        assert np.isnan(headroom(np.array([[float(loss)]]), baseline * one, oracle * one).closed).all()
    assert headroom(np.array([[inf]]), 2 * one, one).closed[0] == -inf
