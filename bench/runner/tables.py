"""The tidy tables of a results directory, made from the journal's records.

What cells.csv, failures.csv and timing.csv hold of a cell is in `records`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core.files import write_bytes, write_text
from bench.core.nouns import STATUSES, Cell
from bench.core.tables import OLD_METRICS, write_table
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


def write_run_tables(root: Path, records: Mapping[Cell, CellRecord], tasks: Mapping[str, TaskRecord]) -> pd.DataFrame:
    """Write every table of a results directory from the records of its cells and its tasks; return the scores."""
    whole = {cell: _identity(cell) | record.values() for cell, record in records.items()}
    tables: dict[str, list[dict[str, Any]]] = {
        "scores": [row for cell, record in records.items() for row in _score_rows(cell, record, tasks)],
        "cells": list(whole.values()),
        "weights": [{**_identity(cell), **row} for cell, record in records.items() for row in record.result.weights],
        "per_class": [
            {**_identity(cell), **row} for cell, record in records.items() for row in record.result.per_class
        ],
        "failures": [whole[cell] for cell, record in records.items() if record.ending.is_bad],
        "timing": [whole[cell] for cell, record in records.items() if record.result.weigh_seconds is not None],
        "tasks": _task_rows(tasks),
        "completeness": _completeness(records),
    }
    for name, rows in tables.items():
        write_table(root / f"{name}.csv", COLUMNS[name], rows)
    scores = pd.DataFrame(tables["scores"], columns=list(COLUMNS["scores"]))
    buffer = io.BytesIO()
    scores.assign(ranked=scores["ranked"] == "true").to_parquet(buffer, index=False)
    write_bytes(root / "scores.parquet", buffer.getvalue())
    return scores


def task_table(tasks: Mapping[str, TaskRecord]) -> pd.DataFrame:
    """Return what is known of each task of an experiment, one row a task."""
    return pd.DataFrame(_task_rows(tasks), columns=list(COLUMNS["tasks"])).astype(object)


def _task_rows(tasks: Mapping[str, TaskRecord]) -> list[dict[str, Any]]:
    return [{"task_id": name, **task.meta_features} for name, task in sorted(tasks.items())]


def _identity(cell: Cell) -> dict[str, Any]:
    return dict(zip(IDENTITY, cell, strict=True))


def _score_rows(cell: Cell, record: CellRecord, tasks: Mapping[str, TaskRecord]) -> Iterable[dict[str, Any]]:
    """Yield every metric on the test rows, empty where the cell is not ok, and the minimised loss on training rows."""
    ranked, result = cell.method not in {SINGLE_LEARNER, ORACLE}, record.result
    n_rows = {"test": result.n_test, "train": result.n_train}
    own = tasks[cell.task].own_repeats if cell.task in tasks else None
    for sample in ("test", "train"):
        for metric, value in result.scores.get(sample, {}).items():
            yield _identity(cell) | {
                "task": record.basis.task,
                "protocol": record.basis.protocol,
                "learners_used": result.learners_used,
                "sample": sample,
                "metric": OLD_METRICS.get(metric, metric),
                "direction": _direction_of_metric(metric),
                "value": None if value is None else float(value),
                "n_rows": n_rows[sample],
                "ranked": str(ranked and sample == "test").lower(),
                # repeats beyond those of the task are its splits with other seeds of the learners
                "reseed": cell.repeat // own if own else 0,
                "status": record.ending.status,
                "gap": result.gap,
            }


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


def write_manifest(root: Path, manifest: Mapping[str, Any]) -> None:
    """Write `manifest.json`: where the tables came from."""
    write_text(root / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")
