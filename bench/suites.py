"""`datasets.yaml`: the suites with their split protocol, and the named panels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import yaml

from bench.core import BenchError

FILE = "datasets.yaml"
SOURCES = ("bundled", "file", "openml")


@dataclass(frozen=True)
class TaskSpec:
    """One task as it was asked for: its full name, and the columns that play a part in it."""

    name: str
    target: str | None = None
    kind: str | None = None
    group: str | None = None
    time: str | None = None
    weight: str | None = None

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


@dataclass(frozen=True)
class Suite:
    """A named list of tasks with the splits for those that bring none of their own."""

    name: str
    tasks: tuple[TaskSpec, ...]
    description: str = ""
    folds: int = 5
    repeats: int = 1


@dataclass(frozen=True)
class Catalogue:
    """What one `datasets.yaml` holds: suites, and panels as lists of learners by kind of target."""

    suites: Mapping[str, Suite] = field(default_factory=dict)
    panels: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def suite(self, name: str) -> Suite:
        """Return a suite by name.

        Raises:
            BenchError: there is none of that name.
        """
        if name not in self.suites:
            raise BenchError(f"unknown suite {name!r}: choose from {', '.join(self.suites)}")
        return self.suites[name]

    def panel(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Return a panel by name.

        Raises:
            BenchError: there is none of that name.
        """
        if name not in self.panels:
            raise BenchError(f"unknown panel {name!r}: choose from {', '.join(self.panels)}")
        return self.panels[name]


def catalogue() -> Catalogue:
    """Read the packaged `datasets.yaml`, and over it the one of the working directory where there is one."""
    packaged, local = _packaged(), Path(FILE)
    if not local.is_file():
        return packaged
    own = _parse(str(local.resolve()), local.read_text(encoding="utf-8"))
    return Catalogue({**packaged.suites, **own.suites}, {**packaged.panels, **own.panels})


@cache
def _packaged() -> Catalogue:
    inside = package_files("bench") / FILE
    path = inside if inside.is_file() else Path(__file__).parent.parent / FILE
    return _parse(str(path), path.read_text(encoding="utf-8"))


def _parse(path: str, text: str) -> Catalogue:
    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise BenchError(f"{path} is not valid YAML ({' '.join(str(error).split())}): mend it") from error
    if not isinstance(content, dict) or set(content) - {"suites", "panels"}:
        raise BenchError(f"{path} may hold the keys 'suites' and 'panels' only: mend it")
    suites = {name: _suite(path, name, body) for name, body in (content.get("suites") or {}).items()}
    panels = {
        name: {kind: tuple(learners) for kind, learners in body.items()}
        for name, body in (content.get("panels") or {}).items()
    }
    return Catalogue(suites, panels)


def _suite(path: str, name: str, body: Any) -> Suite:
    known = {f.name for f in fields(Suite)} - {"name"}
    if not isinstance(body, dict) or set(body) - known or not body.get("tasks"):
        raise BenchError(f"suite {name!r} in {path} needs 'tasks' and may have {', '.join(sorted(known))}: mend it")
    return Suite(**{**body, "name": name, "tasks": tuple(_spec(path, name, task) for task in body["tasks"])})


def _spec(path: str, suite: str, task: Any) -> TaskSpec:
    if isinstance(task, (str, int)):
        return TaskSpec(str(task))
    known = {"task", *(f.name for f in fields(TaskSpec))} - {"name"}
    if not isinstance(task, dict) or "task" not in task or set(task) - known:
        raise BenchError(f"a task of suite {suite!r} in {path} may have {', '.join(sorted(known))}: mend {task!r}")
    return TaskSpec(str(task["task"]), **{key: str(value) for key, value in task.items() if key != "task"})
