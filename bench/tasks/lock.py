"""`bench.lock`: what each task was when it was fetched, so that a data set that changes silently stops its task."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.core.files import write_json
from bench.core.hashing import digest
from bench.core.nouns import BenchError, Task
from bench.tasks.sources import LoadError
from bench.tasks.task_spec import TaskSpec

FILE = "bench.lock"
"""Beside `datasets.yaml`, in the working directory."""

SCHEMA = 1
MOST_DIFFERENCES = 8
"""Differences that a message names."""

SOURCE_NOTES = ("data_id", "version", "dataset")
"""What a source says of the version of its table, by their names in `Task.meta`."""


@dataclass(frozen=True)
class LockedColumn:
    """Type and content hash of a column."""

    type: str
    hash: str


@dataclass(frozen=True)
class LockedTask:
    """What a task was: its columns, the hash of all of them in their order, and that of its own splits, if any."""

    data: str
    rows: int
    columns: Mapping[str, LockedColumn]
    splits: str | None
    source: Mapping[str, str | int]

    def differences(self, now: LockedTask) -> list[str]:
        """Return what is another now, a phrase each: rows, columns, splits; empty if nothing is."""
        found = [f"{self.rows} rows are {now.rows} now"] if self.rows != now.rows else []
        found += [f"column {name!r} is gone" for name in self.columns if name not in now.columns]
        found += [f"column {name!r} is new" for name in now.columns if name not in self.columns]
        for name, column in self.columns.items():
            other = now.columns.get(name, column)
            if column.type != other.type:
                found.append(f"column {name!r} was {column.type} and is {other.type}")
            elif column.hash != other.hash and self.rows == now.rows:
                found.append(f"column {name!r} holds other values")
        if not found and self.data != now.data:
            found.append("the columns have another order")
        if self.splits != now.splits:
            found.append("the splits are others")
        return found


def lock_name(spec: TaskSpec) -> str:
    """Return the name under which a task is locked: all that was requested of it."""
    parts = [(each.name, getattr(spec, each.name)) for each in fields(spec) if each.name != "name"]
    text = ";".join(f"{key}={value}" for key, value in parts if value is not None)
    return f"{spec.source}:{spec.rest}{'@' if text else ''}{text}"


def describe(task: Task) -> LockedTask:
    """Return what is to be locked of a task."""
    columns = dict(_columns(task))
    splits = [[each.repeat, each.fold, each.train, each.test] for each in task.splits]
    return LockedTask(
        data=digest(len(task.y), [[name, column.type, column.hash] for name, column in columns.items()]),
        rows=len(task.y),
        columns=columns,
        splits=digest(splits) if splits else None,
        source={note: task.meta[note] for note in SOURCE_NOTES if note in task.meta},
    )


def _columns(task: Task) -> Iterator[tuple[str, LockedColumn]]:
    for name in task.X.columns:
        yield str(name), _column(task.X[name])
    target = np.array(task.classes, dtype=object)[task.y] if task.classes else task.y
    kind = f"classes {', '.join(task.classes)}" if task.classes else "numbers"
    yield str(task.meta.get("target", "target")), LockedColumn(f"target of {kind}", digest(pd.Series(target)))
    for part in ("groups", "time", "weight"):
        values = getattr(task, part)
        if values is not None:
            yield str(task.meta.get(part.removesuffix("s"), part)), LockedColumn(part, digest(values))
    for name, values in task.external.predictions.items() if task.external else ():
        yield f"predictions of {name}", LockedColumn("predictions", digest(values))


def _column(column: pd.Series[Any]) -> LockedColumn:
    is_category = isinstance(column.dtype, pd.CategoricalDtype)
    kind = f"category of {len(column.cat.categories)} levels" if is_category else "numbers"
    return LockedColumn(kind, digest(column))


def read_lock(path: Path | None = None) -> dict[str, LockedTask]:
    """Return the locked tasks by name; none without a file.

    Raises:
        BenchError: the file cannot be read, or is no lock file.
    """
    path = path or Path(FILE)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise BenchError(f"{path} has schema {content['schema']!r}, not {SCHEMA}: delete it and fetch again")
        return {name: _read_task(entry) for name, entry in content["tasks"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchError(
            f"{path} cannot be read as a lock file ({type(error).__name__}: {error}): mend it, or delete it and fetch "
            "again"
        ) from error


def _read_task(entry: dict[str, Any]) -> LockedTask:
    columns = {name: text.rpartition(" ") for name, text in entry["columns"].items()}
    return LockedTask(
        data=str(entry["data"]),
        rows=int(entry["rows"]),
        columns={name: LockedColumn(kind, content) for name, (kind, _, content) in columns.items()},
        splits=entry["splits"],
        source=dict(entry["source"]),
    )


def write_lock(tasks: Mapping[str, LockedTask], path: Path | None = None) -> None:
    """Write the locked tasks, whole or not at all; a column is one line, so that a difference of two files is short."""
    entries = {
        name: asdict(task) | {"columns": {key: f"{each.type} {each.hash}" for key, each in task.columns.items()}}
        for name, task in tasks.items()
    }
    write_json(path or Path(FILE), {"schema": SCHEMA, "tasks": entries})


def check_unchanged(spec: TaskSpec, task: Task, locked: Mapping[str, LockedTask]) -> Task:
    """Return a task that is as it was locked, or was not locked.

    Raises:
        LoadError: its table or its splits have changed (`data`).
    """
    before = locked.get(lock_name(spec))
    if before is not None and (found := before.differences(describe(task))):
        raise LoadError(changed(spec, found), "data")
    return task


def changed(spec: TaskSpec, differences: list[str]) -> str:
    """Return the sentence about a task that is no longer what was locked."""
    more = len(differences) - MOST_DIFFERENCES
    shown = [*differences[:MOST_DIFFERENCES], *([f"and {more} more differences"] if more > 0 else [])]
    return (
        f"{lock_name(spec)} is not what {FILE} holds ({'; '.join(shown)}): look into it, and accept it with "
        "--update-lock"
    )
