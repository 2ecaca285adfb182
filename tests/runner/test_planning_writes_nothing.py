"""Looking ahead: `bench plan` and `bench run -n` write nothing, and refuse what a run would refuse."""

from __future__ import annotations

import hashlib
import multiprocessing
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from makers import Inline, regression_columns, write_table
from makers.runs import hold

from bench.cli import main
from bench.core.nouns import BenchError, Cell
from bench.core.settings import Settings
from bench.runner import out_of_fold
from bench.runner.journal import Journal
from bench.runner.records import CellRecord, CellResult, Ending, TaskRecord

WINE = ("-t", "bundled:wine", "-b", "class-weight", "-w", "none", "--folds", 1, "--inner", 2)
SKIPPED = "proportional-odds"  # the classes of wine have no order
FAILED = "knn"  # made to raise while the experiment is made
AHEAD = {"plan": ("plan",), "dry run": ("run", "-n")}
CELL = Cell("class-weight", "bundled:wine", "", 0, 0, "logistic", "none")
OK = CellRecord(CellResult(Ending("ok")))
WRITES = {
    "agree_on_tasks": ({"t": TaskRecord("h")},),
    "write": ({CELL: OK},),
    "drop": (CELL,),
    "note_export": ("code", {}),
    "note_failure": ("key", Ending("failed")),
    "forget_failure": ("key",),
    "note_traceback": ("trace",),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make one small experiment: cells that are ok, skipped and failed."""
    results = tmp_path_factory.mktemp("made") / "results"
    prediction = out_of_fold.predict

    def fail_one(rows, fit, settings):
        if fit.learner == FAILED:
            raise ValueError("on purpose")
        return prediction(rows, fit, settings)

    words = ("run", *WINE, "-l", f"logistic,{SKIPPED},{FAILED}", "-q", "--results", results)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.runner.executors.choice.Pool", Inline)
        patch.setattr(out_of_fold, "predict", fail_one)
        patch.setattr(sys, "argv", ["bench", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 1
    return results


@pytest.fixture
def copied(made):
    """Copy the experiment, times of its files included, into the folder of the test."""
    shutil.copytree(made, "results")


def state(root="results"):
    """Return names, contents and times of all that is in a folder, the folder itself included."""
    paths = [Path(root), *sorted(Path(root).rglob("*"))]
    return {
        str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
        for path in paths
    }


def statuses():
    return {(cell.learner, record.ending.status) for cell, record in Journal(Path("results")).records().items()}


@pytest.fixture(params=AHEAD)
def ahead(request, pooled):
    """Look ahead in one of the two ways."""
    return lambda *words: pooled(*AHEAD[request.param], *words)


PLANS = {
    "as it was": ("-l", f"logistic,{SKIPPED},{FAILED}"),
    "skipped": ("-l", SKIPPED),
    "failed": ("-l", FAILED),
    "failed, again": ("-l", FAILED, "--retry", "failed"),
    "more": ("-l", f"logistic,forest,{SKIPPED}", "-w", "balanced", "--folds", 2),
    "force": ("-l", f"logistic,{SKIPPED},{FAILED}", "--force"),
    "other store": ("-l", "logistic", "--store", "elsewhere"),
}


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize("words", PLANS.values(), ids=PLANS)
def test_looking_ahead_changes_no_file(ahead, words):
    assert statuses() >= {("logistic", "ok"), (SKIPPED, "skipped"), (FAILED, "failed")}
    before = state(".")
    done = ahead(*WINE, *words)
    assert done.code == 0, done.err
    assert "cells" in done.out
    assert state(".") == before


OTHERS = {
    "protocol": ("--protocol", "nested", "-l", "logistic"),
    "seed": ("--seed", 5, "-l", SKIPPED),
}


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize("name", OTHERS)
def test_other_settings_are_refused_as_a_run_refuses_them(ahead, pooled, name):
    before = state()
    done = ahead(*WINE, *OTHERS[name])
    assert state() == before
    run = pooled("run", *WINE, *OTHERS[name])
    assert done.code == run.code == 2
    assert done.err.splitlines()[-1] == run.err.splitlines()[-1]
    assert f"holds an experiment with {name}" in done.err
    assert not done.out


def test_other_data_are_refused_as_a_run_refuses_them(ahead, bench, tmp_path):
    words = ("-t", "file:t.csv", "--target", "y", "-b", "regression", "-l", "ridge", "-e", "equal", "--inner", 2)
    write_table(tmp_path / "t.csv", regression_columns(seed=0))
    assert bench("run", *words, "--folds", 1, "-q").code == 0
    write_table(tmp_path / "t.csv", regression_columns(seed=1))
    before = state()
    done = ahead(*words)
    assert state() == before
    run = bench("run", *words)
    assert done.code == run.code == 2
    assert done.err.splitlines()[-1] == run.err.splitlines()[-1]
    assert "had other data, other splits or another positive class" in done.err


@pytest.mark.usefixtures("copied")
def test_while_another_process_holds_the_directory_it_can_be_looked_at(ahead, tmp_path):
    context = multiprocessing.get_context("forkserver")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(str(tmp_path / "results"), Settings(inner=2), ready, done), daemon=True)
    holder.start()
    try:
        assert ready.wait(60)
        before = state()
        looked = ahead(*WINE, "-l", f"forest,{SKIPPED}")
        assert looked.code == 0, looked.err
        assert state() == before
    finally:
        done.set()
        holder.join()


def test_a_directory_that_is_not_there_is_not_made(ahead):
    assert ahead(*WINE, "-l", f"logistic,{SKIPPED}").code == 0
    assert not Path("results").exists()


def test_an_empty_directory_stays_empty(ahead):
    Path("results").mkdir()
    before = state()
    assert ahead(*WINE, "-l", f"logistic,{SKIPPED}").code == 0
    assert state() == before


@pytest.mark.usefixtures("copied")
def test_a_plan_counts_what_is_stored_and_what_is_to_do(pooled):
    done = pooled("plan", *WINE, "-l", f"logistic,forest,{SKIPPED}")
    assert "1 fits to do, 1 stored" in done.out


# the journal


@pytest.mark.parametrize("name", WRITES)
def test_a_writer_refuses_to_write_once_its_block_is_left(tmp_path, name):
    assert not hasattr(Journal, name)
    with Journal(tmp_path / "results").open(Settings()) as writer:
        getattr(writer, name)(*WRITES[name])
    before = state()
    with pytest.raises(RuntimeError, match=r"outside `Journal\.open`"):
        getattr(writer, name)(*WRITES[name])
    assert state() == before


def _add(root, learner, start):
    """Add a record as soon as the directory is free."""
    start.wait(60)
    while True:
        try:
            with Journal(root).open(Settings()) as writer:
                writer.write({CELL._replace(learner=learner): OK})
                return
        except BenchError:
            continue


def test_writers_of_one_sheet_lose_no_record_of_each_other(tmp_path):
    """Each thread opens the lock file for itself, so that the lock parts threads as it parts processes."""
    names, start = {f"l{k}" for k in range(4)}, threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        for ended in [pool.submit(_add, tmp_path, name, start) for name in names]:
            ended.result(60)
    assert {cell.learner for cell in Journal(tmp_path).records()} == names


def test_a_failed_fit_is_noted_for_its_own_directory_alone(tmp_path):
    """Two directories may share a store, but not what they note of its fits."""
    one, two = Journal(tmp_path / "one"), Journal(tmp_path / "two")
    with one.open(Settings()) as first, two.open(Settings()) as second:
        first.note_failure("key", Ending("failed"))
        second.note_failure("key", Ending("timeout"))
        first.forget_failure("key")
    assert one.failure("key") is None
    assert two.failure("key") == Ending("timeout")
