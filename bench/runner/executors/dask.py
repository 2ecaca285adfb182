"""Jobs on a cluster of dask.distributed: no shared file system, and nothing is lost when a machine is.

Tables, plug-ins and predictions travel, each once to the scheduler and from there to the workers that need it. What
travels is a task of dask itself, so that it is made again when the worker that held it dies, and so that a cluster
without any worker can begin. This program alone writes records and predictions.
"""

from __future__ import annotations

import functools
import logging
import queue
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from weakref import WeakValueDictionary

from bench.core.nouns import BenchError
from bench.runner.executors.local import Event, Job
from bench.runner.executors.remote_job import (
    OtherSurroundingsError,
    PluginFile,
    Report,
    Setup,
    as_arrays,
    run_job,
    surroundings,
)
from bench.runner.options import Limits
from bench.runner.store import FitPredictions, Store
from bench.runner.worker import EvaluateJob, FitJob

CONNECT_SECONDS = 60
"""How long a scheduler is waited for, at the start and when it restarts."""
MOST_LOSSES = 5
"""How often the machine of a job may die under it before the job is taken for the reason."""
LEAST_AHEAD = 16
"""Jobs that are handed out even to an empty cluster: an adaptive one grows with what waits."""
AHEAD = 2
"""Jobs handed out for each thread of the cluster, so that none waits for this program."""
SIZE_SECONDS = 5.0
"""How often the size of the cluster is asked for."""
POLL_SECONDS = 0.5
"""How often the connection is looked after while nothing is reported."""
HELD_TASKS = 4
"""Tables that stay on the cluster when no job that was handed out needs them; jobs come in the order of the tasks."""


@dataclass(eq=False)
class _Handed:
    """A job that was handed out: its context, what it waits for, and how often its machine was lost."""

    job: Job
    task: Any
    future: Any = None
    needs: Sequence[Any] = ()
    losses: int = 0


@dataclass
class DaskExecutor:
    """Workers of the cluster whose scheduler is at `address`; at most `most` jobs at once, if that is given.

    `plugins` are those of the command line: files travel, modules must be installed there. `start` makes known what
    else is foreign, `store` is where predictions are kept.
    """

    address: str
    store: Store
    start: Callable[[], None]
    plugins: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)
    most: int | None = None
    _client: Any = field(default=None, init=False)
    _setup: Setup | None = field(default=None, init=False)
    _handed: list[_Handed] = field(default_factory=list, init=False)
    _ended: queue.SimpleQueue[tuple[_Handed, Any]] = field(default_factory=queue.SimpleQueue, init=False)
    _sent: WeakValueDictionary[tuple[str, str], Any] = field(default_factory=WeakValueDictionary, init=False)
    _held: deque[Any] = field(default_factory=lambda: deque(maxlen=HELD_TASKS), init=False)
    _size: tuple[float, int] = field(default=(-SIZE_SECONDS, 0), init=False)

    def __enter__(self) -> Self:
        """Connect to the scheduler.

        Raises:
            BenchError: dask is not installed, or there is no scheduler.
        """
        files = [name for name in self.plugins if name.endswith(".py")]
        self._setup = Setup(
            surroundings(),
            tuple(PluginFile(name, Path(name).read_bytes()) for name in files),
            tuple(name for name in self.plugins if name not in files),
            self.start,
            self.limits,
        )
        self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel what runs: its workers notice, and end the processes."""
        futures = [handed.future for handed in self._handed if handed.future is not None]
        self._handed.clear()
        if self._client.status == "running":
            self._client.cancel(futures, force=True)
        self._client.close(timeout=CONNECT_SECONDS)

    @property
    def free(self) -> bool:
        """Whether another job can be handed out."""
        return len(self._handed) < (self.most or max(LEAST_AHEAD, AHEAD * self._threads()))

    @property
    def busy(self) -> bool:
        """Whether a job that was handed out has not ended."""
        return bool(self._handed)

    def submit(self, job: Job, contexts: Mapping[str, Any]) -> None:
        """Hand out a job."""
        handed = _Handed(job, contexts[job.context])
        self._handed.append(handed)
        self._hand_out(handed)

    def wait(self) -> list[Event]:
        """Wait a moment for a job to end, and write what a fit predicts into the store; lost jobs are handed out again.

        Raises:
            BenchError: the scheduler is gone, or the machines of the cluster have other versions.
        """
        try:
            handed, future = self._ended.get(timeout=POLL_SECONDS)
        except queue.Empty:
            if self._client.status == "closed":
                self._begin_anew()
            return []
        return self._take(handed) if handed in self._handed and handed.future is future else []

    def _take(self, handed: _Handed) -> list[Event]:
        """Return the events of a job that has ended; none where it was handed out again."""
        future, job = handed.future, handed.job
        if future.status == "finished":
            try:
                report: Report = future.result(timeout=CONNECT_SECONDS)
            except Exception:  # noqa: BLE001 - the machine that held the result is gone: that is no fault of the job
                return self._lose(handed)
            if report.predictions is not None and isinstance(job, FitJob):
                self.store.write(job.key, report.predictions)
            self._handed.remove(handed)
            return [Event(job, kind, value) for kind, value in report.events]
        if future.status == "error":
            error = future.exception()
            if isinstance(error, OtherSurroundingsError):
                raise BenchError(
                    f"a machine of the cluster has other versions ({error}), and this program has {surroundings()}: "
                    "install the same on all of them"
                )
            if type(error).__name__ not in {"KilledWorker", "CommClosedError", "FutureCancelledError"}:
                self._handed.remove(handed)
                return [Event(job, "crashed", f"the cluster could not run it ({type(error).__name__}: {error})")]
        return self._lose(handed)

    def _lose(self, handed: _Handed) -> list[Event]:
        """Hand out a job again whose machine was lost; after many losses it is taken to be the reason."""
        if self._client.status != "running":
            self._begin_anew()
            return []
        handed.losses += 1
        if handed.losses > MOST_LOSSES:
            self._handed.remove(handed)
            return [Event(handed.job, "crashed", f"the machines that ran it were lost {handed.losses} times")]
        self._hand_out(handed)
        return []

    def _begin_anew(self) -> None:
        """Connect again to a scheduler that was lost with all that it knew, and hand out all jobs again."""
        self._client.close(timeout=1)
        self._sent.clear()
        self._held.clear()
        self._connect()
        for handed in self._handed:
            self._hand_out(handed)

    def _connect(self) -> None:
        """Connect to the scheduler, for which is waited while it is not there.

        Raises:
            BenchError: dask is not installed, or there is no scheduler.
        """
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            raise BenchError(f"--executor dask needs {error.name}: pip install 'bench[dask]'") from error
        _silence("distributed", "tornado")  # what they say of a lost connection is said by us
        until = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                self._client = Client(self.address, timeout=max(1, until - time.monotonic()), set_as_default=False)
            except (OSError, ValueError, TimeoutError) as error:
                if isinstance(error, ValueError) or time.monotonic() >= until:
                    raise BenchError(
                        f"no dask scheduler answers at {self.address!r} ({type(error).__name__}): start one with "
                        "`dask scheduler`, or give its --address; the next run goes on where this one stopped"
                    ) from error
            else:
                return

    def _hand_out(self, handed: _Handed) -> None:
        """Give a job to the scheduler, behind all that it needs."""
        job = handed.job
        keys = list(job.fits.values()) if isinstance(job, EvaluateJob) else []
        task = self._send("task", job.context, lambda: handed.task)
        self._held.append(task)
        # predictions of a fit are read when they are sent: a store may hold more than memory
        needs = [self._send("fit", key, functools.partial(self._read, key)) for key in keys]
        handed.needs = (task, *needs)
        handed.future = self._client.submit(_run, job, self._setup, keys, task, *needs, pure=False)
        future = handed.future
        future.add_done_callback(lambda _: self._ended.put((handed, future)))

    def _send(self, kind: str, name: str, make: Callable[[], Any]) -> Any:
        """Return the future of something that travels, which is sent unless it is on the cluster."""
        future = self._sent.get((kind, name))
        if future is None or future.status not in {"pending", "finished"}:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph", UserWarning)  # it goes to the scheduler once
                future = self._client.submit(_keep, make(), pure=False)
            self._sent[kind, name] = future
        return future

    def _read(self, key: str) -> FitPredictions:
        return as_arrays(self.store.read(key))

    def _threads(self) -> int:
        """Return how many jobs the cluster can run at once, as it was a moment ago."""
        asked, size = self._size
        if time.monotonic() - asked > SIZE_SECONDS and self._client.status == "running":
            try:
                size = sum(self._client.nthreads().values())
            except (OSError, TimeoutError):  # it is being lost, and `wait` will see that
                size = 0
            self._size = time.monotonic(), size
        return size


def _silence(*libraries: str) -> None:
    """Let libraries that are imported log nothing; some of their modules have levels of their own."""
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in libraries:
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _keep(value: Any) -> Any:
    """Return what travels: as a task of its own it is kept by the scheduler, and made again where it is lost."""
    return value


def _run(job: Job, setup: Setup, keys: Sequence[str], task: Any, *predictions: FitPredictions) -> Report:
    """Run a job in a worker of dask, as long as its result is wanted."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        state = worker.state.tasks.get(key)
        return state is not None and state.state in {"executing", "long-running", "resumed"}

    return run_job(job, setup, keys, is_wanted, task, *predictions)
