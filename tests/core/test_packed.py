"""Packed input is unpacked within bounds, wherever it is read."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from bench.core import packed
from bench.core.nouns import BenchError
from bench.core.tables import decode_scores
from bench.report.comparison.baseline_file import parse_baseline
from bench.tasks.sources.file_formats import read_table

ROW = b"0,0,0,0,0,0,0,0\n"
HEAD = b"method,metric,value,a,b,c,d,e\n"


@pytest.fixture(autouse=True)
def _little_is_always_fine(monkeypatch):
    """Let bombs be small."""
    monkeypatch.setattr(packed, "ALWAYS_FINE", 2**20)


def pack(content, suffix):
    """Return packed bytes."""
    if suffix == "zip":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("table.csv", content)
        return stream.getvalue()
    return {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[suffix](content)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zip"])
def test_a_bomb_is_refused_as_a_task_and_as_a_table_of_scores(suffix):
    bomb = pack(HEAD + 200_000 * ROW, suffix)
    Path(f"bomb.csv.{suffix}").write_bytes(bomb)
    with pytest.raises(BenchError, match="unpack to more than"):
        read_table(f"bomb.csv.{suffix}")
    with pytest.raises(BenchError, match="unpack to more than"):
        decode_scores(bomb, "baseline.json")


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zip"])
def test_what_is_packed_well_is_read(suffix):
    rows = np.random.default_rng(0).integers(0, 9, (20_000, 8))
    pd.DataFrame(rows, columns=list("abcdefgh")).to_csv("fine.csv", index=False)
    Path(f"fine.csv.{suffix}").write_bytes(pack(Path("fine.csv").read_bytes(), suffix))
    pd.testing.assert_frame_equal(read_table(f"fine.csv.{suffix}").table, read_table("fine.csv").table)


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_a_run_of_equal_values_is_counted_before_it_is_made(suffix):
    table = pd.DataFrame({"a": np.zeros(400_000), "b": np.zeros(400_000)})
    table.to_parquet("bomb.parquet") if suffix == "parquet" else table.to_feather("bomb.feather", compression="zstd")
    with pytest.raises(BenchError, match="unpack to more than"):
        read_table(f"bomb.{suffix}")
    if suffix == "parquet":
        with pytest.raises(BenchError, match="unpack to more than"):
            decode_scores(Path("bomb.parquet").read_bytes(), "scores")


def test_cells_far_from_all_others_are_refused():
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active["XFD1048576"] = 1
    book.save("far.xlsx")
    with pytest.raises(BenchError, match="unpack to more than"):
        read_table("far.xlsx")


def test_a_sheet_that_declares_entities_is_refused():
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.save("plain.xlsx")
    with zipfile.ZipFile("plain.xlsx") as old, zipfile.ZipFile("entity.xlsx", "w") as new:
        for member in old.infolist():
            content = old.read(member)
            if member.filename.startswith("xl/worksheets/"):
                content = b'<!DOCTYPE a [<!ENTITY b "c">]>' + content.removeprefix(b'<?xml version="1.0"?>')
            new.writestr(member.filename, content)
    with pytest.raises(BenchError, match="entit"):
        read_table("entity.xlsx")


def test_lines_that_each_name_another_column_are_refused():
    Path("wide.jsonl").write_text("".join(f'{{"k{i}": 1}}\n' for i in range(2_000)))
    with pytest.raises(BenchError, match="unpack to more than"):
        read_table("wide.jsonl")


def baseline(**parts):
    """Return a baseline with one score, and other parts if given."""
    board = {"tasks": {"t": "0.0-4"}, "metrics": {"rmse min": {"p": {"": {"equal": [1.0]}}}}}
    return {"bench_baseline": 1, "digits": 5, "settings": {}, "tasks": {}, "boards": {"regression": board}} | parts


def of_folds(*folds):
    """Return a baseline whose tasks have these folds."""
    scores = {"rmse min": {"p": {"": {"equal": [1.0] * len(folds)}}}}
    tasks = {f"t{i}": each for i, each in enumerate(folds)}
    return baseline(boards={"regression": {"tasks": tasks, "metrics": scores}})


def test_a_baseline_is_read():
    found = parse_baseline(json.dumps(of_folds("0.0-4 1.0", [["a", "b"]])).encode(), "b.json")
    assert found.splits["regression", "t0"] == {*(("0", str(fold)) for fold in range(5)), ("1", "0")}
    assert found.splits["regression", "t1"] == {("a", "b")}


@pytest.mark.parametrize(
    "held",
    [
        of_folds("0.0-99999999999"), of_folds("0.0-999999999"), of_folds("0.0-" + "9" * 4000), of_folds("0.-5"),
        of_folds("-1.0-5"), of_folds("0.0-٣"), of_folds(*["0.0-99999"] * 11), of_folds(5), of_folds([["a"]]),
        baseline(tasks={"t": 5}), baseline(tasks=[1]), baseline(settings=[1]), baseline(settings={"seed": {"a": 1}}),
        baseline(units={"rmse": "s"}), baseline(boards=[]), baseline(boards={"regression": {"tasks": ["t"]}}),
        baseline(bench_baseline=["x" * 1000]), baseline(digits={}),
        baseline(boards={"r": {"tasks": {"t": "0.0"}, "metrics": {"rmse min": {"p": {"": {"equal": [10**400]}}}}}}),
    ],
    ids=range(19),
)  # fmt: skip
def test_a_baseline_with_a_part_that_cannot_be_is_refused(held):
    with pytest.raises(BenchError, match=r"is no baseline|is a baseline of schema"):
        parse_baseline(json.dumps(held).encode(), "b.json")


@pytest.mark.parametrize("content", [b'{"a":' * 100_000, b'{"a": ' + b"9" * 6000 + b"}", b'{"a": "\xff"}', b"{"])
def test_a_baseline_that_is_no_json_is_refused(content):
    with pytest.raises(BenchError, match="is no baseline"):
        parse_baseline(content, "b.json")
