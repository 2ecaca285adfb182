"""What a worker process does: it takes jobs from its pipe, and sends their values back through it."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any

from bench.runner.executors.fork_server import PRELOADED
from bench.runner.executors.shared_context import load


def serve(pipe: Connection) -> None:
    """Run jobs until the other end of the pipe is closed."""
    importlib.import_module(PRELOADED)  # where there is no fork server
    context = None
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            kind, value = pipe.recv()
            if kind == "context":
                context = load(recv_handle(pipe), value)
            else:
                _report(pipe, value, context)


def serve_one(pipe: Connection, start: Callable[[], None]) -> None:
    """Run one job, behind what makes its code known; nothing where the other end of the pipe is closed."""
    importlib.import_module(PRELOADED)
    try:
        _, spans = pipe.recv()
        context = load(recv_handle(pipe), spans)
        _, job = pipe.recv()
    except (EOFError, ConnectionError):
        return
    start()
    with contextlib.suppress(ConnectionError):
        _report(pipe, job, context)


def _report(pipe: Connection, job: Any, context: Any) -> None:
    """Run a job, and send its values."""
    pipe.send(("ready", None))
    for item in job.items(context):
        pipe.send(("item", item))
    pipe.send(("done", None))
