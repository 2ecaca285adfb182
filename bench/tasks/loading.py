"""From task names to tasks: every name is loaded, and a fault of the infrastructure is returned, not raised."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import cast

from bench.core.nouns import BenchError, Task, TaskKind
from bench.tasks import lock, sources
from bench.tasks.sampling import sample_rows
from bench.tasks.sources import LoadError, TaskRequest
from bench.tasks.task_spec import TaskSpec


def load(
    specs: Iterable[TaskSpec], *, offline: bool, from_suites: Collection[TaskSpec] = ()
) -> Iterator[tuple[TaskSpec, Task | LoadError]]:
    """Load one task after the other; of the tasks of a suite, one that cannot serve does not stop the others.

    A task that is not what `bench.lock` holds has failed.

    Raises:
        BenchError: a name, a column or a table is not what a task needs, or a task lacks its positive class.
    """
    locked = lock.read_lock()
    for spec in specs:
        try:
            task = lock.check_unchanged(spec, _load_rows(spec, offline=offline), locked)
        except LoadError as error:
            yield spec, error
        except BenchError as error:
            if spec not in from_suites:
                raise
            yield spec, LoadError(str(error), "data")
        else:
            # outside of the `try`: a label that no class has is a mistake of the command, for tasks of suites too
            yield spec, with_positive_class(task, spec.positive)


def load_requested(spec: TaskSpec, *, offline: bool) -> Task:
    """Load one task as it was requested: under its id, so many rows of it, with its positive class.

    Raises:
        BenchError: a name, a column or a table is not what a task needs.
        LoadError: the source failed, and the command is not to blame.
    """
    return with_positive_class(_load_rows(spec, offline=offline), spec.positive)


def _load_rows(spec: TaskSpec, *, offline: bool) -> Task:
    """Load one task under its id, so many rows of it; the positive class of a sample is that of the whole table."""
    task = load_task(spec.source, task_request(spec, offline=offline))
    named = replace(task, name=spec.full) if spec.id else task
    sample = sample_rows(named, spec.rows) if spec.rows else named
    if sample is named:
        return named
    positive = named.classes[named.positive_code] if sample.classes == named.classes and named.classes else None
    return replace(sample, name=f"{named.name}@rows={spec.rows}", positive=positive)


def with_positive_class(task: Task, label: str | None) -> Task:
    """Return a task whose positive class is named; a label is for tasks of two classes, others have no use for it.

    Raises:
        BenchError: a task of two classes has no such class.
    """
    if label is None or len(task.classes) != 2:
        return task
    if label not in task.classes:
        first, second = task.classes
        raise BenchError(f"{task.name} has no class {label!r}: give --positive {first!r} or {second!r}")
    return replace(task, positive=label)


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
