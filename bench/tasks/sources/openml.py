"""Tasks of OpenML with their official splits: `openml:37`."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from bench.core.nouns import BenchError, Split, Task, TaskKind
from bench.tasks.sources import TEXT_OPTIONS, LoadError, TaskRequest, register
from bench.tasks.sources.openml_client import ClientBox, open_box
from bench.tasks.sources.openml_http import Connection
from bench.tasks.sources.openml_table import read_dataset
from bench.tasks.sources.table import task_from_table

KINDS: dict[int, TaskKind] = {1: "classification", 2: "regression"}
"""OpenML's task types that can be benchmarked."""

PARTITIONS = frozenset({"crossvalidation", "leaveoneout"})
"""Estimation procedures whose test folds cover every row once a repeat."""

HOLDOUTS = frozenset({"holdout", "customholdout"})
"""Estimation procedures that test some rows only."""


@register("regression", "classification", tags=("core",))
def openml(request: TaskRequest, *, timeout: float = 30.0, attempts: int = 3) -> Task:
    """Load an OpenML task (supervised classification or regression) with its own repeats and folds.

    The files come from the cache (OPENML_CACHE_DIR, else the client's own place), which is only ever added
    to. What is missing comes from the server (BENCH_OPENML_SERVER, else www.openml.org) unless the request is
    offline. A server that is silent for `timeout` seconds has failed; after other faults of the server it is
    tried again, `attempts` times in all.

    Raises:
        BenchError: there is no such task, it is of another type, or the request names columns or a kind.
        LoadError: network, server or files failed (`infra`), or what they hold makes no task (`data`).
    """
    number = task_number(request, "openml")
    request.refuse("openml", "target", "kind", "group", "time", "weight", *TEXT_OPTIONS)
    name = f"openml:{number}"
    with open_box(name, Connection(timeout, attempts), offline=request.offline) as box:
        kind = _kind_of_xml(name, box.text("tasks", number, "task.xml", "task"))
        task = _load_table(name, box, number, kind, request.order)
        unsaved = [] if request.offline else box.publish(tasks=number, datasets=task.meta["data_id"])
        task.meta["warnings"].extend(unsaved)
    return task


def task_number(request: TaskRequest, source: str) -> int:
    """Return the number behind the colon."""
    if not re.fullmatch(r"[1-9]\d*", request.name, flags=re.ASCII):
        raise BenchError(f"{source}:{request.name} is no number of OpenML: write one like {source}:37")
    return int(request.name)


def _kind_of_xml(name: str, xml: str) -> TaskKind:
    """Read the type of a task.

    Raises:
        BenchError: it is a type that cannot be benchmarked.
        LoadError: the text describes no task.
    """
    found = re.search(r"<oml:task_type_id>\s*(\d+)", xml)
    if found is None:
        raise LoadError(f"{name} has a task.xml without a task type: it is damaged", "data")
    if int(found[1]) not in KINDS:
        type_name = re.search(r"<oml:task_type>\s*([^<]*)", xml)
        raise BenchError(
            f"{name} is a task of type {(type_name[1] if type_name else found[1]).strip()!r}: "
            "choose a supervised classification or regression task"
        )
    return KINDS[int(found[1])]


def _load_table(name: str, box: ClientBox, number: int, kind: TaskKind, order: str | None) -> Task:
    found = re.search(r"<oml:data_set_id>\s*(\d+)", box.text("tasks", number, "task.xml", "task"))
    if found is None:
        raise LoadError(f"{name} names no data set in its description: nothing can be loaded", "data")
    data_id = int(found[1])
    box.seed("datasets", data_id)
    openml_task = box.client.tasks.get_task(number)
    data = read_dataset(name, box, data_id, openml_task.target_name)
    splits = _official_splits(name, openml_task, len(data.table))
    known = TaskRequest(str(number), openml_task.target_name, kind, order=order)
    try:
        task = task_from_table(name, data.table, known, splits=splits, meta=data.meta | {"task_id": number})
    except BenchError as error:
        raise LoadError(f"{name}: {error}", "data") from error
    task.meta["warnings"][:0] = data.warnings
    return task


def _official_splits(name: str, openml_task: Any, n: int) -> tuple[Split, ...]:
    """Return the official splits after checking them: the client does not."""
    procedure = openml_task.estimation_procedure
    if procedure["type"] not in PARTITIONS | HOLDOUTS:
        raise BenchError(f"{name} is estimated by {procedure['type']!r}: choose a cross-validation or holdout task")
    repeats, folds, samples = openml_task.get_split_dimensions()
    if samples != 1:
        raise BenchError(f"{name} has {samples} samples a fold: choose a task that is no learning curve")
    rows_of = openml_task.get_train_test_split_indices
    splits = tuple(
        Split(repeat, fold, *(np.asarray(rows, dtype=np.int64) for rows in rows_of(fold=fold, repeat=repeat, sample=0)))
        for repeat in range(repeats)
        for fold in range(folds)
    )
    _check_announced(name, procedure["parameters"] or {}, repeats, folds)
    for split in splits:
        _check_split(name, split, n)
    if procedure["type"] in PARTITIONS:
        for repeat in range(repeats):
            _check_partition(name, [split for split in splits if split.repeat == repeat], n)
    return splits


def _check_announced(name: str, parameters: dict[str, str], repeats: int, folds: int) -> None:
    for noun, found in (("number_repeats", repeats), ("number_folds", folds)):
        announced = parameters.get(noun) or ""
        if announced.isdigit() and int(announced) != found:
            raise LoadError(f"{name} announces {noun} = {announced} and its splits file holds {found}", "data")


def _check_split(name: str, split: Split, n: int) -> None:
    """Raise LoadError unless train and test are the n rows, each once, and neither is empty."""
    rows = np.concatenate([split.train, split.test])
    whole = len(rows) == n and np.array_equal(np.sort(rows), np.arange(n))
    if not (whole and len(split.train) and len(split.test)):
        raise LoadError(
            f"{name} has a damaged splits file: the {len(split.train)} training and {len(split.test)} test "
            f"rows of repeat {split.repeat} fold {split.fold} are not the {n} rows of the table",
            "data",
        )


def _check_partition(name: str, splits: list[Split], n: int) -> None:
    """Raise LoadError unless the test folds of one repeat hold every row once."""
    tested = np.bincount(np.concatenate([split.test for split in splits]), minlength=n)
    if (tested != 1).any():
        raise LoadError(
            f"{name} has a damaged splits file: repeat {splits[0].repeat} tests {int((tested != 1).sum())} "
            "rows not exactly once",
            "data",
        )
