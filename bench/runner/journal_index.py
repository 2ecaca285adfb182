"""The index of a journal: what of each record says whether it stands, with the sum of the file that it was read from.

It spares a run, and a look ahead, the records themselves. It is written with the tables, from the same bytes, and what
it says of a file counts only while the file has that sum: it may be old, damaged or gone, and nothing but time is lost.
"""

from __future__ import annotations

import hashlib
import json
import operator
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.core.files import write_text
from bench.core.hashing import digest
from bench.core.json_values import parse_json
from bench.core.nouns import STATUSES, Cell
from bench.runner.record_json import NO_RECORD
from bench.runner.records import OWN_FIELDS, CellBasis, CellRecord, Ending

_texts = operator.attrgetter("status", "cause", "detail", "key", "basis")


@dataclass(frozen=True)
class RecordSummary:
    """What of a record says whether its cell is up to date.

    `metrics` are those that it was scored by. `basis` is the hash of all that the cell rests on where it ended without
    a prediction, and empty elsewhere: there the key holds what counts.
    """

    status: str
    cause: str
    detail: str
    key: str
    basis: str
    metrics: frozenset[str]

    @property
    def ending(self) -> Ending:
        """How the cell ended."""
        return Ending(self.status, self.cause, self.detail)


@dataclass(frozen=True)
class JournalIndex:
    """An index as it was read: the lists of metrics, and by file its sum and the JSON of its rows.

    The rows of a large suite take several times the memory of their text, so that those of one file are parsed at once.
    """

    metrics: tuple[frozenset[str], ...] = ()
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def summaries(self, name: str, file_sum: str) -> Mapping[Cell, RecordSummary] | None:
        """Return what it says of the records of a file with this sum; None where it says nothing."""
        try:
            noted_sum, rows = self.files[name]
            return dict(map(self._read_row, parse_json(rows))) if noted_sum == file_sum else None
        except (IndexError, *NO_RECORD):
            return None

    def _read_row(self, row: Any) -> tuple[Cell, RecordSummary]:
        """Return a cell and its summary.

        Raises:
            IndexError, KeyError, TypeError, ValueError: the row holds something else.
        """
        cell, (status, cause, detail, key, basis), at = row
        if status not in STATUSES or not {str}.issuperset(map(type, (cause, detail, key, basis))):
            raise ValueError(f"a record cannot be {reprlib.repr(row)}")
        found = RecordSummary(status=status, cause=cause, detail=detail, key=key, basis=basis, metrics=self.metrics[at])
        return Cell(*cell), found


def summarise(record: CellRecord) -> RecordSummary:
    """Return what of a record says whether its cell is up to date."""
    ending = record.ending
    return RecordSummary(
        status=ending.status,
        cause=ending.cause,
        detail=ending.detail,
        key=record.basis.key,
        basis="" if ending.is_ok else hash_basis(record.basis),
        metrics=frozenset(record.result.scores.get("test", ())),
    )


def hash_basis(basis: CellBasis) -> str:
    """Hash all that a cell rests on."""
    fits = [[fit.learner, fit.training, key] for fit, key in basis.fits.items()]
    values = {name: getattr(basis, name) for name in OWN_FIELDS[CellBasis]}
    return digest(values | {"fits": fits, "parts": dict(basis.parts)})


def write_index(path: Path, files: Mapping[str, tuple[str, Mapping[Cell, RecordSummary]]]) -> None:
    """Write an index: by the name of each file its sum, and the summaries of its records."""
    metrics: dict[frozenset[str], int] = {}  # the cells of a board are scored by the same metrics
    lines = []
    for name, (file_sum, held) in files.items():
        rows = [[cell, _texts(found), metrics.setdefault(found.metrics, len(metrics))] for cell, found in held.items()]
        lines.append(f"{name} {file_sum} {json.dumps(rows)}\n")  # the name of a file has no space in it
    text = "".join([json.dumps([sorted(names) for names in metrics]), "\n", *lines])
    write_text(path, f"{_sum(text)}\n{text}")


def read_index(path: Path) -> JournalIndex:
    """Return an index; one of nothing where there is none, or it is not what was written."""
    try:
        noted_sum, _, text = path.read_text(encoding="ascii").partition("\n") if path.is_file() else ("", "", "")
        if noted_sum != _sum(text):
            return JournalIndex()
        metrics, *lines = text.splitlines()
        files = {name: (file_sum, rows) for name, file_sum, rows in (line.split(" ", 2) for line in lines)}
        return JournalIndex(tuple(map(frozenset, parse_json(metrics))), files)
    except (OSError, *NO_RECORD):
        return JournalIndex()


def _sum(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
