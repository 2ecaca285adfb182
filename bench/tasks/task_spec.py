"""How a task is requested, and how it is cut: what the command line, suites, sources and plans pass on.

Nothing heavy is imported here: the columns of a task are flags of the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from bench.core.flag import flag

FILE_SOURCES = ("file", "panel")
"""Sources whose tasks are files."""


@dataclass(frozen=True)
class TaskSpec:
    """One task as it was requested: its full name, the columns that play a part in it, the order of its classes.

    `positive` names its positive class; the flag names that of all tasks which do not say so themselves. `sep`,
    `decimal` and `encoding` say how a text file is written. With `rows`, so many rows of it are taken. `id` is its name
    in tables behind the source, where that is not the name of its file.
    """

    name: str
    target: str | None = field(default=None, metadata=flag(help_text="Target column of the file: tasks."))
    kind: str | None = field(
        default=None,
        metadata=flag(help_text="regression or classification; inferred without it."),
    )
    group: str | None = field(default=None, metadata=flag(help_text="Column whose equal values stay in one fold."))
    time: str | None = field(default=None, metadata=flag(help_text="Column of time: nothing learns from later rows."))
    weight: str | None = field(
        default=None,
        metadata=flag(help_text="Column of row weights, for fits, schemes and metrics."),
    )
    order: str | None = field(
        default=None,
        metadata=flag(help_text="Classes from low to high: a,b,c; number where they are numbers."),
    )
    positive: str | None = None
    sep: str | None = field(
        default=None, metadata=flag(help_text="Sign between the fields of a text file; found without it.")
    )
    decimal: str | None = field(default=None, metadata=flag(help_text="Decimal sign of a text file: . or ,"))
    encoding: str | None = field(default=None, metadata=flag(help_text="Encoding of a text file; UTF-8."))
    rows: int | None = field(
        default=None,
        metadata=flag("--sample-rows", help_text="Take N rows of each task, always the same ones.", least=2),
    )
    id: str | None = None

    @property
    def source(self) -> str:
        """The part before the colon; a bare number is an OpenML task."""
        return "openml" if self.name.isdigit() else self.name.partition(":")[0]

    @property
    def rest(self) -> str:
        """The part behind the colon."""
        return self.name if self.name.isdigit() else self.name.partition(":")[2]

    @property
    def full(self) -> str:
        """The name with its source, also for a bare number."""
        return f"{self.source}:{self.id or self.rest}"

    def options(self) -> str:
        """Return what is requested beside the file, its rows and its id, as it may stand behind `@`."""
        given = {
            each.name: getattr(self, each.name) for each in fields(self) if each.name not in {"name", "rows", "id"}
        }
        texts = [value if name == "target" else f"{name}={value}" for name, value in given.items() if value is not None]
        return ";".join(texts)

    def filled_in(self, flags: Mapping[str, Any]) -> TaskSpec:
        """Return the task with what flags say and the task itself does not; what is not about rows is for files."""
        return replace(self, **{name: value for name, value in flags.items() if getattr(self, name) is None})


class CvSpec(NamedTuple):
    """How a task without splits of its own is cut: `repeats` times into `folds`.

    With `first`, only so many folds of every repeat are used: one of ten is a test part of a tenth.
    """

    folds: int = 5
    repeats: int = 1
    first: int | None = None


def read_tasks(texts: Sequence[str]) -> tuple[TaskSpec, ...]:
    """Return the tasks of comma lists.

    Raises:
        BenchError: an option of a task is unknown or cannot be what it is.
    """
    return tuple(read_task(part) for text in texts for part in _split_tasks(text))


def read_task(text: str) -> TaskSpec:
    """Read `TASK@key=value;key=value`, in which `@price` is short for `@target=price`.

    A file that exists under the whole name is that file. Of several `@` the last is meant behind which the name of a
    file that exists ends, else the last one for a file, and the first one for other tasks.

    Raises:
        BenchError: an option is unknown or cannot be what it is.
    """
    places = [found.start() for found in re.finditer("@", text)]
    if not places or _is_file(text):
        return TaskSpec(text)
    usual = places[-1] if TaskSpec(text).source in FILE_SOURCES else places[0]
    place = next((at for at in reversed(places) if _is_file(text[:at])), usual)
    head, *more = text[place + 1 :].split(";")
    options = dict(part.partition("=")[::2] for part in more)
    name, equals, value = head.partition("=")
    return make_spec(text[:place], ({name: value} if equals else {"target": head}) | options)


def make_spec(name: str, options: Mapping[str, str]) -> TaskSpec:
    """Return a task with options that came as texts.

    Raises:
        BenchError: an option is unknown or cannot be what it is.
    """
    from bench.core.nouns import BenchError

    known = [each.name for each in fields(TaskSpec) if each.name != "name"]
    unknown = [key for key in options if key not in known]
    if unknown:
        raise BenchError(f"task {name!r} cannot have {unknown[0]!r}: behind @ may stand {', '.join(known)}")
    rows = options.get("rows")
    if rows is not None and not (re.fullmatch("[0-9]+", rows) and int(rows) > 1):
        raise BenchError(f"rows of task {name!r} cannot be {rows!r}: give a whole number of at least 2")
    values = {key: value or None for key, value in options.items() if key != "rows"}
    return TaskSpec(name, **values, rows=None if rows is None else int(rows))


def _is_file(text: str) -> bool:
    spec = TaskSpec(text)
    try:
        return spec.source in FILE_SOURCES and Path(spec.rest).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # no path that can be, or of a user who is not known
        return False


def _split_tasks(text: str) -> Iterator[str]:
    """Yield the tasks of a comma list: a comma may belong to the path of a file, or to an option behind `@`."""
    pieces = [piece.strip() for piece in text.split(",")]
    while pieces:
        runs = [",".join(pieces[:end]) for end in range(len(pieces), 1, -1)]
        task = next((run for run in runs if _ends_in_file(run)), pieces[0])
        del pieces[: task.count(",") + 1]
        while pieces and _continues(task, pieces[0]):
            task += f",{pieces.pop(0)}"
        if task:
            yield task


def _ends_in_file(run: str) -> bool:
    """Return whether the last piece of a run of pieces completes the name of a file."""
    last = run.rindex(",")
    return _is_file(run) or any(_is_file(run[:at]) for at in range(last, len(run)) if run[at] == "@")


def _continues(task: str, piece: str) -> bool:
    """Return whether a piece of a list belongs to the task before it, and is none itself."""
    if ":" in piece:
        return False
    return ("@" in task and not piece.isdigit()) or "=" in piece or "order=" in task.rpartition(";")[2]
