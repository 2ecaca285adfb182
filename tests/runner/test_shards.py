"""`--shard` and `bench merge`: parts of a run, made apart, are the whole run again."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from makers import bytes_of, class_columns, read, regression_columns, write_table

from bench.runner.journal import Journal
from bench.runner.options import RunRequest, RunSelection, Shard
from bench.runner.prepare import prepare
from bench.tasks.task_spec import TaskSpec

pytestmark = pytest.mark.usefixtures("few_metrics")

RUN = ("run", "-l", "ridge,logistic,knn", "-e", "equal", "-b", "regression,classification", "--inner", 2, "--json")


@pytest.fixture
def tables():
    """Two tables in the working directory, as the words that name them."""
    write_table("reg.csv", regression_columns())
    write_table("cls.csv", class_columns())
    return ("-t", "file:reg.csv,file:cls.csv", "--target", "y", "--folds", 2)


@pytest.fixture
def sharded(bench, tables):
    """Run some parts of a small experiment, each into a directory of its own: `1/2` into `part1of2`."""

    def call(*shards, words=()):
        folders = []
        for shard in shards:
            folders.append("part" + shard.replace("/", "of"))
            done = bench(*RUN, *tables, "--shard", shard, "--results", folders[-1], *words)
            assert done.code in {0, 1}, done.err
        return folders

    return call


def fingerprint(folder):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(folder).rglob("*") if path.is_file()}


def cells_of(shard, *tasks, **chosen):
    chosen = RunSelection(learners=("knn",), ensembles=("equal",), class_weights=("balanced",), shard=shard, **chosen)
    return prepare(RunRequest(tasks=tasks, chosen=chosen), lambda *_: None).plan.cells


def test_parts_hold_every_unit_once_and_equally_many():
    tasks = (TaskSpec("bundled:iris"), TaskSpec("bundled:diabetes"), TaskSpec("bundled:breast-cancer"))
    every = cells_of(None, *tasks, seeds=2)
    units = {(cell.task, cell.repeat, cell.fold) for cell in every}
    for n in (1, 4, 7):
        parts = [cells_of(Shard(i, n), *tasks, seeds=2) for i in range(1, n + 1)]
        assert sorted(cell for part in parts for cell in part) == sorted(every)
        owners = [{(cell.task, cell.repeat, cell.fold) for cell in part} for part in parts]
        assert sum(map(len, owners)) == len(units) == 30
        assert max(map(len, owners)) - min(map(len, owners)) <= 1


def test_a_task_that_one_machine_cannot_load_shifts_no_unit_of_another(tables):
    Path("mine.yaml").write_text(
        "suites: {mine: {folds: 5, tasks: [{task: 'file:gone.csv', target: y}, {task: 'file:reg.csv', target: y}]}}"
    )
    request = RunRequest(suites=("mine",), datasets="mine.yaml", chosen=RunSelection(shard=Shard(2, 3)))
    lacking = prepare(request, lambda *_: None)
    assert len(lacking.unloaded) == 1
    write_table("gone.csv", regression_columns())
    whole = prepare(request, lambda *_: None)
    assert {(cell.task, cell.fold) for cell in lacking.plan.cells} == {("file:reg", 2)}
    assert Counter(cell.task for cell in whole.plan.cells if cell.fold == 2)["file:reg"] == len(lacking.plan.cells)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "-1/2"])
def test_what_is_no_part_is_refused(bench, tables, text):
    done = bench("plan", *tables, f"--shard={text}")
    assert done.code == 2
    assert f"shard {text!r} cannot be read: write 1/4" in done.err


def test_merged_parts_are_the_whole_run_also_where_they_overlap(bench, tables, sharded):
    assert bench(*RUN, *tables, "--results", "whole").code == 0
    parts = sharded("1/2", "2/2", "2/3", "5/5")
    assert read("part1of2/scores.csv")["task_id"].nunique() == 2
    assert read("part5of5/scores.csv").empty  # four units leave the fifth part with none
    before = list(map(fingerprint, parts))
    assert bench("merge", *parts, "--results", "all").code == 0
    assert list(map(fingerprint, parts)) == before
    whole, merged = bytes_of("whole", "all")
    assert merged == whole
    boards = sorted(path.relative_to("whole") for path in Path("whole/leaderboards").iterdir())
    assert boards
    assert [Path("all", name).read_bytes() for name in boards] == [Path("whole", name).read_bytes() for name in boards]
    again = fingerprint("all")
    done = bench("merge", *reversed(parts), "--results", "all")
    assert "0 fits copied" in done.err
    changed = {path.name for path, value in fingerprint("all").items() if again.get(path) != value}
    assert changed <= {"manifest.json"}  # it names the command
    done = bench(*RUN, *tables, "--results", "all")
    assert (done.code, done.json["fitted"], done.json["weighed"], done.json["planned"]) == (0, 0, 0, done.json["ok"])


def test_conflicts_are_listed_by_cell_and_nothing_is_written(bench, tables, sharded):
    one, other = sharded("1/2", "2/2")
    third = sharded("1/1")[0]
    journal = Journal(Path(third))
    cell, record = next((c, r) for c, r in journal.records().items() if c.method == "equal" and c.fold == 0)
    scores = {"test": {**record.result.scores["test"], "rmse": 7.0, "macro_f1": 7.0}}
    with journal.open(journal.settings()) as writer:
        writer.write({cell: replace(record, result=replace(record.result, scores=scores))})
    done = bench("merge", one, other, third, "--results", "all")
    assert done.code == 4
    assert "1 conflicts, so nothing was written" in done.err
    assert cell.task in done.out
    assert "7.0 in part1of1" in " ".join(done.out.split())
    assert not Path("all").exists()
    with journal.open(journal.settings()) as writer:
        writer.write({cell: replace(record, basis=replace(record.basis, key="0", parts={"method": "0"}))})
    done = bench("merge", one, other, third, "--results", "all")
    assert done.code == 4
    assert "other keys in part1of2 and in part1of1" in " ".join(done.out.split())


def test_other_settings_and_other_data_are_conflicts(bench, tables, sharded):
    (one,) = sharded("1/2")
    write_table("reg.csv", regression_columns(seed=1))
    other = bench(*RUN, *tables, "--shard", "2/2", "--seed", 7, "--results", "other")
    assert other.code == 0
    done = bench("merge", one, "other", "--results", "all")
    assert done.code == 4
    text = " ".join(done.out.split())
    assert "setting seed 0 in part1of2, 7 in other" in text
    assert "task file:reg other data" in text
    assert bench("merge", one, "nowhere", "--results", "all").code == 2
    assert bench("merge", one, "--results", one).code == 2


def test_a_bad_cell_brings_its_traceback_and_a_command_for_the_new_place(bench, tables, sharded, plugin):
    words = ("-e", "equal,bad-raises", *plugin)
    parts = sharded("1/2", "2/2", words=words)
    assert bench("merge", *parts, "--results", "all").code == 0
    failures = read("all/failures.csv")
    assert len(failures) == 6  # both classification variants and the regression one, on two folds each
    assert all("on purpose" in Path("all", name).read_text() for name in failures["traceback"])
    assert all(text.endswith("--results all") and "part" not in text for text in failures["rerun"])


def test_of_a_cell_that_ended_badly_in_one_part_the_score_of_the_other_stands(bench, tables, sharded, plugin):
    words = ("-e", "equal,bad-moody", *plugin)
    (good,) = sharded("1/1", words=words)
    Path("broken").touch()
    (bad,) = sharded("1/2", words=words)
    assert "failed" in read(f"{bad}/cells.csv")["status"].to_numpy()
    assert bench("merge", bad, good, "--results", "all").code == 0
    assert set(read("all/cells.csv")["status"]) == {"ok"}


def test_fits_are_copied_as_they_are_and_unsound_ones_are_left_out(bench, tables, sharded):
    (part,) = sharded("1/2")
    entries = sorted({path.parent for path in Path(part, "store").rglob("*.npy")})
    with (entries[0] / "oof.npy").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    assert f"{len(entries) - 1} fits copied" in bench("merge", part, "--results", "all").err
    copies = {
        path.relative_to("all"): path.read_bytes() for path in Path("all", "store").rglob("*.*") if path.is_file()
    }
    sound = {file for folder in entries[1:] for file in folder.iterdir()}
    assert {name: value for name, value in copies.items() if name.name != ".lock"} == {
        path.relative_to(part): path.read_bytes() for path in sound
    }
