"""Tables, and what a leaderboard makes of any table of scores."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import read

from bench import load
from bench.core.nouns import BenchError, Cell
from bench.core.tables import csv_text
from bench.report.leaderboards import column_names, leaderboard, to_csv
from bench.runner.records import CellBasis, CellRecord, CellResult, Ending, TaskRecord
from bench.runner.tables import write_run_tables
from bench.stats import ranks

SCORES = {
    # task -> method -> rmse; lower is better
    "t1": {"a": 1.0, "b": 2.0, "c": 3.0},
    "t2": {"a": 2.0, "b": 2.0, "c": 1.0},
    "t3": {"a": 5.0, "b": 4.0, "c": 4.0},
}
"""Ranks 1 2 3 · 2.5 2.5 1 · 3 1.5 1.5: mean ranks 6.5/3, 6/3, 5.5/3."""


def table(scores=SCORES, metric="rmse", **more):
    rows = [
        {"task": task, "method": method, "metric": metric, "value": value, **more}
        for task, values in scores.items()
        for method, value in values.items()
    ]
    return pd.DataFrame(rows)


def ranked(scores, column="mean_rank", **how):
    return leaderboard(scores, **how).set_index("method")[column].to_dict()


# the golden table


def test_mean_ranks_by_hand():
    board = leaderboard(table())
    assert list(board.columns) == list(column_names())
    assert board["method"].tolist() == ["c", "b", "a"]
    assert board["position"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(board["mean_rank"], [5.5 / 3, 2, 6.5 / 3], rtol=1e-14)
    np.testing.assert_allclose(board["win_rate"], [(3 - 5.5 / 3) / 2, 0.5, (3 - 6.5 / 3) / 2], rtol=1e-11)
    assert board["completeness"].tolist() == [1, 1, 1]
    assert board["tasks"].tolist() == [3, 3, 3]
    assert board["blocks"].tolist() == [3, 3, 3]
    assert set(board["missing_rule"]) == {"common"}
    assert board["mean_score"].isna().all()  # an RMSE has the unit of its task


def test_win_rate_is_the_share_of_rivals_beaten():
    values = pd.DataFrame(SCORES).T
    for method, found in ranked(table(), "win_rate").items():
        others = values.drop(columns=method)
        own = values[method].to_numpy()[:, None]
        np.testing.assert_allclose(found, ((own < others) + 0.5 * (own == others)).to_numpy().mean(), rtol=1e-10)


def test_higher_is_better_where_the_metric_says_so():
    board = leaderboard(table(metric="auprc_lift"))
    assert board["method"].tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(board["mean_rank"], [4 - 6.5 / 3, 2, 4 - 5.5 / 3], rtol=1e-14)
    np.testing.assert_allclose(board["mean_score"], [8 / 3, 8 / 3, 8 / 3], rtol=1e-14)


def test_closest_to_the_goal_is_best_where_the_metric_has_one():
    scores = {"t": {"low": 0.70, "near": 0.79, "exact": 0.8, "far": 1.0, "alike": 0.81}}
    board = leaderboard(table(scores, metric="coverage_80"))
    assert board["method"].tolist() == ["exact", "alike", "near", "low", "far"]
    assert board["position"].tolist() == [1, 2, 2, 4, 5]


def test_a_direction_of_the_table_goes_before_what_is_known():
    assert leaderboard(table(direction="max"))["method"].tolist() == ["a", "b", "c"]
    assert leaderboard(table(metric="mine", direction="min"))["method"].tolist() == ["c", "b", "a"]
    assert leaderboard(table(direction="none")).empty


def test_a_direction_that_nobody_knows_is_refused():
    with pytest.raises(BenchError, match="mine"):
        leaderboard(table(metric="mine"))


@pytest.mark.parametrize("direction", ["higher", "maximum", "", "maximize"])
def test_a_direction_that_is_none_is_refused_rather_than_taken_as_min(direction):
    with pytest.raises(BenchError, match="direction"):
        leaderboard(table(direction=direction))


def test_a_direction_that_is_missing_on_a_row_is_looked_up_or_refused():
    scores = table(metric="auprc_lift", direction="max")
    scores.loc[scores["task"] == "t1", "direction"] = None
    try:
        board = leaderboard(scores)
    except BenchError:
        return
    assert board["method"].tolist() == ["a", "b", "c"]


# weights of tasks and folds


def test_every_task_weighs_the_same_however_many_splits_it_has():
    many = pd.concat([table({"t1": {"a": 1.0, "b": 2.0}}).assign(fold=fold) for fold in range(10)])
    one = table({"t2": {"a": 2.0, "b": 1.0}}).assign(fold=0)
    board = leaderboard(pd.concat([many, one]))
    np.testing.assert_allclose(board["mean_rank"], [1.5, 1.5], rtol=1e-14)
    assert board["position"].tolist() == [1, 1]
    assert board["blocks"].tolist() == [11, 11]
    assert board["tasks"].tolist() == [2, 2]


def test_every_learner_weighs_the_same_within_a_task():
    rows = [("knn", fold, "a", 1.0) for fold in range(3)] + [("knn", fold, "b", 2.0) for fold in range(3)]
    rows += [("ridge", 0, "a", 2.0), ("ridge", 0, "b", 1.0)]
    scores = pd.DataFrame(rows, columns=["learner", "fold", "method", "value"]).assign(task="t", metric="rmse")
    np.testing.assert_allclose(leaderboard(scores)["mean_rank"], [1.5, 1.5], rtol=1e-14)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=30, unique=True)
)
def test_block_weights_are_equal_at_every_level(rows):
    blocks = pd.DataFrame(rows, columns=["task", "learner", "fold"])
    weight = ranks.block_weights(blocks)
    np.testing.assert_allclose(weight.sum(), 1, rtol=1e-12)
    expected = [
        1 / blocks["task"].nunique()
        / blocks.loc[blocks["task"] == task, "learner"].nunique()
        / ((blocks["task"] == task) & (blocks["learner"] == learner)).sum()
        for task, learner, _ in rows
    ]  # fmt: skip
    np.testing.assert_allclose(weight, expected, rtol=1e-12)


def test_the_order_of_rows_and_columns_does_not_matter():
    scores = pd.concat([table().assign(fold=f, value=lambda t, f=f: t["value"] + f % 2) for f in range(3)])
    shuffled = scores.sample(frac=1, random_state=0)[["value", "metric", "fold", "method", "task"]]
    pd.testing.assert_frame_equal(leaderboard(scores), leaderboard(shuffled))


def test_float_noise_is_a_tie():
    assert ranked(table({"t": {"a": 0.1 + 0.2, "b": 0.3, "c": 1.0}})) == {"a": 1.5, "b": 1.5, "c": 3.0}
    assert ranked(table({"t": {"a": 1e-20, "b": 2e-20}})) == {"a": 1.0, "b": 2.0}


# what is missing


def test_a_block_that_one_method_lacks_is_left_out_for_all():
    scores = table()
    scores = scores[~((scores["task"] == "t1") & (scores["method"] == "a"))]
    board = leaderboard(scores).set_index("method")
    np.testing.assert_allclose(board.loc[["a", "b", "c"], "mean_rank"], [2.75, 2.0, 1.25], rtol=1e-14)
    np.testing.assert_allclose(board.loc[["a", "b", "c"], "completeness"], [2 / 3, 1, 1], rtol=1e-14)
    assert set(board["blocks"]) == {2}
    scores = table()
    scores.loc[0, "value"] = np.nan
    np.testing.assert_allclose(leaderboard(scores).set_index("method").loc["a", "completeness"], 2 / 3)


def test_a_metric_that_is_undefined_for_everybody_is_nobodys_fault():
    scores = table().assign(n_rows=10)
    scores.loc[scores["task"] == "t1", "value"] = np.nan
    board = leaderboard(scores)
    assert set(board["completeness"]) == {1.0}
    assert set(board["blocks"]) == {2}


def test_a_failed_cell_does_not_make_an_undefined_metric_the_fault_of_the_others():
    scores = table().assign(n_rows=10.0)
    scores.loc[scores["task"] == "t1", "value"] = np.nan
    scores.loc[(scores["task"] == "t1") & (scores["method"] == "a"), "n_rows"] = np.nan
    found = ranked(scores, "completeness")
    assert found["b"] == found["c"] == 1.0


def test_a_method_without_any_score_does_not_take_the_ranks_of_the_others():
    scores = table()
    scores.loc[scores["method"] == "b", "value"] = np.nan
    board = leaderboard(scores).set_index("method")
    assert board.loc["b", "completeness"] == 0
    assert pd.isna(board.loc["b", "position"])
    assert board.loc["c", "position"] == 1
    assert board.loc["a", "position"] == 2


def test_one_method_and_one_task():
    board = leaderboard(table({"t": {"a": 1.0}}))
    assert board["position"].tolist() == [1]
    assert board["mean_rank"].tolist() == [1]
    assert board["win_rate"].isna().all()


def test_no_score_at_all():
    assert leaderboard(table().iloc[:0]).empty
    board = leaderboard(table().assign(value=np.nan))
    assert board["position"].isna().all()
    assert board["mean_rank"].isna().all()
    assert set(board["blocks"]) == {0}


def test_infinite_scores_are_worst_and_rank():
    assert ranked(table({"t": {"a": np.inf, "b": 1.0}})) == {"a": 2.0, "b": 1.0}


def test_duplicate_rows_are_averaged():
    scores = pd.concat([table({"t": {"a": 1.0, "b": 2.0}}), table({"t": {"a": 4.0}})])
    assert ranked(scores) == {"a": 2.0, "b": 1.0}
    assert set(leaderboard(scores)["blocks"]) == {1}
    pd.testing.assert_frame_equal(leaderboard(table()), leaderboard(pd.concat([table(), table()])))


@pytest.mark.parametrize("column", ["fold", "repeat", "task", "board", "panel", "learner"])
def test_an_empty_cell_in_a_column_of_place_is_a_place_of_its_own(column):
    """A column without a value is like no column: no row vanishes, and none goes to another row's place."""
    scores = table({"t": {"a": 1.0, "b": 2.0}})
    expected = leaderboard(scores)
    found = leaderboard(scores.assign(**{column: np.nan}))
    assert found["method"].tolist() == expected["method"].tolist() == ["a", "b"]
    np.testing.assert_allclose(found["mean_rank"], expected["mean_rank"])


def test_a_row_without_a_method_is_nobodys_score():
    scores = table({"t": {"a": 1.0, "b": 2.0}})
    stray = table({"t": {"x": 100.0}}).assign(method=None)
    try:
        found = ranked(pd.concat([scores, stray]))
    except BenchError:
        return
    assert {name: rank for name, rank in found.items() if name in {"a", "b"}} == {"a": 1.0, "b": 2.0}


# slices, boards, rows that are not ranked


def test_rows_that_are_not_ranked_or_not_of_the_test_do_not_count():
    scores = pd.concat([
        table().assign(ranked=True, sample="test"),
        table({"t1": {"oracle": 0.0}}).assign(ranked=False, sample="test"),
        table({"t1": {"c": 0.0}}).assign(ranked=True, sample="train"),
    ])  # fmt: skip
    pd.testing.assert_frame_equal(leaderboard(scores), leaderboard(table()))


@pytest.mark.parametrize("yes", [True, "true", "True", "TRUE"])
def test_ranked_may_be_text(yes):
    no = str(not bool(yes)) if isinstance(yes, str) else False
    scores = pd.concat([table().assign(ranked=yes), table({"t1": {"oracle": 0.0}}).assign(ranked=no)])
    assert set(leaderboard(scores)["method"]) == {"a", "b", "c"}


def test_twins_are_ranked_among_themselves_and_boards_and_panels_apart():
    scores = table({"t": {"a": 1.0, "b": 2.0, "a+threshold": 0.5, "b+threshold": 3.0}}, metric="log_loss")
    board = leaderboard(scores.assign(board="classification"))
    found = board.set_index("method")
    assert found["mean_rank"].to_dict() == {"a": 1, "b": 2, "a+threshold": 1, "b+threshold": 2}
    assert found["slice"].to_dict() == {"a": "", "b": "", "a+threshold": "+threshold", "b+threshold": "+threshold"}
    assert ranked(scores)["a"] == 2
    assert set(leaderboard(scores.assign(board="class-weight"))["slice"]) == {"", "+threshold"}
    assert set(leaderboard(scores.assign(board="quantile"))["slice"]) == {""}
    two = pd.concat([table().assign(panel="p"), table({"t": {"a": 1.0}}).assign(panel="q")])
    assert leaderboard(two).groupby("panel")["method"].nunique().to_dict() == {"p": 3, "q": 1}


def test_a_hundred_thousand_rows_are_ranked_as_by_pandas():
    rng = np.random.default_rng(0)
    shape = (50, 20, 100)  # 100,000 rows
    task, fold, method = (axis.ravel() for axis in np.indices(shape))
    value = rng.uniform(0, 6, shape) + np.arange(shape[2]) / 50
    scores = pd.DataFrame({"task": task, "fold": fold, "method": [f"m{j:03}" for j in method], "value": value.ravel()})
    for replication, rows in (("split", value.reshape(-1, shape[2])), ("task", value.mean(axis=1))):
        board = leaderboard(scores.assign(metric="rmse"), replication=replication).set_index("method").sort_index()
        np.testing.assert_allclose(board["mean_rank"], pd.DataFrame(rows).rank(axis=1).mean(), rtol=1e-12)


@given(st.integers(0, 10**6), st.booleans())
def test_mean_ranks_of_random_tables(seed, gaps):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 5)), int(rng.integers(1, 4)), int(rng.integers(1, 5)))
    values = rng.integers(0, 4, shape).astype(float)
    if gaps:
        values[rng.uniform(size=shape) < 0.2] = np.nan
    task, fold, method = (axis.ravel() for axis in np.indices(shape))
    scores = pd.DataFrame({"task": task, "fold": fold, "method": [f"m{j}" for j in method], "value": values.ravel()})
    found = ranked(scores.assign(metric="rmse"), replication="split")
    requested = values[~np.isnan(values).all(axis=2)]
    seldom = np.isnan(requested).mean(axis=0) > 0.5 if len(requested) else np.ones(shape[2], dtype=bool)
    means = []
    for one in values[:, :, ~seldom]:
        whole = one[~np.isnan(one).any(axis=1)]
        means += [pd.DataFrame(whole).rank(axis=1).mean().to_numpy()] if len(whole) else []
    expected = np.full(shape[2], np.nan)
    if means and not seldom.all():
        expected[~seldom] = np.mean(means, axis=0)
    np.testing.assert_allclose([found[f"m{j}"] for j in range(shape[2])], expected, rtol=1e-12)


# reading and writing


def test_a_leaderboard_as_csv_reads_back():
    board = leaderboard(table(metric="auprc_lift"))
    text = to_csv(board)
    back = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    assert text.splitlines()[0] == ",".join(column_names())
    assert "\r" not in text
    assert back["mean_rank"].map(float).tolist() == board["mean_rank"].tolist()
    assert back["position"].tolist() == ["1", "2", "3"]


def test_csv_keeps_floats_and_leaves_missing_empty():
    rows = [{"a": 0.1 + 0.2, "b": None, "c": float("nan"), "d": 'x,"y"\nz', "e": 3}, {"a": np.float64(1 / 3)}]
    text = csv_text(["a", "b", "c", "d", "e"], rows)
    assert text.startswith("a,b,c,d,e\n0.30000000000000004,,,")
    assert text.endswith(f"{1 / 3!r},,,,\n")
    back = pd.read_csv(io.StringIO(text), dtype=str)
    assert back["d"][0] == 'x,"y"\nz'
    assert back["a"].map(float).tolist() == [0.1 + 0.2, 1 / 3]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_load_reads_directories_and_files(tmp_path, suffix):
    path = tmp_path / f"scores.{suffix}"
    table().to_csv(path, index=False) if suffix == "csv" else table().to_parquet(path)
    for where in [path, str(path), *([tmp_path] if suffix == "csv" else [])]:
        assert load(where)["value"].tolist() == table()["value"].tolist()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gone.csv", None),
        ("empty.csv", ""),
        ("other.csv", "a,b\n1,2\n"),
        ("bad.parquet", "no"),
        ("bin.csv", "\xff\x00"),
    ],
)
def test_load_refuses_what_is_no_table_of_scores(tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(BenchError, match=name):
        load(path)


def cell(method="m", board="regression", fold=0, learner="", panel="p"):
    return Cell(board, "test:t", panel, 0, fold, learner, method)


def test_export_writes_one_row_a_cell_and_a_metric(tmp_path):
    ok, basis, failed = Ending("ok"), CellBasis(task="t", key="k"), Ending("failed", "code", 'E: no, "really"')
    train = {"test": {"rmse": 0.1, "r2": None}, "train": {"rmse": 0.2}}
    empty = {"test": {"rmse": None, "r2": None}}
    records = {
        cell("equal"): CellRecord(CellResult(ok, train, n_test=7, n_train=9, weigh_seconds=0.5), basis),
        cell("bad"): CellRecord(CellResult(failed, empty), basis, traceback="logs/x.txt", rerun="bench run"),
        cell("oracle"): CellRecord(CellResult(ok, {"test": {"rmse": 0.05, "r2": 0.9}}, n_test=7), basis),
        cell("alone", learner="ridge", panel=""): CellRecord(CellResult(Ending("skipped", detail="no")), basis),
    }
    task = TaskRecord("h", meta_features={"kind": "regression", "n_rows": 16, "dataset": "bundled:digits"})
    scores = write_run_tables(tmp_path, dict(sorted(records.items())), {"t": task})
    back = read(tmp_path / "scores.csv")
    assert list(back.columns) == list(scores.columns)
    equal = back[back["method"] == "equal"]
    assert equal[["sample", "metric", "value", "n_rows", "ranked"]].to_numpy().tolist() == [
        ["test", "rmse", "0.1", "7", "true"], ["test", "r2", "", "7", "true"], ["train", "rmse", "0.2", "9", "false"],
    ]  # fmt: skip
    assert back.loc[back["method"] == "bad", "value"].tolist() == ["", ""]
    assert set(back.loc[back["method"] == "oracle", "ranked"]) == {"false"}
    assert read(tmp_path / "cells.csv")["status"].tolist() == ["skipped", "failed", "ok", "ok"]
    failures = read(tmp_path / "failures.csv")
    assert failures[["method", "status", "detail", "traceback"]].to_numpy().tolist() == [
        ["bad", "failed", 'E: no, "really"', "logs/x.txt"]
    ]
    complete = read(tmp_path / "completeness.csv").set_index("method")
    assert complete["completeness"].to_dict() == {"alone": "0.0", "bad": "0.0", "equal": "1.0", "oracle": "1.0"}
    assert read(tmp_path / "timing.csv")["method"].tolist() == ["equal"]
    assert read(tmp_path / "tasks.csv")[["task_id", "kind", "n_rows", "dataset"]].to_numpy().tolist() == [
        ["t", "regression", "16", "bundled:digits"]
    ]
    parquet = pd.read_parquet(tmp_path / "scores.parquet")
    assert parquet["method"].tolist() == back["method"].tolist()
    np.testing.assert_array_equal(parquet["value"].astype(float), pd.to_numeric(back["value"]))


def test_export_of_nothing_writes_headers(tmp_path):
    write_run_tables(tmp_path, {}, {})
    assert read(tmp_path / "scores.csv").empty
    assert leaderboard(load(tmp_path)).empty


# the command


FORMATS = {
    "csv": lambda out: out.splitlines()[0] == ",".join(column_names()),
    "json": lambda out: {"a", "b", "c"} == {row["method"] for row in json.loads(out)},
    "md": lambda out: out.startswith("| board |"),
    "latex": lambda out: out.startswith(r"\begin{tabular}"),
    "table": lambda out: "position" in out,
}


@pytest.mark.parametrize("output", FORMATS)
def test_any_table_is_ranked_in_every_format(bench, tmp_path, output):
    table().to_csv(tmp_path / "mine.csv", index=False)
    done = bench("leaderboard", tmp_path / "mine.csv", "--format", output)
    assert done.code == 0, done.err
    assert FORMATS[output](done.out)
    assert "\x1b[" not in done.out


def test_json_of_missing_values_is_json(bench, tmp_path):
    table({"t": {"a": 1.0}}).to_csv(tmp_path / "mine.csv", index=False)
    (row,) = json.loads(bench("leaderboard", tmp_path / "mine.csv", "--format", "json").out)
    assert row["win_rate"] is None
    assert row["position"] == 1


def test_latex_and_markdown_escape_names(bench, tmp_path):
    table({"t": {"a_b&c": 1.0, "x|y": 2.0}}).to_csv(tmp_path / "mine.csv", index=False)
    assert r"a\_b\&c" in bench("leaderboard", tmp_path / "mine.csv", "--format", "latex").out
    assert r"x\|y" in bench("leaderboard", tmp_path / "mine.csv", "--format", "md").out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("task,method,metric,value\nt,a,rmse,bad\nt,b,rmse,1\n", "value"),
        ("task,method,metric,value\nt,a,mine,1\n", "mine"),
        ("task,method\nt,a\n", "metric"),
        ("", "mine.csv"),
    ],
)
def test_a_table_that_cannot_be_ranked_is_refused_in_one_line(bench, tmp_path, content, says):
    (tmp_path / "mine.csv").write_text(content)
    done = bench("leaderboard", tmp_path / "mine.csv")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert says in done.err


def test_a_table_without_rows_is_nothing_selected(bench, tmp_path):
    (tmp_path / "mine.csv").write_text("task,method,metric,value\n")
    assert bench("leaderboard", tmp_path / "mine.csv").code == 5


def test_boards_and_metrics_are_chosen_by_name(bench, tmp_path):
    both = pd.concat([table(metric="rmse"), table(metric="mae")]).assign(board="regression")
    both.to_csv(tmp_path / "mine.csv", index=False)
    out = bench("leaderboard", tmp_path / "mine.csv", "--metric", "ma*", "--format", "csv").out
    assert {line.split(",")[1] for line in out.splitlines()[1:]} == {"mae"}
    assert bench("leaderboard", tmp_path / "mine.csv", "--metric", "nope").code == 2
    assert bench("leaderboard", tmp_path / "mine.csv", "-b", "nope").code == 2
