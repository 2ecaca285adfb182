"""Data sets of OpenML without a task: `openml-data:61`, on folds of our own."""

from __future__ import annotations

from dataclasses import replace

from bench.core.nouns import BenchError, Task
from bench.tasks.sources import TEXT_OPTIONS, TaskRequest, register
from bench.tasks.sources.openml import task_number
from bench.tasks.sources.openml_client import open_box
from bench.tasks.sources.openml_http import Connection
from bench.tasks.sources.openml_table import read_dataset
from bench.tasks.sources.table import task_from_table


@register("regression", "classification", tags=("core",))
def openml_data(request: TaskRequest, *, timeout: float = 30.0, attempts: int = 3) -> Task:
    """Load an OpenML data set; the target is its default one unless another is named.

    Cache, server and parameters are those of the source `openml`.

    Raises:
        BenchError: the number is no data set, no target is known, or the columns cannot serve.
        LoadError: network, server or files failed (`infra`), or what they hold is no table (`data`).
    """
    number = task_number(request, "openml-data")
    request.refuse("openml-data", *TEXT_OPTIONS)
    name = f"openml-data:{number}"
    with open_box(name, Connection(timeout, attempts), offline=request.offline) as box:
        box.seed("datasets", number)
        data = read_dataset(name, box, number, request.target)
        known = replace(request, target=request.target or data.default_target)
        try:
            task = task_from_table(name, data.table, known, meta=data.meta)
        except BenchError as error:
            raise BenchError(f"{name}: {error}") from error
        task.meta["warnings"][:0] = data.warnings
        task.meta["warnings"].extend([] if request.offline else box.publish(datasets=number))
    return task
