"""Every statistic on tables that nobody wants: no crash, no number where there is none, no favour by place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.stats import (
    bayes,
    bootstrap,
    borda,
    correlated_t,
    effects,
    friedman,
    pairwise_wins,
    ranks,
    stability,
    tables,
    wilcoxon,
)
from bench.stats.draws import task_counts
from bench.stats.elo import elo
from bench.stats.headroom import headroom
from bench.stats.holm import holm_of_pairs
from bench.stats.kemeny import kemeny
from bench.stats.letters import letters

nan, inf = np.nan, np.inf

RANDOM = np.random.default_rng(0).normal(size=(12, 4))
TABLES = {
    "no row": np.zeros((0, 3)),
    "no column": np.zeros((8, 0)),
    "nothing at all": np.zeros((0, 0)),
    "one cell": np.ones((1, 1)),
    "one task": RANDOM[:1],
    "one method": RANDOM[:, :1],
    "two methods": RANDOM[:, :2],
    "all missing": np.full((8, 3), nan),
    "all tied": np.ones((8, 3)),
    "all infinite": np.full((8, 3), inf),
    "one infinite": np.where(np.arange(4) == 2, inf, RANDOM),
    "both infinities": np.where(np.arange(12)[:, None] < 2, [[inf, -inf, 0, 1]], RANDOM),
    "one never there": np.where(np.arange(4) == 1, nan, RANDOM),
    "never together": np.where((np.arange(12)[:, None] + np.arange(4)) % 4 == 0, RANDOM, nan),
    "half missing": np.where((np.arange(12)[:, None] + np.arange(4)) % 2 == 0, RANDOM, nan),
    "tiny": RANDOM * 1e-310,
    "huge": RANDOM * 1e307,
    "zeros": RANDOM * 0,
    "positive": np.exp(RANDOM),
}


def everything(badness, task):
    """Return every number that a board may ask for, by name, one (or one row) a method."""
    K = badness.shape[1]
    rng = np.random.default_rng
    played = pairwise_wins.games(badness, task)
    preferred = pairwise_wins.preference(played)
    counts = task_counts([f"t{k}" for k in np.unique(task)], 30)
    points, consensus = elo(played, counts), kemeny(preferred)
    within = ranks.task_ranks(badness, task)
    place = bootstrap.position_intervals(within, counts)
    means = tables.task_means(badness, task)
    p = wilcoxon.wilcoxon(means)
    posterior = bayes.bayesian_signed_rank(means, 0.1, rng(0), draws=30)
    order = np.argsort(ranks.mean_ranks(badness, task), kind="stable")
    assert len(letters(holm_of_pairs(p) < 0.05, order)) == K
    friedman.friedman(means)
    stability.fold_correlation(badness, task)
    bootstrap.winner_stays(within, counts)
    correlated_t.correlated_t(badness, 0.2)
    found = {
        "mean_rank": ranks.mean_ranks(badness, task), "elo": points.points, "elo_lo": points.lo, "elo_hi": points.hi,
        "kemeny": consensus.rank, "borda": borda.borda_two_level(badness, task), "copeland": borda.copeland(preferred),
        "position_lo": place.lo, "position_hi": place.hi, "improvability": effects.improvability(badness, task),
    }  # fmt: skip
    if K:
        tail = {
            "relative": effects.relative_score(badness, 0, task),
            "headroom": headroom(means, means[:, 0], means[:, -1]).closed,
            "hodges_lehmann": np.array([effects.hodges_lehmann(tables.differences(c, means[:, 0])) for c in means.T]),
            "biserial": np.array([effects.rank_biserial(c, means[:, 0]) for c in means.T]),
        }
        found |= tail
    assert p.shape == posterior.better.shape == friedman.nemenyi(means).p.shape == (K, K)
    assert all(np.shape(value) == (K,) for value in found.values())
    return found


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("tasks", [1, 3, 100])
def test_nothing_crashes(name, tasks):
    table = TABLES[name]
    found = everything(table, np.arange(len(table)) % tasks)
    never = np.isnan(table).all(axis=0)
    for column, value in found.items():
        assert np.isnan(value[never]).all(), column
    if min(tasks, len(table)) < 6:
        assert np.isnan([found["elo_lo"], found["elo_hi"], found["position_lo"]]).all()


@pytest.mark.parametrize("name", ["all tied", "all infinite", "zeros"])
def test_what_is_tied_is_equal_everywhere(name):
    found = everything(TABLES[name], np.arange(len(TABLES[name])))
    for column, value in found.items():
        assert len(np.unique(value)) == 1, column


@given(arrays(float, st.tuples(st.integers(1, 8), st.integers(2, 4)), elements=st.sampled_from([0.5, 1, 2, inf, nan])))
def test_the_order_of_methods_and_blocks_is_no_matter(badness):
    rng = np.random.default_rng(len(badness))
    task = rng.integers(0, 7, len(badness))
    rows, columns = rng.permutation(len(badness)), rng.permutation(badness.shape[1])
    one, two = everything(badness, task), everything(badness[rows][:, columns], task[rows])
    against_first = {"relative", "headroom", "hodges_lehmann", "biserial"}
    for name in set(one) - against_first:
        np.testing.assert_allclose(one[name][columns], two[name], atol=1e-5, err_msg=name)


def test_a_method_that_fails_does_not_gain():
    rng = np.random.default_rng(2)
    badness = np.exp(rng.normal(size=(20, 4)))
    failed = badness.copy()
    failed[badness[:, 0] > np.median(badness[:, 0]), 0] = inf  # its bad tasks
    task = np.arange(20)
    before, after = everything(badness, task), everything(failed, task)
    for name in ("mean_rank", "borda", "improvability"):
        assert after[name][0] >= before[name][0], name
    for name in ("elo", "copeland"):
        assert after[name][0] <= before[name][0], name


def test_a_hundred_thousand_rows():
    rng = np.random.default_rng(0)
    badness = rng.normal(size=(100_000, 3))
    task = np.arange(100_000) % 50
    found = {
        "mean_rank": ranks.mean_ranks(badness, task),
        "elo": elo(pairwise_wins.games(badness, task), np.empty((0, 50))).points,
    }
    np.testing.assert_allclose(found["mean_rank"], 2, atol=0.02)
    np.testing.assert_allclose(found["elo"], 1000, atol=5)
    assert abs(stability.fold_correlation(badness, task)) < 0.01


def test_a_hundred_thousand_tasks():
    rng = np.random.default_rng(0)
    badness = rng.normal(size=(100_000, 2))
    assert wilcoxon.wilcoxon(badness)[0, 1] > 0.001
    assert abs(effects.hodges_lehmann(badness[:, 0] - badness[:, 1])) < 0.05
    shares = bayes.bayesian_signed_rank(badness, 0.5, rng, draws=20)
    assert shares.same[0, 1] == 1  # 38 % of the Walsh means lie inside, 31 % on each side
