"""What docs/leaderboards.md says of size, power and coverage, on small simulations with a fixed seed."""

import numpy as np
import pytest

from bench.report.comparison.verdicts import judge, verdict_words
from bench.stats.bootstrap import position_intervals, winner_stays, winner_stays_by_chance
from bench.stats.correlated_t import correlated_t
from bench.stats.draws import task_counts
from bench.stats.elo import elo
from bench.stats.holm import holm, holm_of_pairs
from bench.stats.pairwise_wins import games
from bench.stats.ranks import average_ranks
from bench.stats.sign_flips import max_t
from bench.stats.wilcoxon import wilcoxon

pytestmark = pytest.mark.slow
LEADER = 2.0 * np.eye(6)[0]
"""The first of six methods is better by two standard deviations of the noise."""


def names(tasks, board):
    return [f"{board} {t}" for t in range(tasks)]


def normal(rng, *shape):
    return rng.normal(size=shape)


def heavy(rng, *shape):
    return rng.standard_t(3, size=shape) / np.sqrt(3)


@pytest.mark.parametrize("noise", [normal, heavy])
@pytest.mark.parametrize("strength", [np.zeros(6), LEADER], ids=["all equal", "one better"])
def test_max_t_keeps_the_family_wise_error(noise, strength):
    """Over all pairs of equals, also beside a method that is better: 0.05 and three deviations of 300 boards."""
    rng = np.random.default_rng(1)
    equal = np.triu(strength[:, None] == strength[None, :], 1)
    tables = [noise(rng, 8, 6) - strength for _ in range(300)]
    wrong = [(max_t(table, names(8, board))[equal] < 0.05).any() for board, table in enumerate(tables)]
    assert np.mean(wrong) <= 0.09


def test_max_t_finds_at_eight_tasks_what_wilcoxon_with_holm_cannot():
    rng = np.random.default_rng(2)
    tables = [normal(rng, 8, 6) - LEADER for _ in range(150)]
    flipped = np.mean([max_t(table, names(8, board))[0, 1:] < 0.05 for board, table in enumerate(tables)])
    assert 0.35 < flipped < 0.6
    assert not any((holm_of_pairs(wilcoxon(table))[0, 1:] < 0.05).any() for table in tables)


def test_ranks_see_more_where_the_scales_of_tasks_differ():
    rng = np.random.default_rng(3)
    tables = [(normal(rng, 12, 6) - LEADER) * rng.lognormal(sigma=2, size=(12, 1)) for _ in range(60)]
    by_t, by_ranks = (
        np.mean([max_t(table, names(12, board), statistic)[0, 1:] < 0.05 for board, table in enumerate(tables)])
        for statistic in ("max-t", "signed-rank")
    )
    assert by_ranks > by_t + 0.2


def test_elo_intervals_cover_under_heavy_tails():
    rng, strength = np.random.default_rng(4), np.linspace(0, 1.2, 8)

    def points(tasks, board, draws):
        played = games(heavy(rng, tasks, 8) - strength, np.arange(tasks))
        return elo(played, task_counts(names(tasks, board), draws), anchor=0)

    truth = points(20_000, 0, 0).points
    found = [points(12, board, 400) for board in range(60)]
    assert np.mean([(each.lo <= truth) & (truth <= each.hi) for each in found], axis=0)[1:].mean() >= 0.88


def test_position_intervals_cover_the_true_order():
    rng, truth = np.random.default_rng(5), np.arange(1, 9)
    found = [
        position_intervals(average_ranks(normal(rng, 12, 8) + 1.2 * truth / 7), task_counts(names(12, board)))
        for board in range(100)
    ]
    assert np.mean([(each.lo <= truth) & (truth <= each.hi) for each in found]) >= 0.92


@pytest.mark.parametrize("methods", [3, 8])
def test_the_winner_among_equals_stays_as_often_as_chance_says_on_half_of_the_boards(methods):
    rng = np.random.default_rng(6)
    ranks = [average_ranks(normal(rng, 12, methods)) for _ in range(100)]
    counts = [task_counts(names(12, board)) for board in range(100)]
    chance = np.median([winner_stays_by_chance(ranks[board], counts[board], rng) for board in range(3)])
    above = [winner_stays(table, count) > chance for table, count in zip(ranks, counts, strict=True)]
    assert 0.33 < np.mean(above) < 0.67


def test_seeds_that_count_as_folds_make_the_test_within_a_task_err():
    """Ten random splits with a third tested: scores of two splits hang together by ρ, seeds of one split even more."""
    rng, rho = np.random.default_rng(7), 1 / 3
    shared = np.sqrt(rho) * normal(rng, 2000, 1, 1)
    found = shared + np.sqrt(1 - rho) * normal(rng, 2000, 10, 1) + 0.3 * normal(rng, 2000, 10, 3)
    averaged = correlated_t(found.mean(axis=2).T, rho).p < 0.05
    counted = correlated_t(found.reshape(2000, -1).T, rho).p < 0.05
    assert averaged.mean() <= 0.065  # 0.05 and three deviations
    assert counted.mean() > averaged.mean() + 0.02


@pytest.mark.parametrize("methods", [1, 8])
@pytest.mark.parametrize(
    ("harm", "least", "most"),
    [
        (lambda rng, shape: rng.normal(size=shape), 0.01, 0.05),
        (lambda rng, shape: rng.exponential(size=shape) - 1, 0.0, 0.02),
        (lambda rng, shape: 1 - rng.exponential(size=shape), 0.06, 0.4),
    ],
    ids=["symmetric", "rare losses", "rare gains"],
)
def test_the_paired_test_of_a_gate_keeps_its_promise_unless_gains_are_rare_and_great(harm, least, most, methods):
    values = harm(np.random.default_rng(8), (2000 * methods, 6))
    bound = np.zeros(len(values))
    found = judge(values.reshape(-1), np.repeat(np.arange(len(values)), 6), bound, 0.95)
    corrected = np.concatenate([holm(p) for p in found.p.reshape(2000, methods)])
    fails = verdict_words(found, corrected, bound, 0.95).reshape(2000, methods) == "worse"
    assert least <= fails.any(axis=1).mean() <= most
