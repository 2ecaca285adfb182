"""How worker processes start: as forks of a server that has imported the heavy libraries, where there can be one."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.core.threads import use_one_thread

PRELOADED = "bench.runner.preloaded"
"""Module that the server imports once for all workers."""
LONGEST_SOCKET = 104
"""Bytes that the path of a Unix socket may have, its closing zero included: 108 on Linux, 104 on macOS."""
SOCKET_NAME = len("/pymp-xxxxxxxx/listener-xxxxxxxx")
"""Bytes of the path of a socket of multiprocessing below the folder of temporary files."""
MOST_STARTS = 5
"""How often the start of a process is tried, each time with a new server."""
PAUSE_SECONDS = 0.2
"""How long is waited before the next try."""
SAFE_PATH = "PYTHONSAFEPATH"
"""Variable that keeps the working directory off the path of an interpreter."""


def start_server() -> None:
    """Start what workers are forked from, if it does not run: it imports the heavy libraries while the caller goes on.

    Ctrl-C is for the caller: the server would answer it with a traceback while it imports. It ends with its caller.
    """
    use_one_thread()
    if start_context().get_start_method() != "forkserver":
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


def start_process(target: Callable[..., Any], *args: Any) -> Any:
    """Start a process that calls a function, and return it; it may have children of its own.

    Raises:
        BenchError: the server that it is forked from dies again and again.
    """
    for _ in range(MOST_STARTS):
        start_server()  # it may have died
        process = start_context().Process(target=target, args=args, daemon=False)
        try:
            with _safe_path():
                process.start()
        except (EOFError, ConnectionError):  # it died at this very moment; what is killed takes a while to be gone
            time.sleep(PAUSE_SECONDS)
        else:
            return process
    from bench.core.nouns import BenchError  # heavy: the server is to be started first of all

    raise BenchError(f"no worker process can be started: what they are forked from died {MOST_STARTS} times: run again")


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
def start_context() -> Any:
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
