"""Where tasks come from, one source a file: `source(request) -> Task`.

May import: `core`.
Next of its kind: a source is one file with a decorated function; a bundled table is an entry of its `CATALOGUE`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol, TypeVar, get_args

from bench.core.contract import held_to_its_keywords
from bench.core.nouns import Task, TaskKind
from bench.core.registry import Registry
from bench.core.scheme import PluginOptions
from bench.tasks.sources.request import TEXT_OPTIONS, LoadError, TaskRequest

__all__ = ["TEXT_OPTIONS", "LoadError", "Source", "TaskRequest", "register", "registry"]


class Source(Protocol):
    """A function from the name of a task, as it is typed behind the colon, to the task."""

    def __call__(self, request: TaskRequest, /) -> Task:
        """Read a task; its `splits` are empty where the source brings none of its own.

        `meta["table"]` names the table behind it where other tasks may share it: a board counts them as one data set.
        """


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
