"""The files of records and endings: JSON, one a line, each of which proves by a sum that it is what was written."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.core.files import write_bytes, write_text
from bench.core.json_values import parse_json
from bench.core.nouns import Cell
from bench.runner.record_json import NO_RECORD, ending_from_json, read_cell_records, record_json
from bench.runner.records import CellRecord, Ending, json_scalar

SUM = re.compile(r', "sum": "([0-9a-f]{16})"\}')
"""The end of a line: the sum is that of the line without it."""
_encode = json.JSONEncoder(sort_keys=True, allow_nan=False).encode


def write_records(path: Path, records: Mapping[Cell, CellRecord]) -> str:
    """Write the records of one board and split, and return the sum of the bytes of the file."""
    lines = [_line(record_json(cell, record)) for cell, record in sorted(records.items())]
    content = ("[\n" + ",\n".join(lines) + "\n]\n").encode("ascii")
    write_bytes(path, content)
    return _sum_bytes(content)


@dataclass(frozen=True)
class RecordFile:
    """A file as it was read: its sound records, how many things it holds that are none, and the sum of its bytes."""

    records: Mapping[Cell, CellRecord]
    unsound: int
    sum: str


def read_records(path: Path) -> RecordFile:
    """Return what a file of records holds; what is no file counts as one thing that is no record.

    Earlier versions wrote records without sums; they are taken as they are.
    """
    content = _read_file(path)
    rows = [None] * os.path.lexists(path) if content is None else _rows(content)
    try:
        found, unsound = read_cell_records(rows), 0
    except NO_RECORD:
        found, unsound = _read_one_by_one(rows)
    return RecordFile(found, unsound, "" if content is None else _sum_bytes(content))


def sum_file(path: Path) -> str:
    """Return the sum of the bytes of a file; nothing where it cannot be read."""
    content = _read_file(path)
    return "" if content is None else _sum_bytes(content)


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


def _read_file(path: Path) -> bytes | None:
    """Return the bytes of a file, None where they cannot be read."""
    try:
        return path.read_bytes() if path.is_file() else None  # a pipe in its place would never end
    except OSError:
        return None


def _rows(content: bytes) -> Sequence[Any]:
    """Return what bytes hold of each record, None in the place of one that is not what was written."""
    text = content.decode("ascii", errors="replace")  # one garbled letter is the fault of one record
    try:
        if text.startswith("[\n{"):
            lines = [line.removesuffix(",") for line in text[2:].splitlines() if line != "]"]
            text = f"[{','.join(line if _is_proved(line) else 'null' for line in lines)}]"
        held = parse_json(text)
    except ValueError:
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


def _sum_bytes(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
