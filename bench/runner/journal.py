"""The journal of an experiment: one file per board and split that holds the record of every cell.

Tables are made from it; it is written atomically and read back to see what is done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench.core.files import write_json, write_text
from bench.core.hashing import digest
from bench.core.nouns import BenchError, Cell
from bench.core.settings import Settings

SCHEMA = 1
ALWAYS_RETRIED = frozenset({"infra", "crashed"})
"""Causes and statuses that the next run tries again without being asked."""
Record = dict[str, Any]


@dataclass(frozen=True)
class Journal:
    """The machine files of one results directory."""

    root: Path

    @contextmanager
    def open(self, settings: Settings) -> Iterator[None]:
        """Hold the directory for one run, and hold the run to the settings of the experiment.

        Raises:
            BenchError: another run holds it, or it holds an experiment with other settings.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BenchError(
                f"results directory {str(self.root)!r} cannot be made ({error.strerror}): use another"
            ) from error
        try:
            with FileLock(self.root / ".lock").acquire(timeout=0):
                self._agree(settings)
                yield
        except Timeout:
            raise BenchError(f"another run is writing to {self.root}: wait for it, or use another --results") from None

    def _agree(self, settings: Settings) -> None:
        path = self.root / "records" / "experiment.json"
        asked = json.loads(json.dumps(asdict(settings) | {"schema": SCHEMA}))
        if not path.is_file():
            write_json(path, asked)
            return
        usual = json.loads(json.dumps(asdict(Settings())))  # a setting that was not there yet had its usual value
        held = usual | _read_settings(path)
        for name, value in asked.items():
            if held.get(name) != value:
                raise BenchError(
                    f"{self.root} holds an experiment with {name} {held.get(name)!r}, not {value!r}: "
                    "use another --results"
                )

    def settings(self) -> Settings:
        """Return the settings of the experiment.

        Raises:
            BenchError: there is no experiment.
        """
        path = self.root / "records" / "experiment.json"
        if not path.is_file():
            raise BenchError(f"{self.root} holds no experiment: give the directory of a run")
        held = _read_settings(path)
        given = {field.name: held[field.name] for field in fields(Settings) if field.name in held}
        return Settings(**given | {"levels": tuple(given["levels"])})

    @property
    def _tasks(self) -> Path:
        return self.root / "records" / "tasks.json"

    def tasks(self) -> dict[str, Record]:
        """Return what is held of each task: its cuts, the hash of data and splits, its traits, how it was asked for."""
        return _read_settings(self._tasks) if self._tasks.is_file() else {}

    def agree_on_tasks(self, asked: Mapping[str, Record]) -> None:
        """Hold the run to the data and the splits that the experiment has seen, and note those of new tasks.

        Raises:
            BenchError: a task of the same name had other data or other splits, so its cells must not be mixed.
        """
        held = self.tasks()
        for name, record in asked.items():
            if held.get(name, record)["hash"] != record["hash"]:
                raise BenchError(
                    f"task {name!r} had other data or other splits when {self.root} was begun: use another --results"
                )
        known = held | dict(asked)
        if known != held:
            self._exported.unlink(missing_ok=True)
            write_json(self._tasks, known)

    def _sheet(self, cell: Cell) -> Path:
        """File of all cells of one board on one split; the hash keeps apart names that look alike in a path."""
        task = f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', cell.task)}-{digest(cell.task)[:6]}"
        return self.root / "records" / task / f"{cell.board}-r{cell.repeat}-f{cell.fold}.json"

    def read(self, cell: Cell) -> dict[Cell, Record]:
        """Return the records of the cell's board and split; none where the file is not there or cannot be read."""
        return _read(self._sheet(cell))

    def write(self, records: Mapping[Cell, Record]) -> None:
        """Add or replace the records of one board and split; the tables are no longer what the journal says."""
        self._exported.unlink(missing_ok=True)
        merged = {**self.read(next(iter(records))), **records}
        path = self._sheet(next(iter(records)))
        write_json(path, [{"cell": list(cell), **record} for cell, record in sorted(merged.items())])

    def drop(self, cell: Cell) -> None:
        """Forget every record of the cell's board and split."""
        if self._sheet(cell).is_file():
            self._exported.unlink(missing_ok=True)
            self._sheet(cell).unlink()

    @property
    def _exported(self) -> Path:
        return self.root / "records" / "exported.txt"

    def is_exported(self, code: str) -> bool:
        """Say whether the tables were made by this code from the records as they are."""
        return self._exported.is_file() and self._exported.read_text(encoding="utf-8") == code

    def note_export(self, code: str) -> None:
        """Note that the tables were made by this code from the records as they are."""
        write_text(self._exported, code)

    def records(self) -> dict[Cell, Record]:
        """Return every record, sorted by cell."""
        found: dict[Cell, Record] = {}
        for path in sorted((self.root / "records").glob("*/*-r*-f*.json")):
            found.update(_read(path))
        return dict(sorted(found.items()))

    def failure(self, key: str) -> Record | None:
        """Return how the fit of this key failed, or None if it did not."""
        path = self.root / "records" / "fits" / f"{key}.json"
        try:
            record: Record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return record

    def note_failure(self, key: str, record: Record) -> None:
        """Keep how the fit of this key failed."""
        write_json(self.root / "records" / "fits" / f"{key}.json", record)

    def forget_failure(self, key: str) -> None:
        """Forget a failure that is about to be tried again."""
        (self.root / "records" / "fits" / f"{key}.json").unlink(missing_ok=True)


def _read_settings(path: Path) -> Record:
    try:
        settings: Record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} is damaged ({error}): mend it, or use another --results") from error
    return settings


def _read(path: Path) -> dict[Cell, Record]:
    try:
        lines = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {Cell(*line.pop("cell")): line for line in lines}
