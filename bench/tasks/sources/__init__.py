"""Where tasks come from, one source a file: `source(request) -> Task`.

May import: `core`.
Next of its kind: a source is one file with a decorated function; a bundled table is an entry of its `CATALOGUE`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, get_args

from bench.core.nouns import BenchError, Task, TaskKind
from bench.core.registry import PluginOptions, Registry, held_to_its_keywords


class LoadError(Exception):
    """A task that cannot be loaded through no fault of the command: its cells are `failed`.

    `cause` is `infra` (network, server, cache: try again) or `data` (what was received makes no task).
    """

    def __init__(self, message: str, cause: Literal["infra", "data"]) -> None:
        super().__init__(message)
        self.cause = cause

    def __reduce__(self) -> tuple[type[LoadError], tuple[str, str]]:
        """Let the error cross a process border with its cause."""
        return type(self), (str(self), self.cause)


@dataclass(frozen=True)
class TaskRequest:
    """One task asked for: the part of its name behind the colon, and the columns that play a part.

    `order` lists classes from low to high, or says `number` where they are numbers; `offline` forbids the network.
    """

    name: str
    target: str | None = None
    kind: TaskKind | None = None
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    order: str | None = None
    offline: bool = False

    def refuse(self, source: str, *fields: str) -> None:
        """Raise BenchError if one of the named fields is given to a source that brings its own."""
        given = [field for field in fields if getattr(self, field) is not None]
        if given:
            raise BenchError(
                f"{source}:{self.name} fixes its own columns and kind, so its {given[0]} cannot be "
                f"{getattr(self, given[0])!r}: leave out --{given[0]}, which is for files"
            )


class Source(Protocol):
    """The function of a source: from the name of a task to the task."""

    def __call__(self, request: TaskRequest, /) -> Task:
        """Read a task; its `splits` are empty where the source brings none of its own."""


registry = Registry("source", __name__, kinds=get_args(TaskKind), contract=Source, options=PluginOptions)

F = TypeVar("F", bound=Source)


@held_to_its_keywords
def register(*kinds: TaskKind, tags: Collection[str] = (), breaks: Mapping[str, str] | None = None) -> Callable[[F], F]:
    """Return the decorator that enters a source; see `PluginOptions` for the keywords.

    Raises:
        BenchError: a kind or a keyword is unknown, or the function is no source.
    """

    def enter(source: F) -> F:
        registry.enter(source, kinds, PluginOptions(tags=tags, breaks=breaks or {}))
        return source

    return enter


def load(source: str, request: TaskRequest) -> Task:
    """Load a task from the named source; its `splits` are empty where the source brings none of its own.

    Raises:
        BenchError: the source is unknown, or it cannot give such a task.
        LoadError: the source failed, and the command is not to blame.
    """
    task: Task = registry.scheme(source)(request)
    return task
