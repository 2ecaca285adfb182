"""Tasks of OpenML with their official splits: `openml:37`."""

from __future__ import annotations

import re
from dataclasses import replace

from bench.core.nouns import BenchError, Task, TaskKind
from bench.tasks.sources import TEXT_OPTIONS, LoadError, TaskRequest, register
from bench.tasks.sources.openml_client import ClientBox, open_box
from bench.tasks.sources.openml_http import Connection
from bench.tasks.sources.openml_splits import read_splits
from bench.tasks.sources.openml_table import read_dataset
from bench.tasks.sources.table import task_from_table

KINDS: dict[int, TaskKind] = {1: "classification", 2: "regression"}
"""OpenML's task types that can be benchmarked."""


@register("regression", "classification", tags=("core",))
def openml(request: TaskRequest, *, timeout: float = 30.0, attempts: int = 3) -> Task:
    """Load an OpenML task (supervised classification or regression) with its own repeats and folds.

    The rows of every fold are in the order of the table.

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
    if not re.fullmatch(r"[1-9]\d{0,17}", request.name, flags=re.ASCII):
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
    known = TaskRequest(str(number), openml_task.target_name, kind, order=order)
    try:
        task = task_from_table(name, data.table, known, meta=data.meta | {"task_id": number})
    except BenchError as error:
        raise LoadError(f"{name}: {error}", "data") from error
    official = read_splits(name, box, openml_task, task.y)
    task.meta["warnings"][:0] = [*data.warnings, *official.warnings]
    return replace(task, splits=official.splits)
