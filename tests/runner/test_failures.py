"""Failures of learners and of schemes: each has its status, fails alone, and is tried again when it should be."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from makers import bytes_of, program, read, regression_columns, write_table
from makers.runs import REG, SMALL, cells, failure, statuses, values

# learners


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


# schemes and steps


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
@pytest.mark.parametrize("factor", [1e-50, 1e50])
def test_targets_of_any_size_do_not_stop_the_run(bench, tmp_path, factor):
    columns = regression_columns()
    columns["y"] = columns["y"] * factor
    write_table(tmp_path / "t.csv", columns)
    done = bench("run", "-t", "file:t.csv", "--target", "y", *REG)
    assert done.code in {0, 1}, done.err


def test_a_target_too_large_to_square_is_refused_in_one_line(bench, tmp_path):
    columns = regression_columns()
    columns["y"] = columns["y"] * 1e200
    write_table(tmp_path / "t.csv", columns)
    done = bench("run", "-t", "file:t.csv", "--target", "y", *REG)
    assert done.code == 2
    assert "write it in another unit" in done.err
    assert done.err.count("\n") == 1


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
