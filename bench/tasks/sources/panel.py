"""Predictions made elsewhere: `panel:FILE` becomes a panel for every scheme of its kind, and no learner is fitted.

Long layout: one line per row, learner and output, with the columns `row`, `learner`, `value`, `y` and, for quantiles
and classes, `output` (the level or the class). Wide layout: one line per row, with `y` and a column per learner, named
`learner` for points and `learner@output` for quantiles and classes.

In both, the optional columns `fold` (outer folds to use), `part` (weights are fitted on `train`, `test` is scored),
`group`, `time` and `weight` hold one value per row. Without `fold` and `part` the rows are halved, and each half is
scored with weights that are fitted on the other. Classes have an order where the request states one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError, ExternalPredictions, Split, Target, Task, TaskKind
from bench.tasks.sources import TaskRequest, register
from bench.tasks.sources.columns import value_text
from bench.tasks.sources.file_formats import read_table
from bench.tasks.sources.table import infer_kind, task_from_table
from bench.tasks.sources.text_file import TextFormat

ROLES = ("group", "time", "weight")
OF_ROW = ("row", "y", "fold", "part", *ROLES)
SEPARATOR = "@"


@register("regression", "classification", tags=("core",))
def panel(request: TaskRequest) -> Task:
    """Read a task with the predictions of its learners from a CSV or Parquet file, long or wide.

    Raises:
        BenchError: the file cannot be read, lacks a column, a learner has no prediction for a row, or its classes are
            spelt otherwise than those of y.
    """
    found = read_table(request.name, TextFormat(request.sep, request.decimal, request.encoding), labels={"y"})
    name, table = found.stem, found.table
    if "y" not in table.columns:
        raise BenchError(f"panel file {request.name!r} has no column 'y' with the true values: add it")
    rows, predictions = _read_long(request.name, table) if "value" in table.columns else _read_wide(table)
    if not predictions:
        raise BenchError(f"panel file {request.name!r} has no column of a learner: see `bench show panel`")
    request.refuse("panel", "target", "group", "time", "weight")
    kind = request.kind or _kind_of_outputs(rows, list(next(iter(predictions.values()))))
    task = _task_of_rows(f"panel:{name}", rows, kind, request.order)
    target = _target(request.name, task, next(iter(predictions.values())))
    if target.kind == "class":
        _refuse_other_classes(request.name, task.classes, predictions)
    labels = [value_text(output) for output in target.outputs] or [""]
    values = {
        learner: _order_outputs(request.name, learner, outputs, labels) for learner, outputs in predictions.items()
    }
    splits, protocol = _marked_splits(rows, task)
    meta = {**task.meta, "protocol": protocol}
    return replace(task, splits=splits, external=ExternalPredictions(target, values), meta=meta)


def _read_long(name: str, table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, dict[str, Array]]]:
    """Return one line per row, and the values (n,) by learner and output."""
    missing = {"row", "learner", "value"} - set(table.columns)
    if missing:
        raise BenchError(f"panel file {name!r} in long layout lacks column {', '.join(sorted(missing))}: add it")
    output = pd.Series("", index=table.index)
    if "output" in table.columns:
        output = table["output"].map(value_text).where(table["output"].notna(), "")
    place = pd.MultiIndex.from_arrays([table["row"], table["learner"].map(str), output])
    if place.has_duplicates:
        twice = " of ".join(repr(part) for part in reversed(list(place[place.duplicated()][0])[:2]))
        raise BenchError(f"panel file {name!r} holds the prediction {twice} twice: keep one")
    spread = table["value"].set_axis(place).unstack([1, 2])  # noqa: PD010 - every pair stands once
    rows = table.drop_duplicates("row").set_index("row").reindex(spread.index).reset_index()
    predictions: dict[str, dict[str, Array]] = {}
    for position, pair in enumerate(list(spread.columns)):
        predictions.setdefault(str(pair[0]), {})[str(pair[1])] = spread.iloc[:, position].to_numpy(dtype=float)
    return rows, predictions


def _read_wide(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, dict[str, Array]]]:
    """Return the columns that describe the rows, and the values (n,) by learner and output."""
    predictions: dict[str, dict[str, Array]] = {}
    for column in (str(name) for name in table.columns if name not in OF_ROW):
        learner, _, output = column.partition(SEPARATOR)
        predictions.setdefault(learner, {})[output] = pd.to_numeric(table[column], errors="coerce").to_numpy(
            dtype=float
        )
    return table[[name for name in OF_ROW if name in table.columns]], predictions


def _kind_of_outputs(rows: pd.DataFrame, outputs: list[str]) -> TaskKind:
    """Return classification where the outputs are the values of y; where they are nothing else either, y tells."""
    if {_canonical_label(value_text(value)) for value in rows["y"].dropna()} <= set(map(_canonical_label, outputs)):
        return "classification"
    return "regression" if outputs == [""] or _levels(outputs) else infer_kind(rows["y"])


def _levels(outputs: Iterable[str]) -> list[float]:
    """Return the quantile levels that the outputs are, sorted; none where one of them is no level."""
    try:
        levels = sorted(float(output) for output in outputs)
    except ValueError:
        return []
    return levels if all(0 < level < 1 for level in levels) else []


def _task_of_rows(name: str, rows: pd.DataFrame, kind: TaskKind, order: str | None) -> Task:
    """Return the task behind the rows; its X has one column, the number of the row."""
    group, time, weight = (role if role in rows.columns else None for role in ROLES)
    kept = rows[[name for name in ("y", *ROLES) if name in rows.columns]]
    numbered = kept.assign(**{"row number": np.arange(len(rows), dtype=float)})
    request = TaskRequest(name, target="y", kind=kind, group=group, time=time, weight=weight, order=order)
    return task_from_table(name, numbered, request)


def _target(name: str, task: Task, outputs: dict[str, Array]) -> Target:
    """Return the target: classes where y has them, a point where there is one nameless output, else levels."""
    if task.kind == "classification":
        return Target("class", task.classes, bool(task.meta["ordered"]))
    if set(outputs) == {""}:
        return Target("point")
    levels = _levels(outputs)
    if not levels:
        raise BenchError(f"panel file {name!r} has outputs {', '.join(outputs)}: quantile levels lie between 0 and 1")
    return Target("quantile", tuple(levels))


def _refuse_other_classes(name: str, classes: Sequence[str], predictions: dict[str, dict[str, Array]]) -> None:
    """Raise BenchError unless every learner has the classes of y, each spelt as there."""
    for learner, outputs in predictions.items():
        if set(map(_canonical_label, outputs)) != set(map(_canonical_label, classes)):
            raise BenchError(
                f"learner {learner!r} of panel file {name!r} predicts classes {_quoted(outputs)}, but 'y' holds "
                f"{_quoted(classes)}: give each class of 'y' one column or output, spelt alike"
            )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))


def _order_outputs(name: str, learner: str, outputs: dict[str, Array], labels: list[str]) -> Array:
    """Return the predictions of one learner (n, K), its outputs in the order of the target."""
    known = {_canonical_label(output): values for output, values in outputs.items()}
    missing = [label for label in labels if _canonical_label(label) not in known]
    if missing or len(known) != len(labels):
        raise BenchError(
            f"learner {learner!r} of panel file {name!r} has outputs {', '.join(map(repr, outputs))}, "
            f"expected {', '.join(map(repr, labels))}: give each"
        )
    values = np.column_stack([known[_canonical_label(label)] for label in labels])
    gaps = int(np.isnan(values).any(axis=1).sum())
    if gaps:
        raise BenchError(f"learner {learner!r} of panel file {name!r} did not answer {gaps} rows: leave it out")
    return values


def _canonical_label(label: str) -> float | str:
    """Return what two spellings of one number share, and any other text as it is."""
    try:
        return float(label)
    except ValueError:
        return label


def _marked_splits(rows: pd.DataFrame, task: Task) -> tuple[tuple[Split, ...], str]:
    """Return the splits that the file marks, and the protocol that rows of the tables carry."""
    index = np.arange(len(task.y))
    if "part" in rows.columns:
        part = rows["part"].astype(str).str.lower().to_numpy()
        if set(part) != {"train", "test"}:
            raise BenchError(f"column 'part' of {task.name} holds {', '.join(sorted(set(part)))}: write train or test")
        return (Split(0, 0, index[part == "train"], index[part == "test"]),), "given: marked parts"
    if "fold" in rows.columns:
        fold = pd.factorize(rows["fold"], sort=True)[0]
        if fold.min() < 0 or fold.max() < 1:
            raise BenchError(f"column 'fold' of {task.name} must name at least two folds and miss none: mend it")
        cuts = (Split(0, int(k), index[fold != k], index[fold == k]) for k in range(fold.max() + 1))
        return tuple(cuts), "given: marked folds"
    return (), "given: halves of groups" if task.groups is not None else "given: halves"
