"""What is said around the numbers: contenders, the unit of replication, certificates, what applies, the opening."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.report.leaderboards import leaderboard, pairwise_table, score_table, standings
from bench.report.leaderboards.headline import find_lead, headline
from bench.report.leaderboards.significance import omnibus, within_tasks
from bench.stats.correlated_t import correlated_t

nan = np.nan


def long(values, methods="abcdefgh", metric="rmse", **more):
    """Return a table of scores from values (tasks, folds, methods), or (tasks, methods)."""
    values = np.asarray(values, dtype=float)
    values = values[:, None, :] if values.ndim == 2 else values
    task, fold, method = (axis.ravel() for axis in np.indices(values.shape))
    rows = pd.DataFrame({
        "task_id": [f"t{k:03}" for k in task], "fold": fold, "method": np.array(list(methods), dtype=object)[method],
        "metric": metric, "value": values.ravel(),
    })  # fmt: skip
    return rows.assign(**more)


def errors(T=8, F=3, K=4, seed=0):
    rng = np.random.default_rng(seed)
    return np.exp(0.3 * rng.normal(size=(T, F, K)) + 0.2 * np.arange(K) + rng.normal(size=(T, 1, 1)))


def only(scores, **how):
    (standing,) = standings(scores, **how)
    return standing


# who competes


@pytest.mark.parametrize("replication", ["task", "split"])
@pytest.mark.parametrize("test", ["max-t", "signed-rank", "nemenyi"])
def test_the_constant_predictor_is_shown_and_changes_no_test(test, replication):
    with_floor = long(errors(K=4), ["equal", "x", "y", "floor"], board="regression")
    without = with_floor[with_floor["method"] != "floor"]
    one, two = (only(scores, test=test, replication=replication) for scores in (with_floor, without))
    place = one.grid.methods.index("floor")
    assert "floor" not in two.grid.methods
    np.testing.assert_array_equal(np.delete(np.delete(one.p_values, place, 0), place, 1), two.p_values)
    assert np.isnan(one.p_values[place]).all()
    assert omnibus(one) == omnibus(two)
    assert one.is_real() == two.is_real()
    assert [letter for k, letter in enumerate(one.letters) if k != place] == two.letters
    assert one.letters[place] == ""
    assert headline(one) == headline(two)
    pd.testing.assert_frame_equal(pairwise_table([one]), pairwise_table([two]))
    assert leaderboard(with_floor)["method"].tolist().count("floor") == 1


def test_a_method_of_this_name_competes_where_bench_does_not_know_the_board():
    scores = long(errors(), ["floor", "b", "c", "d"])
    assert not np.isnan(only(scores).p_values).any()


# the unit of replication


@given(st.integers(0, 10**6), st.sampled_from(["rmse", "accuracy", "log_loss"]))
def test_ranking_tasks_is_ranking_the_means_of_their_splits(seed, metric):
    values = errors(T=7, seed=seed)
    values = 1 / (1 + values) if metric == "accuracy" else values
    board = leaderboard(long(values, metric=metric))
    means = leaderboard(long(values.mean(axis=1), metric=metric), replication="split")
    of_splits = ["blocks", "replication", "letters"]  # letters test errors of tasks, or ranks
    kept = [name for name in board if name not in of_splits]
    same = ["method", "position", "mean_rank", "elo", "elo_lo", "elo_hi", "borda", "kemeny", "copeland", "win_rate"]
    pd.testing.assert_frame_equal(board[same], means[same])
    assert set(same) < set(kept)
    assert set(board["replication"]) == {"task"}


def test_the_order_and_the_tests_have_one_unit():
    """Method a wins two folds of three by little and loses the third by much: b is better on every task."""
    values = np.tile([[1.0, 1.1], [1.0, 1.1], [3.0, 1.1]], (8, 1, 1)) * np.exp(
        0.01 * np.random.default_rng(0).normal(size=(8, 3, 2))
    )
    by_task, by_split = (only(long(values), replication=unit) for unit in ("task", "split"))
    assert by_task.mean_rank.argmin() == 1
    assert by_split.mean_rank.argmin() == 0
    (task_pair,), (split_pair,) = (pairwise_table([each]).to_dict("records") for each in (by_task, by_split))
    assert task_pair["wins_a"] == 0
    assert task_pair["shift"] > 0 > split_pair["shift"]
    assert (task_pair["p_adjusted"], split_pair["p_adjusted"]) == (1 / 128, 1 / 128)


def test_tasks_of_one_data_set_are_one_of_the_tasks_that_count():
    values = errors(T=8)
    tasks = pd.DataFrame({"task_id": [f"t{k:03}" for k in range(8)], "dataset": [*"abcdef", "f", None]})
    standing = only(long(values), tasks=tasks)
    assert standing.n_tasks == 7
    assert standing.tasks == ["a", "b", "c", "d", "e", "f", "t007"]
    each = stats.rankdata(values.mean(axis=1), axis=1)
    expected = np.vstack([each[:5], each[5:7].mean(axis=0), each[7]]).mean(axis=0)
    np.testing.assert_allclose(standing.mean_rank, expected)
    board = leaderboard(long(values), tasks=tasks)
    assert set(board["tasks"]) == {8}
    assert set(board["datasets"]) == {7}


# within a task


def sized(values, n_train, n_test, **more):
    """Return scores with the rows of `train` samples that hold the number of training rows."""
    test = long(values, n_rows=n_test, **more)
    train = test[test["method"] == "a"].assign(sample="train", n_rows=n_train)
    return pd.concat([test.assign(sample="test"), train])


def test_the_correlated_t_test_has_the_share_of_test_rows_of_the_splits_that_were_run():
    """Two folds of ten were run: the share is a tenth, and not one half."""
    rng = np.random.default_rng(0)
    values = 1 + 0.02 * rng.normal(size=(300, 3, 2)) + np.array([0, 0.03])
    share = {}
    for n_train in (90, 20):
        found = within_tasks(only(sized(values, n_train, 10)).grid)
        p = correlated_t(np.moveaxis(values[..., 0] - values[..., 1], 1, 0), 10 / (n_train + 10)).p
        better = values[..., 0].mean(axis=1) < values[..., 1].mean(axis=1)
        share[n_train] = found[0, 1]
        assert found[0, 1] == ((p < 0.05) & better).sum()
    assert share[90] > share[20]


def test_other_seeds_of_a_fold_are_averaged_and_are_no_other_fold():
    """Two folds and five seeds: folds alone have one degree of freedom; ten seeds of them would have nine."""
    rng = np.random.default_rng(0)
    folds = 1 + 0.02 * rng.normal(size=(200, 2, 2)) + np.array([0, 0.03])
    seeds = [long(folds, repeat=s, reseed=s) for s in range(5)]
    once, five = (within_tasks(only(pd.concat(parts)).grid) for parts in (seeds[:1], seeds))
    np.testing.assert_array_equal(once, five)
    assert once[0, 1] < 100
    real = [only(pd.concat(parts)).is_real()["folds_needed"] for parts in (seeds[:1], seeds)]
    assert real[0] == real[1]


# certificates


def test_certified_schemes_that_agree_within_their_gaps_are_tied():
    base = errors(T=6, F=1, K=1)[:, 0, 0]
    values = np.column_stack([base, base * (1 + 3e-8), base * (1 + 3e-8)])
    gaps = {"a": 2e-8, "b": 2e-8, "c": nan}
    scores = long(values, "abc")
    scores["gap"] = scores["method"].map(gaps)
    found = leaderboard(scores).set_index("method")["mean_rank"]
    assert found["a"] == found["b"] == 1.5  # c has no certificate: it is behind
    assert found["c"] == 3
    scores["gap"] /= 2
    found = leaderboard(scores).set_index("method")["mean_rank"]
    assert found["a"] == 1
    assert found["b"] == found["c"] == 2.5


def test_an_infinite_score_agrees_with_none():
    scores = long([[1.0, np.inf, 2.0]] * 6, "abc", gap=1e-9)
    assert leaderboard(scores).set_index("method")["mean_rank"].to_dict() == {"a": 1, "c": 2, "b": 3}


def test_certificates_change_no_score():
    scores = long(errors(), metric="log_loss")
    kept = ["method", "mean_score", "skill"]
    plain, certified = (leaderboard(scores.assign(gap=gap)).sort_values("method")[kept] for gap in (nan, 1e-9))
    pd.testing.assert_frame_equal(plain, certified)


# what does not apply


@pytest.mark.parametrize("rule", ["common", "worst", "impute:a", "fail"])
def test_what_does_not_apply_is_not_missing(rule):
    values = errors(T=8, F=1)
    values[:2, :, 3] = nan
    scores = long(values)
    scores["status"] = np.where(scores["value"].isna(), "skipped", "ok")
    found = leaderboard(scores, missing=rule).set_index("method")
    rest = leaderboard(long(values[2:]), missing=rule).set_index("method")
    assert found.loc["d", ["completeness", "applicable"]].tolist() == [1, 0.75]
    pd.testing.assert_series_equal(found["mean_rank"], rest["mean_rank"])
    assert (found["imputed"] == 0).all()
    failed = leaderboard(scores.assign(status="failed")).set_index("method")
    assert failed.loc["d", ["completeness", "applicable"]].tolist() == [0.75, 1]


# scores and the opening


def test_the_scores_of_one_task_stand_on_its_board_in_the_unit_of_the_metric():
    values = errors(T=1)
    found = leaderboard(long(values)).set_index("method").sort_index()
    np.testing.assert_allclose(found["score"], values[0].mean(axis=0))
    assert set(found["direction"]) == {"min"}
    assert leaderboard(long(errors(T=2)))["score"].isna().all()


def test_the_table_of_scores_has_a_row_a_task_and_a_column_a_method():
    values = errors(T=3)
    values[1, 2, 0] = nan
    table = score_table([only(long(values))]).set_index("task_id")
    expected = values.mean(axis=1)
    np.testing.assert_allclose(table[list("abcd")].to_numpy(), expected)
    assert list(table)[-1] in "abcd"  # the best first
    assert set(table["direction"]) == {"min"}


def test_the_lead_is_a_mean_over_tasks_with_its_t_interval():
    values = errors(T=9, F=2)
    lead = find_lead(only(long(values), baseline="c"))
    means = np.log(values.mean(axis=1))
    gap = means[:, 2] - means[:, 0]
    interval = stats.t.interval(0.95, 8, gap.mean(), stats.sem(gap))
    np.testing.assert_allclose([lead.gap, lead.lo, lead.hi], [gap.mean(), *interval], rtol=1e-6)
    assert (lead.leaders, lead.rival, lead.N, lead.wins) == (("a",), "c", 9, (gap > 0).sum())


FEW = "Whether that is chance cannot be told from {}: it takes 6."


@pytest.mark.parametrize(
    ("scores", "how", "opening"),
    [
        (
            long(np.exp([[0.0, 0.1]] * 6)),
            {"baseline": "b"},
            ("a leads: rmse 9.5 % below that of b on a typical task (95 % interval 9.5 % to 9.5 %), better on 6 of 6 "
             "tasks. That is more than chance (p = 0.031)."),
        ),
        (
            long([[0.9, 0.8]], metric="accuracy"),
            {"baseline": "b"},
            "a leads: accuracy 0.1000 above that of b. " + FEW.format("one task"),
        ),
        (
            long([[0.9, 0.8]], metric="accuracy"),
            {"baseline": "a"},
            "a (the baseline) leads: accuracy 0.1000 above that of b (the next). " + FEW.format("one task"),
        ),
        (
            long([[0.9, 0.9, 0.8]] * 3, metric="accuracy"),
            {},
            ("a and b lead together: accuracy 0.1000 above that of c (the next) on a typical task, better on 3 of 3 "
             "tasks. " + FEW.format("3 tasks")),
        ),
        (
            long([[0.79, 0.7]] * 2, metric="coverage_80"),
            {"baseline": "b"},
            ("a leads: coverage_80 0.0900 nearer to its goal than that of b on a typical task, better on 2 of 2 tasks. "
             + FEW.format("2 tasks")),
        ),
        (
            long([[0.9, 0.8], [0.9, 0.8], [0.1, 0.8]], metric="accuracy"),
            {"baseline": "b"},
            ("a leads: accuracy 0.1667 below that of b on a typical task, better on 2 of 3 tasks. "
             + FEW.format("3 tasks")),
        ),
        (long([[0.9, 0.9]]), {}, "All 2 methods are level: no rank tells them apart."),
        (long([[0.9]]), {}, ""),
    ],
)  # fmt: skip
def test_the_opening_says_who_leads_by_how_much_on_how_many_tasks_and_whether_it_is_chance(scores, how, opening):
    assert headline(only(scores, **how)) == opening
