"""`datasets.yaml`: the suites with their split protocol, and the named panels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import bench
from bench.core.flag import flag_of
from bench.core.nouns import BenchError
from bench.core.settings import Settings
from bench.tasks.task_spec import CvSpec, TaskSpec, make_spec, read_task

FILE = "datasets.yaml"
FLAGS = {"panel", *(each.name for each in fields(Settings) if (of := flag_of(each)) and of.by_suite)}
"""Flags that a suite may set: the settings that allow it, and the panel, which belongs to a room above this one."""


class TextLoader(yaml.SafeLoader):
    """A reader of YAML to which every scalar is the text that stands there: names come as they are written.

    YAML 1.1 would make False of `no`, 83 of `0123`, 90 of `1:30` and 1.1 of `1.10`. Merge keys, `<<`, are kept.
    """

    yaml_implicit_resolvers = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}  # noqa: RUF012 - as PyYAML has it


@dataclass(frozen=True)
class Suite:
    """A named list of tasks with the cross-validation for those that bring no splits of their own.

    `settings` are the protocol, levels, calibration share, inner folds and panel that the suite is meant for, as texts
    of flags; flags on the command line win.
    """

    name: str
    tasks: tuple[TaskSpec, ...]
    description: str = ""
    cv: CvSpec = field(default_factory=CvSpec)
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NamedPanel:
    """Learners by kind of target; with `each` above one, so many configurations of every one of them."""

    learners: Mapping[str, tuple[str, ...]]
    each: int = 1


@dataclass(frozen=True)
class Catalogue:
    """What one `datasets.yaml` holds: suites and panels."""

    suites: Mapping[str, Suite] = field(default_factory=dict)
    panels: Mapping[str, NamedPanel] = field(default_factory=dict)

    def suite(self, name: str) -> Suite:
        """Return a suite by name.

        Raises:
            BenchError: there is none of that name.
        """
        if name not in self.suites:
            raise BenchError(f"unknown suite {name!r}: choose from {', '.join(self.suites)}")
        return self.suites[name]

    def panel(self, name: str) -> NamedPanel:
        """Return a panel by name.

        Raises:
            BenchError: there is none of that name.
        """
        if name not in self.panels:
            raise BenchError(f"unknown panel {name!r}: choose from {', '.join(self.panels)}")
        return self.panels[name]


def catalogue() -> Catalogue:
    """Read the packaged `datasets.yaml`, and over it the one of the working directory where there is one.

    Raises:
        BenchError: a file cannot be read, or holds something else than suites and panels.
    """
    packaged, local = _packaged_catalogue(), Path(FILE)
    if not local.is_file():
        return packaged
    own = _parse_file(local)
    return Catalogue({**packaged.suites, **own.suites}, {**packaged.panels, **own.panels})


@cache
def _packaged_catalogue() -> Catalogue:
    package = Path(bench.__file__).parent  # a wheel holds the file in the package, a checkout beside it
    return _parse_file(package / FILE if (package / FILE).is_file() else package.parent / FILE)


def _parse_file(path: Path) -> Catalogue:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=TextLoader)  # noqa: S506 - it is a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise BenchError(f"{path} cannot be read ({' '.join(str(error).split())}): mend it") from error
    content = _mapping(path, "the file", content or {}, {"suites", "panels"})
    suites = _mapping(path, "suites", content.get("suites") or {})
    panels = _mapping(path, "panels", content.get("panels") or {})
    return Catalogue(
        {name: _read_suite(path, name, body) for name, body in suites.items()},
        {name: _read_panel(path, name, body) for name, body in panels.items()},
    )


def _mapping(path: Path, what: str, body: Any, known: set[str] | None = None) -> dict[str, Any]:
    """Return a mapping with no unknown key."""
    if not isinstance(body, dict):
        raise BenchError(f"{what} in {path} must be names with their contents, not {body!r}: mend it")
    unknown = set(map(str, body)) - (known or set(map(str, body)))
    if unknown:
        raise BenchError(f"{what} in {path} has {min(unknown)!r}, but may have {', '.join(sorted(known or ()))}")
    return {str(name): value for name, value in body.items()}


def _list(path: Path, what: str, body: Any) -> list[Any]:
    if not isinstance(body, list) or not body:
        raise BenchError(f"{what} in {path} must be a list, not {body!r}: mend it")
    return body


def _whole_number(path: Path, what: str, value: Any, least: int) -> int:
    if not isinstance(value, str) or not re.fullmatch("[0-9]+", value) or int(value) < least:
        raise BenchError(f"{what} in {path} must be a whole number of at least {least}, not {value!r}: mend it")
    return int(value)


def _read_panel(path: Path, name: str, body: Any) -> NamedPanel:
    what = f"panel {name!r}"
    parts = _mapping(path, what, body, {"point", "class", "quantile", "each"})
    each = _whole_number(path, f"'each' of {what}", parts.pop("each", "1"), 1)
    return NamedPanel({kind: tuple(map(str, _list(path, what, names))) for kind, names in parts.items()}, each)


def _read_suite(path: Path, name: str, body: Any) -> Suite:
    what = f"suite {name!r}"
    parts = _mapping(path, what, body, {"tasks", "description", "settings", *CvSpec._fields})
    settings = _mapping(path, f"'settings' of {what}", parts.get("settings") or {}, FLAGS)
    return Suite(
        name,
        tuple(_spec(path, name, task) for task in _list(path, f"'tasks' of {what}", parts.get("tasks"))),
        str(parts.get("description", "")),
        CvSpec(
            _whole_number(path, f"'folds' of {what}", parts.get("folds", str(CvSpec().folds)), 2),
            _whole_number(path, f"'repeats' of {what}", parts.get("repeats", str(CvSpec().repeats)), 1),
            _whole_number(path, f"'first' of {what}", parts["first"], 1) if "first" in parts else None,
        ),
        {name: str(value) for name, value in settings.items()},
    )


def _spec(path: Path, suite: str, task: Any) -> TaskSpec:
    try:
        if task and isinstance(task, str):
            return read_task(task)
        if isinstance(task, dict) and "task" in task:
            return make_spec(str(task["task"]), {str(key): str(each) for key, each in task.items() if key != "task"})
    except BenchError as error:
        raise BenchError(f"suite {suite!r} in {path}: {error}") from error
    raise BenchError(f"a task of suite {suite!r} in {path} is a name, or has 'task' beside its options: mend {task!r}")
