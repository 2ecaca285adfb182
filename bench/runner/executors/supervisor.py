"""A supervisor: a process that runs no code but ours, starts a worker, and outlives it until its tree has ended.

Whatever the worker leaves behind when it ends, dies or is killed is killed: children, those that were forked twice,
those in sessions of their own. So is the worker itself when the program that it works for is gone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn

import psutil

from bench.core.streams import keep_streams_from_failing
from bench.core.text import error_line
from bench.runner.executors.process_tree import (
    adopt_orphans,
    die_with_parent,
    end_descendants,
    has_children,
    reap_ended,
)

MOST_OUTPUT = 2**13
"""Bytes of what a worker prints that are passed on: enough to see what is wrong, and no log of a CI job is flooded."""
POLL_SECONDS = 0.05
"""How often the end of a worker is looked for, where the system cannot tell it."""


def supervise(pipe: Connection, work: Callable[[], None]) -> NoReturn:
    """Run `work` in a process of its own and end as that ends, once all that it started has ended, too.

    `pipe` is for the worker alone. SIGTERM ends the worker with its tree.
    """
    adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which then ends its workers
    signal.signal(signal.SIGTERM, lambda *_: end_descendants(psutil.Process()))
    readable, printed = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.close(readable)
        _work(printed, work)
    os.close(printed)
    pipe.close()
    output = _Output(readable)
    code = _watch(worker, output)
    while has_children():  # to look for them takes a while, and seldom there are any
        end_descendants(psutil.Process())
        reap_ended()  # a bomb of forks leaves thousands
    while output.relay():
        pass
    output.count_hidden()
    _end_as(code)


def _work(printed: int, work: Callable[[], None]) -> NoReturn:
    """Be the worker: in a session of its own, and what is printed, on stdout too, goes to the supervisor."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(signal.SIGKILL)
    os.setsid()
    for descriptor in (1, 2):
        os.dup2(printed, descriptor)
    os.close(printed)
    keep_streams_from_failing()
    code: Any = 0
    try:
        work()
    except SystemExit as error:
        code = error.code
    except BaseException:  # noqa: BLE001 - whatever it is, the process ends here
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _watch(worker: int, output: _Output) -> int:
    """Pass on what the worker prints until it ends, and return its exit code; end it when the program is gone."""
    parent = multiprocessing.parent_process()
    watched = [output.readable] if parent is None else [output.readable, parent.sentinel]
    timeout: float | None = POLL_SECONDS
    with contextlib.suppress(AttributeError, OSError):  # Linux tells of an end, unless a sandbox forbids it
        watched.append(os.pidfd_open(worker))
        timeout = None
    while True:
        ready = wait(watched, timeout)
        if output.readable in ready and not output.relay():
            watched.remove(output.readable)
        if parent is not None and parent.sentinel in ready:
            end_descendants(psutil.Process())
        found, status = os.waitpid(worker, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)


@dataclass
class _Output:
    """What a worker prints: passed on to stderr, as text, until it is too much; the rest is counted."""

    readable: int
    left: int = MOST_OUTPUT
    hidden: int = 0

    def relay(self) -> bool:
        """Pass on what has been printed, once there is something; return whether there may be more."""
        printed = os.read(self.readable, 2**16)
        shown, rest = printed[: self.left], printed[self.left :]
        self.left -= len(shown)
        self.hidden += len(rest)
        # of what a worker prints a terminal and a CI log see the letters, and obey nothing
        self._print("".join(f"{error_line(line)}\n" for line in shown.decode(errors="backslashreplace").splitlines()))
        return bool(printed)

    def count_hidden(self) -> None:
        """Say how much was not passed on."""
        if self.hidden:
            self._print(f"bench: a worker printed {self.hidden} bytes more, which are not shown\n")

    @staticmethod
    def _print(text: str) -> None:
        with contextlib.suppress(OSError):
            os.write(2, text.encode(errors="backslashreplace"))


def _end_as(code: int) -> NoReturn:
    """End with an exit code, or by the signal of a negative one."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the core of the worker is the one of interest
        with contextlib.suppress(OSError, ValueError):  # SIGKILL has no handler that could be taken off
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)
