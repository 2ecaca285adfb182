"""`datasets.yaml`: the suites with their split protocol, and the named panels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import cast, get_args

from yaml import ScalarNode

import bench
from bench.core.flag import flag_of
from bench.core.nouns import BenchError, TaskKind
from bench.core.settings import Settings
from bench.tasks.sources import LoadError
from bench.tasks.task_spec import CvSpec, TaskSpec, make_spec, read_task
from bench.tasks.yaml_parts import Part, read_yaml

FILE = "datasets.yaml"
LIVE_SUITE = "openml-suite:"
"""What stands before the number of a suite that OpenML is asked for."""
NO_FILE = "none"
"""What stands for no file besides the packaged one."""
FLAGS = {"panel", *(each.name for each in fields(Settings) if (of := flag_of(each)) and of.by_suite)}
"""Flags that a suite may set: the settings that allow it, and the panel, which belongs to a room above this one."""
LEAST = {"folds": 2, "repeats": 1, "first": 1}
"""The smallest numbers of a cut."""
SIZES = ("rows", "columns", "classes", "splits")
"""Numbers that a suite may give of a task."""


@dataclass(frozen=True)
class Outline:
    """What is known of a task before it is loaded; None where it is not.

    A task of known rows without classes is one of regression. `splits` is the number of its own splits, where it
    differs from what its suite says.
    """

    kind: TaskKind | None = None
    table: str | None = None
    rows: int | None = None
    columns: int | None = None
    classes: int | None = None
    splits: int | None = None


@dataclass(frozen=True)
class Suite:
    """A named list of tasks with the cross-validation for those that bring no splits of their own.

    `settings` are the protocol, levels, calibration share, inner folds and panel that the suite is meant for, as texts
    of flags; flags on the command line win. `tasks` holds each task with what is known of it.
    """

    name: str
    tasks: Mapping[TaskSpec, Outline]
    description: str = ""
    cv: CvSpec = field(default_factory=CvSpec)
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NamedPanel:
    """Learners by kind of target; with `each` above one, so many configurations of every one of them.

    `is_found`: its file lies in the working directory, and nobody named it. It may be somebody else's, so that it can
    name no code.
    """

    learners: Mapping[str, tuple[str, ...]]
    each: int = 1
    is_found: bool = field(default=False, compare=False)


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
            raise BenchError(
                f"unknown suite {name!r}: choose from {', '.join(self.suites)}, or write {LIVE_SUITE}NUMBER"
            )
        return self.suites[name]

    def panel(self, name: str) -> NamedPanel:
        """Return a panel by name.

        Raises:
            BenchError: there is none of that name.
        """
        if name not in self.panels:
            raise BenchError(f"unknown panel {name!r}: choose from {', '.join(self.panels)}")
        return self.panels[name]


def find_suite(known: Catalogue, name: str, *, offline: bool) -> Suite:
    """Return a suite by name, or as OpenML lists it now.

    Raises:
        BenchError: there is none of that name or number, or the server failed: without its tasks there is no plan.
    """
    if not name.startswith(LIVE_SUITE):
        return known.suite(name)
    number = name.removeprefix(LIVE_SUITE)
    if not re.fullmatch("[1-9][0-9]{0,8}", number):
        raise BenchError(f"suite {name!r} has no number: write one like {LIVE_SUITE}99")
    from bench.tasks.sources.openml_suite import suite_tasks  # the client is heavy, and few suites are live

    try:
        tasks = {TaskSpec(f"openml:{task}"): Outline() for task in suite_tasks(int(number), offline=offline)}
    except LoadError as error:
        raise BenchError(str(error)) from error
    return Suite(name, tasks, "As OpenML lists it.", CvSpec())


def catalogue(datasets: str | None = None) -> Catalogue:
    """Read the packaged `datasets.yaml`, and over it the one of the working directory where there is one.

    `datasets` names another file in its place, or `none`: what lies in a working directory may be somebody else's.

    Raises:
        BenchError: a file cannot be read, or holds something else than suites and panels.
    """
    packaged, local = _packaged_catalogue(), Path(datasets or FILE)
    if datasets == NO_FILE or (datasets is None and not local.is_file()):
        return packaged
    own = _parse_file(local)
    panels = {name: replace(panel, is_found=datasets is None) for name, panel in own.panels.items()}
    return Catalogue({**packaged.suites, **own.suites}, {**packaged.panels, **panels})


@cache
def _packaged_catalogue() -> Catalogue:
    package = Path(bench.__file__).parent  # a wheel holds the file in the package, a checkout beside it
    return _parse_file(package / FILE if (package / FILE).is_file() else package.parent / FILE)


def _parse_file(path: Path) -> Catalogue:
    content = read_yaml(path).mapping({"suites", "panels"})
    suites, panels = (content[kind].mapping() if kind in content else {} for kind in ("suites", "panels"))
    return Catalogue(
        {name: _read_suite(name, part) for name, part in suites.items()},
        {name: _read_panel(part) for name, part in panels.items()},
    )


def _read_panel(part: Part) -> NamedPanel:
    parts = part.mapping({"point", "class", "quantile", "each"})
    each = parts.pop("each").whole_number(1) if "each" in parts else 1
    return NamedPanel({kind: tuple(name.text() for name in names.items()) for kind, names in parts.items()}, each)


def _read_suite(name: str, part: Part) -> Suite:
    parts = part.mapping({"tasks", "description", "kind", "settings", *CvSpec._fields})
    if "tasks" not in parts:
        raise part.error("has no tasks: list them")
    cv = {key: parts[key].whole_number(least) for key, least in LEAST.items() if key in parts}
    settings = parts["settings"].mapping(FLAGS) if "settings" in parts else {}
    kind = _read_kind(parts["kind"]) if "kind" in parts else None
    return Suite(
        name,
        dict(_read_task(task, kind) for task in parts["tasks"].items()),
        parts["description"].text() if "description" in parts else "",
        CvSpec(**cv),
        {key: value.text() for key, value in settings.items()},
    )


def _read_task(part: Part, kind: TaskKind | None) -> tuple[TaskSpec, Outline]:
    """Return a task and what is known of it; `kind` is that of all tasks of its suite."""
    if isinstance(part.node, ScalarNode):
        return _checked(part, lambda: read_task(part.text())), Outline(kind)
    parts = part.mapping({"task", "about", *(each.name for each in fields(TaskSpec) if each.name != "name")})
    if "task" not in parts:
        raise part.error("has no task: name it")
    about = parts.pop("about").mapping({"table", *SIZES}) if "about" in parts else {}
    sizes = {key: size.whole_number(1) for key, size in about.items() if key in SIZES}
    if "kind" in parts:
        kind = _read_kind(parts["kind"])
    elif "rows" in sizes:
        kind = "classification" if "classes" in sizes else "regression"
    table = about["table"].text() if "table" in about else None
    name = parts.pop("task").text()
    spec = _checked(part, lambda: make_spec(name, {key: value.text() for key, value in parts.items()}))
    return spec, Outline(kind, table, **sizes)


def _checked(part: Part, read: Callable[[], TaskSpec]) -> TaskSpec:
    """Return what is read, or say where in the file it stands that cannot be."""
    try:
        return read()
    except BenchError as error:
        raise part.error(f"cannot be: {error}") from error


def _read_kind(part: Part) -> TaskKind:
    text = part.text()
    if text not in get_args(TaskKind):
        raise part.error(f"cannot be {text!r}: write {' or '.join(get_args(TaskKind))}")
    return cast("TaskKind", text)
