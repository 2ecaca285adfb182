"""What the journal keeps: it reads back equal, files of each schema are read, and those of an unknown one refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from makers import read

from bench.core.files import write_json
from bench.core.notice import BenchWarning
from bench.core.nouns import Cell
from bench.core.settings import Settings
from bench.runner.journal import SCHEMA, Journal
from bench.runner.record_json import read_cell_records
from bench.runner.records import (
    CELL_COLUMNS,
    FAILURE_COLUMNS,
    TIMING_COLUMNS,
    CellBasis,
    CellRecord,
    CellResult,
    Ending,
    FitId,
    TaskRecord,
)
from bench.tasks.suites import CvSpec, TaskSpec

CELL = Cell("regression", "file:reg", "ridge", 0, 0, "", "equal")
OTHER = Cell("regression", "file:gone", "ridge", 0, 0, "", "equal")
RECORD = CellRecord(
    CellResult(Ending("ok", detail="a note"), {"test": {"rmse": 0.25, "r2": None}}, n_test=7, clipped=0, gap=1e-9),
    CellBasis(key="k", parts={"fits": "f"}, fits={FitId.plain("ridge"): "key"}, task="t", seed=0, protocol="refit"),
    why="it was not there",
)
RUN = ("-b", "regression", "-l", "ridge", "-e", "equal", "--folds", 1, "--inner", 2, "--json")


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def experiment(root, schema):
    settings = {"seed": 0, "levels": list(Settings().levels), "protocol": "refit", "inner": 2, "calibration": 0.2}
    write(root / "records" / "experiment.json", settings | {"schema": schema})


def old_line(cell, **more):
    """Return a record as schema 1 wrote it, with every field that it had no value for."""
    return {
        "cell": list(cell), "status": "ok", "detail": "", "task": "reg", "seed": 0, "data_hash": "d", "versions": "v",
        "protocol": "refit", "key": "0123456789abcdef", "parts": {"fits": "f"}, "fits": [["ridge", "none", "k"]],
        "why": "it was not there", "scores": {"test": {"rmse": 99.0}, "train": {"rmse": 98.0}}, "n_test": 8,
        "n_train": 32, "train_loss": 9604.0, "gap": None, "learners_used": 1, "guarantee": "", "predict_cost": 0.5,
        "weights": [], "per_class": [], "weigh_seconds": 0.1, **more,
    }  # fmt: skip


@pytest.fixture
def schema_1():
    """A results directory of schema 1: a good cell of two tasks, and a bad one."""
    root = Path("results")
    experiment(root, 1)
    bad = {"status": "failed", "cause": "code", "detail": "E: on purpose", "traceback": "logs/x.txt", "rerun": "bench"}
    failed = old_line(OTHER._replace(method="greedy"), **bad, scores={"test": {"rmse": None}})
    write(Journal(root).board_split_file(CELL), [old_line(CELL)])
    write(Journal(root).board_split_file(OTHER), [old_line(OTHER), failed])
    write(root / "records" / "tasks.json", {"file:gone": {"hash": "h", "traits": {"kind": "regression"}}})


@pytest.mark.usefixtures("schema_1")
def test_a_directory_of_schema_1_is_read_and_a_run_goes_on_with_it(bench, reg):
    """A key of before is another key: such a cell is evaluated again, and all others keep status and scores."""
    status = bench("status")
    assert status.code == 0, status.err
    assert "on purpose" in status.out
    explained = bench("explain", "regression/file:gone/equal").out
    assert "It ended as ok." in explained
    assert "cannot be said: nothing is noted" in explained
    done = bench("run", *reg, *RUN)
    assert done.code == 0, done.err
    held = Journal(Path("results")).records()
    assert held[OTHER] == read_cell_records([old_line(OTHER)])[OTHER]
    assert held[OTHER._replace(method="greedy")].ending == Ending("failed", "code", "E: on purpose")
    assert "this had changed" in held[CELL].why
    scores = read("results/scores.csv").query("metric == 'rmse' and method == 'equal'").set_index("task_id")["value"]
    assert scores["file:gone"].tolist() == ["99.0", "98.0"]
    assert "99.0" not in scores["file:reg"].tolist()
    assert read("results/failures.csv")["detail"].tolist() == ["E: on purpose"]
    assert json.loads(Path("results/records/experiment.json").read_text())["schema"] == SCHEMA
    assert bench("run", *reg, *RUN).json["weighed"] == 0


def test_a_directory_of_schema_2_is_read():
    root = Path("results")
    experiment(root, 2)
    write(
        Journal(root).board_split_file(CELL),
        [
            {
                "cell": list(CELL), "status": "ok", "detail": "a note", "key": "k", "parts": {"fits": "f"},
                "fits": [["ridge", "none", "key"]], "task": "t", "seed": 0, "protocol": "refit", "clipped": 0,
                "scores": {"test": {"rmse": 0.25, "r2": None}}, "n_test": 7, "gap": 1e-9, "why": "it was not there",
            }
        ],
    )  # fmt: skip
    held = {"folds": 5, "repeats": 1, "first": None, "hash": "h", "own_repeats": 1, "traits": {"n_rows": 9}}
    write(root / "records" / "tasks.json", {"t": held | {"spec": {"name": "file:t.csv", "target": "y"}}})
    assert Journal(root).settings() == Settings(inner=2)
    assert Journal(root).records() == {CELL: RECORD}
    spec = TaskSpec("file:t.csv", "y")
    assert Journal(root).tasks() == {"t": TaskRecord("h", CvSpec(), 1, {"n_rows": 9}, spec)}


@pytest.mark.parametrize("words", [("status",), ("explain", "a/b/c"), ("plan", *RUN[:-1]), ("run", *RUN)])
def test_a_directory_of_another_schema_is_refused_with_the_command_that_makes_it_anew(bench, reg, words):
    experiment(Path("results"), 3)
    write(Path("results/manifest.json"), {"command": ["bench", "run", "-t", "file:a b.csv"]})
    done = bench(*words, *(reg if words[0] in {"plan", "run"} else ()))
    assert done.code == 2
    assert "schema 3" in done.err
    assert "use another --results, or delete results/records" in done.err
    assert done.err.rstrip().endswith("run again: bench run -t 'file:a b.csv'")


def test_what_is_written_reads_back_equal(tmp_path):
    journal, task = Journal(tmp_path), TaskRecord("h", CvSpec(3, 2, 1), 2, {"n_rows": 9}, TaskSpec("file:t.csv", "y"))
    with journal.open(Settings()) as writer:
        writer.write({CELL: RECORD, CELL._replace(method="bad"): CellRecord(CellResult(Ending("failed", "code")))})
        writer.agree_on_tasks({"t": task})
    assert journal.records()[CELL] == RECORD
    assert journal.records()[CELL._replace(method="bad")] == CellRecord(CellResult(Ending("failed", "code")))
    assert journal.tasks() == {"t": task}


def test_numbers_that_json_does_not_have_are_none_or_a_text(tmp_path):
    result = CellResult(Ending("ok"), {"test": {"rmse": np.float64(0.5)}}, gap=float("nan"), train_loss=np.inf)
    with Journal(tmp_path).open(Settings()) as writer:
        writer.write({CELL: CellRecord(result)})
    held = Journal(tmp_path).records()[CELL].result
    assert (held.scores, held.gap, held.train_loss) == ({"test": {"rmse": 0.5}}, None, "inf")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cell", [*CELL[:3], -1, *CELL[4:]]),
        ("cell", [*CELL, "more"]),
        ("status", "fine"),
        ("key", "../x"),
        ("fits", [["ridge", 1, "k"]]),
        ("scores", {"test": {"rmse": "0.5"}}),
        ("scores", {"test": [0.5]}),
        ("n_test", 7.5),
        ("n_test", True),
        ("gap", 10**400),
        ("weights", [{"value": {}}]),
        ("parts", {"fits": None}),
    ],
)
def test_a_field_of_another_type_is_the_fault_of_one_record(tmp_path, name, value):
    """All records of a file are checked at once; of those beside it none is lost."""
    good = [old_line(CELL._replace(method=method)) for method in ("a", "b", "c")]
    write(Journal(tmp_path).board_split_file(CELL), [good[0], good[1] | {name: value}, good[2]])
    journal = Journal(tmp_path)
    assert [cell.method for cell in journal.read(CELL)] == ["a", "c"]
    assert [*journal.damaged.values()] == [1]


@pytest.mark.parametrize("held", [{"a": 1}, ["text"], [{"cell": ["b"]}], [{"cell": list(CELL)}], 7], ids=str)
def test_a_file_that_holds_no_records_is_as_good_as_none(tmp_path, held):
    write(Journal(tmp_path).board_split_file(CELL), held)
    assert Journal(tmp_path).read(CELL) == {}


FAILURE = Ending("timeout", "limit", "it took longer than --time-limit (3 s)")


@pytest.mark.parametrize(
    "harm",
    [lambda text: text.replace("longer", "lonker"), lambda text: text[:-20], lambda _: "", lambda _: "null"],
    ids=["garbled", "cut short", "empty", "something else"],
)
def test_how_a_fit_failed_is_kept_and_left_out_and_said_where_it_is_not_what_was_written(tmp_path, harm):
    journal = Journal(tmp_path)
    with journal.open(Settings()) as writer:
        writer.note_failure("k", FAILURE)
        assert journal.failure("k") == FAILURE
    path = journal.failure_file("k")
    path.write_text(harm(path.read_text()))
    assert journal.failure("k") is None
    with pytest.warns(BenchWarning, match="1 entry is no sound record and left out"):
        journal.warn_of_damage()


def test_how_a_fit_failed_is_read_as_earlier_versions_wrote_it(tmp_path):
    journal = Journal(tmp_path)
    write_json(journal.failure_file("k"), asdict(FAILURE))
    assert journal.failure("k") == FAILURE
    assert journal.failure("other") is None
    assert journal.damaged == {}


@pytest.mark.parametrize("name", sorted({*CELL_COLUMNS, *FAILURE_COLUMNS, *TIMING_COLUMNS}))
def test_every_column_is_a_field_of_a_record(name):
    assert name in RECORD.values()


@pytest.mark.parametrize(
    ("ending", "retry", "expected"),
    [
        (Ending("ok"), ("all", "ok"), False),
        (Ending("skipped"), ("all", "skipped"), False),
        (Ending("failed", "code"), (), False),
        (Ending("failed", "code"), ("failed",), True),
        (Ending("timeout", "limit"), ("failed",), False),
        (Ending("timeout", "limit"), ("all",), True),
        (Ending("crashed", "code"), (), True),
        (Ending("failed", "infra"), (), True),
    ],
)
def test_what_is_tried_again(ending, retry, expected):
    assert ending.is_retried(retry) is expected
