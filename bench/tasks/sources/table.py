"""From a raw table and the columns that play a part to a `Task`, with no row lost."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError, Split, Task, TaskKind
from bench.tasks.sources import TaskRequest
from bench.tasks.sources.columns import (
    as_numbers,
    by_number,
    canonical,
    form,
    parse_numbers,
    repeated_name,
    sorted_codes,
    text_notes,
    value_text,
)
from bench.tasks.sources.roles import group_codes, overlap, row_weights, times

MOST_CLASSES = 20
"""A target of whole numbers with more distinct values than this is a regression target."""

ROWS_A_CLASS = 10
"""A target of whole numbers with fewer rows for each distinct value is a regression target."""

BY_NUMBER = "number"
"""Order of classes that are numbers."""
LARGEST_TARGET = 1e60
SMALLEST_TARGET = 1e-60
"""Between these the largest size of a regression target must lie, so that fourth powers and their sums are doubles."""

FEW_ROWS = 5
"""A class with fewer rows than this is warned about: five folds cannot all test it."""


def task_from_table(
    name: str,
    table: pd.DataFrame,
    request: TaskRequest,
    *,
    splits: tuple[Split, ...] = (),
    meta: Mapping[str, Any] | None = None,
) -> Task:
    """Turn a table into a task: target, group, time and weight columns leave X, each column gets one form.

    X holds float64 columns (numbers; dates as seconds) and text categories (text, bool, categories), in the
    order of the table. y is float64 for regression; int64 codes into the sorted classes that occur for
    classification. `groups` are int64 codes, `time` and `weight` float64. All have the rows of the table.

    `meta` is extended by `kind_inferred` (bool), `warnings` (a list of sentences), `target` and the other
    named columns.

    Raises:
        BenchError: the table or a column cannot serve; the sentence names it and what to do.
    """
    table = _tidy(table)
    parts = _columns_of_parts(table, request)
    X, warnings = _feature_table(table, {*parts.values()})
    target = table[parts["target"]]
    kind = request.kind or (infer_kind(target) if request.order is None else "classification")
    if kind == "regression" and request.order is not None:
        raise BenchError(f"the order {request.order!r} is for classes, but this is a regression: leave out --order")
    is_ordered_category = isinstance(target.dtype, pd.CategoricalDtype) and bool(target.dtype.ordered)
    y, classes = _classes(target, request.order) if kind == "classification" else (_numeric_target(target), ())
    groups = group_codes(table[parts["group"]]) if "group" in parts else None
    time = times(table[parts["time"]]) if "time" in parts else None
    return Task(
        name=name,
        X=X,
        y=y,
        kind=kind,
        splits=splits,
        classes=classes,
        groups=groups,
        time=time,
        weight=row_weights(table[parts["weight"]]) if "weight" in parts else None,
        meta={
            **(meta or {}),
            **parts,
            "kind_inferred": request.kind is None,
            "ordered": kind == "classification" and (request.order is not None or is_ordered_category),
            "warnings": [*warnings, *_class_notes(target, classes), *_few_rows(y, classes), *overlap(groups, time)],
        },
    )


def infer_kind(target: pd.Series[Any]) -> TaskKind:
    """Return the kind of task by its target.

    Text, categories and truth values: classification. Dates and numbers with a fraction: regression. Whole
    numbers: classification if they take two values, or at most `MOST_CLASSES` values that occur ten times
    each on average (wine quality is classification; abalone rings, counts and prices are regression).
    """
    _refuse_missing_target(target)
    found = form(target)
    if found != "number":
        return "regression" if found == "moment" else "classification"
    values = parse_numbers(target)
    if (values[np.isfinite(values)] % 1 != 0).any():
        return "regression"
    distinct = len(np.unique(values))
    few = distinct <= 2 or (distinct <= MOST_CLASSES and ROWS_A_CLASS * distinct <= len(values))
    return "classification" if few else "regression"


def _tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with text column names and rows from zero; named index levels become columns."""
    named = [level for level in table.index.names if level is not None]
    double = repeated_name([str(name) for name in [*named, *table.columns]])
    if double is not None:
        raise BenchError(f"two columns are named {double!r}: rename one of them")
    table = table.reset_index(level=named) if named else table
    table = table.reset_index(drop=True)
    table.columns = pd.Index([str(column) for column in table.columns])
    if not len(table):
        raise BenchError("the table has no rows: give a table with data")
    return table


def _columns_of_parts(table: pd.DataFrame, request: TaskRequest) -> dict[str, str]:
    """Return part -> column for the parts that were named, after checking them."""
    if request.target is None:
        raise BenchError(f"no target is named: give --target COLUMN, one of {_listing(table.columns)}")
    parts = {
        part: column for part in ("target", "group", "time", "weight") if (column := getattr(request, part)) is not None
    }
    for part, column in parts.items():
        if column not in table.columns:
            raise BenchError(f"there is no {part} column {column!r}: {_suggest(column, table.columns)}")
        first = next(other for other, used in parts.items() if used == column)
        if first != part:
            raise BenchError(f"column {column!r} cannot be both {first} and {part}: name another {part}")
    if len(parts) == table.shape[1]:
        raise BenchError(f"no feature column is left beside {_listing(parts.values())}: add features")
    return parts


def _feature_table(table: pd.DataFrame, used: Collection[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the features in one form each, and warnings about them; numbers are copied once, into one block."""
    names = [name for name in table.columns if name not in used]
    numbers = np.empty((len(names), len(table)))
    numeric: list[str] = []
    categories: dict[str, Any] = {}
    odd: dict[str, list[str]] = {}
    for name in names:
        column, notes = canonical(table[name])
        if isinstance(column.dtype, pd.CategoricalDtype):
            categories[name] = column.array
        else:
            numbers[len(numeric)] = column
            numeric.append(name)
        for note in notes:
            odd.setdefault(note, []).append(repr(name))
    X = pd.DataFrame(numbers[: len(numeric)].T, columns=numeric, copy=False)
    if categories:
        X = pd.concat([X, pd.DataFrame(categories)], axis=1)[names]
    return X, [f"{note} {_listing(names)}" for note, names in odd.items()]


def _class_order(target: pd.Series[Any], order: str | None) -> Callable[[Sequence[str]], list[str]]:
    """Return what brings class names into order: as given, as in the column's type, else by number or alphabet."""
    if order not in {None, BY_NUMBER}:
        return partial(_order_classes, target.name, [name.strip() for name in str(order).split(",")])
    if isinstance(target.dtype, pd.CategoricalDtype) and target.dtype.ordered:
        return partial(_order_classes, target.name, [value_text(value) for value in target.dtype.categories])
    return by_number if order is None else partial(_by_number_only, target.name)


def _order_classes(target: object, order: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the class names in a stated order, which must hold all of them, each once."""
    double = repeated_name(list(order))
    if double is not None:
        raise BenchError(f"the order of target {target!r} names class {double!r} twice: name every class once")
    lost = [name for name in names if name not in order]
    if lost:
        raise BenchError(
            f"the order {', '.join(order)} of target {target!r} leaves out class {lost[0]!r}: "
            "name every class, low to high, as the table spells it"
        )
    return [name for name in order if name in names]


def _by_number_only(target: object, names: Sequence[str]) -> list[str]:
    """Return class names in the order of their numbers."""
    words = [name for name in names if not np.isfinite(pd.to_numeric(name, errors="coerce"))]
    if words:
        raise BenchError(f"class {words[0]!r} of target {target!r} is no number: give --order low,middle,high")
    return by_number(names)


def _classes(target: pd.Series[Any], order: str | None) -> tuple[Array, tuple[str, ...]]:
    """Return codes (n,) and class names in their order; only classes that occur."""
    _refuse_missing_target(target)
    y, classes = sorted_codes(target, order=_class_order(target, order))
    if len(classes) < 2:
        raise BenchError(f"the target {target.name!r} has one class, {classes[0]!r}: choose another target")
    if len(classes) == len(y):
        raise BenchError(
            f"the target {target.name!r} has another class in each of {len(y)} rows: "
            "choose a target whose values repeat, or give --kind regression"
        )
    return y, tuple(classes)


def _class_notes(target: pd.Series[Any], classes: tuple[str, ...]) -> list[str]:
    """Return what may have been meant otherwise by the classes."""
    if not classes or form(target) != "label":
        return []
    return [f"{note} the target {target.name!r}" for note in text_notes(target, list(classes))]


def _few_rows(y: Array, classes: tuple[str, ...]) -> list[str]:
    counts = np.bincount(y, minlength=len(classes)) if classes else np.zeros(0)
    few = [f"{name!r} ({count})" for name, count in zip(classes, counts, strict=True) if count < FEW_ROWS]
    return [f"fewer than {FEW_ROWS} rows in class {_listing(few)}"] if few else []


def _numeric_target(target: pd.Series[Any]) -> Array:
    _refuse_missing_target(target)
    y = as_numbers(target, "target", "give --kind classification or choose another column")
    infinite = int(np.isinf(y).sum())
    if infinite:
        raise BenchError(f"the target {target.name!r} is infinite in {infinite} of {len(y)} rows: correct them")
    if (y == y[0]).all():
        raise BenchError(f"the target {target.name!r} is {y[0]:g} in every row: choose a target that varies")
    size = np.abs(y).max()
    if not SMALLEST_TARGET <= size <= LARGEST_TARGET:
        raise BenchError(f"the target {target.name!r} is {size:g} at its largest: write it in another unit")
    return y


def _refuse_missing_target(target: pd.Series[Any]) -> None:
    missing, n = int(target.isna().sum()), len(target)
    if missing == n:
        raise BenchError(f"the target {target.name!r} is empty in all {n} rows: choose another target")
    if missing:
        raise BenchError(
            f"the target {target.name!r} is missing in {missing} of {n} rows: fill it in or remove the rows"
        )


def _suggest(name: str, known: Iterable[str]) -> str:
    spelled = {column.lower(): column for column in known}
    close = [spelled[hit] for hit in difflib.get_close_matches(name.lower(), list(spelled), n=3)]
    return f"did you mean {' or '.join(map(repr, close))}?" if close else f"choose from {_listing(known)}"


def _listing(names: Iterable[str], most: int = 20) -> str:
    shown = [name.replace("\n", "\\n") for name in names]  # a message has one line
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
