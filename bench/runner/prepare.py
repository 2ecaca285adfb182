"""From a request to what is run: the tasks, loaded and cut, and the plan of all cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.core.nouns import BenchError, Split, Task
from bench.core.selection import name_filter
from bench.core.settings import Settings
from bench.methods.learners import import_path
from bench.methods.learners.imported import import_learners
from bench.methods.learners.portfolio import portfolio
from bench.runner.fit_spec import data_hash, rows_of
from bench.runner.held_tasks import HeldTasks, without_features
from bench.runner.journal import Journal
from bench.runner.options import RunRequest, RunSelection
from bench.runner.plan import Loaded, Plan, dealt_splits, plan
from bench.runner.records import TaskRecord
from bench.runner.store import Store
from bench.runner.trials import try_learners
from bench.tasks import loading, splits
from bench.tasks.meta_features import meta_features
from bench.tasks.sources import LoadError
from bench.tasks.suites import FILE, Catalogue, Outline, Suite, catalogue, find_suite
from bench.tasks.task_names import name_apart
from bench.tasks.task_spec import CvSpec, TaskSpec

DEFAULT_SUITE = "quick"
HALVES = 2
"""Folds of a task that brings its predictions, unless its file marks them: weights are fitted on one half of two."""

OnLoaded = Callable[[str, Task], None]
"""What is called with the name and the task of each request that is loaded."""


@dataclass(frozen=True)
class Prepared:
    """A plan, the tasks behind it, those that could not be loaded, and those that are too large, each with why.

    `outlines` hold what is known of the tasks that were not tried.
    """

    plan: Plan
    loaded: tuple[Loaded, ...]
    unloaded: dict[TaskSpec, LoadError]
    too_large: dict[TaskSpec, str]
    tasks: HeldTasks
    outlines: Mapping[str, Outline] = field(default_factory=dict)


def prepare(request: RunRequest, on_loaded: OnLoaded) -> Prepared:
    """Load the tasks and resolve every name.

    Raises:
        BenchError: a name is unknown, or a task is not what it must be.
    """
    known, tasks = catalogue(request.datasets), HeldTasks(offline=request.offline)
    _import_learners(request.chosen, known)
    requested = _requested_tasks(request, _requested_suites(request, known))
    loaded, unloaded, too_large = _load(request, requested, tasks, on_loaded)
    every = plan(loaded, request.chosen, panels(request, known), request.settings)
    try_learners(every, Store(request.store_root), request.options)
    return Prepared(every, loaded, unloaded, too_large, tasks)


def foresee(request: RunRequest, on_loaded: OnLoaded) -> Prepared:
    """Resolve every name, and load only tasks of which the suites know too little to count cells.

    Tasks that the experiment holds are loaded, since what is stored of them depends on their tables.

    Raises:
        BenchError: a name is unknown, or a task is not what it must be.
    """
    known, tasks = catalogue(request.datasets), HeldTasks(offline=request.offline)
    _import_learners(request.chosen, known)
    requested, held = _requested_tasks(request, _requested_suites(request, known)), Journal(request.results).tasks()
    outlined = {
        spec: found
        for spec, found in requested.items()
        if spec.source == "openml" and found.outline.kind and spec.rows is None and spec.full not in held
    }
    rest = {spec: found for spec, found in requested.items() if spec not in outlined}
    loaded, unloaded, too_large = _load(request, rest, tasks, on_loaded)
    reasons = {spec: _why_too_large(_known_sizes(found.outline), request.chosen) for spec, found in outlined.items()}
    too_large |= {spec: reason for spec, reason in reasons.items() if reason}
    stand_ins = [stand_in(spec, found) for spec, found in outlined.items() if not reasons[spec]]
    every = plan([*loaded, *stand_ins], request.chosen, panels(request, known), request.settings)
    try_learners(every, Store(request.store_root), request.options)
    outlines = {each.task.name: outlined[each.spec].outline for each in stand_ins}
    return Prepared(every, loaded, unloaded, too_large, tasks, outlines)


def requested_tasks(request: RunRequest) -> list[TaskSpec]:
    """Return the requested tasks, each once; those of the default suite if nothing is named.

    Raises:
        BenchError: a suite is unknown.
    """
    return list(_requested_tasks(request, _requested_suites(request, catalogue(request.datasets))))


def _requested_suites(request: RunRequest, known: Catalogue) -> list[Suite]:
    """Return the requested suites; the default one if nothing is requested."""
    names = request.suites or (() if request.tasks else (DEFAULT_SUITE,))
    return [find_suite(known, name, offline=request.offline) for name in names]


class Requested(NamedTuple):
    """How the suite of a task cuts it, and what it knows of it; a task that is named by itself has no cut.

    `first_unit` is the number that its first split has in the whole run.
    """

    cv: CvSpec | None = None
    outline: Outline = Outline()
    first_unit: int = 0


def _requested_tasks(request: RunRequest, suites: Sequence[Suite]) -> dict[TaskSpec, Requested]:
    """Return the requested tasks, each once, with an id of its own and the columns and positive class of the flags."""
    rows = {name: value for name, value in request.task_flags.items() if name == "rows"}
    of_suite = {
        spec.filled_in(request.task_flags if spec.source == "file" else rows): Requested(suite.cv, outline)
        for suite in reversed(suites)
        for spec, outline in suite.tasks.items()
    }
    requested: dict[TaskSpec, Requested] = {}
    first_unit, whole = 0, replace(request.chosen, shard=None)
    for spec, named in name_apart((*request.tasks, *of_suite)).items():
        found = of_suite.get(spec, Requested())._replace(first_unit=first_unit)
        requested[replace(named, positive=spec.positive or request.positive)] = found
        # as many splits as the request lets expect: a task that one machine cannot load shifts no unit of the others
        first_unit += len(dealt_splits(stand_in(spec, found), whole))
    return requested


def _load(
    request: RunRequest, requested: Mapping[TaskSpec, Requested], tasks: HeldTasks, on_loaded: OnLoaded
) -> tuple[tuple[Loaded, ...], dict[TaskSpec, LoadError], dict[TaskSpec, str]]:
    """Load the tasks into `tasks` and cut them.

    Returned are those that serve, those of suites that cannot be loaded, and those that are too large, with reasons.
    """
    held = Journal(request.results).tasks()
    loaded: dict[str, Loaded] = {}
    unloaded: dict[TaskSpec, LoadError] = {}
    too_large: dict[TaskSpec, str] = {}
    from_suites = {spec for spec, found in requested.items() if found.cv is not None}
    for spec, task in loading.load(requested, offline=request.offline, from_suites=from_suites):
        if isinstance(task, LoadError):
            unloaded[spec] = task
            continue
        about = meta_features(task)
        sizes = {"rows": about["n_rows"], "features": about["n_columns"], "classes": about["n_classes"]}
        if reason := _why_too_large(sizes, request.chosen):
            too_large[spec] = reason
            continue
        if task.name in loaded:
            raise BenchError(f"two tasks are named {task.name!r}: give one of the files another name")
        cv = requested[spec].cv or _earlier_cv(task, held.get(task.name))
        try:
            parts = _outer_splits(task, cv, request.settings)
        except BenchError as error:
            if spec not in from_suites:
                raise
            unloaded[spec] = LoadError(str(error), "data")  # one table of a suite does not stop the others
            continue
        loaded[task.name] = Loaded(
            spec=spec,
            task=without_features(task),
            cv=cv,
            splits=parts,
            data=data_hash(task),
            meta_features=about,
            first_unit=requested[spec].first_unit,
        )
        tasks.hold(spec, task, loaded[task.name].data)
        on_loaded(spec.name, task)
    return tuple(loaded.values()), unloaded, too_large


def _why_too_large(sizes: Mapping[str, int | None], chosen: RunSelection) -> str:
    """Return by how much the known sizes of a task are beyond what was chosen, or nothing."""
    limits = {name: getattr(chosen, f"max_{name}") for name in sizes}
    beyond = {name: size for name, size in sizes.items() if size and limits[name] is not None and size > limits[name]}
    return ", ".join(f"{size} {name}, and --max-{name} is {limits[name]}" for name, size in beyond.items())


def _known_sizes(outline: Outline) -> dict[str, int | None]:
    return {"rows": outline.rows, "features": outline.columns, "classes": outline.classes}


def _outer_splits(task: Task, cv: CvSpec, settings: Settings) -> tuple[Split, ...]:
    """Return the outer splits of a task, each of which can be cut further.

    Raises:
        BenchError: it has too few rows, groups or points in time.
    """
    parts = splits.cut_outer(task, cv.folds, cv.repeats, settings.seed, cv.first)
    for split in parts:
        rows_of(task, split, settings)
    return parts


def _earlier_cv(task: Task, held: TaskRecord | None) -> CvSpec:
    """Return the cuts that the experiment gave a task before, or the usual ones."""
    usual = CvSpec() if task.external is None else CvSpec(HALVES)
    return usual if held is None or held.cv is None else held.cv


def stand_in(spec: TaskSpec, requested: Requested) -> Loaded:
    """Return a task without its table: enough to name the cells of a plan, and no more."""
    cv, outline, nothing = requested.cv or CvSpec(), requested.outline, np.zeros(0, dtype=np.int64)
    folds = [divmod(at, cv.folds) for at in range(outline.splits or cv.folds * cv.repeats)]
    splits_there = tuple(Split(repeat, fold, nothing, nothing) for repeat, fold in folds)
    task = Task(spec.full, pd.DataFrame(), nothing, outline.kind or "regression", splits_there)
    return Loaded(spec=spec, task=task, cv=cv, splits=splits_there, data="", first_unit=requested.first_unit)


def panels(request: RunRequest, known: Catalogue) -> dict[str, list[str]]:
    """Return the learners of the chosen panel by kind of target."""
    panel = known.panel(request.chosen.panel)
    return {
        kind: list(names) if panel.each == 1 else portfolio(names, panel.each) for kind, names in panel.learners.items()
    }


def _import_learners(chosen: RunSelection, known: Catalogue) -> None:
    """Import the estimators that the command line names, or the panel of a file that it names.

    Raises:
        BenchError: one is of no use as a learner, or is named by a file that nobody named.
    """
    wanted: Sequence[str] = name_filter(chosen.learners).wanted
    if not wanted:
        panel = known.panel(chosen.panel)
        wanted = [text for members in panel.learners.values() for text in members]
        outside = next(filter(import_path, wanted), None) if panel.is_found else None
        if outside:
            raise BenchError(
                f"panel {chosen.panel!r} of {FILE} names {outside!r}, which is no learner of the registry: "
                f"give --datasets {FILE} if that file may import code"
            )
    import_learners(wanted)
