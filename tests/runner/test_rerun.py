"""The command beside a failed cell makes that cell again, and nothing else."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from makers import PROGRAM, class_columns, regression_columns, write_table
from makers.runs import SUITE, cells, failure, statuses


def rerun(call, row):
    words = shlex.split(row["rerun"])
    assert words[:2] == ["bench", "run"]
    return call(*words[1:], "--json")


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
