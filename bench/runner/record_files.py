"""The files of records and endings: JSON, one a line, each of which proves by a sum that it is what was written."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.core.files import write_text
from bench.core.json_values import parse_json
from bench.core.nouns import Cell
from bench.runner.records import CellRecord, Ending, read_cell

SUM = re.compile(r', "sum": "([0-9a-f]{16})"\}')
"""The end of a line: the sum is that of the line without it."""
NO_RECORD = (ValueError, KeyError, TypeError, AttributeError)
"""What reading something else as a record raises."""


def write_records(path: Path, records: Mapping[Cell, CellRecord]) -> None:
    """Write the records of one board and split."""
    lines = [_line({"cell": list(cell), **record.to_json()}) for cell, record in sorted(records.items())]
    write_text(path, "[\n" + ",\n".join(lines) + "\n]\n")


def read_records(path: Path) -> tuple[dict[Cell, CellRecord], int]:
    """Return the sound records of a file, and how many things it holds that are none; what is no file counts as one.

    Earlier versions wrote records without sums; they are taken as they are.
    """
    found: dict[Cell, CellRecord] = {}
    unsound = 0
    for held in _contents(path):
        try:
            found[read_cell(held["cell"])] = CellRecord.from_json(held)
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
    return Ending.from_json(parse_json(text) if text.startswith("{\n") else _proved(text.rstrip("\n")))


def _contents(path: Path) -> Iterator[Any]:
    """Yield what a file holds of each record, None in the place of one that is not what was written."""
    if not path.is_file():  # a pipe in its place would never end
        yield from [None] * os.path.lexists(path)
        return
    try:
        text = path.read_text(encoding="ascii", errors="replace")  # one garbled letter is the fault of one record
        if text.startswith("[\n{"):
            lines = text[2:].splitlines()
            yield from (_proved(line.removesuffix(",")) for line in lines if line != "]")
            return
        held = parse_json(text)
        yield from held if isinstance(held, list) else [None]
    except (OSError, ValueError):
        yield None


def _line(held: Mapping[str, Any]) -> str:
    """Return a record as one line of JSON, its sum last."""
    text = json.dumps(held, sort_keys=True, allow_nan=False)
    return f'{text[:-1]}, "sum": "{_sum(text)}"}}'


def _proved(line: str) -> Any:
    """Return what a line holds, None where its sum is not that of its text."""
    end = SUM.fullmatch(line, max(len(line) - 28, 0))
    text = f"{line[: end.start()]}}}" if end else ""
    return parse_json(text) if end and _sum(text) == end[1] else None


def _sum(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
