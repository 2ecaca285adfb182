"""Where jobs are run: worker processes of this machine, or those of a cluster.

Lives here: `choice` (which of them a run uses), `local` (the pool of worker processes, with `fork_server`, `duty`,
`shared_context`, `inbox`, `supervisor` and `process_tree`), `dask` (a cluster; what its workers do is in `remote_job`),
`slurm` (such a cluster, whose workers are jobs of Slurm).
May import: `core`, the limits of `runner.options` and, to read what workers report, `runner.records`; `choice`, `dask`
and `remote_job` also the jobs and the store, since predictions must travel. `local` knows no fit and no board.
Next of its kind: an executor is one module with a class of the protocol `Executor`, and a branch in `executor_of` of
`choice`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from bench.runner.executors.local import Event, Job


class Executor(Protocol):
    """What runs jobs within a `with` block; leaving it ends what runs, and what was not reported is not recorded."""

    def __enter__(self) -> Self:
        """Get ready to run jobs."""

    def __exit__(self, *_: object) -> None:
        """End all jobs that still run."""

    @property
    def free(self) -> bool:
        """Whether another job can be taken."""

    @property
    def busy(self) -> bool:
        """Whether a job that was taken has not ended."""

    def submit(self, job: Job, contexts: Mapping[str, Any]) -> None:
        """Take a job, and its context of those by name; only while `free`."""

    def wait(self) -> list[Event]:
        """Wait a moment for what is reported; the last event of a job is `done`, or says how the job was lost."""


def results(
    jobs: Sequence[Job], contexts: Mapping[str, Any], run_by: AbstractContextManager[Executor]
) -> Iterator[Event]:
    """Run jobs by an executor, whose block is entered here, and yield what they report."""
    waiting = list(reversed(jobs))
    with run_by as executor:
        while waiting or executor.busy:
            while waiting and executor.free:
                executor.submit(waiting.pop(), contexts)
            yield from executor.wait()
