"""What there is to choose from, as tables: made from the registries, so that it cannot go stale."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import BenchError, Split, Target, Task
from bench.core.registry import Registry
from bench.core.scheme import Entry, Scheme
from bench.core.selection import chosen_from
from bench.core.settings import Settings
from bench.methods import class_weights, ensembles, learners, metrics, postprocess, trainings
from bench.methods.boards import BOARDS
from bench.methods.learners import learner_scheme
from bench.runner import fit_spec
from bench.tasks import loading, sources
from bench.tasks.sources import LoadError
from bench.tasks.sources.bundled import CATALOGUE
from bench.tasks.suites import SIZES, Catalogue, Outline, catalogue
from bench.tasks.task_spec import TaskSpec, read_task

UNKNOWN = "unknown"
"""What stands for a number that nobody has said."""
LISTED_REGISTRIES: dict[str, Registry[Any]] = {
    "learners": learners.registry,
    "ensembles": ensembles.registry,
    "class-weights": class_weights.registry,
    "trainings": trainings.registry,
    "postprocess": postprocess.registry,
    "metrics": metrics.registry,
    "sources": sources.registry,
}


def tables(nouns: Sequence[str], datasets: str | None = None) -> dict[str, pd.DataFrame]:
    """Return a table for each noun that is named, for all of them without any; `datasets` is that of `catalogue`.

    Raises:
        BenchError: a noun is unknown.
    """
    makers: dict[str, Callable[[], pd.DataFrame]] = {"boards": _boards}
    makers |= {noun: partial(plug_ins, registry) for noun, registry in LISTED_REGISTRIES.items()}
    makers |= {
        "applicability": applicability,
        "suites": partial(_suites, datasets),
        "panels": partial(_panels, datasets),
        "bundled": bundled,
    }
    return {noun: makers[noun]() for noun in chosen_from(list(makers), nouns, "noun")}


def plug_ins(registry: Registry[Any]) -> pd.DataFrame:
    """Return one row a plug-in: name, kinds, tags, parameters with their defaults, first line of its documentation."""
    rows = [
        {
            "name": entry.name.replace("-", "_") if registry is metrics.registry else entry.name,
            **_kinds_tags_parameters(entry),
            "summary": entry.summary,
        }
        for entry in registry.own().values()
    ]
    return pd.DataFrame(rows)


def _kinds_tags_parameters(entry: Entry[Any]) -> dict[str, str]:
    return {
        "kinds": " ".join(sorted(entry.kinds)),
        "tags": " ".join(sorted(entry.options.tags)),
        "parameters": " ".join(f"{name}={value}" for name, value in entry.parameters.items()),
    }


def applicability() -> pd.DataFrame:
    """Return one row a training scheme: what it does to the fit of each learner of classes, or why it does not apply.

    `plain` changes nothing, `row weights` weights the rows, the others are the hooks of training schemes. What a pair
    needs of the classes stands behind the hook.
    """
    names = list(learners.registry.entries("class"))
    return pd.DataFrame(
        {"name": name, **{learner: _hook(entry, learner) for learner in names}}
        for name, entry in trainings.registry.entries("fit").items()
    )


def _hook(training: Entry[Any], learner: str) -> str:
    """Return the hook of a training scheme, or the reason why it is not for a learner, without their names."""
    reason = _why_not(training, learner, 2, ordered=True)
    if reason:
        return (
            reason.removeprefix(f"learner {learner} ")
            .removeprefix(f"{training.name} is ")
            .removesuffix(f", not for {learner}")
        )
    plain = "plain" if training.name == "none" else "row weights"
    needs = {
        ", two classes": _why_not(training, learner, 3, ordered=True),
        ", ordered classes": _why_not(training, learner, 2, ordered=False),
    }
    return (plain if training.options.hook == "weights" else training.options.hook) + "".join(
        need for need, refused in needs.items() if refused
    )


def _why_not(training: Entry[Any], learner: str, width: int, *, ordered: bool) -> str | None:
    """Return why a pair does not apply to a small table of unequal classes, or None where it does."""
    y = np.repeat(np.arange(width), 2 + 2 * np.arange(width))
    classes = tuple(f"class {k}" for k in range(width))
    task = Task("unequal", pd.DataFrame({"x": y}), y, kind="classification", splits=(), classes=classes)
    rows = fit_spec.rows_of(task, Split(0, 0, np.arange(len(y)), np.arange(0)), Settings(inner=2))
    weights_classes = trainings.is_weighting(Scheme(training)) and training.name != "none"
    # some weightings treat all classes alike until they are given a parameter: `balanced` stands for all of them
    requested = "balanced" if weights_classes else training.name
    return fit_spec.why_not(rows, fit_spec.Fit(Target("class", classes, ordered), learner, requested), Settings())


def _boards() -> pd.DataFrame:
    """Return one row a board."""
    return pd.DataFrame(
        {
            "name": board.name,
            "tasks": board.task_kind,
            "asks for": board.target_kind,
            "methods": board.registry.noun,
            "metric": board.metric,
            "always": " ".join(board.always_present),
            "oracle": board.oracle,
        }
        for board in BOARDS.values()
    )


def _suites(datasets: str | None) -> pd.DataFrame:
    """Return one row a suite; the hours are a guess."""
    known = catalogue(datasets)
    return pd.DataFrame(
        {
            "name": suite.name,
            "tasks": len(suite.tasks),
            **{name: UNKNOWN if number is None else number for name, number in _size(suite.name, known).items()},
            "summary": suite.description,
        }
        for suite in known.suites.values()
    )


def _size(name: str, known: Catalogue) -> dict[str, Any]:
    from bench.runner.outlook import measure_suite  # with it comes all that runs, and few lists need that

    size = measure_suite(name, known)
    return {"rows": size.rows, "cells": size.cells, "hours": size.hours and round(size.hours, 1)}


def _panels(datasets: str | None) -> pd.DataFrame:
    """Return one row a named panel and kind of target."""
    return pd.DataFrame(
        {"name": name, "kind": kind, "each": panel.each, "learners": " ".join(members)}
        for name, panel in catalogue(datasets).panels.items()
        for kind, members in panel.learners.items()
    )


def bundled() -> pd.DataFrame:
    """Return one row a bundled table."""
    rows = [
        {
            "name": f"bundled:{table.name}",
            "kind": table.kind,
            "target": table.target,
            "summary": table.about,
            "licence": table.licence,
        }
        for table in CATALOGUE.values()
    ]
    return pd.DataFrame(rows)


def describe(name: str, target: str | None, datasets: str | None = None, *, offline: bool) -> dict[str, dict[str, Any]]:
    """Return what is known of a plug-in, a suite or a task, as titled lists of fields.

    Raises:
        BenchError: nothing is called that.
    """
    spec = read_task(name).filled_in({"target": target})
    if spec.source in sources.registry.entries():
        return {name: _task_facts(spec, offline=offline)}
    own_name = name.partition(":")[0].replace("_", "-")
    found = {
        f"{name} ({noun})": _plug_in(registry, name, own_name)
        for noun, registry in LISTED_REGISTRIES.items()
        if own_name in registry.own()
    }
    suites = catalogue(datasets).suites
    if name in suites:
        found[f"{name} (suite)"] = {task.name: _describe(outline) for task, outline in suites[name].tasks.items()}
    if not found:
        names = [*suites, *(entry for registry in LISTED_REGISTRIES.values() for entry in registry.entries())]
        chosen_from(names, [name], "name")
    return found


def _describe(outline: Outline) -> str:
    """Describe a task before it is loaded."""
    sizes = [f"{size} {noun}" for noun in SIZES if (size := getattr(outline, noun)) is not None]
    return ", ".join([outline.table or UNKNOWN, *sizes])


def _plug_in(registry: Registry[Any], text: str, name: str) -> dict[str, Any]:
    """Return what is known of a plug-in; `text` is its name with the parameters that the user gave."""
    entry = registry.entries()[name]
    if registry is learners.registry:
        learner_scheme(text)  # refuses a parameter that the learner does not have
    return {
        **_kinds_tags_parameters(entry),
        "defined in": entry.function.__module__,
        "documentation": "\n" + (inspect.getdoc(entry.function) or ""),
        **{f"may break the law {law}": reason for law, reason in entry.options.breaks.items()},
    }


def _task_facts(spec: TaskSpec, *, offline: bool) -> dict[str, Any]:
    """Return the facts of a table that is loaded for it.

    Raises:
        BenchError: it could not be loaded.
    """
    ((_, task),) = loading.load([spec], offline=offline)
    if isinstance(task, LoadError):
        raise BenchError(f"{spec.name} could not be loaded: {task}") from task
    classes = dict(zip(task.classes, pd.Series(task.y).value_counts().sort_index(), strict=False))
    return {
        "kind": task.kind,
        "rows": len(task.y),
        "columns": task.X.shape[1],
        "categorical columns": sum(dtype == "category" for dtype in task.X.dtypes),
        "missing cells": int(task.X.isna().sum().sum()),
        "classes": " ".join(f"{name}×{n}" for name, n in classes.items()),
        "positive class": task.classes[task.positive_code] if len(task.classes) == 2 else "",
        "splits of its own": len(task.splits),
        "groups": task.groups is not None,
        "time": task.time is not None,
        "row weights": task.weight is not None,
        **{str(key): value for key, value in task.meta.items()},
    }
