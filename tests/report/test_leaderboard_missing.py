"""What becomes of missing scores, and how boards are cut into slices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers.boards import board_of

from bench.core.nouns import BenchError
from bench.report import leaderboards as boards
from bench.report.leaderboards import IncompleteError, leaderboard, standings
from bench.report.leaderboards.slices import EDGES
from bench.tasks.suites import catalogue

nan, inf = np.nan, np.inf

SCORES = {
    # task -> method -> accuracy; c failed on t2, only a has a score on t4, d has none
    "t1": {"a": 0.9, "b": 0.8, "c": 0.7, "d": nan},
    "t2": {"a": 0.6, "b": 0.7, "c": nan, "d": nan},
    "t3": {"a": 0.5, "b": 0.5, "c": 0.9, "d": nan},
    "t4": {"a": 0.4, "b": nan, "c": nan, "d": nan},
}


def table(scores=SCORES, metric="accuracy", **more):
    rows = [
        {"task": task, "method": method, "metric": metric, "value": value}
        for task, values in scores.items()
        for method, value in values.items()
    ]
    return pd.DataFrame(rows).assign(**more)


# the rules by hand


def test_common_keeps_the_blocks_that_all_answered():
    found = board_of(table())
    assert set(found["missing_rule"]) == {"common"}
    assert set(found["blocks"]) == {2}
    np.testing.assert_allclose(found["mean_rank"], [1.75, 2.25, 2.0, nan])  # t1: 1 2 3, t3: 2.5 2.5 1
    np.testing.assert_allclose(found["completeness"], [1, 0.75, 0.5, 0])
    np.testing.assert_allclose(found["mean_score"], [0.7, 0.65, 0.8, nan])
    assert found["imputed"].tolist() == [0, 0, 0, 0]
    assert found["position"].isna().tolist() == [False, False, False, True]


def test_common_does_not_rank_who_answered_fewer_than_half():
    scores = table().query("task != 't1'")  # c now has one block of three
    found = board_of(scores)
    assert set(found["blocks"]) == {2}
    np.testing.assert_allclose(found["mean_rank"], [1.75, 1.25, nan, nan])
    np.testing.assert_allclose(found["win_rate"], [0.25, 0.75, nan, nan])
    np.testing.assert_allclose(found["completeness"], [1, 2 / 3, 1 / 3, 0])


def test_worst_ranks_a_missing_score_behind_all_others_with_the_worst_score_of_its_block():
    found = board_of(table(), missing="worst", baseline="a")
    assert set(found["blocks"]) == {4}
    # t1: 1 2 3, t2: 2 1 3, t3: 2.5 2.5 1, t4: 1 2.5 2.5
    np.testing.assert_allclose(found["mean_rank"], [6.5 / 4, 8 / 4, 9.5 / 4, nan])
    np.testing.assert_allclose(found["mean_score"], [0.6, 0.6, (0.7 + 0.6 + 0.9 + 0.4) / 4, nan])
    assert found["imputed"].tolist() == [0, 1, 2, 0]
    # errors of a: 0.1 0.4 0.5 0.6, of c: 0.3 0.4 0.1 0.6
    np.testing.assert_allclose(found["relative"]["c"], np.prod([3, 1, 0.2, 1]) ** 0.25)
    np.testing.assert_allclose(found["improvability"]["c"], (2 / 3 + 0.25 + 0 + 0) / 4)


@pytest.mark.parametrize(("metric", "sign", "shift"), [("brier", 1, 0), ("coverage_80", 1, 0.8)])
def test_worst_gives_errors_the_worst_of_their_block_too(metric, sign, shift):
    values = {"t1": {"a": 0.01, "b": 0.02, "c": 0.04}, "t2": {"a": 0.02, "b": 0.05, "c": nan}}
    scores = table({t: {m: shift + sign * v for m, v in row.items()} for t, row in values.items()}, metric)
    found = board_of(scores, missing="worst", baseline="a")
    np.testing.assert_allclose(found["mean_rank"], [1, 2, 3])
    np.testing.assert_allclose(found["improvability"], [0, (0.5 + 0.6) / 2, (0.75 + 0.6) / 2])
    np.testing.assert_allclose(found["relative"], [1, np.sqrt(2 * 2.5), np.sqrt(4 * 2.5)])


def test_a_failure_never_raises_a_mean_score_under_worst():
    whole = board_of(table().query("task in ['t1', 't3'] and method != 'd'"), missing="worst")
    failed = table().query("task in ['t1', 't3'] and method != 'd'")
    failed.loc[(failed["task"] == "t1") & (failed["method"] == "c"), "value"] = nan  # its worst task
    found = board_of(failed, missing="worst")
    assert found.loc["c", "mean_rank"] >= whole.loc["c", "mean_rank"]
    assert found.loc["c", "completeness"] == 0.5


def test_impute_gives_the_score_of_a_method():
    found = board_of(table(), missing="impute:a")
    assert set(found["missing_rule"]) == {"impute:a"}
    # t1: 1 2 3, t2: 2.5 1 2.5, t3: 2.5 2.5 1, t4: 2 2 2
    np.testing.assert_allclose(found["mean_rank"], [8 / 4, 7.5 / 4, 8.5 / 4, nan])
    np.testing.assert_allclose(
        found["mean_score"], [0.6, (0.8 + 0.7 + 0.5 + 0.4) / 4, (0.7 + 0.6 + 0.9 + 0.4) / 4, nan]
    )
    assert found["imputed"].tolist() == [0, 1, 2, 0]


def test_impute_leaves_out_blocks_that_its_own_method_lacks():
    found = board_of(table(), missing="impute:b")
    assert set(found["blocks"]) == {3}
    assert found["imputed"].tolist() == [0, 0, 1, 0]


def test_a_method_that_fills_in_but_is_seldom_there_itself_is_not_ranked():
    values = {f"t{k}": {"a": k, "b": 2.0 * k, "c": k if k == 1 else nan} for k in range(1, 5)}
    found = board_of(table(values, "rmse"), missing="impute:c")
    assert found["imputed"].tolist() == [0, 0, 0]
    assert pd.isna(found.loc["c", "mean_rank"])
    assert set(found["blocks"]) == {4}


def test_fail_refuses_with_code_4():
    with pytest.raises(IncompleteError, match="7 of 16 scores of accuracy are missing") as refused:
        leaderboard(table(), missing="fail")
    assert refused.value.code == 4
    whole = table().query("task in ['t1', 't3'] and method != 'd'")
    pd.testing.assert_frame_equal(
        leaderboard(whole, missing="fail").drop(columns="missing_rule"), leaderboard(whole).drop(columns="missing_rule")
    )


@pytest.mark.parametrize("rule", ["common", "worst", "impute:a", "fail"])
def test_where_nothing_is_missing_the_rules_agree(rule):
    scores = table().query("task in ['t1', 't3'] and method != 'd'")
    pd.testing.assert_frame_equal(
        leaderboard(scores, missing=rule).drop(columns="missing_rule"), leaderboard(scores).drop(columns="missing_rule")
    )


@pytest.mark.parametrize("rule", ["mean", "WORST", "impute", "impute:", "common:a", "worst:a", "fail:a", ""])
def test_a_rule_that_nobody_knows_is_refused(rule):
    with pytest.raises(BenchError, match=r"common, worst, impute, fail|cannot be those of|no method is called"):
        leaderboard(table(), missing=rule)


def test_a_name_that_nobody_has_is_refused_even_where_nothing_is_missing():
    with pytest.raises(BenchError, match="'z'"):
        leaderboard(table().query("task == 't1' and method != 'd'"), missing="impute:z")


def test_a_board_that_lacks_the_name_is_refused_only_if_it_lacks_scores():
    whole = table({"t1": {"x": 0.1, "y": 0.2}}).assign(board="mine")
    both = pd.concat([table().assign(board="regression"), whole])
    assert set(leaderboard(both, missing="impute:a")["board"]) == {"regression", "mine"}
    both.loc[both["method"] == "x", "value"] = nan
    assert len(leaderboard(both, missing="impute:a"))  # x never answered: nothing to fill in
    gaps = pd.concat([both, table({"t2": {"x": 0.1, "y": nan}}).assign(board="mine")])
    with pytest.raises(BenchError, match="-b"):
        leaderboard(gaps, missing="impute:a")


def test_among_twins_the_name_means_the_twin():
    values = {f"t{k}": {"equal": 0.1, "x": nan if k else 0.2, "equal+threshold": 0.3, "x+threshold": nan if k else 0.5}
              for k in range(2)}  # fmt: skip
    found = board_of(table(values, "macro_f1", board="classification"), missing="impute:equal")
    assert found["imputed"].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(found.loc["x+threshold", "mean_score"], (0.5 + 0.3) / 2)
    np.testing.assert_allclose(found.loc["x", "mean_score"], (0.2 + 0.1) / 2)


@pytest.mark.parametrize(("rows", "shares"), [({}, [1, 0.75, 0.5, 0]), ({"n_rows": nan}, [0.8, 0.6, 0.4, 0])])
def test_a_block_without_any_score_counts_for_nothing_but_completeness_where_its_cells_failed(rows, shares):
    """A table that does not count rows may hold a metric that is undefined there: then nothing is missing."""
    ran = dict.fromkeys(rows, 10)
    scores = pd.concat([table(**ran), table({"t5": dict.fromkeys("abcd", nan)}, **rows)])
    for rule in ("common", "worst", "impute:a"):
        one, two = board_of(table(), missing=rule), board_of(scores, missing=rule)
        kept = ["mean_rank", "mean_score", "blocks", "tasks", "imputed"]
        pd.testing.assert_frame_equal(one[kept], two[kept])
        np.testing.assert_allclose(two["completeness"], shares)


# the rules against naive code


@given(st.integers(0, 10**6), st.sampled_from(["worst", "impute:m0"]), st.sampled_from(["task", "split"]))
def test_rules_by_naive_code(seed, rule, replication):
    rng = np.random.default_rng(seed)
    T, F, K = int(rng.integers(1, 5)), int(rng.integers(1, 4)), int(rng.integers(2, 5))
    values = rng.integers(1, 5, (T, F, K)).astype(float)
    values[rng.uniform(size=values.shape) < 0.3] = nan
    values[0, 0] = 1.0  # everybody answered once
    task, fold, method = (axis.ravel() for axis in np.indices(values.shape))
    scores = pd.DataFrame({"task": task, "fold": fold, "method": [f"m{j}" for j in method], "value": values.ravel()})
    found = board_of(scores.assign(metric="rmse"), missing=rule, replication=replication)
    imputed, means = np.zeros(K), []
    for one in values:
        blocks = []
        for block in one:
            gaps = np.isnan(block)
            fill = inf if rule == "worst" else block[0]
            if gaps.all() or np.isnan(fill):
                continue
            imputed += gaps
            blocks.append(np.where(gaps, fill, block))
        averaged = [np.mean(blocks, axis=0)] if blocks and replication == "task" else blocks
        means += [pd.DataFrame(averaged).round(9).rank(axis=1).mean().to_numpy()] if blocks else []
    requested = values[~np.isnan(values).all(axis=2)]
    seldom = np.isnan(requested[:, 0]).mean() > 0.5 and rule != "worst"  # m0 itself, where it cannot be ranked
    if not seldom:
        np.testing.assert_allclose(found["mean_rank"], np.mean(means, axis=0), rtol=1e-12)
        assert found["imputed"].tolist() == imputed.tolist()


def test_worst_never_helps_who_fails():
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = rng.uniform(size=(8, 4))
        whole = {f"t{t}": dict(zip("abcd", row, strict=True)) for t, row in enumerate(values)}
        broken = {t: dict(row) for t, row in whole.items()}
        for t in rng.choice(8, 3, replace=False):
            broken[f"t{t}"]["a"] = nan
        before, after = board_of(table(whole)), board_of(table(broken), missing="worst")
        for name, way in [("mean_rank", 1), ("win_rate", -1), ("elo", -1), ("borda", 1)]:
            assert way * (after.loc["a", name] - before.loc["a", name]) >= -1e-9, name


def test_numbers_under_six_common_tasks_are_no_inference_though_more_tasks_are_there():
    values = {f"t{t}": {"a": t + 1.0, "b": t + 2.0, "c": nan if t > 4 else 1.0} for t in range(10)}
    found = board_of(table(values, "rmse"))
    assert set(found["tasks"]) == {5}
    assert found["position_lo"].isna().all()
    assert set(found["letters"]) == {""}
    assert board_of(table(values, "rmse"), missing="worst")["position_lo"].notna().all()


# slices


TASKS = pd.DataFrame({
    "task_id": ["t1", "t2", "t3", "t4"], "n_rows": [100, 500, 5000, 100_000], "imbalance": [1.0, nan, 5.0, 80.0],
    "kind": ["regression", "classification", "classification", None], "missing_share": [0, 1e-3, 0.1, 0.5],
})  # fmt: skip


def slices(scores, *by, tasks=TASKS, **how):
    return list(leaderboard(scores, by=by, tasks=tasks, **how)["slice"].drop_duplicates())


def test_slices_by_traits_of_the_tasks():
    assert slices(table(), "n_rows") == ["n_rows=<500", "n_rows=500-1000", "n_rows=1000-10000", "n_rows=>=100000"]
    assert slices(table(), "imbalance") == ["imbalance=<5", "imbalance=5-10", "imbalance=>=50"]  # t2 has none
    assert slices(table(), "kind") == ["kind=classification", "kind=regression"]
    found = leaderboard(table(), by=["kind"], tasks=TASKS).set_index(["slice", "method"])
    assert found.loc["kind=regression", "tasks"].iloc[0] == 1
    assert found.loc[("kind=classification", "b"), "mean_rank"] == 2.5  # of t3, since c lacks t2


def test_a_slice_is_the_board_of_its_own_rows():
    scores = pd.concat([table().assign(learner=name, value=table()["value"] ** k) for k, name in enumerate("xyz")])
    parts = leaderboard(scores, by=["learner"])
    for name in "xyz":
        part = parts[parts["slice"] == f"learner={name}"].drop(columns="slice").reset_index(drop=True)
        alone = leaderboard(scores[scores["learner"] == name]).drop(columns="slice")
        pd.testing.assert_frame_equal(part, alone)


def test_slices_cross_and_keep_twins_apart_from_their_like():
    values = {t: {"none": 0.5, "none+threshold": 0.6} for t in ("t1", "t3")}
    scores = pd.concat([table(values, "macro_f1", board="class-weight", learner=name) for name in ("knn", "ridge")])
    assert slices(scores, "learner", "imbalance") == [
        f"{step}learner={learner} imbalance={part}"
        for learner in ("knn", "ridge") for part in ("<5", "5-10") for step in ("", "+threshold ")
    ]  # fmt: skip
    found = leaderboard(scores, by=["learner"])
    np.testing.assert_allclose(found["threshold_gain"], 0.1)


@pytest.mark.parametrize("name", EDGES)
def test_a_value_on_an_edge_belongs_to_the_upper_part(name):
    for edge in EDGES[name]:
        tasks = pd.DataFrame({"task_id": ["t1", "t2"], name: [edge, np.nextafter(edge, 0)]})
        found = slices(table().query("task in ['t1', 't2']"), name, tasks=tasks)
        assert len(found) == 2
    tasks = pd.DataFrame({"task_id": ["t1"], name: [max(EDGES[name]) * 10]})
    assert slices(table(), name, tasks=tasks) == [f"{name}=>={max(EDGES[name]):g}"]


def test_slices_by_suite_take_the_first_that_holds_the_task():
    first, *_ = catalogue().suites.values()
    scores = table({next(iter(first.tasks)).full: {"a": 1.0, "b": 2.0}, "file:mine": {"a": 1.0, "b": 2.0}}, "rmse")
    assert slices(scores, "suite") == [f"suite={first.name}"]


def test_slices_by_a_column_of_the_scores():
    scores = table().assign(year=[2020, 2021] * 8, split=pd.Categorical(["x", "y"] * 8))
    assert slices(scores, "year") == ["year=2020", "year=2021"]
    assert slices(scores, "split") == ["split=x", "split=y"]


def test_a_column_that_is_not_there_or_empty_is_refused():
    with pytest.raises(BenchError, match=r"no column 'nope'.*imbalance, kind, learner"):
        leaderboard(table(), by=["nope"], tasks=TASKS)
    with pytest.raises(BenchError, match="imbalance"):
        leaderboard(table(), by=["imbalance"])
    with pytest.raises(BenchError, match="'learner'"):
        leaderboard(table(), by=["learner"])
    with pytest.raises(BenchError, match="'suite'"):
        leaderboard(table(), by=["suite"])


def test_the_oracle_belongs_to_every_slice():
    scores = table(
        {"t1": {"equal": 2.0, "x": 1.5, "oracle": 1.0}, "t3": {"equal": 4.0, "x": 4.0, "oracle": 2.0}}, "rmse"
    )
    scores = scores.assign(board="regression", ranked=scores["method"] != "oracle")
    found = leaderboard(scores, by=["kind"], tasks=TASKS).set_index(["slice", "method"])["headroom"]
    np.testing.assert_allclose(found["kind=regression"]["x"], (4 - 2.25) / 3)
    np.testing.assert_allclose(found["kind=classification"]["x"], 0)


# what a run writes


def read_leaderboard(root):
    """Read `leaderboard.csv` as any program may: names are texts, and an empty text is no name."""
    names = dict.fromkeys(("panel", "slice", "letters", "baseline", "same_as"), str)
    return pd.read_csv(root / "leaderboard.csv", dtype=names).fillna(dict.fromkeys(names, ""))


def test_write_leaves_out_slices_that_nothing_is_known_of(tmp_path):
    values = {"t1": {"none": 0.5, "none+threshold": 0.6}}
    scores = table(values, "macro_f1", board="class-weight", learner="knn", panel="")
    unknown = TASKS.assign(imbalance=nan)
    boards.write_leaderboards(tmp_path / "a", scores, unknown)
    boards.write_leaderboards(tmp_path / "b", scores, TASKS)
    boards.write_leaderboards(tmp_path / "c", scores)
    written = [sorted(path.name for path in (tmp_path / root / "leaderboards").iterdir()) for root in "abc"]
    plain, scored, learner, imbalance = (
        f"class-weight-{end}.csv" for end in ("macro_f1", "macro_f1-tasks", "by-learner", "by-imbalance")
    )
    assert written == [[learner, scored, plain], [imbalance, learner, scored, plain], [scored, plain]]
    back = read_leaderboard(tmp_path / "a")
    assert back["position"].tolist() == [1, 1]
    assert back["slice"].tolist() == ["", "+threshold"]


def test_a_board_reads_back_as_it_was_written(tmp_path):
    rng = np.random.default_rng(0)
    values = {f"t{t}": dict(zip("abc", rng.uniform(size=3), strict=True)) for t in range(8)}
    scores = table(values, board="classification", panel="p")
    boards.write_leaderboards(tmp_path, scores)
    found = read_leaderboard(tmp_path)
    made = boards.table_of(standings(scores))
    pd.testing.assert_frame_equal(found, made, check_dtype=False)
    text = (tmp_path / "leaderboard.csv").read_text().splitlines()[1].split(",")
    assert text[made.columns.get_loc("position_lo")] == str(made["position_lo"].iloc[0])
