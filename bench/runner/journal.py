"""The journal of an experiment: one JSON file per board and split that holds the record of every cell.

Tables are made from it; it is written atomically and read back to see what is done. What a record holds is in
`records`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.core.files import file_name, write_json, write_text
from bench.core.hashing import digest
from bench.core.json_values import parse_json
from bench.core.notice import warn
from bench.core.nouns import BenchError, Cell
from bench.core.settings import Settings, settings_from_json
from bench.runner.journal_index import JournalIndex, RecordSummary, read_index, summarise, write_index
from bench.runner.record_files import read_ending, read_records, sum_file, write_ending, write_records
from bench.runner.record_json import NO_RECORD
from bench.runner.records import CellRecord, Ending, TaskRecord

if TYPE_CHECKING:
    from filelock import FileLock

SCHEMA = 2
"""Version of the machine files. Schema 2 leaves out what is empty in the record of a cell."""
READABLE = (1, 2)
"""Schemas that are read; a run raises what it opens to `SCHEMA`, and evaluates again what has another key."""

MOST_NAMED = 3
"""Files that a sentence names."""
TASK_HASH = 6
"""Hex digits behind the name of a task in that of its folder."""


@dataclass(frozen=True)
class Journal:
    """What a results directory remembers of its runs, to read: records of tasks and cells; `open` gives the writer.

    `damaged` counts by file the records that were found not to be what was written, and that are as good as none;
    `sums` holds by file the sum of the bytes that were last read or written; it is empty where there were none.
    """

    root: Path
    damaged: dict[Path, int] = field(default_factory=dict, compare=False)
    sums: dict[Path, str] = field(default_factory=dict, compare=False)

    @contextmanager
    def open(self, settings: Settings, patience: float = 0.0) -> Iterator[JournalWriter]:
        """Hold the directory for one run, and hold the run to the settings of the experiment.

        Another run is waited for at most `patience` seconds, for ever if that is negative.

        Raises:
            BenchError: another run holds it, it cannot be made or locked, or it holds other settings.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BenchError(
                f"results directory {str(self.root)!r} cannot be made ({error.strerror}): use another"
            ) from error
        with self.hold(patience) as lock:
            self.check_settings(settings)
            if not self._experiment.is_file() or self._read_experiment()["schema"] != SCHEMA:
                write_json(self._experiment, asdict(settings) | {"schema": SCHEMA})
            yield JournalWriter(self, lock)

    @contextmanager
    def hold(self, patience: float = 0.0) -> Iterator[FileLock]:
        """Keep others from writing to the directory; its number in `.lock.pid` tells them who does.

        Another holder is waited for at most `patience` seconds, for ever if that is negative.

        Raises:
            BenchError: another run holds it, or it cannot be locked.
        """
        from filelock import FileLock, Timeout  # who only reads can do without

        path, holder = self.root / ".lock", self.root / ".lock.pid"
        lock = FileLock(path)
        try:
            lock.acquire(timeout=patience)
        except Timeout:
            raise BenchError(
                f"another run ({_describe_holder(holder)}) is writing to {self.root}: give --wait to begin when it has "
                "ended, or use another --results"
            ) from None
        except (OSError, NotImplementedError) as error:
            why = getattr(error, "strerror", None) or error
            raise BenchError(f"{path} cannot be locked ({why}): put that right, or use another --results") from error
        try:
            with suppress(OSError):  # the lock holds without it
                write_text(holder, f"{os.getpid()}\n")
            yield lock
        finally:
            with suppress(OSError):
                holder.unlink()
            lock.release()

    def check_settings(self, settings: Settings) -> None:
        """Hold a run, or a look ahead, to the settings of the experiment, if there is one.

        Raises:
            BenchError: the directory holds an experiment with other settings.
        """
        if not self._experiment.is_file():
            return
        held = asdict(Settings()) | self._read_experiment()  # a setting that is new had its usual value
        for name, value in asdict(settings).items():
            before = tuple(held[name]) if isinstance(held[name], list) else held[name]
            if before != value:
                raise BenchError(
                    f"{self.root} holds an experiment with {name} {before!r}, not {value!r}: use another --results"
                )

    def settings(self) -> Settings:
        """Return the settings of the experiment.

        Raises:
            BenchError: there is no experiment.
        """
        if not self._experiment.is_file():
            raise BenchError(f"{self.root} holds no experiment: give the directory of a run")
        held = self._read_experiment()
        try:
            return settings_from_json(held)
        except (ValueError, BenchError) as error:
            raise _damage_error(self._experiment, error) from error

    def _read_experiment(self) -> dict[str, Any]:
        """Return the settings of the experiment with the schema of its files.

        Raises:
            BenchError: the file is damaged, or the schema is one that this version does not read.
        """
        held = _read_json(self._experiment)
        if held.get("schema") not in READABLE:
            raise BenchError(
                f"{self.root} was written by another version of bench (schema {held.get('schema')}, and this one reads "
                f"{' and '.join(map(str, READABLE))}): use another --results, or delete {self.root / 'records'} "
                f"and run again: {self._command()}"
            )
        return held

    def _check_schema(self) -> None:
        if self._experiment.is_file():
            self._read_experiment()

    def _command(self) -> str:
        """Return the command that made the results, as far as it is known."""
        try:
            return shlex.join(parse_json((self.root / "manifest.json").read_bytes())["command"])
        except (OSError, ValueError, KeyError, TypeError):
            return f"bench run --results {shlex.quote(str(self.root))}"

    def tasks(self) -> dict[str, TaskRecord]:
        """Return what is kept of each task, by name.

        What is no record of a task is left out, and said.

        Raises:
            BenchError: the file is damaged, or the directory was written in a schema that this version does not read.
        """
        self._check_schema()
        if not self.tasks_file.is_file():
            return {}
        found, strays = {}, 0
        for name, held in _read_json(self.tasks_file).items():
            try:
                found[name] = TaskRecord.from_json(held)
            except NO_RECORD:
                strays += 1
        if strays:
            are = "entry is" if strays == 1 else "entries are"
            warn(f"{strays} {are} no sound record and left out: {self.tasks_file}: a run makes again what is missing")
        return found

    def check_tasks(self, hashes: Mapping[str, str]) -> None:
        """Hold a run, or a look ahead, to the data, splits and positive class that the experiment has of each task.

        Raises:
            BenchError: a task of the same name had others, so its cells must not be mixed.
        """
        held = self.tasks()
        for name, value in hashes.items():
            if name in held and held[name].hash != value:
                raise BenchError(
                    f"task {name!r} had other data, other splits or another positive class when {self.root} was begun: "
                    "use another --results"
                )

    def read(self, cell: Cell) -> dict[Cell, CellRecord]:
        """Return the sound records of the cell's board and split."""
        return self._read(self.board_split_file(cell))

    def summaries(self, cell: Cell) -> Mapping[Cell, RecordSummary] | None:
        """Return what the index says of the records of the cell's board and split; None where it does not know them."""
        if not self._index.files:
            return None
        path = self.board_split_file(cell)
        found = sum_file(path)
        return self._index.summaries(self._index_name(path), found) if found else None

    @cached_property
    def _index(self) -> JournalIndex:
        return read_index(self.index_file)

    def _index_name(self, path: Path) -> str:
        return path.relative_to(self.root / "records").as_posix()

    def summarise_files(
        self, records: Mapping[Cell, CellRecord]
    ) -> dict[str, tuple[str, Mapping[Cell, RecordSummary]]]:
        """Return what an index holds: the sum and the records of each file but damaged ones."""
        places: dict[tuple[str, str, int, int], dict[Cell, RecordSummary]] = {}
        for cell, record in records.items():
            places.setdefault((cell.board, cell.task, cell.repeat, cell.fold), {})[cell] = summarise(record)
        files = {self.board_split_file(next(iter(held))): held for held in places.values()}
        return {
            self._index_name(path): (self.sums[path], held)
            for path, held in files.items()
            if self.sums.get(path) and path not in self.damaged
        }

    def is_exported(self, code: str) -> bool:
        """Return whether the tables, and the index, were made by this code from the records as they are."""
        return (
            self.index_file.is_file()
            and self.exported_file.is_file()
            and self.exported_file.read_bytes() == code.encode()
        )

    def records(self) -> dict[Cell, CellRecord]:
        """Return every sound record, sorted by cell; what is none is left out, and said.

        Raises:
            BenchError: the directory was written in a schema that this version does not read.
        """
        self._check_schema()
        found: dict[Cell, CellRecord] = {}
        for path in sorted((self.root / "records").glob("*/*-r*-f*.json")):
            found.update(self._read(path))
        self.warn_of_damage()
        return dict(sorted(found.items()))

    def warn_of_damage(self) -> None:
        """Say what was found that is no record, or not what was written."""
        if self.damaged:
            count, names = sum(self.damaged.values()), [str(path) for path in self.damaged]
            what = "1 entry is no sound record" if count == 1 else f"{count} entries are no sound records"
            more = ", …" if len(names) > MOST_NAMED else ""
            warn(f"{what} and left out: {', '.join(names[:MOST_NAMED])}{more}: a run makes again what is missing")

    def _read(self, path: Path) -> dict[Cell, CellRecord]:
        """Return the sound records of a file that belong into it, and note how many others it holds."""
        read = read_records(path)
        found, strays, self.sums[path] = read.records, read.unsound, read.sum
        places = {(cell.board, cell.task, cell.repeat, cell.fold): cell for cell in found}
        at_home = {place for place, cell in places.items() if self._is_home(path, cell)}
        held = {c: record for c, record in found.items() if (c.board, c.task, c.repeat, c.fold) in at_home}
        if strays + len(found) - len(held):
            self.damaged[path] = strays + len(found) - len(held)
        return held

    def _is_home(self, path: Path, cell: Cell) -> bool:
        """Return whether a cell belongs into a file; the readable part of the folder differs between versions."""
        home = self.board_split_file(cell)
        return (path.name, path.parent.name[-TASK_HASH:]) == (home.name, home.parent.name[-TASK_HASH:])

    def failure(self, key: str) -> Ending | None:
        """Return how the fit of this key failed, or None if it did not; what is not what was written is left out."""
        path = self.failure_file(key)
        try:
            return read_ending(path)
        except FileNotFoundError:
            return None
        except (OSError, *NO_RECORD):
            self.damaged[path] = 1
            return None

    @property
    def _experiment(self) -> Path:
        return self.root / "records" / "experiment.json"

    @property
    def tasks_file(self) -> Path:
        """File of what is held of each task."""
        return self.root / "records" / "tasks.json"

    @property
    def exported_file(self) -> Path:
        """File that names the code that made the tables; it is not there while they are out of date."""
        return self.root / "records" / "exported.txt"

    @property
    def index_file(self) -> Path:
        """File of the index, which is written with the tables."""
        return self.root / "records" / "index.txt"

    def board_split_file(self, cell: Cell) -> Path:
        """File of all cells of one board on one split; the hash keeps apart names that look alike in a path."""
        task = f"{file_name(cell.task)}-{digest(cell.task)[:TASK_HASH]}"
        return self.root / "records" / task / f"{file_name(cell.board)}-r{cell.repeat}-f{cell.fold}.json"

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

    def agree_on_tasks(self, requested: Mapping[str, TaskRecord]) -> None:
        """Hold the run to the data and the splits that the experiment has seen, and note those of new tasks.

        Raises:
            BenchError: a task of the same name had others, so its cells must not be mixed.
        """
        self._require_lock()
        self.journal.check_tasks({name: record.hash for name, record in requested.items()})
        held = {name: record.to_json() for name, record in self.journal.tasks().items()}
        known = held | {name: record.to_json() for name, record in requested.items()}
        if known != held:
            self.journal.exported_file.unlink(missing_ok=True)
            write_json(self.journal.tasks_file, known)

    def write(self, records: Mapping[Cell, CellRecord]) -> None:
        """Add or replace the records of one board and split; the tables no longer match the journal."""
        self._require_lock()
        self.journal.exported_file.unlink(missing_ok=True)
        first = next(iter(records))
        path = self.journal.board_split_file(first)
        self.journal.sums[path] = write_records(path, {**self.journal.read(first), **records})

    def drop(self, cell: Cell) -> None:
        """Forget every record of the cell's board and split."""
        self._require_lock()
        path = self.journal.board_split_file(cell)
        if path.is_file():
            self.journal.exported_file.unlink(missing_ok=True)
            path.unlink()

    def note_export(self, code: str, records: Mapping[Cell, CellRecord]) -> None:
        """Note that the tables were made by this code from all records as they are, and write the index of these."""
        self._require_lock()
        write_index(self.journal.index_file, self.journal.summarise_files(records))
        write_text(self.journal.exported_file, code)

    def note_failure(self, key: str, ending: Ending) -> None:
        """Keep how the fit of this key failed."""
        self._require_lock()
        write_ending(self.journal.failure_file(key), ending)

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


def _describe_holder(holder: Path) -> str:
    """Return the process that holds a lock, as far as its file tells."""
    try:
        return f"process {int(holder.read_text(encoding='utf-8')[:20])}"
    except (OSError, ValueError):
        return "it has not said which process it is"


def _read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file.

    Raises:
        BenchError: the file cannot be read, or holds something else.
    """
    try:
        held = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _damage_error(path, error) from error
    if not isinstance(held, dict):
        raise _damage_error(path, "it holds no JSON object")
    return held


def _damage_error(path: Path, fault: object) -> BenchError:
    return BenchError(f"{path} is damaged ({fault}): delete it, and give the command of the run again")
