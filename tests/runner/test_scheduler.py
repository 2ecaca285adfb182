"""Runs: what is done again and what is not, and what does not apply."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from makers import Inline, bytes_of, class_columns, read, regression_columns, write_table
from makers.runs import CLS, REG, SMALL, SUITE, cells, values


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


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
    "no records": lambda: next(Path("results/records").glob("*/*-f0.json")).unlink(),
    "broken records": lambda: next(Path("results/records").glob("*/*-f0.json")).write_text("[{"),
    "no tables": lambda: [path.unlink() for path in Path("results").glob("*.csv")],
}


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("harm", "fitted", "some_weighed"),
    [("truncated", 1, False), ("removed", 1, False), ("no notes", 1, False), ("no store", 4, False),
     ("no records", 0, True), ("broken records", 0, True), ("no tables", 0, False)],
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
    monkeypatch.setattr("bench.runner.executors.choice.Pool", Inline)
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
