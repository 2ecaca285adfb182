"""Runs: what is done again and what is not, how failures are kept, and what an interrupt leaves behind."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pandas as pd
import psutil
import pytest
from makers import PROGRAM, Inline, bytes_of, class_columns, program, read, regression_columns, write_table

SMALL = ("--folds", 2, "--inner", 2, "--json")
REG = ("-b", "regression", "-l", "ridge,knn", "-e", "equal", *SMALL)
CLS = ("-b", "class*", "-l", "logistic,knn", "-e", "equal", "-w", "balanced", *SMALL)

PLUGIN = '''
import os
from pathlib import Path
import numpy as np
from bench.methods.class_weights import register as class_weight
from bench.core.nouns import Weights
from bench.methods.ensembles import register as ensemble
from bench.methods.learners import register as learner
from bench.methods.postprocess import register as step

class Model:
    def __init__(self, width, fit=None, predict=None):
        self.width, self._fit, self._predict = width, fit, predict
    def fit(self, X, y, weight):
        if self._fit:
            self._fit()
        self.mean = np.average(y, weights=weight)
    def predict(self, X):
        if self._predict:
            return self._predict(len(X))
        return np.full((len(X), self.width), self.mean if self.width == 1 else 1 / self.width)

def raises():
    raise RuntimeError("on purpose: line one\\nline two")

def dies():
    os._exit(9)

def loops():
    while True:
        pass

def hogs():
    kept = bytearray(2**30)
    kept[::4096] = b"x" * len(kept[::4096])
    loops()

def moody_():
    if Path("broken").exists():
        raise RuntimeError("broken is there")

def moody_crash_():
    if Path("broken").exists():
        os._exit(9)

def infra_():
    if Path("broken").exists():
        raise ConnectionError("no line")

calls = 0

def gate_():
    """Wait at the first fit of the second split, where there is something to wait for."""
    global calls
    calls += 1
    if calls == 4 and Path("gate").exists():
        Path("reached").write_text("reached")
        Path("gate").read_text()

def enter(name, **how):
    def make(target, seed):
        return Model(target.width, **how)
    make.__name__, make.__doc__ = name, f"{name}."
    learner("point", "class", encoding="scaled", weights=True)(make)

enter("raiser", fit=raises)
enter("nanny", predict=lambda n: np.full((n, 1), np.nan))
enter("dropper", predict=lambda n: np.ones((n, 1)))
enter("dier", fit=dies)
enter("looper", fit=loops)
enter("hog", fit=hogs)
enter("moody", fit=moody_)
enter("moody_crash", fit=moody_crash_)
enter("infra", fit=infra_)
enter("gate", fit=gate_)
enter("talker", fit=lambda: print("I talk", flush=True))

def scheme(name, function):
    def make(panel, y, rng):
        return function(panel)
    make.__name__, make.__doc__ = name, f"{name}."
    ensemble("point", "class")(make)

scheme("bad_raises", lambda panel: raises())
scheme("bad_nan", lambda panel: Weights(np.full(len(panel.learners), np.nan)))
scheme("bad_shape", lambda panel: (lambda other: np.zeros((3, 7))))
scheme("bad_dies", lambda panel: dies())
scheme("bad_gap", lambda panel: Weights(np.eye(len(panel.learners))[0], gap=float("nan")))
scheme("bad_moody", lambda panel: moody_() or Weights(np.eye(len(panel.learners))[0]))
scheme("good", lambda panel: Weights(np.eye(len(panel.learners))[-1]))

@class_weight("fit")
def weight_raises(counts, total):
    """Raise."""
    raise RuntimeError("on purpose")

@class_weight("fit")
def weight_nan(counts, total):
    """Say nothing."""
    return np.full(len(counts), np.nan)

@step("class")
def step_raises(answer, y, rng):
    """Raise."""
    raise RuntimeError("on purpose")
'''


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "bad_plugin.py"
    path.write_text(PLUGIN)
    return ("--plugin", str(path))


def cells(folder="results"):
    return read(Path(folder) / "cells.csv")


def statuses(folder="results"):
    """Return status by learner or method."""
    table = cells(folder)
    return {(row.learner, row.method): row.status for row in table.itertuples()}


def values(folder="results"):
    table = read(Path(folder) / "scores.csv")
    return table.set_index(list(table.columns[:10]))["value"]


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


# resuming


@pytest.mark.usefixtures("few_metrics")
@pytest.mark.parametrize("flags", [REG, CLS], ids=["regression", "classes"])
def test_a_second_run_does_nothing_and_says_so(bench, reg, cls, flags):
    words = ("run", *(reg if flags is REG else cls), *flags)
    first = bench(*words)
    assert first.code == 0, first.err
    (before,) = bytes_of("results")
    stamp = {name: Path("results", name).stat().st_mtime_ns for name in files("results") if name.startswith("store")}
    second = bench(*words)
    assert second.code == 0
    assert (second.json["fitted"], second.json["weighed"]) == (0, 0)
    assert second.json["reused"] == first.json["fitted"]
    for name in ("planned", "ok", "skipped"):
        assert second.json[name] == first.json[name]
    assert bytes_of("results") == [before]
    assert all(Path("results", name).stat().st_mtime_ns == when for name, when in stamp.items())


@pytest.mark.usefixtures("few_metrics")
def test_a_new_scheme_is_weighed_alone_and_changes_no_other_number(bench, cls):
    words = ("-b", "classification", "-l", "logistic,knn", *SMALL)
    first = bench("run", *cls, *words, "-e", "greedy")
    before = values()
    second = bench("run", *cls, *words, "-e", "greedy,log-stack")
    assert (second.json["fitted"], second.json["weighed"]) == (0, 4)
    assert second.json["planned"] == first.json["planned"] + 4
    after = values()
    pd.testing.assert_series_equal(before, after.loc[before.index])
    assert {key[7] for key in after.index.difference(before.index)} == {"log-stack", "log-stack+threshold"}


@pytest.mark.usefixtures("few_metrics")
def test_numbers_do_not_depend_on_who_else_is_run(bench, reg, cls):
    bench("run", *cls, *CLS, "-e", "core", "--results", "all")
    bench("run", *cls, "-b", "classification", "-l", "logistic,knn", *SMALL, "-e", "log-stack", "--results", "one")
    one, everything = values("one"), values("all")
    pd.testing.assert_series_equal(one, everything.loc[one.index])


def test_a_new_learner_is_fitted_alone(bench, reg):
    bench("run", *reg, *REG)
    before = values()
    second = bench("run", *reg, *REG, "-l", "ridge:alpha=9")
    assert second.json["fitted"] == 2
    after = values()
    pd.testing.assert_series_equal(before, after.loc[before.index])


def test_a_new_fold_is_fitted_alone_and_the_others_stay(bench, reg):
    bench("run", *reg, *REG)
    before = values()
    second = bench("run", *reg, *REG, "--folds", 3)
    assert second.json["fitted"] == 2
    assert second.json["weighed"] * 3 == second.json["planned"]
    pd.testing.assert_series_equal(before, values().loc[before.index])


def test_the_first_folds_are_those_of_the_whole(bench, reg):
    bench("run", *reg, *REG, "--folds", 2, "--results", "two")
    bench("run", *reg, *REG, "--folds", 5, "--results", "five")
    two, five = values("two"), values("five")
    pd.testing.assert_series_equal(two, five.loc[two.index])
    assert {key[5] for key in five.index} == set("01234")


def test_a_store_serves_two_experiments(bench, reg):
    bench("run", *reg, *REG, "--store", "shared", "--results", "one")
    second = bench("run", *reg, *REG, "--store", "shared", "--results", "two")
    assert second.json["fitted"] == 0
    assert bytes_of("one") == bytes_of("two")


def test_force_does_everything_again_to_the_same_bytes(bench, reg):
    first = bench("run", *reg, *REG)
    (before,) = bytes_of("results")
    second = bench("run", *reg, *REG, "--force")
    assert second.json["fitted"] == first.json["fitted"]
    assert second.json["weighed"] == first.json["weighed"]
    assert bytes_of("results") == [before]


HARMS = {
    "truncated": lambda: _truncate(next(Path("results/store").rglob("oof.npy"))),
    "removed": lambda: next(Path("results/store").rglob("test.npy")).unlink(),
    "no notes": lambda: next(Path("results/store").rglob("meta.json")).unlink(),
    "no store": lambda: shutil.rmtree("results/store"),
    "no sheet": lambda: next(Path("results/records").glob("*/*-f0.json")).unlink(),
    "broken sheet": lambda: next(Path("results/records").glob("*/*-f0.json")).write_text("[{"),
    "no tables": lambda: [path.unlink() for path in Path("results").glob("*.csv")],
}


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("harm", "fitted", "some_weighed"),
    [("truncated", 1, False), ("removed", 1, False), ("no notes", 1, False), ("no store", 4, False),
     ("no sheet", 0, True), ("broken sheet", 0, True), ("no tables", 0, False)],
)  # fmt: skip
def test_what_is_harmed_is_made_again_to_the_same_bytes(bench, reg, harm, fitted, some_weighed):
    bench("run", *reg, *REG)
    (before,) = bytes_of("results")
    HARMS[harm]()
    second = bench("run", *reg, *REG)
    assert second.code == 0, second.err
    assert second.json["fitted"] == fitted
    assert (second.json["weighed"] > 0) is some_weighed
    assert bytes_of("results") == [before]
    assert bench("run", *reg, *REG).json["fitted"] == 0


def test_any_number_of_workers_gives_the_same_bytes(pooled, monkeypatch, reg, cls):
    """With one worker, with two, and in this process."""
    tasks = ("-t", f"{reg[1]},{cls[1]}", "--target", "y", "-l", "ridge,logistic,knn", *SMALL, "--folds", 1)
    tasks += ("-b", "regression,classification")  # the other boards have such a test of their own
    for jobs in (1, 2):
        done = pooled("run", *tasks, "-j", jobs, "--results", f"j{jobs}")
        assert done.code == 0, done.err
    monkeypatch.setattr("bench.runner.scheduler.Pool", Inline)
    assert pooled("run", *tasks, "--results", "here").code == 0
    here, one, two = bytes_of("here", "j1", "j2")
    for name, content in here.items():
        assert content == one[name], name
        assert content == two[name], name


def test_a_dry_run_leaves_nothing_behind(bench, cls):
    """Also where cells are skipped, or failed before."""
    assert bench("run", *cls, *CLS[:-1], "-n").code == 0
    assert not Path("results").exists()
    assert bench("plan", *cls, *CLS[:-1]).code == 0
    assert not Path("results").exists()


def test_changed_data_are_not_mixed_with_the_old(bench, tmp_path):
    """What stands in the tables for one split was all made from the same rows."""
    words = ("run", "-t", "file:t.csv", "--target", "y", "-b", "regression", "-l", "ridge,knn", *SMALL)
    write_table(tmp_path / "t.csv", regression_columns(seed=0))
    bench(*words, "-e", "greedy,qp-simplex")
    write_table(tmp_path / "t.csv", regression_columns(seed=1))
    done = bench(*words, "-e", "greedy")
    if done.code == 0:
        assert cells().groupby(["task_id", "repeat", "fold"])["data_hash"].nunique().max() == 1
    else:
        assert done.code == 2
        assert "another --results" in done.err


SUITE = """
suites:
  mine:
    folds: 3
    tasks:
      - {task: "file:t.csv", target: y}
"""


def test_splits_of_another_number_of_folds_are_not_mixed(bench, tmp_path):
    """A suite cuts a task in three, a task by name is cut in five: fold 0 is not the same rows."""
    write_table(tmp_path / "t.csv", regression_columns())
    (tmp_path / "datasets.yaml").write_text(SUITE)
    words = ("-b", "regression", "-l", "ridge,knn", "--inner", 2, "--json")
    assert bench("run", "-s", "mine", *words, "-e", "greedy,qp-simplex").code == 0
    done = bench("run", "-t", "file:t.csv", "--target", "y", *words, "-e", "greedy")
    if done.code == 0:
        table = read("results/scores.csv").query("sample == 'test' and value != ''")
        assert table.groupby(["task_id", "repeat", "fold"])["n_rows"].nunique().max() == 1
    else:
        assert done.code == 2
        assert "another --results" in done.err


# failures of learners


def test_every_way_to_fail_has_its_status_and_the_run_goes_on(pooled, reg, plugin):
    names = "ridge,raiser,nanny,dropper,dier,hog"
    words = (
        "run",
        *reg,
        "-b",
        "regression",
        "-l",
        names,
        "--folds",
        1,
        "--inner",
        2,
        "--json",
        "-e",
        "greedy",
        *plugin,
    )
    words += ("--mem-limit", "900MB")
    done = pooled(*words, "-j", 2)
    assert done.code == 1, done.err
    found = statuses()
    expected = {
        "ridge": "ok", "raiser": "failed", "nanny": "invalid", "dropper": "ok", "dier": "crashed", "hog": "oom",
    }  # fmt: skip
    assert {learner: status for (learner, _), status in found.items() if learner} == expected
    assert {status for (learner, _), status in found.items() if not learner} == {"ok"}
    counts = {name: done.json[name] for name in ("failed", "invalid", "crashed", "oom")}
    assert set(counts.values()) == {1}
    assert done.json["ok"] + 4 == done.json["planned"]

    table = cells().set_index("method")
    assert "raiser (failed)" in table.loc["greedy", "detail"]
    causes = cells().set_index("learner")["cause"].to_dict()
    assert {name: causes[name] for name in expected} == {
        "ridge": "", "raiser": "code", "nanny": "code", "dropper": "", "dier": "code", "hog": "limit",
    }  # fmt: skip

    failures = read("results/failures.csv").set_index("learner")
    assert set(failures.index) == set(expected) - {"ridge", "dropper"}
    assert "\n" not in failures.loc["raiser", "detail"]
    assert "on purpose: line one line two" in failures.loc["raiser", "detail"]
    trace = Path("results", failures.loc["raiser", "traceback"]).read_text()
    assert "Traceback" in trace
    assert "in raises" in trace
    assert all(command.startswith("bench run") for command in failures["rerun"])

    scores = read("results/scores.csv")
    metrics = set(scores.loc[(scores["learner"] == "ridge") & (scores["sample"] == "test"), "metric"])
    for name in failures.index:
        rows = scores[scores["learner"] == name]
        assert set(rows["metric"]) == metrics
        assert set(rows["value"]) == {""}
    assert len(list(Path("results/store").rglob("meta.json"))) == 2

    again = pooled(*words)
    assert again.code == 1
    assert again.json["fitted"] == 1  # the crash alone is tried again
    assert statuses() == found
    failed = pooled(*words, "--retry", "failed,invalid")
    assert failed.json["fitted"] == 3
    assert statuses() == found


def test_a_learner_that_takes_too_long_is_a_timeout_and_is_not_tried_again(pooled, reg, plugin):
    """The other learner is fitted before, without a limit, so that a slow machine cannot make it late."""
    words = ("run", *reg, "-b", "regression", "--folds", 1, "--inner", 2, "--json", "-e", "greedy", *plugin)
    assert pooled(*words, "-l", "ridge").code == 0
    done = pooled(*words, "-l", "ridge,looper", "--time-limit", "3s")
    assert (done.code, done.json["timeout"], done.json["fitted"]) == (1, 1, 1)
    assert statuses()["looper", "alone"] == "timeout"
    assert failure("looper", "alone")["cause"] == "limit"
    again = pooled(*words, "-l", "ridge,looper")
    assert (again.code, again.json["timeout"], again.json["fitted"]) == (1, 1, 0)


def test_what_is_mended_is_mended(bench, reg, plugin):
    words = ("run", *reg, *REG, "-l", "moody,infra", "-e", "greedy", *plugin)
    Path("broken").touch()
    first = bench(*words)
    assert (first.code, first.json["failed"]) == (1, 4)
    Path("broken").unlink()
    second = bench(*words)
    assert second.json["failed"] == 2  # a fault of the infrastructure is tried again by itself
    assert second.json["fitted"] == 2
    third = bench(*words, "--retry", "failed")
    assert (third.code, third.json["failed"], third.json["fitted"]) == (0, 0, 2)
    bench("run", *reg, *REG, "-l", "moody,infra", "-e", "greedy", *plugin, "--results", "clean")
    clean, mended = bytes_of("clean", "results")
    assert mended == clean
    assert read("results/failures.csv").empty


def test_a_crash_is_tried_again_by_the_next_run(pooled, reg, plugin):
    words = ("run", *reg, "-b", "regression", "-l", "ridge,moody-crash", "--folds", 1, "--inner", 2, "--json", *plugin)
    Path("broken").touch()
    assert pooled(*words).json["crashed"] == 1
    Path("broken").unlink()
    second = pooled(*words)
    assert (second.code, second.json["fitted"]) == (0, 1)


def test_all_learners_failing_is_a_finished_run(bench, reg, plugin):
    done = bench("run", *reg, "-b", "regression", "-l", "raiser,nanny", *SMALL, *plugin)
    assert done.code == 1, done.err
    assert done.json["ok"] == 0
    assert set(cells()["status"]) == {"failed", "invalid"}
    assert bench("run", *reg, "-b", "regression", "-l", "raiser,nanny", *SMALL[:-1], *plugin).code == 1
    assert bench("leaderboard", "results").code in {0, 5}


@pytest.mark.usefixtures("few_metrics")
def test_a_learner_that_drops_a_class_is_invalid_there_alone(bench, cls, plugin):
    done = bench("run", *cls, "-b", "classification", "-l", "logistic,dropper", *SMALL, "-e", "greedy", *plugin)
    assert done.code == 1
    found = {learner: status for (learner, method), status in statuses().items() if method == "alone"}
    assert found == {"logistic": "ok", "dropper": "invalid"}


def test_what_a_learner_prints_is_not_mixed_with_the_data(reg, plugin):
    done = program("run", *reg, "-b", "regression", "-l", "ridge,talker", *SMALL, *plugin)
    assert done.code == 0, done.err
    assert done.json["ok"] == done.json["planned"]
    assert "I talk" not in done.out


# failures of schemes


def test_schemes_that_fail_fail_alone(pooled, reg, plugin):
    names = "bad-raises,bad-nan,bad-shape,bad-dies,good,greedy"
    done = pooled("run", *reg, *REG, "-e", names, *plugin)
    assert done.code == 1, done.err
    found = {method: status for (learner, method), status in statuses().items() if not learner}
    assert found == {
        "bad-raises": "failed", "bad-nan": "invalid", "bad-shape": "invalid", "bad-dies": "crashed", "good": "ok",
        "greedy": "ok", "equal": "ok", "floor": "ok", "oracle": "ok",
    }  # fmt: skip
    pooled("run", *reg, *REG, "-e", "good,greedy", *plugin, "--results", "clean")
    clean = values("clean")
    pd.testing.assert_series_equal(values().loc[clean.index], clean)
    board = read("results/leaderboard.csv").query("metric == 'rmse'").set_index("method")
    assert float(board.loc["greedy", "completeness"]) == 1
    assert {float(board.loc[name, "completeness"]) for name in found if name.startswith("bad")} == {0}
    complete = read("results/completeness.csv").set_index("method")
    assert complete.loc["bad-raises", ["planned", "ok", "failed"]].tolist() == ["2", "0", "2"]


def test_a_scheme_that_always_fails_does_not_unrank_the_others(bench, reg, plugin):
    bench("run", *reg, *REG, "-e", "bad-raises,greedy", *plugin)
    board = read("results/leaderboard.csv").query("metric == 'rmse'").set_index("method")
    assert board.loc["greedy", "position"] != ""
    assert board.loc["bad-raises", "position"] == ""


def test_a_certificate_that_is_none_does_not_stop_the_run(bench, reg, plugin):
    done = bench("run", *reg, *REG, "-e", "bad-gap,greedy", *plugin)
    assert done.code in {0, 1}, done.err
    found = {method: status for (learner, method), status in statuses().items() if not learner}
    assert found["greedy"] == "ok"


@pytest.mark.filterwarnings("ignore")
def test_targets_of_any_size_do_not_stop_the_run(bench, tmp_path):
    columns = regression_columns()
    columns["y"] = columns["y"] * 1e200
    write_table(tmp_path / "t.csv", columns)
    done = bench("run", "-t", "file:t.csv", "--target", "y", *REG)
    assert done.code in {0, 1}, done.err


@pytest.mark.usefixtures("few_metrics")
def test_a_step_that_fails_fails_alone(bench, cls, plugin):
    done = bench(
        "run", *cls, "-b", "classification", "-l", "logistic,knn", *SMALL, "-e", "greedy+step-raises,equal", *plugin
    )
    assert done.code == 1
    found = {method: status for (learner, method), status in statuses().items() if not learner}
    assert {method for method, status in found.items() if status != "ok"} == {"greedy+step-raises"}


@pytest.mark.usefixtures("few_metrics")
@pytest.mark.parametrize(("name", "status"), [("weight-raises", "failed"), ("weight-nan", "invalid")])
def test_class_weights_that_fail_fail_alone(bench, cls, plugin, name, status):
    done = bench("run", *cls, "-b", "class-weight", "-l", "logistic", *SMALL, "-w", f"{name},balanced", *plugin)
    assert done.code == 1, done.err
    found = {method: status for (_, method), status in statuses().items()}
    expected = {method: "ok" for base in ("none", "balanced") for method in (base, f"{base}+threshold")}
    assert found == expected | {"floor": "ok", "oracle": "ok", name: status, f"{name}+threshold": status}


def test_the_first_failure_stops_the_run_if_asked(bench, reg, plugin):
    done = bench("run", *reg, "-b", "regression", "-l", "raiser,ridge", *SMALL, *plugin, "-x")
    assert done.code == 1
    assert done.json["fitted"] == 1
    assert bench("run", *reg, "-b", "regression", "-l", "raiser,ridge", *SMALL, *plugin).json["fitted"] == 3


# rerunning


def rerun(call, row):
    words = shlex.split(row["rerun"])
    assert words[:2] == ["bench", "run"]
    return call(*words[1:], "--json")


def failure(learner, method):
    rows = read("results/failures.csv")
    return rows[(rows["learner"] == learner) & (rows["method"] == method)].iloc[-1]


def key_of(row):
    table = cells()
    same = (table[["board", "task_id", "panel", "repeat", "fold", "learner", "method"]] == row[
        ["board", "task_id", "panel", "repeat", "fold", "learner", "method"]]).all(axis=1)  # fmt: skip
    (found,) = table[same].to_dict("records")
    return found


ODD = ("--seed", 3, "--inner", 2, "--folds", 2, "--protocol", "bag", "--levels", "0.1,0.5,0.9", "--json")
CASES = {
    "learner": (("-b", "regression", "-l", "ridge,moody", "-e", "greedy"), "moody", "alone", "y"),
    "scheme": (("-b", "regression", "-l", "ridge,knn", "-e", "bad-moody"), "", "bad-moody", "y"),
    "class weight": (("-b", "class-weight", "-l", "moody", "-w", "balanced"), "moody",
                     "balanced+prior-correction", "label"),
    "control": (("-b", "class-weight", "-l", "logistic,moody", "-w", "balanced"), "moody", "none", "label"),
    "oracle": (("-b", "class-weight", "-l", "logistic,moody", "-w", "balanced"), "moody", "oracle", "label"),
}  # fmt: skip


@pytest.fixture
def odd_table(tmp_path):
    """A table whose path and columns need quotes on the command line."""
    label = class_columns(40)["y"]
    columns = {**regression_columns(40), "label of it": label, "wei ght": [1, 2] * 20}
    (tmp_path / "a folder").mkdir()
    write_table(tmp_path / "a folder" / "my table.csv", columns)
    return "file:a folder/my table.csv"


@pytest.mark.usefixtures("few_metrics")
@pytest.mark.parametrize("case", CASES)
def test_a_cell_is_rerun_by_its_command(bench, odd_table, plugin, case):
    """It fails in the same way while the fault is there, and is mended after; nothing else in the tables changes."""
    flags, learner, method, target = CASES[case]
    if method.startswith("balanced+"):
        flags = (*flags[:-1], method)
    target = "label of it" if target == "label" else target
    words = (
        "run",
        "-t",
        odd_table,
        "--target",
        target,
        "--weight",
        "wei ght",
        *flags,
        *ODD,
        *plugin,
        "--store",
        "my store",
    )
    Path("broken").touch()
    assert bench(*words).code == 1
    row = failure(learner, method)
    before = cells()
    again = rerun(bench, row)
    assert again.code == 1, again.err
    assert again.json["fitted"] + again.json["weighed"] > 0
    assert key_of(row)["status"] == "failed"
    Path("broken").unlink()
    mended = rerun(bench, row)
    assert mended.code == 0, mended.err
    assert key_of(row)["status"] == "ok"
    assert set(cells()["panel"]) == set(before["panel"])
    final = bench(*words, "--retry", "failed")
    assert final.code == 0, final.err


def test_a_cell_of_a_suite_is_rerun_on_its_own_splits(bench, tmp_path, plugin):
    write_table(tmp_path / "t.csv", regression_columns())
    (tmp_path / "datasets.yaml").write_text(SUITE)
    words = (
        "run",
        "-s",
        "mine",
        "-b",
        "regression",
        "-l",
        "ridge,moody",
        "-e",
        "greedy",
        *plugin,
        "--inner",
        2,
        "--json",
    )
    Path("broken").touch()
    bench(*words)
    Path("broken").unlink()
    mended = rerun(bench, failure("moody", "alone"))
    assert mended.code == 0, mended.err
    final = bench(*words)
    assert (final.code, final.json["fitted"]) == (0, 0)


def test_the_command_works_as_it_is_printed(bench, reg, plugin):
    Path("broken").touch()
    bench(
        "run", *reg, "-b", "regression", "-l", "ridge,moody", "--folds", 1, "--inner", 2, "-e", "greedy", "-q", *plugin
    )
    command = failure("moody", "alone")["rerun"]
    Path("broken").unlink()
    path = f"{PROGRAM.parent}:{os.environ['PATH']}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False,  # noqa: S602
                          env={**os.environ, "PATH": path}, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert statuses()["moody", "alone"] == "ok"


# what does not apply


@pytest.mark.usefixtures("few_metrics")
def test_skipped_cells_have_reasons_and_do_not_matter(bench, cls):
    done = bench("run", *cls, "-b", "class-weight", "-l", "logistic,knn", *SMALL, "-w", "balanced")
    assert done.code == 0
    assert done.json["skipped"] > 0
    table = cells()
    skipped = table[table["status"] == "skipped"]
    assert set(skipped["learner"]) == {"knn"}
    assert set(skipped["method"]) == {"balanced", "balanced+threshold"}
    assert skipped["detail"].str.contains("no row weights").all()
    assert read("results/failures.csv").empty
    again = bench("run", *cls, "-b", "class-weight", "-l", "logistic,knn", *SMALL, "-w", "balanced")
    assert (again.code, again.json["fitted"], again.json["weighed"]) == (0, 0, 0)
    assert again.json["skipped"] == done.json["skipped"]


@pytest.mark.usefixtures("few_metrics")
def test_a_training_part_with_one_class_is_skipped(bench, tmp_path):
    columns = class_columns(60)
    columns["y"] = ["early"] * 20 + ["early", "late"] * 20
    write_table(tmp_path / "t.csv", {**columns, "when": range(60)})
    done = bench("run", "-t", "file:t.csv", "--target", "y", "--time", "when", "-b", "class*", "-l", "logistic,knn",
                 "--folds", 3, "--inner", 2, "--json", "-e", "greedy", "-w", "balanced")  # fmt: skip
    assert done.code == 0, done.err + str(read("results/failures.csv")["detail"].tolist())
    table = cells()
    first = table[table["fold"] == "0"]
    assert set(first["status"]) == {"skipped"}
    assert first["detail"].str.contains("two classes").all()
    assert "ok" in set(table.loc[table["fold"] == "2", "status"])


# interrupts


@pytest.fixture
def gated(reg, plugin):
    """Start a run that waits in the middle of its second split, and say how to go on."""
    words = ("run", *reg, "-b", "regression", "-l", "ridge,gate", *SMALL, "-e", "greedy,qp-simplex", *plugin)
    os.mkfifo("gate")
    os.mkfifo("reached")
    started = []

    def tell_the_end(process):
        """Let nobody wait for a run that ended before it reached the gate."""
        process.wait()
        with contextlib.suppress(OSError):  # nobody waits any more
            Path("reached").write_text("ended")

    def start():
        # Files, not pipes: the workers of a killed program would keep a pipe open.
        with Path("err.txt").open("w") as err:
            process = subprocess.Popen(
                [PROGRAM, *map(str, words)], stdout=subprocess.DEVNULL, stderr=err, start_new_session=True
            )
        watch = threading.Thread(target=tell_the_end, args=(process,), daemon=True)
        watch.start()
        started.append((process, watch))
        if Path("reached").read_text() != "reached":
            pytest.fail(f"the run ended by itself: {Path('err.txt').read_text()}")
        return process, psutil.Process(process.pid).children(recursive=True)

    yield start, words
    for process, watch in started:
        process.kill()
        process.wait(60)
        reader = os.open("reached", os.O_RDONLY | os.O_NONBLOCK)
        watch.join(60)
        os.close(reader)


def release(children):
    """Let a worker that waits at the gate go on, and wait until no process of the run is left."""
    with contextlib.suppress(OSError):  # nobody waits there
        os.close(os.open("gate", os.O_WRONLY | os.O_NONBLOCK))
    _, alive = psutil.wait_procs(children, timeout=30)
    Path("gate").unlink()
    return alive


def resumed(bench, words):
    """Resume here, and return what that run did, its bytes, and those of a run that was never interrupted."""
    done = bench(*words)
    assert done.code == 0, done.err
    clean = bench(*words, "--results", "clean")
    return done, clean, *bytes_of("results", "clean")


def test_a_directory_in_use_is_refused_and_a_killed_run_is_resumed_to_the_same_bytes(bench, gated):
    start, words = gated
    process, children = start()
    refused = bench(*words, "-q")
    assert refused.code == 2
    assert len(refused.err.splitlines()) == 1
    assert "another --results" in refused.err
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert release(children) == []
    done, clean, found, expected = resumed(bench, words)
    assert 0 < done.json["fitted"] < clean.json["fitted"]
    assert found == expected


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_valid_tables_and_is_resumed(bench, gated, sent, code):
    """Ctrl-C reaches the whole group, as in a terminal; a request to end reaches the program alone."""
    start, words = gated
    process, children = start()
    os.killpg(process.pid, sent) if sent == signal.SIGINT else process.send_signal(sent)
    assert process.wait(60) == code
    assert "Traceback" not in Path("err.txt").read_text()
    assert release(children) == []
    table = cells()
    assert set(table["fold"]) == {"0"}
    assert set(table["status"]) == {"ok"}
    assert len(read("results/leaderboard.csv"))
    assert Path("results/manifest.json").is_file()
    done, clean, found, expected = resumed(bench, words)
    assert 0 < done.json["fitted"] < clean.json["fitted"]
    assert done.json["weighed"] < clean.json["weighed"]
    assert found == expected
