"""The tidy tables of a results directory, made from the journal's records.

What cells.csv, failures.csv and timing.csv hold of a cell is in `records`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.core.files import new_file
from bench.core.nouns import STATUSES, Array, Cell
from bench.core.tables import OLD_METRICS, write_frame, write_table
from bench.core.text import storable
from bench.methods import metrics
from bench.methods.boards import ORACLE, SINGLE_LEARNER
from bench.runner.records import CELL_COLUMNS, FAILURE_COLUMNS, TIMING_COLUMNS, CellRecord, TaskRecord

IDENTITY = ("board", "task_id", "panel", "repeat", "fold", "learner", "method")
"""Columns of a cell's identity, in the order of its parts."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "scores": (
        "board", "task_id", "task", "panel", "repeat", "fold", "learner", "method", "sample", "metric", "direction",
        "value", "n_rows", "ranked", "protocol", "learners_used", "reseed", "status", "gap",
    ),
    "cells": (*IDENTITY, *CELL_COLUMNS),
    "weights": (*IDENTITY, "role", "of", "output", "value"),
    "per_class": (*IDENTITY, "class", "n_rows", "share", "predicted_share", "mean_probability", "precision", "recall",
                  "f1", "log_loss", "brier", "auroc", "auprc"),
    "failures": (*IDENTITY, *FAILURE_COLUMNS),
    "timing": (*IDENTITY, *TIMING_COLUMNS),
    "tasks": ("task_id", "kind", "n_rows", "n_columns", "n_categorical", "missing_share", "n_classes", "imbalance",
              "ordered", "grouped", "timed", "dataset", "positive"),
    "completeness": ("board", "panel", "learner", "method", "planned", *STATUSES, "completeness"),
}  # fmt: skip
"""Columns of every table; they are only ever appended to."""
SAMPLES = ("test", "train")
"""Rows that a cell is scored on, in the order of the table of scores."""
CHUNK = 100_000
"""Scores that are turned into text at once: some 15 MB."""


def write_run_tables(root: Path, records: Mapping[Cell, CellRecord], tasks: Mapping[str, TaskRecord]) -> pd.DataFrame:
    """Write every table of a results directory from the records of its cells and its tasks; return the scores."""

    def rows(of: Callable[[CellRecord], Iterable[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
        return ({**_identity(cell), **row} for cell, record in records.items() for row in of(record))

    # made as they are written: the rows of a large suite would take several times what its records do
    tables: dict[str, Iterable[dict[str, Any]]] = {
        "cells": rows(lambda record: [record.values()]),
        "weights": rows(lambda record: record.result.weights),
        "per_class": rows(lambda record: record.result.per_class),
        "failures": rows(lambda record: [record.values()] if record.ending.is_bad else []),
        "timing": rows(lambda record: [record.values()] if record.result.weigh_seconds is not None else []),
        "tasks": _task_rows(tasks),
        "completeness": _completeness(records),
    }
    for name, table in tables.items():
        write_table(root / f"{name}.csv", COLUMNS[name], table)
    scores = _score_table(records, tasks)
    _write_scores(root, scores)
    return scores


def _score_table(records: Mapping[Cell, CellRecord], tasks: Mapping[str, TaskRecord]) -> pd.DataFrame:
    """Return every metric on the test rows, empty where the cell is not ok, and the minimised loss on training rows.

    Names are categories, since a suite has millions of scores and a few hundred names.
    """
    of_cell, sample, metric = array("q"), array("b"), array("q")
    value: list[float | str | None] = []
    codes: dict[str, int] = {}
    codes_of: dict[tuple[str, ...], array[int]] = {}  # the cells of a board are scored by the same metrics
    for at, record in enumerate(records.values()):
        for code, name in enumerate(SAMPLES):
            found = record.result.scores.get(name, {})
            names = tuple(found)
            if names not in codes_of:
                codes_of[names] = array(
                    "q", [codes.setdefault(OLD_METRICS.get(each, each), len(codes)) for each in names]
                )
            of_cell.extend([at] * len(found))
            sample.extend([code] * len(found))
            metric.extend(codes_of[names])
            value.extend(found.values())
    table = _cell_table(records, tasks).take(np.asarray(of_cell)).reset_index(drop=True)
    tested = np.asarray(sample) == SAMPLES.index("test")
    contends = ~table["method"].isin([SINGLE_LEARNER, ORACLE])
    return table.assign(
        sample=_categories(np.asarray(sample), SAMPLES),
        metric=_categories(np.asarray(metric), codes),
        direction=_categories(np.asarray(metric), codes).map(_direction_of_metric),
        value=np.array(value, dtype=float),  # the journal keeps what is infinite as a text
        n_rows=table["n_test"].where(tested, table["n_train"]),
        ranked=_categories((tested & contends).to_numpy(dtype=int), ("false", "true")),
    )[list(COLUMNS["scores"])]


def _cell_table(records: Mapping[Cell, CellRecord], tasks: Mapping[str, TaskRecord]) -> pd.DataFrame:
    """Return what all scores of a cell have in common, one row a cell."""
    own = {name: task.own_repeats for name, task in tasks.items()}
    rows = [
        (
            *(storable(part) if isinstance(part, str) else part for part in cell),
            storable(record.basis.task),
            record.basis.protocol,
            record.result.learners_used,
            # repeats beyond those of the task are its splits with other seeds of the learners
            cell.repeat // repeats if (repeats := own.get(cell.task)) else 0,
            record.ending.status,
            record.result.gap,
            record.result.n_test,
            record.result.n_train,
        )
        for cell, record in records.items()
    ]
    names = ("board", "task_id", "panel", "learner", "method", "task", "protocol", "status")
    counts = ("learners_used", "n_test", "n_train")
    columns = [*IDENTITY, "task", "protocol", "learners_used", "reseed", "status", "gap", "n_test", "n_train"]
    kinds: dict[str, Any] = {**dict.fromkeys(names, "category"), **dict.fromkeys(counts, "Int64"), "gap": float}
    return pd.DataFrame(rows, columns=columns).astype(kinds)


def _categories(codes: Array, names: Iterable[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, pd.Index(list(names), dtype=object))


def _write_scores(root: Path, scores: pd.DataFrame) -> None:
    """Write the scores as CSV, part by part since their text is many times their size, and as Parquet."""
    write_frame(root / "scores.csv", scores, CHUNK)
    with new_file(root / "scores.parquet") as file:
        # without the schema of Arrow, readers find texts where a name is a category here
        scores.assign(ranked=scores["ranked"] == "true").to_parquet(file, index=False, store_schema=False)


def task_table(tasks: Mapping[str, TaskRecord]) -> pd.DataFrame:
    """Return what is known of each task of an experiment, one row a task."""
    return pd.DataFrame(_task_rows(tasks), columns=list(COLUMNS["tasks"])).astype(object)


def _task_rows(tasks: Mapping[str, TaskRecord]) -> list[dict[str, Any]]:
    return [{"task_id": name, **task.meta_features} for name, task in sorted(tasks.items())]


def _identity(cell: Cell) -> dict[str, Any]:
    return dict(zip(IDENTITY, cell, strict=True))


@cache
def _direction_of_metric(metric: str) -> str:
    found = metrics.metric_info(metric)
    return found.direction if found else "none"


def _completeness(records: Mapping[Cell, CellRecord]) -> list[dict[str, Any]]:
    """Count the cells of every method by status."""
    counts: dict[tuple[str, str, str, str], dict[str, int]] = {}
    for cell, record in records.items():
        group = counts.setdefault((cell.board, cell.panel, cell.learner, cell.method), dict.fromkeys(STATUSES, 0))
        group[record.ending.status] += 1
    names = ("board", "panel", "learner", "method")
    return [
        dict(zip(names, group, strict=True))
        | {"planned": sum(by.values()), **by, "completeness": by["ok"] / sum(by.values())}
        for group, by in sorted(counts.items())
    ]
