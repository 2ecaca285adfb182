"""`bench leaderboard` as people type it: files of any maker, what is printed and where, what is said of the order."""

from __future__ import annotations

import io
import json
import re
from itertools import dropwhile, takewhile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from makers import program, read

from bench.cli import terminal
from bench.report.leaderboards import PAIR_COLUMNS, column_names, leaderboard

nan, inf = np.nan, np.inf


def scores_of(T=8, F=2, K=4, seed=0, **more):
    """Return a table of scores that bench did not write."""
    rng = np.random.default_rng(seed)
    task, fold, method = (axis.ravel() for axis in np.indices((T, F, K)))
    value = np.exp(rng.normal(size=T)[task] + 0.1 * rng.normal(size=len(task)) + 0.1 * method)
    names = np.array([f"m{k}" for k in range(K)], dtype=object)
    columns = {"task": [f"t{k}" for k in task], "fold": fold, "method": names[method], "metric": "rmse", "value": value}
    return pd.DataFrame(columns).assign(**more)


def gaps(T=8):
    """Return scores of which m0, the best, lacks two tasks."""
    table = scores_of(T)
    table.loc[(table["method"] == "m0") & table["task"].isin(["t0", "t1"]), "value"] = nan
    return table


@pytest.fixture
def ranked(bench, tmp_path):
    """Write a table of scores, and call `bench leaderboard` on it."""

    def call(table, *words, suffix="csv"):
        path = tmp_path / f"scores.{suffix}"
        table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path, index=False)
        return bench("leaderboard", path, *words)

    return call


def printed(out):
    """Return the first table that was printed, by method, as texts."""
    lines = list(dropwhile(lambda line: not line.startswith("position"), out.splitlines()))
    head, *rows = (re.split(r"\s{2,}", line.strip()) for line in lines)
    rows = takewhile(lambda row: len(row) == len(head), rows)
    return pd.DataFrame(rows, columns=head).set_index("method")


def strict(text):
    """Parse JSON as the standard has it: without NaN and Infinity."""

    def refuse(name):
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


# formats


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_csv_is_the_columns_of_the_board_and_nothing_else(ranked, suffix):
    done = ranked(gaps(), "--format", "csv", suffix=suffix)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == ",".join(column_names())
    assert len(lines) == 5
    back = pd.read_csv(io.StringIO(done.out))
    np.testing.assert_allclose(back["mean_rank"], leaderboard(gaps())["mean_rank"], rtol=1e-9)


def test_csv_and_parquet_say_the_same(ranked):
    assert ranked(scores_of(), suffix="csv").out == ranked(scores_of(), suffix="parquet").out


def test_json_is_json_whatever_the_scores(ranked):
    table = scores_of(board="mine")
    table.loc[table["method"] == "m1", "value"] = inf
    table.loc[table["method"] == "m2", "value"] = nan
    table.loc[0, "value"] = nan
    for words in ((), ("--pairs",), ("--missing", "worst"), ("--baseline", "m1")):
        rows = strict(ranked(table, "--format", "json", *words).out)
        assert list(rows[0]) == list(PAIR_COLUMNS if words == ("--pairs",) else column_names())


@pytest.mark.parametrize("output", ["table", "csv", "md", "latex", "json"])
@pytest.mark.parametrize("words", [(), ("--pairs",)])
def test_the_order_of_the_rows_moves_no_byte(ranked, output, words):
    two = pd.concat([gaps(), scores_of(seed=1, metric="mae")])
    shuffled = two.sample(frac=1, random_state=3)[two.columns[::-1]]
    assert ranked(two, *words, "--format", output).out == ranked(shuffled, *words, "--format", output).out


def test_every_metric_of_a_board_that_nobody_knows_is_printed(ranked):
    both = pd.concat([scores_of(metric="speed", direction="max"), scores_of(metric="rmse", direction="min")])
    out = ranked(both.assign(board="mine")).out
    assert "mine · rmse · 8 tasks, 16 blocks" in out
    assert "mine · speed · 8 tasks, 16 blocks" in out
    first = leaderboard(both[both["metric"] == "speed"])["method"][0]
    assert first == leaderboard(both[both["metric"] == "rmse"])["method"].iloc[-1]


def test_pairs_are_printed_instead_of_the_boards(ranked):
    done = ranked(scores_of(), "--pairs", "--format", "csv", "--rope", "0.05")
    back = pd.read_csv(io.StringIO(done.out))
    assert list(back) == list(PAIR_COLUMNS)
    assert len(back) == 6
    assert set(back["rope"]) == {0.05}


# what is said of the order


def test_six_tasks_are_tested_and_five_are_too_few(ranked):
    enough, few = ranked(scores_of(6)).out, ranked(scores_of(5)).out
    assert "Is this order real? Friedman-Iman-Davenport p = " in enough
    assert re.search(r"first in \d+% of bootstraps, among equals in \d+%; folds for a stable order: ", enough)
    assert "letters" in enough
    assert "No intervals, letters or tests: too few tasks: 5, needed 6." in few
    assert not [text for text in ("Is this order real", "p =", "(1-") if text in few]
    assert "letters" not in printed(few)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (scores_of(F=1), "folds for a stable order: unknown, no task has two"),
        (scores_of(value=1.0), "cannot tell: all methods are tied on all tasks."),
        (scores_of().query("(fold == 0) == (method in ['m0', 'm1'])"), "nothing can be ranked"),
        (scores_of(T=6, F=1, K=121, seed=1), "Elo points of 121 methods have no intervals"),
        (
            scores_of(T=6, F=1, K=121, value=np.random.default_rng(0).uniform(size=726)),
            "Kemeny's order of 121 methods is that of a local search",
        ),
    ],
)
def test_what_cannot_be_told_is_said(ranked, table, says):
    done = ranked(table)
    assert (done.code, done.err) == (0, "")
    assert says in done.out
    assert "nan" not in done.out


def test_winners_that_share_their_place_are_counted(ranked):
    table = scores_of()
    table["value"] = table["value"].where(table["method"] != "m1", table["value"].shift(1))
    assert "the 2 winners stay first in 100% of bootstraps" in ranked(table).out


# missing scores


def test_missing_scores_are_named_with_the_change_of_order_by_each_other_rule(ranked):
    out = ranked(gaps(), "--baseline", "m1").out
    assert "Some scores are missing (rule `common`)" in out
    assert "75%" in out
    assert "imputed" not in out
    (worst,) = (line for line in out.splitlines() if line.startswith("By rule `worst`"))
    other = leaderboard(gaps(), missing="worst")
    first = " and ".join(other["method"][other["position"] == 1])
    assert re.search(f"`worst` {first} would (still )?be first", worst)
    assert "By rule `impute:m1` " in out
    assert "By rule" not in ranked(scores_of()).out


def test_what_was_filled_in_is_counted(ranked):
    out = ranked(gaps(), "--missing", "worst").out
    assert "By rule `common` m0 would be first" in out
    assert "By rule `worst`" not in out
    assert printed(out)["imputed"].to_dict() == {"m0": "4", "m1": "0", "m2": "0", "m3": "0"}
    assert "imputed" in ranked(gaps(), "--missing", "impute:m1").out


def test_fail_is_exit_code_4_in_one_line(ranked):
    done = ranked(gaps(), "--missing", "fail")
    assert (done.code, done.out) == (4, "")
    assert done.err.splitlines() == [
        "bench: 4 of 64 scores of rmse are missing: use another --missing rule, or run what is missing"
    ]
    assert ranked(scores_of(), "--missing", "fail").code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--missing", "mean"), "'mean'"),
        (("--missing", "impute:z"), "'z'"),
        (("--baseline", "z"), "'z'"),
        (("--by", "nope"), "'nope'"),
        (("--by", "learner"), "'learner'"),
        (("--pairs", "--rope", "-1"), "rope is -1"),
        (("--metric", "nope"), "nope"),
        (("--format", "xml"), "xml"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(ranked, words, says):
    done = ranked(scores_of(), *words)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert says in done.err


def test_nothing_that_is_better_high_or_low_is_said(ranked):
    done = ranked(scores_of(direction="none"))
    assert done.code == 2
    assert "no score is left to rank" in done.err


# slices


def test_slices_of_a_directory_by_traits_and_suites(bench, tmp_path):
    table = scores_of(T=4, learner="knn").replace({"task": {"t0": "bundled:iris", "t1": "bundled:wine"}})
    table.rename(columns={"task": "task_id"}).to_csv(tmp_path / "scores.csv", index=False)
    tasks = pd.DataFrame({"task_id": ["bundled:iris", "bundled:wine", "t2"], "n_rows": [150, 600, 20_000]})
    tasks.to_csv(tmp_path / "tasks.csv", index=False)
    out = bench("leaderboard", tmp_path, "--by", "n_rows,learner", "--format", "csv").out
    found = pd.read_csv(io.StringIO(out))["slice"].drop_duplicates()
    assert found.tolist() == [f"n_rows={part} learner=knn" for part in ("<500", "500-1000", "10000-100000")]
    out = bench("leaderboard", tmp_path, "--by", "n_rows").out
    assert "rmse · n_rows=<500 · 1 task, 2 blocks" in out
    assert "suite=" in bench("leaderboard", tmp_path, "--by", "suite").out
    assert bench("leaderboard", tmp_path, "--by", "imbalance").code == 2


# how it looks


def test_a_narrow_terminal_keeps_names_whole_and_says_what_it_left_out(ranked, monkeypatch):
    table = scores_of(board="regression").replace({"method": {"m0": "single-best:metric=macro_f1", "m1": "equal"}})
    wide = ranked(table).out
    monkeypatch.setattr(terminal, "width", lambda: 78)
    narrow = ranked(table).out
    assert "win_rate" in wide
    assert "single-best:metric=macro_f1" in narrow
    assert "No room for elo, win_rate, skill: use a wider" in narrow.replace("\n", " ")
    assert max(map(len, narrow.splitlines())) <= 78
    assert "No room" not in wide


def test_numbers_of_a_column_have_the_same_decimals(ranked):
    found = printed(ranked(scores_of(board="regression"), "--baseline", "m1").out)
    for name, decimals in {"mean_rank": 2, "elo": 0, "win_rate": 3, "skill": 3}.items():
        assert set(found[name].str.partition(".")[2].str.len()) == {decimals}, name


def test_a_reader_that_stops_early_is_no_fault(tmp_path):
    scores_of().to_csv(tmp_path / "scores.csv", index=False)
    done = program("leaderboard", "scores.csv", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("rmse · 8 tasks, 16 blocks\n")


# seeds


def test_seeds_repeat_the_splits_with_other_seeds_of_the_learners(bench, tmp_path):
    words = ("-t", "bundled:iris", "-l", "forest,lightgbm", "-b", "classification", "-e", "equal", "--inner", 2)
    done = bench("run", *words, "--seeds", 3, "--folds", 2, "-q")
    assert done.code == 0, done.err
    scores = read("results/scores.csv")
    test = scores[(scores["sample"] == "test") & (scores["metric"] == "log_loss")]
    assert sorted(set(test["reseed"])) == ["0", "1", "2"]
    assert (test["reseed"] == test["repeat"]).all()  # iris has one repeat of its own
    cells = read("results/cells.csv")
    kept = ["task_id", "fold", "learner", "method", "data_hash", "seed"]
    first, *others = (cells[cells["repeat"] == str(seed)][kept].reset_index(drop=True) for seed in range(3))
    for other in others:
        pd.testing.assert_frame_equal(first, other)
    by = test.groupby(["learner", "method", "fold"])
    assert (by["n_rows"].agg(set).map(len) == 1).all()
    differ = by["value"].agg(set).map(len)
    assert (differ["forest"] == 3).all()
    assert (differ["lightgbm"] == 1).all()  # it draws nothing at random
    assert (differ["", "equal"] == 3).all()
    pairs = pd.read_csv("results/pairwise.csv")
    assert (pairs["rope"] > 0).all()
    assert pairs["p"].isna().all()
    assert "too few tasks: 1, needed 6" in bench("leaderboard").out


def test_a_run_says_that_its_tasks_are_too_few(bench, reg):
    done = bench("run", *reg, "--folds", 2, "--inner", 2, "-b", "regression", "-l", "ridge", "-e", "equal")
    assert "No intervals, letters or tests: too few tasks: 1, needed 6." in done.out
    assert pd.read_csv("results/pairwise.csv").empty  # the constant predictor is no rival


# the page


def test_the_examples_of_the_page_are_what_is_printed(bench):
    page = (Path(__file__).parents[2] / "docs" / "leaderboards.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    Path("scores.csv").write_text(table)
    shown = re.findall(r"\$ bench (leaderboard scores.csv[^\n#]*)\n((?:[^$`\n].*\n|\n)+)", page)
    assert len(shown) == 2
    for words, expected in shown:
        lines = [line.rstrip() for line in bench(*words.split()).out.strip().splitlines()]
        assert lines == expected.strip().splitlines()


def test_the_page_explains_every_column_and_no_other():
    page = (Path(__file__).parents[2] / "docs" / "leaderboards.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page.partition("## Missing scores")[0], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(column_names())
