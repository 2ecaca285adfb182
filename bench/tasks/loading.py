"""From task names to tasks: every name is loaded, and a fault of the infrastructure is kept, not raised."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import cast

from bench.core.nouns import BenchError, Task, TaskKind
from bench.tasks import sources
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
            yield spec, sources.load(spec.source, request(spec, offline=offline))
        except LoadError as error:
            yield spec, error
        except BenchError as error:
            if spec not in from_suites:
                raise
            yield spec, LoadError(str(error), "data")


def request(spec: TaskSpec, *, offline: bool) -> TaskRequest:
    """Return what a source is asked for.

    Raises:
        BenchError: the kind is neither regression nor classification, or the source does not exist.
    """
    if spec.source not in sources.registry.entries():
        known = ", ".join(f"{name}:…" for name in sources.registry.entries())
        raise BenchError(f"unknown task {spec.name!r}: write {known}, or an OpenML task number")
    if spec.kind not in {None, "regression", "classification"}:
        raise BenchError(f"unknown kind {spec.kind!r} of task {spec.name!r}: write regression or classification")
    kind = cast("TaskKind | None", spec.kind)
    return TaskRequest(spec.rest, spec.target, kind, spec.group, spec.time, spec.weight, spec.order, offline)
