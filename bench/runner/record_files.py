"""The files of records and endings: JSON, one a line, each of which proves by a sum that it is what was written."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.core.files import write_text
from bench.core.json_values import parse_json
from bench.core.nouns import Cell
from bench.runner.record_json import NO_RECORD, ending_from_json, read_cell_records, record_json
from bench.runner.records import CellRecord, Ending, json_scalar

SUM = re.compile(r', "sum": "([0-9a-f]{16})"\}')
"""The end of a line: the sum is that of the line without it."""
_encode = json.JSONEncoder(sort_keys=True, allow_nan=False).encode


def write_records(path: Path, records: Mapping[Cell, CellRecord]) -> None:
    """Write the records of one board and split."""
    lines = [_line(record_json(cell, record)) for cell, record in sorted(records.items())]
    write_text(path, "[\n" + ",\n".join(lines) + "\n]\n")


def read_records(path: Path) -> tuple[dict[Cell, CellRecord], int]:
    """Return the sound records of a file, and how many things it holds that are none; what is no file counts as one.

    Earlier versions wrote records without sums; they are taken as they are.
    """
    rows = _contents(path)
    try:
        return read_cell_records(rows), 0
    except NO_RECORD:
        return _read_one_by_one(rows)


def _read_one_by_one(rows: Sequence[Any]) -> tuple[dict[Cell, CellRecord], int]:
    found: dict[Cell, CellRecord] = {}
    unsound = 0
    for held in rows:
        try:
            found |= read_cell_records([held])
        except NO_RECORD:
            unsound += 1
    return found, unsound


def write_ending(path: Path, ending: Ending) -> None:
    """Write how a fit ended."""
    write_text(path, _line(asdict(ending)) + "\n")


def read_ending(path: Path) -> Ending:
    """Return how a fit ended; earlier versions wrote no sums, and their files are taken as they are.

    Raises:
        OSError: it cannot be read.
        ValueError, KeyError, TypeError, AttributeError: it is not what was written.
    """
    text = path.read_text(encoding="ascii", errors="replace")
    line = text.rstrip("\n")
    if not (text.startswith("{\n") or _is_proved(line)):
        raise ValueError(f"{path} is not what was written")
    return ending_from_json(parse_json(text))


def _contents(path: Path) -> Sequence[Any]:
    """Return what a file holds of each record, None in the place of one that is not what was written."""
    if not path.is_file():  # a pipe in its place would never end
        return [None] * os.path.lexists(path)
    try:
        text = path.read_text(encoding="ascii", errors="replace")  # one garbled letter is the fault of one record
        if text.startswith("[\n{"):
            lines = [line.removesuffix(",") for line in text[2:].splitlines() if line != "]"]
            text = f"[{','.join(line if _is_proved(line) else 'null' for line in lines)}]"
        held = parse_json(text)
    except (OSError, ValueError):
        return [None]
    return held if isinstance(held, list) else [None]


def _line(held: Mapping[str, Any]) -> str:
    """Return a record as one line of JSON, its sum last."""
    try:
        text = _encode(held)
    except (TypeError, ValueError):  # most records are plain already, so that looking at each value would be waste
        text = _encode(json_scalar(held))
    return f'{text[:-1]}, "sum": "{_sum(text)}"}}'


def _is_proved(line: str) -> bool:
    """Return whether the sum of a line is that of its text."""
    end = SUM.fullmatch(line, max(len(line) - 28, 0))
    return end is not None and _sum(f"{line[: end.start()]}}}") == end[1]


def _sum(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
