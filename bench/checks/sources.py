"""The laws of sources, examined on each table that a source can read without a network."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bench.checks.law import LawBrokenError, law
from bench.core.hashing import digest
from bench.core.nouns import Task
from bench.core.scheme import PluginOptions, Scheme
from bench.tasks import sources


def _read_task(scheme: Scheme[PluginOptions], table: str) -> Task:
    return _read_once(scheme.entry.function, scheme.parameters, table)


@functools.lru_cache(maxsize=1)  # the laws of one table run one after the other
def _read_once(source: Callable[..., Task], parameters: tuple[tuple[str, Any], ...], table: str) -> Task:
    return source(sources.TaskRequest(table), **dict(parameters))


@law("source")
def columns(scheme: Scheme[PluginOptions], table: str) -> None:
    """Every column of X holds float64 numbers or text categories, each under a name of its own; none is infinite."""
    X = _read_task(scheme, table).X
    if not X.shape[1] or not X.columns.is_unique:
        raise LawBrokenError(f"its columns are {list(X.columns)}, expected at least one and no name twice")
    for name in X.columns:
        _demand_canonical(X[name])


def _demand_canonical(column: pd.Series[float]) -> None:
    if isinstance(column.dtype, pd.CategoricalDtype):
        odd = [level for level in column.cat.categories if not isinstance(level, str)]
        if odd:
            raise LawBrokenError(f"column {column.name!r} has the level {odd[0]!r}, expected text")
    elif column.dtype != np.float64:
        raise LawBrokenError(f"column {column.name!r} holds {column.dtype}, expected float64 or category")
    elif np.isinf(column.to_numpy()).any():
        raise LawBrokenError(f"column {column.name!r} holds an infinite number")


@law("source")
def target(scheme: Scheme[PluginOptions], table: str) -> None:
    """Y has a finite number per row, or codes of at least two classes that all occur; none is missing."""
    task = _read_task(scheme, table)
    if task.y.shape != (len(task.X),) or not np.isfinite(task.y).all():
        raise LawBrokenError(f"y has shape {task.y.shape} and may not be finite, expected {len(task.X)} finite numbers")
    if task.kind == "regression":
        if task.y.dtype != np.float64 or np.ptp(task.y) == 0:
            raise LawBrokenError(f"y holds {task.y.dtype} with range {np.ptp(task.y):g}, expected float64 that vary")
    elif len(task.classes) < 2 or not np.array_equal(np.unique(task.y), np.arange(len(task.classes))):
        raise LawBrokenError(
            f"y holds the codes {np.unique(task.y).tolist()} of {len(task.classes)} classes, expected 0 to K - 1, K > 1"
        )


@law("source")
def parts(scheme: Scheme[PluginOptions], table: str) -> None:
    """Groups, time and row weights have a value per row, where there are any."""
    task = _read_task(scheme, table)
    for name in ("groups", "time", "weight"):
        part = getattr(task, name)
        if part is not None and (part.shape != task.y.shape or not np.isfinite(part).all()):
            raise LawBrokenError(f"its {name} has shape {part.shape} and may not be finite, expected one value per row")


@law("source")
def described(scheme: Scheme[PluginOptions], table: str) -> None:
    """Its `meta` holds what the table is about, where it comes from, and under which licence."""
    meta = _read_task(scheme, table).meta
    for name in ("about", "source", "licence"):
        if not str(meta.get(name) or "").strip():
            raise LawBrokenError(f"meta[{name!r}] is {meta.get(name)!r}, expected a sentence")


@law("source")
def same_hash(scheme: Scheme[PluginOptions], table: str) -> None:
    """Reading twice gives the same data to the last bit."""
    first, second = _read_task(scheme, table), scheme(sources.TaskRequest(table))
    keys = [digest(t.name, t.X, t.y, list(t.classes), t.groups, t.time, t.weight) for t in (first, second)]
    if keys[0] != keys[1]:
        raise LawBrokenError("reading it twice gives different data, expected the same")
