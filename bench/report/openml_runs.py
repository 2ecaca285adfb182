"""Runs as OpenML takes them: a description and a flow in XML, and predictions in ARFF. Nothing is uploaded here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from bench.core.files import write_text
from bench.core.nouns import Array, Split, Task

NAMESPACE = "http://openml.org/openml"

Part = tuple[Split, Array, Array | None]
"""A split, the values (n, K) that a method predicts of its test rows, and the codes of the decided classes, if any."""


def write_run(folder: Path, task: Task, board: str, method: str, parts: Iterable[Part], version: str) -> Path:
    """Write the run of one method on all splits of a task into a folder of its own, and return that.

    `predictions.arff` has the columns of OpenML's clients: repeat, fold, row_id, prediction and the truth; for classes
    also sample, which is 0, and the probability of each class. `description.xml` is the run, without the number of its
    flow, which the server gives when `flow.xml` is uploaded.
    """
    place = folder / _file_name(task.name) / _file_name(f"{board} {method}")
    write_text(place / "predictions.arff", _predictions(task, parts))
    name = f"bench.{board}.{re.sub(r'[^A-Za-z0-9_.+:=,-]+', '_', method)}"
    write_text(
        place / "description.xml",
        _document("run", {"task_id": task.meta["task_id"], "setup_string": f"{board} {method}"}),
    )
    about = f"Method {method} of the board {board} of bench, a benchmark of ensemble and class weightings."
    flow = {"name": name, "external_version": f"bench=={version}", "description": about, "language": "English"}
    write_text(place / "flow.xml", _document("flow", {**flow, "dependencies": f"bench=={version}"}))
    return place


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.+=-]+", "_", text)


def _document(element: str, values: dict[str, Any]) -> str:
    lines = [f"  <oml:{name}>{escape(str(value))}</oml:{name}>" for name, value in values.items()]
    head = f'<oml:{element} xmlns:oml="{NAMESPACE}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *lines, f"</oml:{element}>"]) + "\n"


def _predictions(task: Task, parts: Iterable[Part]) -> str:
    import arff

    numbers = [(name, "NUMERIC") for name in ("repeat", "fold", "row_id")]
    if task.kind == "regression":
        attributes: list[tuple[str, Any]] = [*numbers, ("prediction", "NUMERIC"), ("truth", "NUMERIC")]
    else:
        labels = list(task.classes)
        confidences = [(f"confidence.{name}", "NUMERIC") for name in labels]
        numbers.insert(2, ("sample", "NUMERIC"))
        attributes = [*numbers, ("prediction", labels), ("correct", labels), *confidences]
    rows = [row for split, values, labels in parts for row in _rows(task, split, values, labels)]
    return str(arff.dumps({"relation": "predictions", "attributes": attributes, "data": rows}))


def _rows(task: Task, split: Split, values: Array, labels: Array | None) -> Iterator[list[Any]]:
    """Yield a line for each test row, in their order."""
    true = task.y[split.test].tolist()
    if labels is None:
        for row, (value,), y in zip(split.test.tolist(), values.tolist(), true, strict=True):
            yield [split.repeat, split.fold, row, value, y]
        return
    for row, label, y, shares in zip(split.test.tolist(), labels.tolist(), true, values.tolist(), strict=True):
        yield [split.repeat, split.fold, 0, row, task.classes[label], task.classes[y], *shares]
