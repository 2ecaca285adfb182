"""Tests of significance against published figures, scipy, scikit-posthocs, autorank and baycomp."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from makers.boards import C45, C45_M, DEMSAR_RANKS
from scipy import stats

from bench.stats import bayes, wilcoxon
from bench.stats.bayes import bayesian_signed_rank
from bench.stats.correlated_t import correlated_t
from bench.stats.friedman import friedman, iman_davenport, nemenyi
from bench.stats.holm import holm_of_pairs
from bench.stats.student import central_quantile, two_sided_p
from bench.stats.tables import differences, logs
from bench.stats.wilcoxon import signed_rank

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import autorank._util
    import baycomp
    import scikit_posthocs

nan, inf = np.nan, np.inf


def board(N=15, K=4, seed=0):
    return np.random.default_rng(seed).normal(size=(N, K)) + 0.5 * np.arange(K)


# Friedman and Nemenyi


def test_demsar_2006():
    found = friedman(DEMSAR_RANKS)
    np.testing.assert_allclose(DEMSAR_RANKS.mean(axis=0), [3.143, 2.000, 2.893, 1.964], atol=5e-4)
    np.testing.assert_allclose(found.plain, 9.28, atol=0.02)  # he sums rounded ranks
    np.testing.assert_allclose(iman_davenport(9.28, 14, 4)[0], 3.69, atol=0.005)
    np.testing.assert_allclose(stats.f.isf(0.05, 3, 39), 2.85, atol=0.005)
    np.testing.assert_allclose(nemenyi(DEMSAR_RANKS).difference, 1.25, atol=0.005)
    np.testing.assert_allclose(nemenyi(DEMSAR_RANKS, 0.10).difference, 1.12, atol=0.005)


@pytest.mark.parametrize("digits", [0, 6])
def test_friedman_is_that_of_scipy_with_ties(digits):
    table = board().round(digits)
    found = friedman(table)
    np.testing.assert_allclose([found.chi2, found.p_chi2], stats.friedmanchisquare(*table.T))
    np.testing.assert_allclose([found.F, found.p], iman_davenport(found.chi2, 15, 4))
    assert (found.N, found.K, found.reason) == (15, 4, "")


def test_friedman_where_all_agree_and_where_all_tie():
    agreed = friedman(np.tile([1.0, 2, 3], (6, 1)))
    assert inf == agreed.F
    np.testing.assert_allclose(agreed.p, 6.0**-5)
    np.testing.assert_allclose(friedman(np.tile([1.0, 2, 2], (6, 1))).p, 3.0**-5)
    assert friedman(np.ones((8, 3))).reason == "all methods are tied on all tasks"
    assert np.isnan(friedman(np.ones((8, 3))).p)


def test_friedman_leaves_out_what_is_missing():
    table = board()
    table[3, 1] = nan
    kept = np.delete(table, 3, axis=0)
    assert friedman(table) == friedman(kept)
    never = np.c_[kept, np.full(len(kept), nan)]
    assert friedman(never) == friedman(kept)
    assert np.isnan(nemenyi(never).p[-1]).all()
    np.testing.assert_array_equal(nemenyi(never).p[:4, :4], nemenyi(table).p)


def test_no_inference_under_six_tasks_or_two_methods():
    assert friedman(board(5)).reason == nemenyi(board(5)).reason == "too few tasks: 5, needed 6"
    assert friedman(board(9, 1)).reason == nemenyi(board(9, 1)).reason == "fewer than two methods"
    assert np.isnan([friedman(board(5)).p, nemenyi(board(5)).difference]).all()


def test_nemenyi_is_that_of_scikit_posthocs_and_autorank():
    table = board(12, 6)
    np.testing.assert_allclose(nemenyi(table).p, scikit_posthocs.posthoc_nemenyi_friedman(table), atol=1e-9)
    peer = autorank._util._critical_distance
    np.testing.assert_allclose(nemenyi(table).difference, peer(0.05, 6, 12), rtol=1e-3)


# Wilcoxon and Holm


def test_demsar_2006_wilcoxon():
    found = signed_rank(differences(np.array(C45), np.array(C45_M)))
    assert (found.n, found.plus, found.minus) == (14, 12, 93)
    assert found.p < 0.05


@given(arrays(float, st.integers(1, 9), elements=st.sampled_from([-3.0, -2, -1, 0, 1, 2, 2.5, inf])))
def test_exact_p_counts_all_signs(d):
    ranks = stats.rankdata(np.abs(d))[d != 0]
    plus = stats.rankdata(np.abs(d))[d > 0].sum()
    sums = np.array([np.dot(signs, ranks) for signs in product([0, 1], repeat=len(ranks))])
    tail = min((sums <= plus + 1e-9).mean(), (sums >= plus - 1e-9).mean())
    np.testing.assert_allclose(signed_rank(d).p, min(1, 2 * tail))


@pytest.mark.parametrize("n", [6, 20, 50])
def test_exact_p_is_that_of_scipy(n):
    d = np.random.default_rng(n).normal(size=n) + 0.3
    np.testing.assert_allclose(signed_rank(d).p, stats.wilcoxon(d, method="exact").pvalue)


def test_the_normal_p_is_that_of_scipy_with_zeros_and_ties():
    d = (np.random.default_rng(0).normal(size=300) + 0.1).round(1)
    d[:20] = 0
    expected = stats.wilcoxon(d, zero_method="pratt", method="asymptotic").pvalue
    np.testing.assert_allclose(signed_rank(d).p, expected, rtol=1e-9)


def test_exact_and_normal_meet(monkeypatch):
    d = np.random.default_rng(4).normal(size=100).round(1) + 0.15
    exact = signed_rank(d).p
    monkeypatch.setattr(wilcoxon, "EXACT_RANKS", 0)
    np.testing.assert_allclose(exact, signed_rank(d).p, rtol=0.03)


def test_nothing_known_and_nothing_different():
    assert signed_rank(np.zeros(8))[2:] == (18, 1)
    assert np.isnan(signed_rank(np.array([nan])).p)


def test_all_pairs_and_holm_are_those_of_scikit_posthocs():
    table = board(14, 5)
    ours = wilcoxon.wilcoxon(table)
    long = pd.DataFrame(table).melt(var_name="method", value_name="value")
    for adjust, found in ((None, ours), ("holm", holm_of_pairs(ours))):
        peer = scikit_posthocs.posthoc_wilcoxon(long, "value", "method", p_adjust=adjust)
        np.testing.assert_allclose(found, peer, atol=1e-12)


def test_a_pair_needs_six_tasks_in_common():
    table = board(8, 4)
    table[:3, 1] = nan
    table[:, 3] = nan
    p = wilcoxon.wilcoxon(table)
    assert np.isfinite(p[0, 2])
    assert np.isnan(p[0, 1])
    assert np.isnan(p[3]).all()
    corrected = holm_of_pairs(p)
    assert corrected[0, 2] == p[0, 2] == corrected[2, 0]  # one pair, nothing to correct
    assert np.isnan(corrected[0, 1])


def test_pairs_do_not_depend_on_who_else_is_there():
    table = board(10, 5)
    np.testing.assert_array_equal(wilcoxon.wilcoxon(table)[:3, :3], wilcoxon.wilcoxon(table[:, :3]))


def test_log_ratios_do_not_see_units():
    table = np.exp(board(10, 4))
    scaled = table * np.logspace(-6, 6, 10)[:, None]
    np.testing.assert_allclose(wilcoxon.wilcoxon(logs(table)), wilcoxon.wilcoxon(logs(scaled)))


# Bayesian signed-rank


@pytest.mark.parametrize("rope", [0.0, 0.1, 0.4])
def test_bayes_is_that_of_baycomp(rope):
    table = np.random.default_rng(1).normal(size=(20, 2)) + np.array([0.25, 0])
    found = bayesian_signed_rank(table, rope, np.random.default_rng(0))
    peer = baycomp.SignedRankTest.probs(table[:, 0], table[:, 1], rope, nsamples=20_000, random_state=1)
    # baycomp's right: the second is higher, so the first is lower, and better here
    ours = (
        [found.better[1, 0], found.same[0, 1], found.better[0, 1]] if rope else [found.better[1, 0], found.better[0, 1]]
    )
    np.testing.assert_allclose(ours, peer, atol=0.02)
    np.testing.assert_allclose(found.better + found.better.T + found.same, [[nan, 1], [1, nan]])


def test_products_and_running_sums_agree(monkeypatch):
    table = board(12, 4).round(1)
    one = bayesian_signed_rank(table, 0.2, np.random.default_rng(0), draws=2000)
    monkeypatch.setattr(bayes, "BY_PRODUCT", 0)
    two = bayesian_signed_rank(table, 0.2, np.random.default_rng(0), draws=2000)
    np.testing.assert_allclose(one.better, two.better, atol=1e-3)
    np.testing.assert_allclose(one.same, two.same, atol=1e-3)


def test_equals_are_the_same_or_even():
    table = np.ones((8, 2))
    assert bayesian_signed_rank(table, 0.1, np.random.default_rng(0)).same[0, 1] == 1
    even = bayesian_signed_rank(table, 0.0, np.random.default_rng(0))
    assert even.better[0, 1] == even.better[1, 0] == 0.5


def test_pairs_with_missing_and_infinite_tasks():
    table = board(14, 4)
    table[0, 1], table[:10, 2], table[1, 3] = nan, nan, inf
    found = bayesian_signed_rank(table, 0.1, np.random.default_rng(0))
    assert np.isnan(found.better[2]).all()
    assert np.isfinite(found.better[[0, 1, 3], [1, 3, 0]]).all()
    short = bayesian_signed_rank(board(5), 0.1, np.random.default_rng(0))
    assert np.isnan(short.better).all()
    assert short.reason


# one task


@pytest.mark.parametrize("runs", [1, 3])
def test_the_correlated_t_test_is_that_of_baycomp(runs):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(2, 5 * runs)) * 0.1
    found = correlated_t(left - right, 1 / 5)
    sides = baycomp.CorrelatedTTest.probs(left, right, 0.0, runs)
    np.testing.assert_allclose(found.p, 2 * min(sides), atol=1e-12)


def test_the_correlated_t_test_along_many_pairs():
    d = np.stack(
        [np.zeros(5), np.full(5, 0.3), np.r_[0.1, np.full(4, nan)], [1, 2, 3, 4, nan], [1, 2, inf, 4, 5]], axis=1
    )
    found = correlated_t(d, 0.2)
    np.testing.assert_allclose(found.p[0], 1)
    assert np.isnan(found.p[[1, 2, 4]]).all()
    np.testing.assert_allclose(found.p[3], correlated_t(np.array([1.0, 2, 3, 4]), 0.2).p)


@given(st.floats(-50, 50), st.integers(1, 60))
def test_students_tail_is_that_of_scipy(t, df):
    found = two_sided_p(np.array([t, 0.0, np.inf]), np.array([df, df, df]))
    np.testing.assert_allclose(found, [2 * stats.t.sf(abs(t), df), 1, 0], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_students_central_quantiles_are_those_of_scipy(level):
    found = [central_quantile(level, df) for df in (1, 2, 3, 5, 10, 99, 1000)]
    np.testing.assert_allclose(found, stats.t.ppf((1 + level) / 2, [1, 2, 3, 5, 10, 99, 1000]), rtol=1e-9)
