"""Worker processes on this machine: one job at a time each, ended with all that they started when they break a limit.

A job is anything that can be pickled and has `items(context)`, a generator. Its values are streamed back, so that a
worker that dies takes only the item it was on with it. Workers run one thread each. Those of our own code survive from
job to job; a job with foreign code has a process of its own, which ends with it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import multiprocessing
import os
import pickle
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, NamedTuple, Protocol, Self

import psutil

from bench.core.threads import use_one_thread
from bench.runner.executors.inbox import Inbox
from bench.runner.executors.process_tree import adopt_orphans, children, end_adopted, end_tree, tree_bytes
from bench.runner.executors.supervisor import supervise
from bench.runner.options import Limits

PRELOADED = "bench.runner.preloaded"
"""Module that the fork server imports once for all workers."""
LONGEST_SOCKET = 104
"""Bytes that the path of a Unix socket may have, its closing zero included: 108 on Linux, 104 on macOS."""
SOCKET_NAME = len("/pymp-xxxxxxxx/listener-xxxxxxxx")
"""Bytes of the path of a socket of multiprocessing below the folder of temporary files."""
POLL_SECONDS = 0.2
"""How often limits are checked: far below any limit that a user gives, and no load."""
STARTING_SECONDS = 600
"""How long a process may take until it begins its job: importing a plug-in is no part of a fit, but must end."""
ENDING_SECONDS = 1.0
"""How long a supervisor is given to end a tree, before that is done over its head."""
SAFE_PATH = "PYTHONSAFEPATH"
"""Variable that keeps the working directory off the path of an interpreter."""

Kind = Literal["item", "done", "timeout", "oom", "crashed"]


class Job(Protocol):
    """Something to run in a worker, with the context of the given name."""

    @property
    def context(self) -> str:
        """Name of the object that the job needs."""

    @property
    def is_foreign(self) -> bool:
        """Whether it runs code that is not ours, and so must share its process with nothing else."""

    def items(self, context: Any) -> Iterator[Any]:
        """Do the work, one item after the other."""


@dataclass(frozen=True)
class Event:
    """What a worker reported: an item's value, that its job is done, or that it was lost, and then why, as `value`."""

    job: Any
    kind: Kind
    value: Any = None


class _Given(NamedTuple):
    """A job and its context."""

    job: Job
    context: Any


@dataclass(eq=False)
class _Worker:
    """A worker with its supervisor: `tree` is the latter, `since` when the item at hand began, or when it was hired."""

    process: Any
    pipe: Connection
    inbox: Inbox
    tree: psutil.Process
    job: Any = None
    context: str | None = None
    is_ready: bool = False
    since: float = field(default_factory=time.monotonic)


class Pool:
    """N worker processes within a `with` block; `start` is called in each that is to run foreign code, before that."""

    def __init__(self, n: int, start: Callable[[], None], limits: Limits | None = None) -> None:
        self.n, self.limits = n, limits or Limits()
        self._start = start
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._children: set[psutil.Process] = set()

    def __enter__(self) -> Self:
        """Get ready to start workers; each starts with the first job for it."""
        start_server()
        adopt_orphans()
        self._children = children()
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers: what they had not reported is not recorded, and is done again by the next run."""
        _end([*self._idle, *self._busy])
        end_adopted(self._children)
        adopt_orphans(wanted=False)

    @property
    def free(self) -> bool:
        """Whether another job can be run."""
        return len(self._busy) < self.n

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return bool(self._busy)

    def end_running(self) -> None:
        """End the workers that have a job, from another thread: `wait` reports their jobs as lost."""
        for worker in list(self._busy):
            worker.process.terminate()

    def submit(self, job: Job, contexts: Mapping[str, Any]) -> None:
        """Give a job to a process of its own, or to an idle worker, first choice one that holds its context."""
        if job.is_foreign:
            worker = self._hire(_Given(job, contexts[job.context]))
        else:
            worker = self._take_idle(job.context)
            with contextlib.suppress(OSError):  # a worker that dies at this moment is seen by `wait`
                if worker.context != job.context:
                    worker.pipe.send(("context", contexts[job.context]))
                worker.pipe.send(("job", job))
        worker.job, worker.context = job, job.context
        worker.since, worker.is_ready = time.monotonic(), False
        self._busy.append(worker)

    def _take_idle(self, context: str) -> _Worker:
        """Return an idle worker that lives, or a new one; one that holds the context if there is one."""
        for worker in sorted(self._idle, key=lambda worker: worker.context != context):
            self._idle.remove(worker)
            if worker.process.is_alive():
                return worker
            _end([worker])
        return self._hire(None)

    def wait(self) -> list[Event]:
        """Wait a moment, and return what workers have reported by then, and which of them broke a limit."""
        sources = {source: w for w in self._busy for source in (w.pipe, w.process.sentinel)}
        ready = wait(list(sources), POLL_SECONDS)
        events: list[Event] = []
        for worker in dict.fromkeys(sources[source] for source in ready):
            events += self._receive(worker, has_ended=worker.process.sentinel in ready)
        for worker in list(self._busy):
            events += self._check(worker)
        return events

    def _receive(self, worker: _Worker, *, has_ended: bool) -> list[Event]:
        """Take in what a worker has sent; one that has ended without the end of its job is lost."""
        if has_ended:
            _end([worker])
        events = []
        try:
            for kind, value in worker.inbox.messages(to_the_end=has_ended):
                worker.since, worker.is_ready = time.monotonic(), True
                if kind != "ready":
                    events.append(Event(worker.job, kind, value))
        except (OSError, pickle.UnpicklingError) as error:
            return [*events, self._lose(worker, "crashed", f"its process sent what is no result ({error})")]
        if events and events[-1].kind == "done":
            self._busy.remove(worker)
            if worker.job.is_foreign:
                worker.process.join(ENDING_SECONDS)  # it is about to end by itself
                _end([worker])
            else:
                self._idle.append(worker)
        elif has_ended:
            events.append(self._lose(worker, "crashed", describe_end(worker.process.exitcode)))
        return events

    def _check(self, worker: _Worker) -> list[Event]:
        """Hold a worker to the limits."""
        limits, seconds = self.limits, time.monotonic() - worker.since
        if not worker.is_ready and seconds > STARTING_SECONDS:
            return [self._lose(worker, "timeout", f"its process did not begin within {STARTING_SECONDS} s")]
        if worker.is_ready and limits.seconds is not None and seconds > limits.seconds and not worker.pipe.poll():
            return [self._lose(worker, "timeout", f"it took longer than --time-limit ({limits.seconds:g} s)")]
        if limits.memory is not None and tree_bytes(worker.tree) > limits.memory:
            return [self._lose(worker, "oom", f"it took more memory than --mem-limit ({limits.memory} bytes)")]
        return []

    def _lose(self, worker: _Worker, kind: Kind, why: str) -> Event:
        self._busy.remove(worker)
        _end([worker])
        end_adopted(self._children)
        return Event(worker.job, kind, why)

    def _hire(self, given: _Given | None) -> _Worker:
        """Start a worker for many jobs, or, with one given, for that alone, with the foreign code behind it."""
        ours, theirs = _context().Pipe()
        work = functools.partial(_serve, theirs) if given is None else _work_on(theirs, self._start, given)
        process = _context().Process(target=supervise, args=(theirs, work), daemon=False)
        with _safe_path():
            process.start()
        theirs.close()
        return _Worker(process, ours, Inbox(ours), psutil.Process(process.pid))


def results(jobs: Sequence[Job], contexts: Mapping[str, Any], pool: Pool) -> Iterator[Event]:
    """Run jobs in a pool, which is entered here, and yield what they report."""
    waiting = list(reversed(jobs))
    with pool:
        while waiting or pool.busy:
            while waiting and pool.free:
                pool.submit(waiting.pop(), contexts)
            yield from pool.wait()


def describe_end(code: int | None) -> str:
    """Return in words how a process ended by itself."""
    if code == -signal.SIGKILL:
        return "its process was killed (SIGKILL), as the system does when memory runs out"
    if code is not None and code < 0:
        return f"its process died ({signal.Signals(-code).name})"
    return f"its process ended (exit code {code})"


def start_server() -> None:
    """Start what workers are forked from, if it does not run: it imports the heavy libraries while the caller goes on.

    Ctrl-C is for the caller: the server would answer it with a traceback while it imports. It ends with its caller.
    """
    use_one_thread()
    if _context().get_start_method() != "forkserver":
        return
    from multiprocessing.forkserver import ensure_running
    from multiprocessing.resource_tracker import ensure_running as ensure_tracker

    with _safe_path():
        ensure_tracker()  # its start would lift the block
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what is blocked stays so in children
    try:
        with _safe_path():
            ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Start interpreters that import nothing from the working directory.

    They are started with `-c`, which would put it in front of all else. Programs that a plug-in starts may want it.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


@functools.cache
def _context() -> Any:
    """Return how processes start: as forks of a server that has the heavy libraries, where there can be one."""
    served = "forkserver" in multiprocessing.get_all_start_methods() and _has_room_for_socket()
    context: Any = multiprocessing.get_context("forkserver" if served else "spawn")
    if hasattr(context, "set_forkserver_preload"):
        context.set_forkserver_preload([PRELOADED])
    return context


def _has_room_for_socket() -> bool:
    """Return whether a socket of the fork server fits into the folder of temporary files, if there is one at all."""
    try:
        return len(os.fsencode(tempfile.gettempdir())) + SOCKET_NAME < LONGEST_SOCKET
    except FileNotFoundError:
        return False


def _end(workers: Sequence[_Worker]) -> None:
    """End workers with all that they started, all of them at once; what was sent can still be read."""
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(ENDING_SECONDS)
        end_tree(worker.tree)
        worker.process.join()


def _work_on(pipe: Connection, start: Callable[[], None], given: _Given) -> Callable[[], None]:
    return functools.partial(_serve_one, pipe, start, given)


def _serve(pipe: Connection) -> None:
    """Run jobs until the other end of the pipe is closed."""
    importlib.import_module(PRELOADED)  # where there is no fork server
    context = None
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            kind, value = pipe.recv()
            if kind == "context":
                context = value
            else:
                _report(pipe, value, context)


def _serve_one(pipe: Connection, start: Callable[[], None], given: _Given) -> None:
    """Run one job, behind what makes its code known."""
    importlib.import_module(PRELOADED)
    start()
    _report(pipe, *given)


def _report(pipe: Connection, job: Job, context: Any) -> None:
    """Run a job, and send its values."""
    pipe.send(("ready", None))
    for item in job.items(context):
        pipe.send(("item", item))
    pipe.send(("done", None))
