"""Worker processes on this machine: one job at a time each, ended with all that they started when they break a limit.

A job is anything that can be pickled and has `items(context)`, a generator. Its context is written once for them all.
Its values are streamed back, so that a worker that dies takes only the item it was on with it. Workers run one thread
each. Those of our own code survive from job to job; a job with foreign code has a process of its own, and ends with it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import send_handle
from typing import Any, Literal, NamedTuple, Protocol, Self

import psutil

from bench.runner.executors.duty import serve, serve_one
from bench.runner.executors.fork_server import start_context, start_process
from bench.runner.executors.inbox import Inbox
from bench.runner.executors.process_tree import adopt_orphans, children, end_adopted, end_tree, tree_bytes
from bench.runner.executors.shared_context import SharedContext, share
from bench.runner.executors.supervisor import supervise
from bench.runner.options import Limits

POLL_SECONDS = 0.2
"""How often limits are checked: far below any limit that a user gives, and no load."""
STARTING_SECONDS = 600
"""How long a process may take until it begins its job: importing a plug-in is no part of a fit, but must end."""
ENDING_SECONDS = 1.0
"""How long a supervisor is given to end a tree, before that is done over its head."""
MOST_SHARED = 2**30
"""Bytes of all contexts that are kept for the jobs to come; the last one is kept whatever its size."""

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


class _Loss(NamedTuple):
    """A worker that is lost or to be ended, and why."""

    worker: _Worker
    kind: Kind
    why: str


class Pool:
    """N worker processes within a `with` block; `start` is called in each that is to run foreign code, before that."""

    def __init__(self, n: int, start: Callable[[], None], limits: Limits | None = None) -> None:
        self.n, self.limits = n, limits or Limits()
        self._start = start
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._children: set[psutil.Process] = set()
        self._shared: dict[str, SharedContext] = {}

    def __enter__(self) -> Self:
        """Get ready to start workers; each starts with the first job for it."""
        adopt_orphans()
        self._children = children()
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers: what they had not reported is not recorded, and is done again by the next run."""
        _end([*self._idle, *self._busy])
        end_adopted(self._children)
        adopt_orphans(wanted=False)
        while self._shared:
            os.close(self._shared.popitem()[1].file)

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
        shared = self._share(job.context, contexts)
        worker = self._hire(self._start) if job.is_foreign else self._take_idle(job.context)
        with contextlib.suppress(OSError):  # a worker that dies at this moment is seen by `wait`
            if worker.context != job.context:
                worker.pipe.send(("context", shared.spans))
                send_handle(worker.pipe, shared.file, worker.process.pid)
            worker.pipe.send(("job", job))
        worker.job, worker.context = job, job.context
        worker.since, worker.is_ready = time.monotonic(), False
        self._busy.append(worker)

    def _share(self, name: str, contexts: Mapping[str, Any]) -> SharedContext:
        """Return a context as workers get it: it is written once, unless it was let go of in the meantime."""
        shared = self._shared.pop(name) if name in self._shared else share(contexts[name])
        self._shared[name] = shared
        while len(self._shared) > 1 and sum(each.size for each in self._shared.values()) > MOST_SHARED:
            os.close(self._shared.pop(next(iter(self._shared))).file)  # the one that was not needed for longest
        return shared

    def _take_idle(self, context: str) -> _Worker:
        """Return an idle worker that lives, or a new one; one that holds the context if there is one."""
        for worker in sorted(self._idle, key=lambda worker: worker.context != context):
            self._idle.remove(worker)
            if worker.process.is_alive():
                return worker
            _end([worker])
        return self._hire()

    def wait(self) -> list[Event]:
        """Wait a moment, and return what workers have reported by then, and which of them broke a limit."""
        sources = {source: w for w in self._busy for source in (w.pipe, w.process.sentinel)}
        ready = wait(list(sources), POLL_SECONDS)
        events: list[Event] = []
        for worker in dict.fromkeys(sources[source] for source in ready):
            events += self._receive(worker, has_ended=worker.process.sentinel in ready)
        return events + self._lose([loss for worker in self._busy if (loss := self._broken_limit(worker))])

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
            return events + self._lose([_Loss(worker, "crashed", f"its process sent what is no result ({error})")])
        if events and events[-1].kind == "done":
            self._busy.remove(worker)
            if worker.job.is_foreign:
                worker.process.join(ENDING_SECONDS)  # it is about to end by itself
                _end([worker])
            else:
                self._idle.append(worker)
        elif has_ended:
            events += self._lose([_Loss(worker, "crashed", describe_end(worker.process.exitcode))])
        return events

    def _broken_limit(self, worker: _Worker) -> _Loss | None:
        """Return how a worker breaks a limit, if it does."""
        limits, seconds = self.limits, time.monotonic() - worker.since
        if not worker.is_ready and seconds > STARTING_SECONDS:
            return _Loss(worker, "timeout", f"its process did not begin within {STARTING_SECONDS} s")
        if worker.is_ready and limits.seconds is not None and seconds > limits.seconds and not worker.pipe.poll():
            return _Loss(worker, "timeout", f"it took longer than --time-limit ({limits.seconds:g} s)")
        if limits.memory is not None and tree_bytes(worker.tree) > limits.memory:
            return _Loss(worker, "oom", f"it took more memory than --mem-limit ({limits.memory} bytes)")
        return None

    def _lose(self, losses: Sequence[_Loss]) -> list[Event]:
        """End workers, all at once, since many may break a limit at the same moment, and report their jobs as lost."""
        if losses:
            self._busy = [worker for worker in self._busy if all(worker is not loss.worker for loss in losses)]
            _end([loss.worker for loss in losses])
            end_adopted(self._children)
        return [Event(loss.worker.job, loss.kind, loss.why) for loss in losses]

    @staticmethod
    def _hire(start: Callable[[], None] | None = None) -> _Worker:
        """Start a worker for many jobs, or, with a start of foreign code, for one."""
        ours, theirs = start_context().Pipe()
        duty = functools.partial(serve, theirs) if start is None else functools.partial(serve_one, theirs, start)
        process = start_process(supervise, theirs, duty)
        theirs.close()
        return _Worker(process, ours, Inbox(ours), psutil.Process(process.pid))


def describe_end(code: int | None) -> str:
    """Return in words how a process ended by itself."""
    if code == -signal.SIGKILL:
        return "its process was killed (SIGKILL), as the system does when memory runs out"
    if code is not None and code < 0:
        return f"its process died ({signal.Signals(-code).name})"
    return f"its process ended (exit code {code})"


def _end(workers: Sequence[_Worker]) -> None:
    """End workers with all that they started, all of them at once; what was sent can still be read."""
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(ENDING_SECONDS)
        end_tree(worker.tree)
        worker.process.join()
