"""`bench export --answers`: what is written recomputes every score, and nothing is opened that was not given."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import numpy as np
import pandas as pd
import pytest
from makers import Inline, class_columns, read, regression_columns, write_table
from makers.runs import PLUGIN
from makers.sharing import flip_every_entry
from pyarrow.parquet import ParquetFile
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from bench.runner import answers as bench_answers
from bench.runner import parquet_parts
from bench.runner.executors.local import Event
from bench.runner.journal import Journal
from bench.runner.tables import IDENTITY

PAGE = (Path(__file__).parents[2] / "docs" / "results.md").read_text()
RECOMPUTE = re.search(r"```python\n# recompute.py\n(.*?)```", PAGE, re.DOTALL)[1]
FILES = ("-t", "file:reg.csv,file:cls.csv")
METRICS = ("--metric", "rmse,mae,wis,mean_pinball,log_loss,brier,accuracy,macro_f1")
RUN = ("run", *FILES, "--target", "y", "--weight", "w", "--inner", 2, "--folds", 1, "--json", *METRICS)
EXPORT = ("export", "results", "--answers", "-o", "audit")


@pytest.fixture
def tables():
    weight = np.tile([1.0, 2.0, 0.0, 0.5], 15)
    write_table("reg.csv", {**regression_columns(), "w": weight[:40]})
    write_table("cls.csv", {**class_columns(shares=(0.5, 0.3, 0.2)), "w": weight})


def test_the_script_of_the_page_recomputes_every_score_of_all_boards(bench, tables, monkeypatch):
    monkeypatch.setattr(bench_answers, "CHUNK", 7)  # so that every file is written in many parts
    monkeypatch.setattr(parquet_parts, "ROW_GROUP", 50)
    words = ("-l", "ridge,logistic,gaussian", "-e", "equal,qp-simplex,equal+cqr", "-w", "balanced")
    assert bench(*RUN, *words, "--protocol", "split", "--calibration", 0.25).code == 0
    done = bench(*EXPORT, *FILES)
    assert (done.code, len(done.out.split())) == (0, 5)
    Path("recompute.py").write_text(RECOMPUTE)
    words = [sys.executable, "recompute.py", "results", "audit"]
    checked = subprocess.run(words, capture_output=True, text=True, check=True)
    scores = read("results/scores.csv").query("status == 'ok'")
    assert set(scores["board"]) == {"regression", "quantile", "classification", "class-weight"}
    assert set(scores["sample"]) == {"test", "train"}
    assert int(checked.stdout.split()[0]) == len(scores)
    assert all(ParquetFile(path).num_row_groups > 2 for path in Path("audit/answers").iterdir())
    told = pd.concat(map(pd.read_parquet, Path("audit/answers").iterdir()))
    rows = told.groupby([*IDENTITY, "sample"], observed=True)["row"].nunique()
    counted = scores.groupby([*IDENTITY, "sample"])["n_rows"].first().astype(int)
    assert rows.to_dict() == {(*in_numbers(cell), sample): n for (*cell, sample), n in counted.items()}
    splits = pd.read_parquet("audit/splits.parquet")
    places = ["task_id", "repeat", "fold", "row"]
    parts = told[[*places, "sample"]].drop_duplicates().merge(splits, on=places)
    assert (parts["sample"].astype(str) == parts["part"].astype(str)).all()  # no answer of a calibration row
    assert splits.query("task_id == 'file:cls' and part == 'calibration'")["row"].size == 12


def answers():
    """Return the answers of every cell on each sample."""
    told = pd.concat(map(pd.read_parquet, Path("audit/answers").iterdir()))
    return dict(iter(told.groupby([*IDENTITY, "sample"], observed=True)))


def in_numbers(cell):
    board, task, panel, repeat, fold, *rest = cell
    return board, task, panel, int(repeat), int(fold), *rest


def matrix(rows, name):
    """Return a column of the answers of one cell as (n, K)."""
    return rows[name].to_numpy().reshape(-1, rows["output"].nunique())


def test_classes_and_weights_follow_from_the_answers(bench, tables, few_metrics):
    words = ("-l", "logistic,forest:n_estimators=5", "-e", "log-stack", "-w", "balanced", "-b", "class*")
    assert bench(*RUN[: -len(METRICS)], *words).code == 0
    assert bench(*EXPORT, *FILES).code == 0
    told = answers()
    classes = read("results/per_class.csv").groupby(list(IDENTITY), sort=False)
    assert len(classes) > 10
    for cell, texts in classes:
        table = texts.loc[:, "n_rows":].apply(pd.to_numeric)
        rows = told[*in_numbers(cell), "test"]
        y, decided, p = (matrix(rows, name) for name in ("true", "decided", "prediction"))
        w = matrix(rows, "weight")[:, 0]
        found = precision_recall_fscore_support(y.argmax(1), decided.argmax(1), sample_weight=w, zero_division=np.nan)
        for name, values in zip(("precision", "recall", "f1"), found, strict=False):
            np.testing.assert_allclose(table[name], values, err_msg=name)
        np.testing.assert_allclose(table["share"], w @ y / w.sum())
        np.testing.assert_allclose(table["predicted_share"], w @ decided / w.sum())
        np.testing.assert_allclose(table["mean_probability"], w @ p / w.sum())
        there = w @ y > 0
        aurocs = [roc_auc_score(y[:, k], p[:, k].round(12), sample_weight=w) if there[k] else np.nan for k in range(3)]
        np.testing.assert_allclose(table["auroc"], aurocs)


def test_weights_combine_the_answers_of_the_learners_alone(bench, tables, few_metrics):
    words = (
        "-l",
        "ridge,logistic,forest:n_estimators=5,gaussian,heteroscedastic",
        "-e",
        "ols,coarse,log-stack",
        "-b",
        "!class-weight",
    )
    assert bench(*RUN, *words).code == 0
    assert bench(*EXPORT, *FILES).code == 0
    told, tried = answers(), set()
    table = read("results/weights.csv").query("role in ['weight', 'intercept'] and method != 'oracle'")
    for written, weights in table.groupby(list(IDENTITY), sort=False):
        cell = in_numbers(written)
        board, task, _, repeat, fold, *_, method = cell
        for sample in ("test", "train"):
            summed = 0
            for row in weights.itertuples():
                alone = (board, task, "", repeat, fold, row.of, "alone", sample)
                summed += float(row.value) * (1 if row.role == "intercept" else matrix(told[alone], "prediction"))
            rows = told[*cell, sample]
            np.testing.assert_allclose(matrix(rows, "unsorted" if board == "quantile" else "prediction"), summed)
        tried.add((board, method))
    assert tried >= {("regression", "ols"), ("quantile", "coarse"), ("classification", "log-stack")}


def test_a_file_that_results_name_is_not_opened_unless_it_is_given(bench, tables):
    run = ("run", "-t", "file:reg.csv", "--target", "y", "-l", "ridge", "-e", "equal", "-b", "regression", "-q")
    assert bench(*run, "--folds", 1, "--inner", 2).code == 0
    done = bench(*EXPORT)
    assert (done.code, done.out) == (5, "")
    assert "file:reg is left out: it names file:reg.csv: give -t file:reg.csv" in done.err


@pytest.mark.parametrize("harm", [lambda: rmtree("results/store"), lambda: flip_every_entry("results/store")])
def test_fits_that_cannot_be_read_are_refused_with_the_command_that_makes_them(bench, few_metrics, harm):
    run = ("run", "-t", "bundled:iris", "-l", "logistic,knn", "-e", "equal", "-b", "classification", "--folds", 1)
    assert bench(*run, "--inner", 2, "-q").code == 0
    harm()
    done = bench(*EXPORT)
    assert (done.code, done.err.count("\n")) == (2, 1)
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


def test_what_a_worker_that_is_lost_had_answered_is_left_out(bench, few_metrics, monkeypatch):
    class Lost(Inline):
        def submit(self, job, _):
            self._told.extend([Event(job, "item", ""), Event(job, "oom", "it took too much")])

    run = ("run", "-t", "bundled:iris", "-l", "logistic", "-e", "equal", "-b", "classification", "--folds", 1)
    assert bench(*run, "--inner", 2, "-q").code == 0
    monkeypatch.setattr(bench_answers, "Pool", Lost)
    done = bench(*EXPORT)
    cells = len(read("results/cells.csv"))
    assert (done.code, done.err.count(" is left out: oom: it took too much")) == (1, cells)
