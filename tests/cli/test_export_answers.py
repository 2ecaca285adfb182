"""`bench export --answers`: what is written recomputes every score, and nothing is opened that was not given."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from makers import class_columns, read, regression_columns, write_table
from makers.runs import PLUGIN

from bench.runner.journal import Journal

PAGE = (Path(__file__).parents[2] / "docs" / "results.md").read_text()
RECOMPUTE = re.search(r"```python\n# recompute.py\n(.*?)```", PAGE, re.DOTALL)[1]
FILES = ("-t", "file:reg.csv,file:cls.csv")
METRICS = ("--metric", "rmse,mae,wis,mean_pinball,log_loss,brier,accuracy,macro_f1")
RUN = ("run", *FILES, "--target", "y", "--weight", "w", "--inner", 2, "--folds", 2, "--json", *METRICS)
EXPORT = ("export", "results", "--answers", "-o", "audit")


@pytest.fixture
def tables():
    weight = np.tile([1.0, 2.0, 0.0, 0.5], 15)
    write_table("reg.csv", {**regression_columns(), "w": weight[:40]})
    write_table("cls.csv", {**class_columns(shares=(0.5, 0.3, 0.2)), "w": weight})


def test_the_script_of_the_page_recomputes_the_scores_of_all_boards(bench, tables):
    assert bench(*RUN, "-l", "ridge,logistic,knn,gaussian", "-e", "equal,single-best", "-w", "balanced").code == 0
    done = bench(*EXPORT, *FILES)
    assert (done.code, len(done.out.split())) == (0, 5)
    Path("recompute.py").write_text(RECOMPUTE)
    words = [sys.executable, "recompute.py", "results", "audit"]
    checked = subprocess.run(words, capture_output=True, text=True, check=True)
    scores = read("results/scores.csv").query("sample == 'test' and status == 'ok'")  # knn takes no row weights
    assert set(scores["board"]) == {"regression", "quantile", "classification", "class-weight"}
    assert int(checked.stdout.split()[0]) == len(scores)
    splits = pd.read_parquet("audit/splits.parquet")
    parts = splits[splits["task_id"] == "file:cls"].groupby(["fold", "part"], observed=True).size()
    assert parts[0].to_dict() == {"train": 48, "test": 12}
    told = pd.concat(map(pd.read_parquet, Path("audit/answers").iterdir()))
    by_split = [*told.groupby(["task_id", "fold"], observed=True)["row"]]
    tested = splits[splits["part"] == "test"]
    for (task, fold), rows in by_split:
        here = tested[(tested["task_id"] == task) & (tested["fold"] == fold)]["row"]
        assert set(rows) == set(here)
    assert len(by_split) == 4


def test_a_file_that_results_name_is_not_opened_unless_it_is_given(bench, tables):
    run = ("run", "-t", "file:reg.csv", "--target", "y", "-l", "ridge", "-e", "equal", "-b", "regression", "-q")
    assert bench(*run, "--folds", 1, "--inner", 2).code == 0
    done = bench(*EXPORT)
    assert (done.code, done.out) == (5, "")
    assert "file:reg is left out: not checked: it names file:reg.csv: give -t file:reg.csv" in done.err


def test_a_fit_that_is_gone_is_refused_with_the_command_that_makes_it(bench, few_metrics):
    run = ("run", "-t", "bundled:iris", "-l", "logistic,knn", "-e", "equal", "-b", "classification", "--folds", 1)
    assert bench(*run, "--inner", 2, "-q").code == 0
    entry = next(path for path in Path("results/store").glob("??/*"))
    entry.rename("elsewhere")
    done = bench(*EXPORT)
    assert done.code == 2
    command = done.err.split(": run ")[1].split()
    assert command[:2] == ["bench", "run"]
    assert bench(*command[1:], "-q").code == 0
    assert bench(*EXPORT).code == 0


def test_an_answer_that_scores_otherwise_is_left_out(bench, few_metrics):
    run = ("run", "-t", "bundled:iris", "-l", "logistic,knn", "-e", "equal", "-b", "classification", "--folds", 1)
    assert bench(*run, "--inner", 2, "-q").code == 0
    journal = Journal(Path("results"))
    cell, record = next((c, r) for c, r in journal.records().items() if c.method == "equal")
    scores = {"test": dict.fromkeys(record.result.scores["test"], 0.25)}
    with journal.open(journal.settings()) as writer:
        writer.write({cell: replace(record, result=replace(record.result, scores=scores))})
    done = bench(*EXPORT)
    assert done.code == 1
    assert " and was 0.25: run again" in done.err
    (path,) = Path("audit/answers").iterdir()
    assert "equal" not in set(pd.read_parquet(path)["method"])


def test_plug_ins_are_used_if_they_are_given(bench, few_metrics):
    Path("bad_plugin.py").write_text(PLUGIN)
    plugin = ("--plugin", "bad_plugin.py")
    run = ("run", "-t", "bundled:iris", "-l", "logistic,knn", "-e", "good", "-b", "classification", "--folds", 1)
    assert bench(*run, "--inner", 2, "-q", *plugin).code == 0
    done = bench(*EXPORT, *plugin)
    assert done.code == 0
    (path,) = Path("audit/answers").iterdir()
    assert "good" in set(pd.read_parquet(path)["method"])
