"""The tidy tables of a results directory, made from the journal's records."""

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
from bench.core.tables import write_table
from bench.methods import metrics
from bench.methods.boards import ORACLE, SINGLE_LEARNER

Record = dict[str, Any]
WHO = ("board", "task_id", "panel", "repeat", "fold", "learner", "method")
COLUMNS: dict[str, tuple[str, ...]] = {
    "scores": (
        "board", "task_id", "task", "panel", "repeat", "fold", "learner", "method", "sample", "metric", "direction",
        "value", "n_rows", "ranked", "protocol", "learners_used", "reseed",
    ),
    "cells": (*WHO, "status", "cause", "detail", "train_loss", "gap", "seed", "key", "data_hash", "versions",
              "clipped", "protocol", "learners_used", "guarantee"),
    "weights": (*WHO, "role", "of", "output", "value"),
    "per_class": (*WHO, "class", "n_rows", "share", "predicted_share", "mean_probability", "precision", "recall", "f1",
                  "log_loss", "brier", "auroc", "auprc"),
    "failures": (*WHO, "status", "cause", "detail", "traceback", "rerun"),
    "timing": (*WHO, "weigh_seconds", "fit_seconds", "predict_seconds", "predict_cost"),
    "tasks": ("task_id", "kind", "n_rows", "n_columns", "n_categorical", "missing_share", "n_classes", "imbalance",
              "ordered", "grouped", "timed"),
    "completeness": ("board", "panel", "learner", "method", "planned", *STATUSES, "completeness"),
}  # fmt: skip
"""Columns of every table; they are only ever appended to."""


def export(root: Path, records: Mapping[Cell, Record], tasks: Mapping[str, Record]) -> pd.DataFrame:
    """Write every table of a results directory from its records and the traits of its tasks; return the scores."""
    tables: dict[str, list[Record]] = {
        "scores": [
            row | {"reseed": _reseed(cell, tasks)}
            for cell, record in records.items()
            for row in _score_rows(cell, record)
        ],
        "cells": [_who(cell) | record for cell, record in records.items()],
        "weights": [_who(cell) | row for cell, record in records.items() for row in record.get("weights", ())],
        "per_class": [_who(cell) | row for cell, record in records.items() for row in record.get("per_class", ())],
        "failures": [
            _who(cell) | record for cell, record in records.items() if record["status"] not in {"ok", "skipped"}
        ],
        "timing": [_who(cell) | record for cell, record in records.items() if "weigh_seconds" in record],
        "tasks": _task_rows(tasks),
        "completeness": _completeness(records),
    }
    for name, rows in tables.items():
        write_table(root / f"{name}.csv", COLUMNS[name], rows)
    scores = pd.DataFrame(tables["scores"], columns=list(COLUMNS["scores"]))
    _write_parquet(root / "scores.parquet", scores)
    return scores


def task_table(tasks: Mapping[str, Record]) -> pd.DataFrame:
    """Return what is known of each task of an experiment, one row a task."""
    return pd.DataFrame(_task_rows(tasks), columns=list(COLUMNS["tasks"])).astype(object)


def _task_rows(tasks: Mapping[str, Record]) -> list[Record]:
    return [{"task_id": name, **task.get("traits", {})} for name, task in sorted(tasks.items())]


def _who(cell: Cell) -> Record:
    return dict(zip(WHO, cell, strict=True))


def _score_rows(cell: Cell, record: Record) -> Iterable[Record]:
    """Yield every metric on the test rows, empty where the cell is not ok, and the minimised loss on training rows."""
    ranked = cell.method not in {SINGLE_LEARNER, ORACLE}
    for sample in ("test", "train"):
        for metric, value in record.get("scores", {}).get(sample, {}).items():
            yield _who(cell) | {
                "task": record["task"],
                "protocol": record.get("protocol"),
                "learners_used": record.get("learners_used"),
                "sample": sample,
                "metric": metric,
                "direction": _direction(metric),
                "value": None if value is None else float(value),
                "n_rows": record.get(f"n_{sample}"),
                "ranked": str(ranked and sample == "test").lower(),
            }


def _reseed(cell: Cell, tasks: Mapping[str, Record]) -> int:
    """Return which seed of the learners a cell was run with: repeats beyond those of the task are further seeds."""
    own = tasks.get(cell.task, {}).get("own_repeats")
    return cell.repeat // own if own else 0


@cache
def _direction(metric: str) -> str:
    found = metrics.metric_info(metric)
    return found.direction if found else "none"


def _completeness(records: Mapping[Cell, Record]) -> list[Record]:
    """Count the cells of every method by status."""
    counts: dict[tuple[str, str, str, str], dict[str, int]] = {}
    for cell, record in records.items():
        group = counts.setdefault((cell.board, cell.panel, cell.learner, cell.method), dict.fromkeys(STATUSES, 0))
        group[record["status"]] += 1
    names = ("board", "panel", "learner", "method")
    return [
        dict(zip(names, group, strict=True))
        | {"planned": sum(by.values()), **by, "completeness": by["ok"] / sum(by.values())}
        for group, by in sorted(counts.items())
    ]


def _write_parquet(path: Path, table: pd.DataFrame) -> None:
    buffer = io.BytesIO()
    table.assign(ranked=table["ranked"] == "true").to_parquet(buffer, index=False)
    write_bytes(path, buffer.getvalue())


def write_manifest(root: Path, manifest: Record) -> None:
    """Write `manifest.json`: where the tables came from."""
    write_text(root / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")
