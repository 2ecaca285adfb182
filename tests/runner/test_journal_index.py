"""The index of a journal spares a run its records, and never says anything of records that are others by now."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.core.notice import BenchWarning
from bench.core.nouns import Cell
from bench.core.settings import Settings
from bench.runner.journal import Journal
from bench.runner.journal_index import hash_basis, summarise
from bench.runner.records import CellBasis, CellRecord, CellResult, Ending, FitId

CELL = Cell("regression", "file:reg", "ridge", 0, 0, "", "equal")
GOOD = CellRecord(CellResult(Ending("ok"), {"test": {"rmse": 0.25, "r2": None}}), CellBasis(key="k", protocol="refit"))
BAD = CellRecord(CellResult(Ending("failed", "code", "why"), {"test": {"rmse": None}}), CellBasis(key="l"))
RECORDS = {CELL: GOOD, CELL._replace(method="bad"): BAD}
RUN = ("run", "-t", "bundled:wine", "-b", "class-weight", "-l", "logistic,proportional-odds", "--folds", 1,
       "--inner", 2, "--json")  # fmt: skip
USUAL = (*RUN, "-w", "none", "--metric", "macro_f1")


@pytest.fixture
def journal(tmp_path):
    """A journal of two records and its index, as the next process opens it."""
    made = Journal(tmp_path)
    with made.open(Settings()) as writer:
        writer.write(RECORDS)
        writer.note_export("code", made.records())
    return Journal(tmp_path)


def test_it_holds_what_says_whether_a_record_stands(journal):
    found = journal.summaries(CELL)
    assert found == {cell: summarise(record) for cell, record in RECORDS.items()}
    assert (found[CELL].key, found[CELL].metrics) == ("k", {"rmse", "r2"})
    assert found[CELL._replace(method="bad")].ending == BAD.ending


@pytest.mark.parametrize("change", [lambda text: text.replace("0.25", "0.26"), lambda text: text[:-9], lambda _: ""])
def test_it_says_nothing_of_a_file_that_is_another_by_now(journal, change):
    path = journal.board_split_file(CELL)
    path.write_text(change(path.read_text()))
    assert journal.summaries(CELL) is None


def test_it_says_nothing_of_a_file_with_a_damaged_record(journal):
    path = journal.board_split_file(CELL)
    path.write_text(path.read_text().replace("0.25", "0.26"))
    with journal.open(Settings()) as writer, pytest.warns(BenchWarning, match="1 entry is no sound record"):
        writer.note_export("code", journal.records())
    assert Journal(journal.root).summaries(CELL) is None


def test_it_is_the_same_where_the_records_are_those_that_were_just_written(tmp_path, journal):
    other = Journal(tmp_path / "other")
    with other.open(Settings()) as writer:
        writer.write(RECORDS)
        writer.note_export("code", dict(sorted(RECORDS.items())))
    assert other.index_file.read_bytes() == journal.index_file.read_bytes()


def test_it_says_nothing_of_a_file_that_is_gone(journal):
    journal.board_split_file(CELL).unlink()
    assert journal.summaries(CELL) is None


def test_it_says_nothing_of_what_it_does_not_hold(journal):
    assert journal.summaries(CELL._replace(fold=1)) is None
    journal.index_file.unlink()
    assert Journal(journal.root).summaries(CELL) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("failed", "failee"),
        lambda text: text[:-9],
        lambda _: "",
        lambda _: "\n[]",
        lambda _: "é",
    ],
    ids=["garbled", "cut short", "empty", "no sum", "no ASCII"],
)
def test_an_index_that_is_not_what_was_written_is_as_good_as_none(journal, change):
    journal.index_file.write_text(change(journal.index_file.read_text()), encoding="utf-8")
    assert journal.summaries(CELL) is None


@pytest.mark.parametrize(
    "row",
    [
        [list(CELL), ["fine", "", "", "k", ""], 0],
        [list(CELL), ["ok", 1, "", "k", ""], 0],
        [list(CELL), ["ok", "", "", "k"], 0],
        [list(CELL), ["ok", "", "", "k", ""], 9],
        [[*CELL[:-1], []], ["ok", "", "", "k", ""], 0],
        [list(CELL[:-1]), ["ok", "", "", "k", ""], 0],
        5,
    ],
    ids=str,
)
def test_rows_of_another_kind_say_nothing(journal, row):
    held = journal._index
    (name,) = held.files
    file_sum, _ = held.files[name]
    other = replace(held, files={name: (file_sum, json.dumps([row]))})
    assert other.summaries(name, file_sum) is None
    assert held.summaries(name, file_sum) is not None


def test_the_hash_of_a_basis_holds_every_field():
    basis = CellBasis(key="k", parts={"fits": "f"}, fits={FitId("ridge", "none"): "a"}, task="t", seed=0, versions="v")
    others = {"key": "l", "parts": {"fits": "g"}, "fits": {FitId("ridge", "none"): "b"}, "task": "u", "seed": 1,
              "data_hash": "d", "versions": "w", "protocol": "bag"}  # fmt: skip
    hashes = {hash_basis(basis), *(hash_basis(replace(basis, **{name: value})) for name, value in others.items())}
    assert len(hashes) == 1 + len(others)
    assert others.keys() == CellBasis.__dataclass_fields__.keys()


@pytest.fixture
def made(bench, tmp_path_factory):
    """Records of one small run, made once and copied: cells that are ok, and skipped ones."""
    home = tmp_path_factory.getbasetemp() / "results-with-an-index"
    if not home.is_dir():
        assert bench(*USUAL, "--results", home).json["skipped"] == 4
    shutil.copytree(home, "results")
    return Path("results")


def test_a_run_without_news_reads_no_record(made, bench, monkeypatch):
    tables = {path: path.read_bytes() for path in made.glob("*.csv")}
    monkeypatch.setattr("bench.runner.journal.read_records", lambda path: pytest.fail(f"{path} was read"))
    done = bench(*USUAL).json
    assert (done["weighed"], done["ok"], done["skipped"]) == (0, 4, 4)
    assert tables == {path: path.read_bytes() for path in made.glob("*.csv")}


def test_a_damaged_record_is_healed_although_the_index_knew_it(made, bench):
    (path,) = made.glob("records/*/*-r0-f0.json")
    path.write_text(path.read_text().replace('"macro_f1": 0', '"macro_f1": 1', 1))
    scores = (made / "scores.csv").read_bytes()
    assert bench(*USUAL).json["weighed"] == 1
    assert (made / "scores.csv").read_bytes() == scores
    assert bench(*USUAL).json["weighed"] == 0


@pytest.mark.parametrize(
    ("words", "evaluated"),
    [
        ((*USUAL, "--force"), 4),
        ((*RUN, "-w", "none", "--metric", "kappa"), 4),
        ((*RUN, "-w", "none,balanced", "--metric", "macro_f1"), 2),
    ],
    ids=["force", "metric", "method"],
)
@pytest.mark.usefixtures("made")
def test_what_a_run_asks_anew_is_evaluated_although_the_index_knows_its_cells(bench, words, evaluated):
    assert bench(*words).json["weighed"] == evaluated
