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
    """The machine files of one results directory, to read; `open` gives the writer."""

    root: Path

    @contextmanager
    def open(self, settings: Settings) -> Iterator[JournalWriter]:
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
        lock = FileLock(self.root / ".lock")
        try:
            with lock.acquire(timeout=0):
                self.check_settings(settings)
                if not self._experiment.is_file():
                    write_json(self._experiment, _plain(settings))
                yield JournalWriter(self, lock)
        except Timeout:
            raise BenchError(f"another run is writing to {self.root}: wait for it, or use another --results") from None

    def check_settings(self, settings: Settings) -> None:
        """Hold a run, or a look ahead, to the settings of the experiment, if there is one.

        Raises:
            BenchError: the directory holds an experiment with other settings.
        """
        if not self._experiment.is_file():
            return
        held = _plain(Settings()) | _read_settings(self._experiment)  # a setting that is new had its usual value
        for name, value in _plain(settings).items():
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
        if not self._experiment.is_file():
            raise BenchError(f"{self.root} holds no experiment: give the directory of a run")
        held = _read_settings(self._experiment)
        given = {field.name: held[field.name] for field in fields(Settings) if field.name in held}
        return Settings(**given | {"levels": tuple(given["levels"])})

    def tasks(self) -> dict[str, Record]:
        """Return what is held of each task: its cuts, the hash of data and splits, its traits, how it was asked for."""
        return _read_settings(self.tasks_file) if self.tasks_file.is_file() else {}

    def check_tasks(self, hashes: Mapping[str, str]) -> None:
        """Hold a run, or a look ahead, to the data and the splits that the experiment has seen of each task.

        Raises:
            BenchError: a task of the same name had other data or other splits, so its cells must not be mixed.
        """
        held = self.tasks()
        for name, value in hashes.items():
            if name in held and held[name]["hash"] != value:
                raise BenchError(
                    f"task {name!r} had other data or other splits when {self.root} was begun: use another --results"
                )

    def read(self, cell: Cell) -> dict[Cell, Record]:
        """Return the records of the cell's board and split; none where the file is not there or cannot be read."""
        return _read(self.sheet_file(cell))

    def is_exported(self, code: str) -> bool:
        """Say whether the tables were made by this code from the records as they are."""
        return self.exported_file.is_file() and self.exported_file.read_text(encoding="utf-8") == code

    def records(self) -> dict[Cell, Record]:
        """Return every record, sorted by cell."""
        found: dict[Cell, Record] = {}
        for path in sorted((self.root / "records").glob("*/*-r*-f*.json")):
            found.update(_read(path))
        return dict(sorted(found.items()))

    def failure(self, key: str) -> Record | None:
        """Return how the fit of this key failed, or None if it did not."""
        try:
            record: Record = json.loads(self.failure_file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return record

    @property
    def _experiment(self) -> Path:
        return self.root / "records" / "experiment.json"

    @property
    def tasks_file(self) -> Path:
        """File of what is held of each task."""
        return self.root / "records" / "tasks.json"

    @property
    def exported_file(self) -> Path:
        """File that says which code made the tables; it is not there while they are out of date."""
        return self.root / "records" / "exported.txt"

    def sheet_file(self, cell: Cell) -> Path:
        """File of all cells of one board on one split; the hash keeps apart names that look alike in a path."""
        task = f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', cell.task)}-{digest(cell.task)[:6]}"
        return self.root / "records" / task / f"{cell.board}-r{cell.repeat}-f{cell.fold}.json"

    def failure_file(self, key: str) -> Path:
        """File of how the fit of this key failed."""
        return self.root / "records" / "fits" / f"{key}.json"


@dataclass(frozen=True)
class JournalWriter:
    """What may change the journal, yielded by `Journal.open` while `lock` is held.

    Every method raises RuntimeError once the lock is released: a fault of the program, not of the user.
    """

    journal: Journal
    lock: FileLock

    def agree_on_tasks(self, requested: Mapping[str, Record]) -> None:
        """Hold the run to the data and the splits that the experiment has seen, and note those of new tasks.

        Raises:
            BenchError: a task of the same name had other data or other splits, so its cells must not be mixed.
        """
        self._require_lock()
        self.journal.check_tasks({name: record["hash"] for name, record in requested.items()})
        held = self.journal.tasks()
        known = held | dict(requested)
        if known != held:
            self.journal.exported_file.unlink(missing_ok=True)
            write_json(self.journal.tasks_file, known)

    def write(self, records: Mapping[Cell, Record]) -> None:
        """Add or replace the records of one board and split; the tables are no longer what the journal says."""
        self._require_lock()
        self.journal.exported_file.unlink(missing_ok=True)
        first = next(iter(records))
        merged = {**self.journal.read(first), **records}
        path = self.journal.sheet_file(first)
        write_json(path, [{"cell": list(cell), **record} for cell, record in sorted(merged.items())])

    def drop(self, cell: Cell) -> None:
        """Forget every record of the cell's board and split."""
        self._require_lock()
        path = self.journal.sheet_file(cell)
        if path.is_file():
            self.journal.exported_file.unlink(missing_ok=True)
            path.unlink()

    def note_export(self, code: str) -> None:
        """Note that the tables were made by this code from the records as they are."""
        self._require_lock()
        write_text(self.journal.exported_file, code)

    def note_failure(self, key: str, record: Record) -> None:
        """Keep how the fit of this key failed."""
        self._require_lock()
        write_json(self.journal.failure_file(key), record)

    def forget_failure(self, key: str) -> None:
        """Forget a failure that is about to be tried again."""
        self._require_lock()
        self.journal.failure_file(key).unlink(missing_ok=True)

    def note_traceback(self, trace: str) -> str:
        """Write a traceback to a file, one for all equal ones, and return its name in the results directory."""
        self._require_lock()
        name = f"logs/{digest(trace)[:12]}.txt" if trace else ""
        if name and not (self.journal.root / name).is_file():
            write_text(self.journal.root / name, trace)
        return name

    def _require_lock(self) -> None:
        if not self.lock.is_locked:
            raise RuntimeError(f"the journal of {self.journal.root} was written to outside `Journal.open`")


def _plain(settings: Settings) -> Record:
    """Return settings as JSON gives them back, with the version of the schema."""
    plain: Record = json.loads(json.dumps(asdict(settings) | {"schema": SCHEMA}))
    return plain


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
