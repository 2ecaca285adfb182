"""From task names to tasks: every name is loaded, and a fault of the infrastructure is returned, not raised."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import cast

from bench.core.nouns import BenchError, Task, TaskKind
from bench.tasks import sources
from bench.tasks.sampling import sample_rows
from bench.tasks.sources import LoadError, TaskRequest
from bench.tasks.task_spec import TaskSpec


def load(
    specs: Iterable[TaskSpec], *, offline: bool, from_suites: Collection[TaskSpec] = ()
) -> Iterator[tuple[TaskSpec, Task | LoadError]]:
    """Load one task after the other; of the tasks of a suite, one that cannot serve does not stop the others.

    Raises:
        BenchError: a name, a column or a table is not what a task needs.
    """
    for spec in specs:
        try:
            yield spec, _as_requested(spec, load_task(spec.source, task_request(spec, offline=offline)))
        except LoadError as error:
            yield spec, error
        except BenchError as error:
            if spec not in from_suites:
                raise
            yield spec, LoadError(str(error), "data")


def _as_requested(spec: TaskSpec, task: Task) -> Task:
    """Return a task under the id that was requested, and so many rows of it, which its name then says."""
    named = replace(task, name=spec.full) if spec.id else task
    sample = sample_rows(named, spec.rows) if spec.rows else named
    return named if sample is named else replace(sample, name=f"{named.name}@rows={spec.rows}")


def load_task(source: str, request: TaskRequest) -> Task:
    """Load a task from the named source; its `splits` are empty where the source brings none of its own.

    Raises:
        BenchError: the source is unknown, or it cannot give such a task.
        LoadError: the source failed, and the command is not to blame.
    """
    task: Task = sources.registry.scheme(source)(request)
    return task


def task_request(spec: TaskSpec, *, offline: bool) -> TaskRequest:
    """Return the request to the source of a task.

    Raises:
        BenchError: the kind is neither regression nor classification, or the source does not exist.
    """
    if spec.source not in sources.registry.entries():
        known = ", ".join(f"{name}:…" for name in sources.registry.entries())
        raise BenchError(f"unknown task {spec.name!r}: write {known}, or an OpenML task number")
    if spec.kind not in {None, "regression", "classification"}:
        raise BenchError(f"unknown kind {spec.kind!r} of task {spec.name!r}: write regression or classification")
    return TaskRequest(
        name=spec.rest,
        target=spec.target,
        kind=cast("TaskKind | None", spec.kind),
        group=spec.group,
        time=spec.time,
        weight=spec.weight,
        order=spec.order,
        sep=spec.sep,
        decimal=spec.decimal,
        encoding=spec.encoding,
        offline=offline,
    )
