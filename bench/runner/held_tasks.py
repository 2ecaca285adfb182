"""The tables of a run: as many as fit are held, and the others are loaded again when a worker needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bench.core.nouns import BenchError, Task
from bench.runner.fit_spec import data_hash
from bench.tasks import loading
from bench.tasks.task_spec import TaskSpec

MOST_BYTES = 1 << 30
"""Bytes of all tables that are held at once; the last one is held whatever its size."""


class HeldTasks(Mapping[str, Task]):
    """Whole tasks by name, for workers; a plan has them without their features (`without_features`)."""

    def __init__(self, *, offline: bool = False) -> None:
        self._offline = offline
        self._requests: dict[str, tuple[TaskSpec, str]] = {}
        self._held: dict[str, Task] = {}
        self._sizes: dict[str, int] = {}

    def hold(self, spec: TaskSpec, task: Task, data: str) -> None:
        """Hold a task that was just loaded, and let go of those that were not needed for longest."""
        self._requests[task.name] = spec, data
        self._held[task.name] = task
        self._sizes[task.name] = int(task.X.memory_usage(deep=True).sum())
        while len(self._held) > 1 and sum(map(self._sizes.__getitem__, self._held)) > MOST_BYTES:
            del self._held[next(iter(self._held))]

    def __getitem__(self, name: str) -> Task:
        """Return a task, loaded again if it is not held.

        Raises:
            BenchError: it is gone, or is another one than the run was planned with.
        """
        if name in self._held:
            self._held[name] = self._held.pop(name)  # the last to be let go of
            return self._held[name]
        spec, data = self._requests[name]
        task = loading.load_requested(spec, offline=self._offline)
        if data_hash(task) != data:
            raise BenchError(f"the table of {name} has changed while it was run: run it again")
        self.hold(spec, task, data)
        return task

    def __iter__(self) -> Iterator[str]:
        """Yield the names, held or not."""
        return iter(self._requests)

    def __len__(self) -> int:
        """Return the number of tasks, held or not."""
        return len(self._requests)


def without_features(task: Task) -> Task:
    """Return a task without its columns, which splits and keys do not depend on; predictions made elsewhere stay."""
    return replace(task, X=task.X.iloc[:, :0])
