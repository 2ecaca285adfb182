"""What there is to choose from, as tables: made from the registries, so that it cannot go stale."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd

from bench import class_weights, ensembles, learners, loading, metrics, postprocess, sources
from bench.boards import BOARDS
from bench.core import BenchError
from bench.learners import learner_scheme
from bench.registry import Registry, chosen_from
from bench.sources import LoadError
from bench.sources.bundled import CATALOGUE
from bench.suites import TaskSpec, catalogue

REGISTRIES: dict[str, Registry] = {
    "learners": learners.registry,
    "ensembles": ensembles.registry,
    "class-weights": class_weights.registry,
    "postprocess": postprocess.registry,
    "metrics": metrics.registry,
    "sources": sources.registry,
}


def tables(nouns: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return a table for each noun asked for, for all of them without any.

    Raises:
        BenchError: a noun is unknown.
    """
    makers: dict[str, Callable[[], pd.DataFrame]] = {"boards": _boards}
    makers |= {noun: partial(plug_ins, registry) for noun, registry in REGISTRIES.items()}
    makers |= {"suites": _suites, "panels": _panels, "bundled": bundled}
    return {noun: makers[noun]() for noun in chosen_from(list(makers), nouns, "noun")}


def plug_ins(registry: Registry) -> pd.DataFrame:
    """Return one row a plug-in: name, kinds, tags, parameters with their defaults, first line of its documentation."""
    rows = [
        {
            "name": entry.name.replace("-", "_") if registry is metrics.registry else entry.name,
            "kinds": " ".join(sorted(entry.kinds)),
            "tags": " ".join(sorted(entry.tags)),
            "parameters": " ".join(f"{name}={value}" for name, value in entry.parameters.items()),
            "summary": entry.summary,
        }
        for entry in registry.entries().values()
    ]
    return pd.DataFrame(rows)


def _boards() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": board.name,
            "tasks": board.task_kind,
            "asks for": board.target_kind,
            "methods": board.registry.noun,
            "metric": board.metric,
            "always": " ".join(board.always),
            "oracle": board.oracle,
        }
        for board in BOARDS.values()
    )


def _suites() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": s.name,
            "tasks": len(s.tasks),
            "folds": s.cuts.folds,
            "repeats": s.cuts.repeats,
            "summary": s.description,
        }
        for s in catalogue().suites.values()
    )


def _panels() -> pd.DataFrame:
    return pd.DataFrame(
        {"name": name, "kind": kind, "each": panel.each, "learners": " ".join(members)}
        for name, panel in catalogue().panels.items()
        for kind, members in panel.learners.items()
    )


def bundled() -> pd.DataFrame:
    """Return one row a bundled table."""
    rows = [
        {
            "name": f"bundled:{t.name}",
            "kind": t.kind,
            "target": t.target,
            "summary": t.about,
            "licence": t.licence,
        }
        for t in CATALOGUE.values()
    ]
    return pd.DataFrame(rows)


def describe(name: str, target: str | None, *, offline: bool) -> dict[str, dict[str, Any]]:
    """Return what is known of a plug-in, a suite or a task, as titled lists of fields.

    Raises:
        BenchError: nothing is called that.
    """
    spec = TaskSpec(name, target)
    if spec.source in sources.registry.entries():
        return {name: _task(spec, offline=offline)}
    found = {f"{name} ({noun})": _plug_in(r, name) for noun, r in REGISTRIES.items() if _knows(r, name)}
    suites = catalogue().suites
    if name in suites:
        found[f"{name} (suite)"] = {task.name: task.target or "" for task in suites[name].tasks}
    if not found:
        names = [*suites, *(entry for registry in REGISTRIES.values() for entry in registry.entries())]
        chosen_from(names, [name], "name")
    return found


def _knows(registry: Registry, name: str) -> bool:
    return name.partition(":")[0].replace("_", "-") in registry.entries()


def _plug_in(registry: Registry, name: str) -> dict[str, Any]:
    entry = registry.entries()[name.partition(":")[0].replace("_", "-")]
    if registry is learners.registry:
        learner_scheme(name)
    return {
        "kinds": " ".join(sorted(entry.kinds)),
        "tags": " ".join(sorted(entry.tags)),
        "parameters": " ".join(f"{key}={value}" for key, value in entry.parameters.items()),
        "defined in": entry.function.__module__,
        "documentation": "\n" + (inspect.getdoc(entry.function) or ""),
        **{f"may break the law {law}": reason for law, reason in entry.breaks.items()},
    }


def _task(spec: TaskSpec, *, offline: bool) -> dict[str, Any]:
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
        "splits of its own": len(task.splits),
        "groups": task.groups is not None,
        "time": task.time is not None,
        "row weights": task.weight is not None,
        **{str(key): value for key, value in task.meta.items()},
    }
