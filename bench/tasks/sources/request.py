"""A request to a source, and its failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.core.nouns import BenchError, TaskKind

TEXT_OPTIONS = ("sep", "decimal", "encoding")
"""Options of a request that say how a text file is written."""


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
    """One requested task: the part of its name behind the colon, and the columns that play a part.

    `order` lists classes from low to high, or is `number` where they are numbers; `sep`, `decimal` and `encoding` say
    how a text file is written; `offline` forbids the network.
    """

    name: str
    target: str | None = None
    kind: TaskKind | None = None
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    order: str | None = None
    sep: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    offline: bool = False

    def refuse(self, source: str, *fields: str) -> None:
        """Raise BenchError if one of the named fields is set for a source that brings its own."""
        named = [field for field in fields if getattr(self, field) is not None]
        if named:
            raise BenchError(
                f"{source}:{self.name} fixes its own columns and kind, so its {named[0]} cannot be "
                f"{getattr(self, named[0])!r}: leave out --{named[0]}, which is for files"
            )
