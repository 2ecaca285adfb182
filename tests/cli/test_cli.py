"""The command line: what it refuses, what it prints and where, what works with a warning."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from makers import class_columns, program, read, regression_columns, write_table

SMALL = ("--folds", 2, "--inner", 2)
KEYS = ["planned", "fitted", "reused", "weighed", "ok", "failed", "timeout", "oom", "crashed", "skipped", "invalid",
        "seconds", "results"]  # fmt: skip
BOARDS = ("-b", "regression", "-l", "ridge", "-e", "equal")


def refused(done, *says, code=2):
    """One line on stderr that names the value, no traceback, nothing on stdout."""
    assert done.code == code, done.err
    assert done.out == ""
    assert len(done.err.splitlines()) == 1, done.err
    assert "Traceback" not in done.err
    for text in says:
        assert text in done.err


# refusals


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EACCES, 2), (errno.EROFS, 2), (errno.ENOSPC, 1), (errno.EDQUOT, 1)]
)
def test_a_place_that_cannot_be_written_is_named_in_one_line(bench, monkeypatch, cls, number, code):
    def fail(*_):
        raise OSError(number, os.strerror(number), "results/.lock")

    monkeypatch.setattr("bench.runner.journal.write_json", fail)
    refused(bench("run", *cls, "-b", "classification", "-l", "knn", "-e", "equal", "-q"), "results/.lock", code=code)


def test_a_working_directory_that_is_gone_is_refused(bench, tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.cwd", lambda: Path(tmp_path / "gone").resolve(strict=True))
    refused(bench("list"), "was deleted")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-t", "bundled:irsi"), ("irsi",)),
        (("-t", "iris"), ("iris",)),
        (("-t", "nope:iris"), ("nope:iris",)),
        (("-s", "quik"), ("quik", "quick")),
        (("-b", "regresion"), ("regresion", "regression")),
        (("-l", "rige"), ("rige", "ridge")),
        (("-l", "sklearn.linear_model:Lass"), ("Lass",)),
        (("-e", "gredy"), ("gredy", "greedy")),
        (("-w", "balancd"), ("balancd",)),
        (("-e", "greedy+treshold"), ("treshold", "threshold")),
        (("-e", "greedy:round=3"), ("round=3", "rounds")),
        (("-e", "greedy:rounds=many"), ("rounds", "many")),
        (("-l", "ridge:alpha=big"), ("alpha", "big")),
        (("-l", "knn:n=3"), ("n=3",)),
        (("--panel", "defult"), ("defult", "default")),
        (("--metric", "rsme"), ("rsme", "rmse")),
        (("--levels", "0.5,x"), ("0.5,x",)),
        (("--levels", "0.9,0.1"), ("0.9,0.1",)),
        (("--levels", "0,0.5"), ("0,0.5",)),
        (("--levels", "0.5,0.5"), ("0.5,0.5",)),
        (("--time-limit", "soon"), ("soon", "90s")),
        (("--time-limit", "0s"), ("0s",)),
        (("--time-limit", "-5s"), ("-5s",)),
        (("--mem-limit", "much"), ("much", "4GB")),
        (("--protocol", "refitt"), ("refitt", "refit", "bag")),
        (("--inner", "1"), ("--inner",)),
        (("--inner", "x"), ("--inner",)),
        (("--folds", "0"), ("--folds",)),
        (("--repeats", "-1"), ("--repeats",)),
        (("--seed", "x"), ("--seed",)),
        (("-j", "0"), ("-j",)),
        (("--retry", "faild", *BOARDS, *SMALL), ("faild",)),
        (("--plugin", "gone.py"), ("gone.py",)),
        (("--plugin", "no_such_module"), ("no_such_module",)),
        (("--nope",), ("--nope",)),
        (("--kind", "classify"), ("classify",)),
        (("--target", "z"), ("z",)),
        (("--group", "z"), ("z",)),
        (("--time", "z"), ("z",)),
        (("--weight", "z"), ("z",)),
        (("--weight", "x0"), ("x0", "negative")),
    ],
    ids=lambda part: " ".join(map(str, part)) if isinstance(part, tuple) else "",
)
def test_a_wrong_value_is_refused_in_one_line(bench, reg, words, says):
    own = "-t" not in words and "-s" not in words
    done = bench("run", *(reg if own else ()), "-q", *words)
    refused(done, *says)
    assert not Path("results").exists()


@pytest.mark.parametrize("text", ["greedy:metric=nope", "single-best:metric=macro_f1", "greedy:rounds=2.5"])
def test_a_parameter_value_that_no_scheme_can_use_is_refused_before_the_run(bench, reg, text):
    refused(bench("run", *reg, *SMALL, "-b", "regression", "-l", "ridge", "-e", text, "-q"), text.partition("=")[2])


@pytest.mark.parametrize("text", ["ridge:alpha=-1", "knn:n_neighbors=0"])
def test_a_parameter_value_that_no_learner_can_use_is_refused_before_the_run(bench, reg, text):
    refused(bench("run", *reg, *SMALL, "-b", "regression", "-l", text, "-e", "equal", "-q"), text.partition("=")[2])


FILES = {
    "gone": (None, "t.csv"),
    "empty": ("", "t.csv"),
    "blank lines": ("\n\n", "t.csv"),
    "header only": ("a,y\n", "no rows"),
    "no features": ("y\n1\n2\n", "feature"),
    "two columns of a name": ("a,a,y\n1,2,3\n4,5,6\n", "'a'"),
    "a target is missing": ("a,y\n1,\n2,3\n3,4\n", "'y'"),
    "one class": ("a,y\n1,u\n2,u\n3,u\n", "'u'"),
    "constant": ("a,y\n1,0.5\n2,0.5\n3,0.5\n", "0.5"),
    "empty target": ("a,y\n1,\n2,\n", "'y'"),
    "ragged": ("a,y\n1,2\n3,4,5,6\n", "t.csv"),
    "not text": (b"a,y\n\xff\xfe,1\n", "UTF-8"),
    "text as regression": ("a,y\n1,u\n2,v\n3,u\n", "'u'"),
    "a class a row": ("a,y\n1,u\n2,v\n3,w\n", "another class"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_task_is_refused_in_one_line(bench, name):
    content, says = FILES[name]
    if content is not None:
        Path("t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    kind = ("--kind", "regression") if name == "text as regression" else ()
    refused(bench("run", "-t", "file:t.csv", "--target", "y", *kind, *SMALL, "-q"), says)


def test_other_things_that_are_no_files(bench, tmp_path):
    (tmp_path / "d.csv").mkdir()
    refused(bench("run", "-t", "file:d.csv", "--target", "y", "-q"), "d.csv", "directory")
    (tmp_path / "t.xlsx").write_text("x")
    refused(bench("run", "-t", "file:t.xlsx", "--target", "y", "-q"), "t.xlsx")
    (tmp_path / "t.csv.gz").write_text("no gzip")
    refused(bench("run", "-t", "file:t.csv.gz", "--target", "y", "-q"), "t.csv.gz")
    (tmp_path / "t.parquet").write_text("no parquet")
    refused(bench("run", "-t", "file:t.parquet", "--target", "y", "-q"), "t.parquet")


def test_a_file_without_its_target_is_refused_with_its_columns(bench, reg):
    refused(bench("run", *reg[:2], "-q"), "--target", "x0")


def test_a_directory_that_cannot_be_written_is_refused(bench, reg, tmp_path):
    (tmp_path / "taken").write_text("")
    refused(bench("run", *reg, *SMALL, *BOARDS, "-q", "--results", "taken"), "taken")
    refused(bench("run", *reg, *SMALL, *BOARDS, "-q", "--results", "taken/below"), "taken")


@pytest.mark.parametrize("words", [("--seed", 1), ("--inner", 3), ("--protocol", "bag"), ("--levels", "0.1,0.9")])
def test_other_settings_need_another_directory(bench, reg, words):
    assert bench("run", *reg, *SMALL, *BOARDS, "-q").code == 0
    before = Path("results/scores.csv").read_bytes()
    refused(bench("run", *reg, *SMALL, *BOARDS, "-q", *words), "another --results")
    assert Path("results/scores.csv").read_bytes() == before
    assert bench("run", *reg, *SMALL, *BOARDS, "-q", *words, "--results", "other").code == 0


@pytest.mark.parametrize("words", [("-b", "!*"), ("-b", "classification"), ("-l", "!*")])
def test_nothing_selected(bench, reg, words):
    done = bench("run", *reg, "-q", *words)
    assert done.code == 5, done.err
    assert len(done.err.splitlines()) == 1
    assert not Path("results").exists()


@pytest.mark.parametrize("command", ["status", "leaderboard"])
@pytest.mark.parametrize("where", ["gone", "."])
def test_a_directory_without_results_is_refused(bench, command, where):
    refused(bench(command, where))


@pytest.mark.parametrize(
    "words",
    [("frobnicate",), ("run", "extra"), ("leaderboard", ".", "--format", "xml"), ("list", "nope"), ("show", "nope")],
)
def test_a_wrong_command_is_refused(bench, words):
    refused(bench(*words), words[-1])


# what is printed, and where


def test_json_is_one_line_with_the_counts(bench, reg):
    done = bench("run", *reg, *SMALL, *BOARDS, "--json")
    assert done.code == 0
    assert list(done.json) == KEYS
    assert done.json["results"] == "results"
    assert done.json["planned"] == done.json["ok"] == len(read("results/cells.csv")) == 8
    assert done.json["fitted"] == 2
    assert isinstance(done.json["seconds"], (int, float))


def test_quiet_is_quiet(bench, reg):
    columns = {**regression_columns(), "one value": 1}
    write_table(Path("odd.csv"), columns)
    for task in (reg, ("-t", "file:odd.csv", "--target", "y")):
        done = bench("run", *task, *SMALL, *BOARDS, "-q", "--results", Path(task[1]).stem)
        assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.filterwarnings("default")
def test_tables_go_to_stdout_and_messages_to_stderr(bench, reg):
    done = bench("run", *reg, *SMALL, *BOARDS)
    assert done.code == 0, done.err
    assert "regression · rmse" in done.out
    assert "equal" in done.out
    assert "cells ok" in done.err
    assert "cells ok" not in done.out
    assert "\x1b[" not in done.out + done.err


@pytest.mark.parametrize("words", [("plan",), ("run", "-n")])
def test_a_plan_says_what_there_is_to_do(bench, reg, words):
    done = bench(*words, *reg, *SMALL, *BOARDS)
    assert done.code == 0, done.err
    assert "8 cells; 2 fits to do, 0 stored" in done.out
    bench("run", *reg, *SMALL, *BOARDS, "-q")
    assert (
        "8 cells; 0 fits to do, 2 stored; up to 0 cells to evaluate; nothing to do"
        in bench(*words, *reg, *SMALL, *BOARDS).out
    )


def test_status_counts_what_is_there(bench, reg):
    bench("run", *reg, *SMALL, *BOARDS, "-q")
    done = bench("status", "results")
    assert done.code == 0
    assert done.out.splitlines()[-1].split() == ["regression", "8", "0", "0", "0", "0", "0", "0"]


@pytest.mark.parametrize(
    "noun", ["boards", "learners", "ensembles", "class-weights", "metrics", "postprocess", "suites"]
)
def test_lists_are_tables(bench, noun):
    done = bench("list", noun, "--format", "json")
    assert done.code == 0, done.err
    assert all(row["name"] for row in json.loads(done.out))


@pytest.mark.parametrize("name", ["greedy", "ridge", "macro_f1", "balanced", "threshold", "quick", "bundled:wine"])
def test_show_knows_every_kind_of_thing(bench, name):
    done = bench("show", name)
    assert done.code == 0, done.err
    assert name in done.out


def test_metric_chooses_the_boards_that_are_printed(bench, reg):
    words = ("run", *reg, *SMALL, *BOARDS)
    bench(*words, "-q")
    done = bench("leaderboard", "results", "--metric", "mae,r2", "--format", "csv")
    assert {line.split(",")[1] for line in done.out.splitlines()[1:]} == {"mae", "r2"}


def test_the_small_leaderboards_are_the_rows_of_the_large_one(bench, cls):
    bench("run", *cls, *SMALL, "-b", "class*", "-l", "logistic", "-e", "greedy", "-w", "balanced", "-q")
    whole = read("results/leaderboard.csv")
    written = {path.stem: path for path in Path("results/leaderboards").glob("*.csv") if "-by-" not in path.stem}
    found = {name: read(path) for name, path in written.items() if not name.endswith("-tasks")}
    assert {name.removesuffix("-tasks") for name in written.keys() - found.keys()} == set(found)
    assert {path.stem for path in Path("results/leaderboards").glob("*-by-*.csv")} == {
        "class-weight-by-imbalance",
        "class-weight-by-learner",
    }
    assert set(found) == set(whole["board"] + "-" + whole["metric"])
    for name, part in found.items():
        expected = whole[whole["board"] + "-" + whole["metric"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, expected)
    assert {"oracle", "alone"}.isdisjoint(whole["method"])


def test_the_installed_program_runs_and_prints_no_colours(reg):
    done = program("run", *reg, *SMALL, *BOARDS)
    assert done.code == 0, done.err
    assert "\x1b" not in done.out + done.err
    assert "Warning" not in done.err
    assert "equal" in done.out


def test_the_installed_program_refuses_in_one_line():
    refused(program("run", "-t", "bundled:nope"), "nope")


def test_version_and_help(bench):
    assert bench("--version").out.startswith("bench 0")
    assert "--time-limit" in bench("run", "--help").out
    assert bench("--help").code == 0


# tables that should work, with a warning where they look odd


def odd_columns():
    return {
        "small classes": ({**class_columns(60), "y": ["a"] * 40 + ["b"] * 17 + ["c"] * 2 + ["d"]}, "fewer than"),
        "empty column": ({**class_columns(40), "void": np.nan}, "no value"),
        "constant column": ({**class_columns(40), "same": 7}, "one value"),
        "constant text": ({**class_columns(40), "same": "s"}, "one value"),
        "identifier": ({**class_columns(40), "id": [f"row{j}" for j in range(40)]}, "identifier"),
        "odd names": (dict(zip(
            ["a b", "c,d", '[x]"', "{y: 1}", "größe", "y"], [*list(class_columns(40).values())[:3],
            range(40), [0.5, 1.5] * 20,
            class_columns(40)["y"]], strict=True)), ""),
        "categories alone": (
            {"a": ["u", "v", "w", "u"] * 10, "b": ["p", "q"] * 20, "y": ["n", "m", "m", "n"] * 10}, ""),
        "gaps": (
            {**class_columns(40), "gap": [np.nan, 1.0, 2.0, np.nan] * 10, "text gap": [None, "u", "v", "w"] * 10}, ""),
        "labels like numbers": ({**class_columns(40), "y": [1, 2, 3, 1] * 10}, ""),
        "truth values": ({**class_columns(40), "y": [True, False] * 20}, ""),
        "many levels": ({**class_columns(60), "many": [f"l{j % 45}" for j in range(60)]}, ""),
        "dates": ({**class_columns(40), "when": [f"2026-01-{j % 28 + 1:02}" for j in range(40)]}, ""),
    }  # fmt: skip


@pytest.mark.parametrize("name", odd_columns())
def test_an_odd_table_works(bench, name):
    columns, warning = odd_columns()[name]
    write_table(Path("t.csv"), columns)
    done = bench("run", "-t", "file:t.csv", "--target", "y", "--kind", "classification", *SMALL,
                 "--folds", 1, "-b", "class*",
                 "-l", "logistic,knn,lightgbm:n_estimators=5" if "names" in name else "logistic,knn",
                 "-e", "log-stack,logistic-stack", "-w", "balanced", "--json")  # fmt: skip
    assert done.code == 0, done.err + str(read("results/failures.csv")["detail"].tolist())
    assert warning in done.err
    assert ("warning" in done.err) is bool(warning)


@pytest.mark.parametrize("name", ["gaps", "empty column", "constant column", "odd names"])
def test_an_odd_table_works_for_regression(bench, name):
    columns = odd_columns()[name][0]
    write_table(Path("t.csv"), {**columns, "y": np.random.default_rng(0).normal(size=40)})
    done = bench(
        "run",
        "-t",
        "file:t.csv",
        "--target",
        "y",
        *SMALL,
        "-b",
        "regression,quantile",
        "-l",
        "ridge,knn,gaussian",
        "--json",
    )
    assert done.code == 0, done.err + str(read("results/failures.csv")["detail"].tolist())


def test_labels_are_kept_as_they_are_written(bench):
    write_table(Path("t.csv"), {**class_columns(40), "y": ["007", "10", "9", "10"] * 10})
    bench(
        "run",
        "-t",
        "file:t.csv",
        "--target",
        "y",
        *SMALL,
        "-b",
        "classification",
        "-l",
        "logistic",
        "-e",
        "equal",
        "-q",
    )
    assert len(set(read("results/per_class.csv")["class"])) == 3


# group, time and weight


def test_groups_stay_together(bench):
    write_table(Path("t.csv"), {**regression_columns(), "g": [f"g{j % 5}" for j in range(40)]})
    done = bench("run", "-t", "file:t.csv", "--target", "y", "--group", "g", *BOARDS, "--inner", 2, "--json")
    assert done.code == 0, done.err
    table = read("results/scores.csv").query("sample == 'test' and metric == 'rmse'")
    assert set(table["n_rows"]) == {"8"}
    assert set(table["fold"]) == set("01234")


def test_time_goes_forward(bench):
    write_table(Path("t.csv"), {**regression_columns(), "when": [f"2026-01-{j // 2 + 1:02}" for j in range(40)]})
    done = bench(
        "run", "-t", "file:t.csv", "--target", "y", "--time", "when", *BOARDS, "--inner", 2, "--folds", 3, "--json"
    )
    assert done.code == 0, done.err
    table = read("results/scores.csv").query("metric == 'rmse' and method == 'equal'")
    rows = table.pivot_table(index="fold", columns="sample", values="n_rows", aggfunc="first").astype(int)
    assert rows["train"].is_monotonic_increasing
    assert rows["train"].nunique() == 3


@pytest.mark.parametrize(
    ("board", "learner"), [("regression", "ridge"), ("quantile", "gaussian"), ("classification", "logistic")]
)
def test_a_row_of_weight_zero_says_nothing(bench, board, learner):
    """Other targets on such rows change no number at all: not of fits, schemes, thresholds or metrics.

    The folds follow time, so that they do not depend on the targets.
    """
    columns = class_columns(60) if board == "classification" else regression_columns(60)
    silent = np.arange(60) % 4 == 0
    weight = np.where(silent, 0.0, 1.0 + np.arange(60) % 3)
    tables = []
    for results in ("tame", "wild"):
        y = np.array(columns["y"], dtype=object)
        if results == "wild":
            y[silent] = np.where(y[silent] == "c0", "c1", "c0") if board == "classification" else 1e3
        write_table(Path("t.csv"), {**columns, "y": y, "w": weight, "when": np.arange(60)})
        done = bench("run", "-t", "file:t.csv", "--target", "y", "--weight", "w", "--time", "when", "-b", board, *SMALL,
                     "-l", f"{learner},{'logistic:C' if board == 'classification' else f'{learner}:alpha'}=0.01",
                     "-e", "core", "--json", "--results", results)  # fmt: skip
        assert done.code == 0, done.err + str(read(f"{results}/failures.csv")["detail"].tolist())
        table = read(f"{results}/scores.csv")
        tables.append(table.set_index(["fold", "learner", "method", "sample", "metric"])["value"])
    one, other = (pd.to_numeric(table) for table in tables)
    assert one.notna().sum() > 50
    for key in one.index:
        np.testing.assert_allclose(one[key], other[key], rtol=1e-5, atol=1e-7, err_msg=str(key))


def test_weights_change_the_numbers(bench):
    write_table(Path("t.csv"), {**regression_columns(), "w": np.linspace(0.1, 3, 40)})
    for results, words in (("with", ("--weight", "w")), ("without", ())):
        bench("run", "-t", "file:t.csv", "--target", "y", *words, *SMALL, *BOARDS, "-q", "--results", results)
    one, other = (
        pd.to_numeric(read(f"{name}/scores.csv").query("metric == 'rmse'")["value"]) for name in ("with", "without")
    )
    assert (np.abs(one.to_numpy() - other.to_numpy()) > 1e-6).all()


# the laws of the boards, through the tables


@pytest.fixture
def classes(bench, tmp_path):
    write_table(tmp_path / "t.csv", class_columns(90, shares=(0.75, 0.25)))
    done = bench("run", "-t", "file:t.csv", "--target", "y", "-b", "class*", "-l", "logistic,knn", *SMALL, "--json")
    assert done.code == 0, done.err
    return read("results/scores.csv")


def test_the_laws_of_the_class_boards_hold_in_the_tables(classes):
    test = classes[classes["sample"] == "test"]
    board = test[(test["board"] == "classification") & (test["panel"] != "")]
    wide = board.pivot_table(index=["fold", "metric"], columns="method", values="value", aggfunc="first")
    for name in [column for column in wide if column.endswith("+threshold")]:
        plain = name.removesuffix("+threshold")
        for metric in ("log_loss", "brier", "auroc"):
            if plain in wide:
                same = wide.xs(metric, level="metric")
                assert same[name].tolist() == same[plain].tolist()
    loss = wide.xs("log_loss", level="metric").astype(float)
    for name in ("equal", "greedy", "log-stack", "single-best"):
        assert (loss["oracle"] <= loss[name] * (1 + 1e-9)).all()
    assert set(test.loc[test["method"].isin(["oracle", "alone"]), "ranked"]) == {"false"}
    assert set(test.loc[~test["method"].isin(["oracle", "alone"]), "ranked"]) == {"true"}

    weights = test[(test["board"] == "class-weight") & (test["metric"] == "macro_f1") & (test["value"] != "")]
    f1 = weights.pivot_table(index=["fold", "learner"], columns="method", values="value", aggfunc="first").astype(float)
    assert (f1["oracle"] >= f1["none+threshold"] - 1e-12).all()
    assert (f1["oracle"] >= f1["none"] - 1e-12).all()
    train = classes[(classes["sample"] == "train")]
    assert set(train["metric"]) == {"log_loss"}
