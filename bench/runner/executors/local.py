"""Worker processes on this machine: one job at a time each, killed whole when it breaks a limit.

A job is anything that can be pickled and has `items(context)`, a generator. Its values are streamed back, so that a
worker that dies takes only the item it was on with it. Workers run one thread each and survive from job to job.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, Protocol, Self

from bench.core.streams import keep_streams_from_failing
from bench.core.threads import use_one_thread
from bench.runner.options import Limits

PRELOADED = (
    "bench.runner.scheduler",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.neural_network",
    "lightgbm",
)
"""Modules that the fork server imports once for all workers."""
LONGEST_SOCKET = 104
"""Bytes that the path of a Unix socket may have, its closing zero included: 108 on Linux, 104 on macOS."""
SOCKET_NAME = len("/pymp-xxxxxxxx/listener-xxxxxxxx")
"""Bytes of the path of a socket of multiprocessing below the folder of temporary files."""
POLL_SECONDS = 0.2
"""How often limits are checked: far below any limit that a user gives, and no load."""


class Job(Protocol):
    """Something to run in a worker, with the context of the given name."""

    @property
    def context(self) -> str:
        """Name of the object that the job needs."""

    def items(self, context: Any) -> Iterator[Any]:
        """Do the work, one item after the other."""


@dataclass(frozen=True)
class Event:
    """What a worker reported: an item's value, that its job is done, or that it was lost."""

    job: Any
    kind: Literal["item", "done", "timeout", "oom", "crashed"]
    value: Any = None


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    job: Any = None
    context: str | None = None
    started: float = field(default_factory=time.monotonic)


class Pool:
    """N worker processes within a `with` block; `start` is called once in each before its first job."""

    def __init__(self, n: int, start: Callable[[], None], limits: Limits | None = None) -> None:
        self.n, self.limits = n, limits or Limits()
        self._start = start
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        """Start the workers."""
        start_server()
        self._workers = [self._hire() for _ in range(self.n)]
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the workers: what they had not reported is not recorded, and is done again by the next run."""
        for worker in self._workers:
            self._dismiss(worker)

    @property
    def free(self) -> bool:
        """Whether a worker is idle."""
        return any(worker.job is None for worker in self._workers)

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return any(worker.job is not None for worker in self._workers)

    def submit(self, job: Job, contexts: Mapping[str, Any]) -> None:
        """Give a job to an idle worker, first choice one that holds its context."""
        idle = [worker for worker in self._workers if worker.job is None]
        worker = min(idle, key=lambda w: w.context != job.context)
        if not worker.process.is_alive():
            worker = self._replace(worker)
        worker.job, worker.started = job, time.monotonic()
        with contextlib.suppress(OSError):  # a worker that dies at this moment is seen by `wait`
            if worker.context != job.context:
                worker.pipe.send(("context", contexts[job.context]))
                worker.context = job.context
            worker.pipe.send(("job", job))

    def wait(self) -> list[Event]:
        """Wait until a worker reports something or breaks a limit."""
        while True:
            running = {worker.pipe: worker for worker in self._workers if worker.job is not None}
            ready = wait(list(running), timeout=POLL_SECONDS if self.limits != Limits() else None)
            events = [self._receive(running[pipe]) for pipe in ready if isinstance(pipe, Connection)]
            events += [event for worker in list(self._workers) if (event := self._check(worker))]
            if events:
                return events

    def _receive(self, worker: _Worker) -> Event:
        try:
            kind, value = worker.pipe.recv()
        except (EOFError, OSError):
            return self._lose(worker, "crashed")
        job, worker.started = worker.job, time.monotonic()
        if kind == "done":
            worker.job = None
        return Event(job, kind, value)

    def _check(self, worker: _Worker) -> Event | None:
        limits = self.limits
        if worker.job is None or worker.pipe.poll():
            return None
        if limits.seconds is not None and time.monotonic() - worker.started > limits.seconds:
            return self._lose(worker, "timeout")
        if limits.memory is not None and _resident_bytes(worker.process.pid) > limits.memory:
            return self._lose(worker, "oom")
        return None

    def _lose(self, worker: _Worker, kind: Literal["timeout", "oom", "crashed"]) -> Event:
        self._replace(worker)
        return Event(worker.job, kind, worker.process.exitcode)

    def _replace(self, worker: _Worker) -> _Worker:
        """Hire another worker in the place of one that is dead or must go."""
        self._dismiss(worker)
        hired = self._workers[self._workers.index(worker)] = self._hire()
        return hired

    def _hire(self) -> _Worker:
        ours, theirs = _context().Pipe()
        process = _context().Process(target=_serve, args=(theirs, self._start), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    @staticmethod
    def _dismiss(worker: _Worker) -> None:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


def start_server() -> None:
    """Start what workers are forked from, if it does not run: it imports the heavy libraries while the caller goes on.

    Ctrl-C is for the caller: the server would answer it with a traceback while it imports. It ends with its caller.
    """
    use_one_thread()
    if _context().get_start_method() != "forkserver":
        return
    from multiprocessing.forkserver import ensure_running
    from multiprocessing.resource_tracker import ensure_running as ensure_tracker

    ensure_tracker()  # its start would lift the block
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what is blocked stays so in children
    try:
        ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


@functools.cache
def _context() -> Any:
    """Return how processes start: as forks of a server that has the heavy libraries, where there can be one."""
    served = "forkserver" in multiprocessing.get_all_start_methods() and _has_room_for_socket()
    context: Any = multiprocessing.get_context("forkserver" if served else "spawn")
    if hasattr(context, "set_forkserver_preload"):
        context.set_forkserver_preload(list(PRELOADED))
    return context


def _has_room_for_socket() -> bool:
    """Return whether a socket of the fork server fits into the folder of temporary files, if there is one at all."""
    try:
        return len(os.fsencode(tempfile.gettempdir())) + SOCKET_NAME < LONGEST_SOCKET
    except FileNotFoundError:
        return False


def _resident_bytes(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _end_with_parent() -> None:
    """End this worker when its parent is gone, also in the middle of a fit: `kill -9` leaves nothing behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _serve(pipe: Connection, start: Callable[[], None]) -> None:
    """Run jobs until the other end of the pipe is closed."""
    from threadpoolctl import threadpool_limits

    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends its workers
    keep_streams_from_failing()
    os.dup2(2, 1)  # what a library prints must not mix with the data on stdout
    context = None
    with threadpool_limits(1), contextlib.suppress(EOFError, BrokenPipeError):
        start()
        while True:
            kind, value = pipe.recv()
            if kind == "context":
                context = value
                continue
            for item in value.items(context):
                pipe.send(("item", item))
            pipe.send(("done", None))
