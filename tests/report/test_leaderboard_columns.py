"""Every column of a leaderboard against another way to the same number."""

from __future__ import annotations

from functools import partial
from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import boards
from makers.boards import C45, C45_M, DEMSAR_RANKS
from scipy import stats
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from bench.cli.printing import describe_alike
from bench.core.nouns import BenchError
from bench.report import leaderboards
from bench.report.leaderboards import leaderboard, pairwise_table, table_of, to_csv
from bench.report.leaderboards.significance import omnibus, pair_noise
from bench.report.leaderboards.significance import pairwise as pairs_of
from bench.stats.elo import POINTS, RIDGE
from bench.stats.friedman import iman_davenport

pytestmark = pytest.mark.slow  # the whole file takes half a minute or more

nan, inf = np.nan, np.inf

board_of = partial(boards.board_of, replication="split")
standings = partial(leaderboards.standings, replication="split")
"""Most naive ways here are those of splits; what ranks tasks is held against the board of their means."""


def long(values, metric="rmse", methods="abcdefgh", **more):
    """Return a table of scores from values (tasks, folds, methods), or (tasks, methods); NaN rows are left out."""
    values = np.asarray(values, dtype=float)
    values = values[:, None, :] if values.ndim == 2 else values
    task, fold, method = (axis.ravel() for axis in np.indices(values.shape))
    rows = pd.DataFrame({
        "task": [f"t{k:03}" for k in task], "fold": fold, "method": np.array(list(methods), dtype=object)[method],
        "metric": metric, "value": values.ravel(),
    })  # fmt: skip
    return rows[rows["value"].notna()].assign(**more)


def uneven(T=8, F=4, K=5, seed=0, digits=None):
    """Return errors (T, F, K) whose tasks have 1 to F folds, NaN beyond; rounded ones have ties."""
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(size=(T, F, K)) * 0.3 + np.arange(K) * 0.1 + rng.normal(size=(T, 1, 1)))
    values = values if digits is None else values.round(digits)
    return np.where(np.arange(F)[:, None] < (1 + np.arange(T) % F)[:, None, None], values, nan)


def standing_of(scores, **how):
    (one,) = standings(scores, **how)
    return one


def blocks_of(values):
    """Yield each task as an array of its whole folds (folds, methods)."""
    for one in values:
        yield one[~np.isnan(one).any(axis=1)]


TABLES = {"continuous": uneven(), "ties": uneven(seed=1, digits=0), "one fold": uneven(T=12, F=1, K=4, seed=2)}


# order and wins


@pytest.mark.parametrize("name", TABLES)
def test_mean_ranks_are_those_of_pandas(name):
    values = TABLES[name]
    expected = np.mean([pd.DataFrame(one).rank(axis=1).mean() for one in blocks_of(values)], axis=0)
    found = board_of(long(values))
    np.testing.assert_allclose(found["mean_rank"], expected, rtol=1e-13)
    np.testing.assert_array_equal(found["position"], pd.Series(expected.round(9)).rank(method="min"))


@pytest.mark.parametrize("name", TABLES)
def test_win_rates_by_loops(name):
    values, K = TABLES[name], TABLES[name].shape[2]
    expected = [
        np.mean([
            np.mean([(one[:, i] < one[:, j]) + 0.5 * (one[:, i] == one[:, j]) for j in range(K) if j != i])
            for one in blocks_of(values)
        ])
        for i in range(K)
    ]  # fmt: skip
    np.testing.assert_allclose(board_of(long(values))["win_rate"], expected, rtol=1e-10)


def wins(values):
    """Return the share of folds in which i beats j, ties half, summed over tasks."""
    K = values.shape[2]
    won = np.zeros((K, K))
    for one in blocks_of(values):
        for i, j in permutations(range(K), 2):
            won[i, j] += np.mean((one[:, i] < one[:, j]) + 0.5 * (one[:, i] == one[:, j]))
    return won


@pytest.mark.parametrize("name", TABLES)
def test_elo_is_the_maximum_that_scipy_and_sklearn_find(name):
    won = wins(TABLES[name])
    K = len(won)

    def loss(theta):
        gap = theta[:, None] - theta[None, :]
        return (won * np.logaddexp(0, -gap)).sum() + RIDGE / 2 * (theta**2).sum()

    theta = minimize(loss, np.zeros(K), method="BFGS", options={"gtol": 1e-9}).x
    found = board_of(long(TABLES[name]))["elo"]
    np.testing.assert_allclose(found, 1000 + POINTS * theta, atol=0.01)
    ordered = list(permutations(range(K), 2))
    X = np.array([np.eye(K)[i] - np.eye(K)[j] for i, j in ordered])
    weight = np.array([won[i, j] for i, j in ordered]) / 2
    y = np.r_[np.ones(len(X)), np.zeros(len(X))]
    model = LogisticRegression(C=1 / RIDGE, fit_intercept=False, tol=1e-10, max_iter=2000)
    strength = model.fit(np.r_[X, -X], y, np.r_[weight, weight]).coef_[0]
    np.testing.assert_allclose(found, 1000 + POINTS * (strength - strength.mean()), atol=0.01)


def test_the_baseline_has_1000_points_and_no_skill():
    found = board_of(long(TABLES["continuous"]), baseline="c")
    free = board_of(long(TABLES["continuous"]))
    assert found.loc["c", ["elo", "skill", "relative"]].tolist() == [1000, 0, 1]
    np.testing.assert_allclose(found["elo"] - free["elo"], 1000 - free.loc["c", "elo"], atol=1e-5)
    assert free["skill"].isna().all()


def test_a_baseline_that_nobody_is_called_is_refused():
    with pytest.raises(BenchError, match=r"'z'.*a, b"):
        leaderboard(long(TABLES["continuous"]), baseline="z")


def test_a_baseline_without_a_score_takes_no_points_from_the_others():
    scores = long(TABLES["continuous"])
    scores.loc[scores["method"] == "c", "value"] = nan
    found = board_of(scores, baseline="c")
    np.testing.assert_allclose(found["elo"].mean(), 1000)
    assert found["elo"].isna().tolist() == [False, False, True, False, False]
    assert found["skill"].isna().all()


# consensus


@pytest.mark.parametrize("name", TABLES)
def test_borda_kemeny_and_copeland_by_brute_force(name):
    values, found = TABLES[name], board_of(long(TABLES[name]))
    within = np.array([pd.DataFrame(one).rank(axis=1).mean() for one in blocks_of(values)])
    np.testing.assert_allclose(found["borda"], pd.DataFrame(within).round(9).rank(axis=1).mean(), rtol=1e-13)
    won = wins(values)
    orders = np.array(list(permutations(range(len(won)))))
    cost = np.array([sum(won[b, a] for a, b in combinations(order, 2)) for order in orders])
    best = orders[cost < cost.min() + 1e-9]
    np.testing.assert_allclose(found["kemeny"], (np.argsort(best, axis=1) + 1).mean(axis=0), rtol=1e-12)
    margin = (won - won.T).round(9)
    beaten = (margin > 0).sum(axis=1) + (margin == 0).sum(axis=1) / 2 - 0.5  # it ties with itself
    np.testing.assert_allclose(found["copeland"], beaten / (len(won) - 1), rtol=1e-13)


# what was published


def test_demsar_2006():
    scores = long(DEMSAR_RANKS, metric="rank", direction="min")
    found = board_of(scores)
    np.testing.assert_allclose(found["mean_rank"], [3.143, 2.000, 2.893, 1.964], atol=5e-4)
    np.testing.assert_allclose(found["borda"], found["mean_rank"])
    np.testing.assert_allclose(found["win_rate"], (4 - DEMSAR_RANKS.mean(axis=0)) / 3, rtol=1e-11)
    test = omnibus(standing_of(scores))
    np.testing.assert_allclose(test.plain, 9.28, atol=0.02)  # he sums rounded ranks
    np.testing.assert_allclose([test.chi2, test.p_chi2], stats.friedmanchisquare(*DEMSAR_RANKS.T))
    np.testing.assert_allclose([test.F, test.p], iman_davenport(test.chi2, 14, 4))


def test_two_classifiers_of_demsar_2006():
    scores = long(np.c_[C45, C45_M], metric="auroc")
    (pair,) = pairwise_table(leaderboards.standings(scores)).to_dict("records")
    d = np.array(C45) - np.array(C45_M)
    expected = stats.wilcoxon(d.round(3), zero_method="zsplit", method="approx", correction=False)
    assert (pair["tasks"], pair["wins_a"]) == (14, 3 / 14)  # two are won, two are tied
    assert pair["p"] == pair["p_holm"] < 0.05
    np.testing.assert_allclose(pair["p"], expected.pvalue, atol=0.01)
    found = board_of(scores)
    np.testing.assert_allclose(found["mean_score"], [np.mean(C45), np.mean(C45_M)])
    np.testing.assert_allclose(found["median_score"], [np.median(C45), np.median(C45_M)])
    assert found["letters"].tolist() == ["b", "a"]


# sizes


@pytest.mark.parametrize("name", TABLES)
def test_improvability_and_skill_by_hand(name):
    values = TABLES[name] + 1
    found = board_of(long(values), baseline="b")
    each = [(1 - one.min(axis=1, keepdims=True) / one).mean(axis=0) for one in blocks_of(values)]
    np.testing.assert_allclose(found["improvability"], np.mean(each, axis=0), rtol=1e-12, atol=1e-15)
    ratio = np.exp(np.mean([np.log(one / one[:, [1]]).mean(axis=0) for one in blocks_of(values)], axis=0))
    np.testing.assert_allclose(found["relative"], ratio, rtol=1e-12)
    np.testing.assert_allclose(found["skill"], 1 - ratio, atol=1e-12)


def test_scores_that_are_best_at_one_have_errors():
    values = np.array([[0.5, 0.75, 1.0], [0.9, 0.6, 0.8]])
    found = board_of(long(values, metric="accuracy"), baseline="a")
    np.testing.assert_allclose(found["improvability"], [(1 + 0) / 2, (1 + 0.75) / 2, (0 + 0.5) / 2])
    np.testing.assert_allclose(found["mean_score"], [0.7, 0.675, 0.9])
    np.testing.assert_allclose(found["median_score"], [0.7, 0.675, 0.9])
    np.testing.assert_allclose(found["relative"], [1, np.sqrt(0.5 * 4), nan])  # a ratio with zero has no mean


@pytest.mark.parametrize("values", [[[-0.5, -0.75], [-0.9, -0.6]], [[80.0, 75], [90, 60]]])
def test_scores_without_a_best_have_no_errors(values):
    found = board_of(long(values, metric="log_likelihood", direction="max"), baseline="a")
    assert found[["improvability", "skill", "relative", "mean_score", "median_score"]].isna().all(axis=None)
    assert found["mean_rank"].notna().all()


def test_rounding_above_one_is_one():
    values = np.array([[1.0 + 2e-16, 0.5], [1.0, 0.5]])
    np.testing.assert_allclose(board_of(long(values, metric="macro_f1"))["improvability"], [0, 1])


def test_mean_and_median_weigh_tasks_not_folds():
    values = np.array([[[0.1, 0.2]] * 3, [[0.5, 0.6], [nan, nan], [nan, nan]], [[0.9, 0.7], [0.7, 0.7], [nan, nan]]])
    found = board_of(long(values, metric="accuracy"))
    np.testing.assert_allclose(found["mean_score"], [(0.1 + 0.5 + 0.8) / 3, 0.5])
    np.testing.assert_allclose(found["median_score"], [0.5, 0.6])
    assert board_of(long(values))["mean_score"].isna().all()


def test_learners_used_is_a_mean_over_the_cells_that_know():
    scores = long(TABLES["one fold"])
    scores["learners_used"] = np.where(scores["method"] == "a", 3.0, nan)
    scores.loc[scores.index[0], "learners_used"] = 1
    found = board_of(scores)["learners_used"]
    np.testing.assert_allclose(found["a"], (11 * 3 + 1) / 12)
    assert found[["b", "c", "d"]].isna().all()


# pairs


def holm(p):
    """Holm (1979), by hand."""
    order = np.argsort(p)
    corrected, highest = np.empty(len(p)), 0.0
    for k, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - k) * p[at]))
        corrected[at] = highest
    return corrected


@pytest.mark.parametrize("metric", ["rmse", "log_loss"])
def test_pairs_are_those_of_scipy_and_holm_by_hand(metric):
    values = uneven(T=14, K=4, seed=3)
    found = pairwise_table(leaderboards.standings(long(values, metric=metric)))
    means = np.array([one.mean(axis=0) for one in blocks_of(values)])
    means = np.log(means) if metric == "rmse" else means
    pairs = list(combinations(range(4), 2))
    p = np.array([stats.wilcoxon(means[:, i], means[:, j], method="exact").pvalue for i, j in pairs])
    assert found[["method_a", "method_b"]].to_numpy().tolist() == [["abcd"[i], "abcd"[j]] for i, j in pairs]
    np.testing.assert_allclose(found["p"], p, rtol=1e-10)
    np.testing.assert_allclose(found["p_holm"], holm(p), rtol=1e-10)
    walsh = [np.median([(d[s] + d[t]) / 2 for s in range(14) for t in range(s, 14)]) for d in
             (means[:, i] - means[:, j] for i, j in pairs)]  # fmt: skip
    np.testing.assert_allclose(found["shift"], walsh, rtol=1e-9)
    np.testing.assert_allclose(found["wins_a"], [np.mean(means[:, i] < means[:, j]) for i, j in pairs], rtol=1e-12)
    won = wins(values)
    of_splits = pairwise_table(standings(long(values, metric=metric)))
    np.testing.assert_allclose(of_splits["wins_a"], [won[i, j] / 14 for i, j in pairs], rtol=1e-12)
    np.testing.assert_allclose(found["better_a"] + found["same"] + found["better_b"], 1)
    (standing,) = leaderboards.standings(long(values, metric=metric))
    test = omnibus(standing)
    np.testing.assert_allclose([test.chi2, test.p_chi2], stats.friedmanchisquare(*means.T))


@given(st.integers(0, 10**6), st.integers(6, 20), st.integers(2, 6))
def test_two_methods_share_a_letter_if_and_only_if_they_are_not_told_apart(seed, T, K):
    rng = np.random.default_rng(seed)
    values = np.exp(0.2 * rng.normal(size=(T, K)) + rng.uniform(0, 0.4) * np.arange(K))
    standing = standing_of(long(values))
    letters = board_of(long(values))["letters"]
    p = standing.p_values
    for i, j in combinations(range(K), 2):
        assert bool(set(letters.iloc[i]) & set(letters.iloc[j])) == (not p[i, j] < 0.05)
    assert "a" in letters[board_of(long(values))["position"] == 1].iloc[0]


def test_a_method_without_any_error_is_told_apart():
    values = np.exp(np.random.default_rng(0).normal(size=(10, 3)))
    values[:, 1] = 0.0
    scores = long(values)
    assert board_of(scores)["letters"].tolist() == ["b", "a", "b"]
    found = pairwise_table(leaderboards.standings(scores)).set_index(["method_a", "method_b"])
    assert found.loc[("a", "b"), "p"] == 2 / 2**10
    assert found.loc[("b", "c"), "better_a"] > 0.99


def test_positions_have_intervals_over_tasks():
    values = uneven(T=30, K=5, seed=4)
    found = board_of(long(values))
    within = np.array([pd.DataFrame(one).rank(axis=1).mean() for one in blocks_of(values)])
    draws = np.random.default_rng(1).integers(0, 30, (4000, 30))
    places = pd.DataFrame(within[draws].mean(axis=1).round(9)).rank(axis=1, method="min")
    ends = places.quantile([0.025, 0.975], interpolation="nearest").to_numpy()
    assert np.abs(found[["position_lo", "position_hi"]].to_numpy(dtype=float).T - ends).max() <= 1
    assert (found["position_lo"] <= found["position"]).all()
    assert (found["position"] <= found["position_hi"]).all()
    assert (found["elo_lo"] < found["elo"]).all()
    assert (found["elo"] < found["elo_hi"]).all()


INFERENCE = ["position_lo", "position_hi", "elo_lo", "elo_hi"]


@pytest.mark.parametrize("T", [1, 2, 5, 6])
def test_under_six_tasks_there_is_no_interval_no_letter_and_no_p_value(T):
    scores = long(uneven(T=T, F=10, K=3))
    found, pairs = board_of(scores), pairwise_table(standings(scores))
    enough = T >= 6
    assert found[INFERENCE].notna().all(axis=None) == found[INFERENCE].notna().any(axis=None) == enough
    assert (found["letters"] != "").all() == (found["letters"] != "").any() == enough
    known = pairs[["p", "p_holm", "better_a", "same", "better_b"]]
    assert known.notna().all(axis=None) == known.notna().any(axis=None) == enough
    test = omnibus(standing_of(scores))
    assert bool(test.reason) == bool(np.isnan(test.p)) == (not enough)


def test_is_it_real_agrees_with_scipy():
    standing = standing_of(long(uneven(T=9, F=4, K=5, seed=5), metric="log_loss"))
    real = standing.is_real()
    orders = {"elo": -standing.elo.points, "borda": standing.borda, "kemeny": standing.kemeny.rank,
              "rank": standing.mean_rank, "score": standing.mean_score}  # fmt: skip
    for one, other in combinations(orders, 2):
        expected = stats.kendalltau(orders[one], orders[other]).statistic
        np.testing.assert_allclose(real[f"tau_{one}_{other}"], expected, rtol=1e-12)
    assert 0 <= real["winner_stays"] <= 1
    assert real["folds_needed"] >= 1


def test_folds_needed_by_hand():
    """Two folds whose ranks correlate by one half: 0.9 needs k with k / 2 / (1 + (k - 1) / 2) = 0.9, so nine."""
    values = np.tile([[1.0, 2, 3], [1.0, 3, 2]], (6, 1, 1))
    assert standing_of(long(values)).is_real()["folds_needed"] == 9
    assert np.isnan(standing_of(long(values[:, :1])).is_real()["folds_needed"])


# the noise of the seeds


def reseeded(values, **more):
    """Return a table of scores from values (tasks, seeds, folds, methods), each seed as a repeat of its own."""
    parts = [long(values[:, s], repeat=s, reseed=s, **more) for s in range(values.shape[1])]
    return pd.concat(parts)


def noise_of(scores, **how):
    (standing,) = leaderboards.standings(scores, **how)
    return pair_noise(standing)


def test_the_noise_of_a_pair_by_hand():
    # means over two folds, seed by seed: a has 2 and 4, b 3 and 3, c 0 and 1; the other task moves by 1, 2 and 0
    values = np.array([
        [[[1.0, 3, 0], [3, 3, 0]], [[4, 4, 1], [4, 2, 1]]], [[[1, 1, 5], [1, 1, 5]], [[2, 4, 5], [2, 2, 5]]],
    ])  # fmt: skip
    found = noise_of(reseeded(values, metric="log_loss"))
    # differences a - b: -1 and 1, then 0 and -1; a - c: 2 and 3, then -4 and -3; b - c: 3 and 2, then -4 and -2
    np.testing.assert_allclose(found[[0, 0, 1], [1, 2, 2]] ** 2, [(2 + 0.5) / 2, (0.5 + 0.5) / 2, (0.5 + 2) / 2])
    np.testing.assert_array_equal(found, found.T)
    values += 1
    logs = np.log(values.mean(axis=2))  # folds first, then logarithms
    expected = np.sqrt(np.var(logs[..., 0] - logs[..., 1], axis=1, ddof=1).mean())
    np.testing.assert_allclose(noise_of(reseeded(values))[0, 1], expected)


def test_the_noise_of_a_pair_does_not_see_the_others():
    values = np.exp(np.random.default_rng(0).normal(size=(6, 3, 2, 3)))
    wild = values.copy()
    wild[..., 2] **= 5
    np.testing.assert_allclose(noise_of(reseeded(values))[0, 1], noise_of(reseeded(wild))[0, 1])
    assert noise_of(reseeded(wild))[0, 2] > 2 * noise_of(reseeded(values))[0, 2]


def test_seeds_alone_are_repeats():
    values = np.exp(np.random.default_rng(0).normal(size=(6, 3, 2, 3)))
    whole = reseeded(values)
    alone = whole.drop(columns="repeat")
    np.testing.assert_array_equal(noise_of(whole), noise_of(alone))
    assert (noise_of(whole)[np.triu_indices(3, 1)] > 0).all()


def test_one_seed_has_no_noise_and_one_that_lacks_folds_does_not_count():
    values = np.exp(np.random.default_rng(0).normal(size=(7, 2, 2, 3)))
    assert not noise_of(reseeded(values[:, :1])).any()
    whole = reseeded(values)
    rest = noise_of(whole[whole["task"] != "t003"])
    broken = (whole["task"] == "t003") & (whole["repeat"] == 1) & (whole["fold"] == 1) & (whole["method"] == "a")
    np.testing.assert_allclose(noise_of(whole[~broken]), rest)


def test_cells_that_were_filled_in_and_infinite_ones_are_no_noise():
    values = np.random.default_rng(0).uniform(size=(6, 3, 1, 3))
    difference = values[:, :, 0, 0] - values[:, :, 0, 1]
    expected = np.sqrt(difference.var(axis=1, ddof=1).mean())
    for broken in (nan, inf):
        values[:, 1, 0, 2] = broken
        found = noise_of(reseeded(values, metric="log_loss"), missing="worst")
        np.testing.assert_allclose(found[0, 1], expected)
        assert found[0, 2] == 0


def test_the_noise_of_the_seeds_is_the_rope_unless_another_is_said():
    scores = reseeded(np.exp(np.random.default_rng(0).normal(size=(8, 3, 2, 3))))
    ranked = list(leaderboards.standings(scores))
    np.testing.assert_array_equal(pairwise_table(ranked)["rope"], noise_of(scores)[np.triu_indices(3, 1)])
    wide, none = (pairwise_table(ranked, rope) for rope in (10.0, 0.0))
    assert (wide["same"] == 1).all()
    assert (none["same"] == 0).all()


@pytest.mark.parametrize("rope", [-0.1, nan, inf])
def test_a_rope_that_is_no_difference_is_refused(rope):
    with pytest.raises(BenchError, match="rope"):
        pairs_of(standing_of(long(uneven())), rope)


# headroom


def with_oracle(scores, oracle, **more):
    """Add the oracle's rows to those of a board."""
    rows = scores.assign(ranked=True, **more)
    best = rows[rows["method"] == "equal"].assign(method="oracle", ranked=False, value=oracle)
    return pd.concat([rows, best])


NAMES = ("equal", "good", "bad")


def test_headroom_by_hand():
    # gaps of the squared errors: task 1 (4 - 1) / 4, task 2 (16 - 4) / 16; good gains (4 - 2.25) / 4 and 0
    values = np.array([[2.0, 1.5, 3.0], [4.0, 4.0, 2.0]])
    scores = with_oracle(long(values, methods=NAMES), [1.0, 2.0], board="regression")
    found = board_of(scores)
    np.testing.assert_allclose(found["headroom"]["good"], (1.75 / 4 + 0) / 1.5)
    np.testing.assert_allclose(found["headroom"]["bad"], (-5 / 4 + 12 / 16) / 1.5)
    assert found["headroom"]["equal"] == 0
    assert "oracle" not in found.index
    assert set(found["blocks"]) == {2}


def test_headroom_averages_squares_over_folds_and_is_one_for_the_oracle():
    values = np.array([[[2.0, 1.0, 3.0], [1.0, 0.5, 1.0]]])
    scores = with_oracle(long(values, methods=NAMES), [1.0, 0.5], board="regression")
    found = board_of(scores)["headroom"]
    np.testing.assert_allclose(found["good"], 1)
    np.testing.assert_allclose(found["bad"], (2.5 - 5) / (2.5 - 0.625))


def test_headroom_of_class_weights_is_in_the_metric_that_the_oracle_maximises():
    values = np.array([[0.5, 0.6, 0.4]])
    names = ("equal", "none", "balanced")
    scores = with_oracle(long(values, metric="macro_f1", methods=names), [0.9], board="class-weight", learner="knn")
    found = board_of(scores)["headroom"]  # errors of none 0.4, of the oracle 0.1
    np.testing.assert_allclose(found[["none", "equal", "balanced"]], [0, -0.1 / 0.3, -0.2 / 0.3])


@pytest.mark.parametrize(
    ("board", "metric", "there"),
    [
        ("regression", "rmse", True), ("regression", "mae", False), ("quantile", "wis", True),
        ("quantile", "crps", False), ("classification", "log_loss", True), ("classification", "macro_f1", False),
        ("class-weight", "macro_f1", True), ("class-weight", "log_loss", False), ("mine", "rmse", False),
    ],
)  # fmt: skip
def test_headroom_is_given_in_the_loss_of_the_oracle_alone(board, metric, there):
    values = np.array([[0.5, 0.4, 0.6]])
    oracle = [0.9] if metric == "macro_f1" else [0.1]
    scores = with_oracle(long(values, metric=metric, methods=NAMES), oracle, board=board)
    found = board_of(scores, baseline="equal")["headroom"]
    assert found.notna().all() == found.notna().any() == there


def test_an_oracle_of_other_folds_is_no_oracle():
    values = np.array([[[2.0, 1.5, 3.0]], [[4.0, 4.0, 2.0]]])
    scores = with_oracle(long(values, methods=NAMES), [1.0, 2.0], board="regression")
    scores.loc[(scores["method"] == "oracle") & (scores["task"] == "t001"), "fold"] = 7
    np.testing.assert_allclose(board_of(scores)["headroom"]["good"], 1.75 / 3)


# gains


def test_gains_by_hand():
    """Half of the F1 gain of balanced over none is that of the threshold."""
    rows = {"none": [0.5, 0.6], "none+threshold": [0.7, 0.6], "balanced": [0.6, 0.9], "balanced+threshold": [0.8, 0.7]}
    scores = pd.DataFrame([
        {"board": "class-weight", "task": f"t{t}", "learner": "knn", "method": name, "metric": "macro_f1", "value": v}
        for name, values in rows.items() for t, v in enumerate(values)
    ])  # fmt: skip
    found = board_of(scores)
    np.testing.assert_allclose(found.loc["balanced", "training_gain"], (0.1 + 0.1) / 2)
    np.testing.assert_allclose(found.loc["balanced", "threshold_gain"], (0.2 - 0.2) / 2, atol=1e-12)
    np.testing.assert_allclose(found.loc["none", ["training_gain", "threshold_gain"]].tolist(), [0, 0.1])
    for name in ("none", "balanced"):  # both rows of a scheme have the same gains
        pd.testing.assert_series_equal(
            found.loc[name, ["training_gain", "threshold_gain"]],
            found.loc[f"{name}+threshold", ["training_gain", "threshold_gain"]], check_names=False,
        )  # fmt: skip


def test_gains_of_a_metric_need_a_decision_that_is_tuned_for_it():
    def found(*, twins):
        rows = {"none": 0.5, "none+threshold": 0.7, "smote": 0.55, "smote+threshold": 0.65}
        tuned = {"none+threshold:metric=f2": 0.8, "smote+threshold:metric=f2": 0.75}
        scores = [(name, "f2", value) for name, value in (rows | (tuned if twins else {})).items()]
        table = pd.DataFrame(scores, columns=["method", "metric", "value"])
        return board_of(table.assign(board="class-weight", task="t", learner="knn"))[
            ["training_gain", "threshold_gain"]
        ]

    assert found(twins=False).isna().all(axis=None)
    gains = found(twins=True)
    np.testing.assert_allclose(gains.loc["smote"], [0.75 - 0.8, 0.75 - 0.55])
    np.testing.assert_allclose(gains.loc["smote+threshold:metric=f2"], gains.loc["smote"])
    assert gains.loc["smote+threshold"].isna().all()


def test_methods_with_the_same_numbers_are_named():
    values = {"equal": [0.5, 0.25], "b": [0.5, 0.25 + 1e-16], "c": [0.5, 0.3], "d": [0.5, nan]}
    scores = pd.DataFrame(
        [(f"t{t}", name, "accuracy", v) for name, column in values.items() for t, v in enumerate(column)],
        columns=["task", "method", "metric", "value"],
    )
    assert board_of(scores)["same_as"].to_dict() == {"equal": "b", "b": "equal", "c": "", "d": ""}
    assert standing_of(scores).alike == [["b", "equal"]]
    assert describe_alike(standing_of(scores)) == ["The same accuracy on every block: b, equal."]


def test_gains_are_over_the_blocks_that_both_have_each_task_counting_one():
    rows = [("t0", 0, 0.5, 0.7), ("t0", 1, 0.5, 0.9), ("t1", 0, 0.5, 0.6), ("t1", 1, 0.5, None)]
    scores = pd.DataFrame(
        [(t, f, name, v) for t, f, a, b in rows for name, v in (("equal", a), ("equal+threshold", b))],
        columns=["task", "fold", "method", "value"],
    ).assign(board="classification", metric="macro_f1")
    found = board_of(scores)
    np.testing.assert_allclose(found["threshold_gain"], (0.3 + 0.1) / 2)


def test_a_board_without_twins_has_no_gains():
    found = board_of(long(uneven(), board="regression"))
    assert found[["training_gain", "threshold_gain"]].isna().all(axis=None)


# tables of other people


@given(st.integers(0, 10**6))
def test_the_bytes_do_not_depend_on_the_order_of_the_rows(seed):
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(size=(int(rng.integers(1, 9)), 3, 4)))
    values[rng.uniform(size=values.shape) < 0.1] = nan
    scores = pd.concat([
        long(values, metric="log_loss", board="mine"), long(values, board="regression"),
        long(values[:2], board="regression", fold=0),
    ])  # fmt: skip
    shuffled = scores.sample(frac=1, random_state=seed)[rng.permutation(scores.columns)]
    one, two = (list(standings(table)) for table in (scores, shuffled))
    assert to_csv(table_of(one)) == to_csv(table_of(two))
    assert to_csv(pairwise_table(one)) == to_csv(pairwise_table(two))


ODD = {
    "categories": lambda t: t.assign(board="regression").astype(dict.fromkeys(["task", "method", "metric", "board"],
                                                                              "category")),
    "extension types": lambda t: t.convert_dtypes(),
    "whole numbers": lambda t: t.assign(method=t["method"].map(ord), task=t["task"].str[1:].astype(int)),
    "mixed names": lambda t: t.assign(task=[int(x[1:]) if x < "t002" else x for x in t["task"]]),
    "texts": lambda t: t.assign(value=t["value"].astype(str), fold=t["fold"].map("f{}".format)),
    "folds with gaps": lambda t: t.assign(fold=t["fold"].where(t["fold"] > 0)),
    "board of numbers": lambda t: t.assign(board=7),
    "empty columns": lambda t: t.assign(board=nan, panel=None, learner=nan, repeat=nan, reseed=None, sample=None),
    "names of our own": lambda t: t.assign(slice=1, step="x", badness=-9, is_oracle=True, n_rows="many", reseed="x",
                                           learners_used="two"),
    "lists": lambda t: t.assign(notes=[[1]] * len(t)),
    "an index that repeats": lambda t: t.set_index(np.zeros(len(t), dtype=int)),
    "ranked is a number": lambda t: t.assign(ranked=1),
    "direction given in part": lambda t: t.assign(direction=["min", None] * (len(t) // 2)),
    "blank rows": lambda t: pd.concat([t, pd.DataFrame([dict.fromkeys(t.columns)])]).astype(t.dtypes.drop("fold")),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_columns_change_no_number(name):
    scores = long(uneven(T=6, F=3, K=4))
    expected, found = leaderboard(scores), leaderboard(ODD[name](scores))
    kept = ["position", "mean_rank", "win_rate", "elo", "kemeny", "improvability", "letters", "tasks", "blocks"]
    pd.testing.assert_frame_equal(found[kept], expected[kept], check_dtype=False, rtol=1e-9)


WRONG = {
    "a score of no method": (lambda t: t.assign(method=[None, *t["method"][1:]]), "no method"),
    "a score of nothing": (lambda t: t.assign(metric=[None, *t["metric"][1:]]), "no metric"),
    "two directions": (lambda t: t.assign(direction=["max"] + ["min"] * (len(t) - 1)), "rmse.*more than one direction"),
    "a goal that is not known": (lambda t: t.assign(metric="bias", direction="target"), "goal of metric 'bias'"),
    "ranked is a rank": (lambda t: t.assign(ranked=range(len(t))), "ranked"),
    "sample is a number": (lambda t: t.assign(sample=range(len(t))), "sample"),
    "no task": (lambda t: t.drop(columns="task"), "task"),
    "a number as metric": (lambda t: t.assign(metric=7), "'7'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_could_mean_two_things_is_refused(name):
    change, says = WRONG[name]
    with pytest.raises(BenchError, match=says):
        leaderboard(change(long(uneven(T=6, F=3, K=4))))


def test_one_task_needs_no_column():
    scores = long(uneven(T=1, F=1, K=3)).drop(columns=["task", "fold"])
    assert leaderboard(scores)["position"].tolist() == [1, 2, 3]


HOSTILE = {
    "all tied": np.ones((7, 3)), "all zero": np.zeros((7, 3)), "all infinite": np.full((7, 3), inf),
    "one infinite": np.where(np.arange(3) == 1, inf, uneven(T=7, F=1, K=3)[:, 0]),
    "both infinities": np.where(np.arange(7)[:, None] < 2, [[inf, -inf, 1.0]], uneven(T=7, F=1, K=3)[:, 0]),
    "negative": -uneven(T=7, F=1, K=3)[:, 0], "huge": uneven(T=7, F=1, K=3)[:, 0] * 1e307,
    "tiny": uneven(T=7, F=1, K=3)[:, 0] * 1e-310, "one method": uneven(T=7, F=1, K=1)[:, 0],
    "one cell": np.ones((1, 1)), "one task": uneven(T=1, F=1, K=3)[:, 0],
}  # fmt: skip


@pytest.mark.parametrize("metric", ["rmse", "mine low", "mine high"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tables_neither_crash_nor_favour_a_place(name, metric):
    values = np.abs(HOSTILE[name]) if metric == "rmse" else HOSTILE[name]
    scores = long(values, metric=metric, direction="max" if metric == "mine high" else "min")
    found, pairs = board_of(scores), pairwise_table(standings(scores))
    assert (found["position"] == found["mean_rank"].rank(method="min")).all()
    if len(np.unique(values)) == 1:
        assert (found["position"] == 1).all()
        assert set(found["letters"]) <= {"a", ""}
        assert (pairs["p"].dropna() == 1).all()


def test_a_hundred_methods_and_one_more_than_elo_draws():
    rng = np.random.default_rng(0)
    names = [f"m{k:03}" for k in range(121)]
    found = board_of(long(rng.uniform(size=(6, 121)), methods=names))
    assert found["elo"].notna().all()
    assert found[["elo_lo", "elo_hi"]].isna().all(axis=None)
    assert found[["position_lo", "position_hi"]].notna().all(axis=None)
