"""What the machine refuses, and what lies in the way: one sentence, exit 1 or 2, and the next run goes on."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

import pytest
from makers import PROGRAM, bytes_of, read

RUN = ("-b", "regression", "-l", "ridge", "-e", "equal", "--folds", 2, "--inner", 2, "-q")
WHOLE = 2 * (1 + 1 + 2)
"""Cells of RUN: on each split the learner, the scheme, and what a board always carries."""


def only_sentence(done):
    """Return the last line of stderr, which holds no traceback."""
    assert "Traceback" not in done.err
    return done.err.splitlines()[-1]


def shell(command, *words):
    """Return the exit code of a command of the shell, whose words are `$@`."""
    return subprocess.run(["/bin/sh", "-c", command, "sh", *map(str, words)], check=False, timeout=120).returncode


@pytest.fixture
def limited():
    """Limit the size of any file that this process writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk():
    """A disk of 64 kB, and how to give it more room."""
    disk = Path("disk")
    disk.mkdir()
    if os.geteuid() or shell("mount -t tmpfs -o size=64k none disk"):
        pytest.skip("a disk of its own can be mounted by root alone")
    yield disk, lambda: shell("mount -o remount,size=8m disk")
    shell("umount disk")


def test_a_full_disk_is_a_sentence_and_the_next_run_heals(bench, reg, few_metrics, small_disk):
    disk, give_room = small_disk
    results = ("--results", disk / "r")
    filler = disk / "filler"
    filler.write_bytes(bytes(40_000))
    done = bench("run", *reg, *RUN, *results)
    assert done.code == 1
    assert "No space left on device" in only_sentence(done)
    assert f"of {WHOLE} cells are kept in disk/r: put that right and run again" in only_sentence(done)
    assert list(disk.rglob("*.tmp")) == []
    give_room()
    assert bench("run", *reg, *RUN, *results).code == 0
    assert bench("run", *reg, *RUN).code == 0
    found, expected = bytes_of(disk / "r", "results")
    assert found == expected


@pytest.mark.parametrize(("size", "kept"), [(100, None), (700, 0)])
def test_a_limit_on_the_size_of_files_is_a_sentence(bench, reg, few_metrics, limited, size, kept):
    limited(size)
    done = bench("run", *reg, *RUN)
    assert done.code == 1
    assert "File too large" in only_sentence(done)
    if kept is not None:
        assert f"{kept} of {WHOLE} cells are kept in results" in only_sentence(done)


def test_tables_are_written_though_the_journal_cannot_be(bench, reg, few_metrics):
    """A folder lies in the place of the records of the second split."""
    assert bench("run", *reg, *RUN).code == 0
    (second,) = Path("results/records").glob("*/*-r0-f1.json")
    second.unlink()
    second.mkdir()
    for table in Path("results").glob("*.csv"):
        table.unlink()
    done = bench("run", *reg, *RUN)
    assert done.code == 2
    assert f"{second}: Is a directory: {WHOLE // 2} of {WHOLE} cells are kept" in only_sentence(done)
    assert f"1 entry is no sound record and left out: {second}: a run makes again what is missing" in done.err
    assert set(read("results/cells.csv")["fold"]) == {"0"}
    second.rmdir()
    assert bench("run", *reg, *RUN).code == 0
    assert len(read("results/cells.csv")) == WHOLE


def make_file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")


def make_link(path):
    path.symlink_to("nowhere/at/all")


@pytest.mark.parametrize(
    ("obstacle", "name", "says"),
    [
        (make_file, "results", "cannot be made (File exists): use another"),
        (make_link, "results", "cannot be made (File exists): use another"),
        (make_file, "results/records", "results/records: File exists"),
        (lambda path: path.mkdir(parents=True), "results/.lock", "cannot be locked (Is a directory)"),
        (lambda path: path.mkdir(parents=True), "results/records/tasks.json", f"0 of {WHOLE} cells are kept"),
        (lambda path: path.mkdir(parents=True), "results/scores.csv", f"{WHOLE} of {WHOLE} cells are kept"),
        (make_file, "store", "the prediction store 'store' cannot be written"),
    ],
)
def test_what_lies_in_the_way_is_named(bench, reg, few_metrics, obstacle, name, says):
    obstacle(Path(name))
    done = bench("run", *reg, *RUN, "--store", "store")
    assert done.code == 2
    assert says in only_sentence(done)


def test_what_is_foreign_in_the_journal_is_left_alone(bench, reg, few_metrics):
    """A pipe that is called as a record would hang who reads it."""
    make_file(Path("results/records/notes.txt"))
    Path("results/records/of-mine/a-r0-f0.json").mkdir(parents=True)
    os.mkfifo("results/records/of-mine/b-r0-f1.json")
    assert bench("run", *reg, *RUN).code == 0
    assert len(read("results/cells.csv")) == WHOLE
    assert len(list(Path("results/records/of-mine").iterdir())) == 2


WRECKER = '''
import shutil
from pathlib import Path

import numpy as np

from bench import Weights, ensembles


@ensembles.register("point")
def wrecker(panel, y, rng):
    """Delete the journal as soon as it holds a split."""
    if Path("wreck").exists() and list(Path("results/records").glob("*/*-r0-f0.json")):
        shutil.rmtree("results/records")
    return Weights(np.ones(1))
'''


def test_the_receipt_counts_what_was_written(bench, reg, few_metrics):
    Path("wrecker.py").write_text(WRECKER)
    Path("wreck").touch()
    words = ("run", *reg, *RUN[:-1], "-e", "wrecker", "--plugin", "wrecker.py", "--json")
    done = bench(*words)
    assert done.code == 1
    held = read("results/cells.csv")
    assert 0 < len(held) < done.json["planned"]
    assert done.json["ok"] == len(held)
    lost = done.json["planned"] - len(held)
    assert f"{lost} cells ended and are not so in the tables" in done.err
    Path("wreck").unlink()
    again = bench(*words)
    assert (again.code, again.json["ok"]) == (0, done.json["planned"])


def test_a_daemon_without_streams_runs(reg):
    """Every standard stream is closed, so that the next files that are opened have their numbers."""
    assert shell('"$@" <&- >&- 2>&-', PROGRAM, "run", *reg, *RUN, "-j", 2) == 0
    assert len(read("results/cells.csv")) == WHOLE
