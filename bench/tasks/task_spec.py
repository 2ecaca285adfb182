"""How a task is requested, and how it is cut: what the command line, suites, sources and plans pass on.

Nothing heavy is imported here: the columns of a task are flags of the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.core.flag import flag
from bench.core.values import read_names


@dataclass(frozen=True)
class TaskSpec:
    """One task as it was requested: its full name, the columns that play a part in it, the order of its classes.

    `positive` names its positive class: `datasets.yaml` sets it by task, the flag for all tasks of a run.
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
        return f"{self.source}:{self.rest}"


class CvSpec(NamedTuple):
    """How a task without splits of its own is cut: `repeats` times into `folds`.

    With `first`, only so many folds of every repeat are used: one of ten is a test part of a tenth.
    """

    folds: int = 5
    repeats: int = 1
    first: int | None = None


def read_tasks(texts: Sequence[str]) -> tuple[TaskSpec, ...]:
    """Return the tasks of comma lists of names."""
    return tuple(TaskSpec(name) for name in read_names(texts))
