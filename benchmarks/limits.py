"""How late an item that breaks a limit is ended with all that it started, also in native code.

    python benchmarks/limits.py [WORKERS]

Heavy imports stand inside the functions: every worker imports this file again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

SECONDS = 1.0
"""Time limit of an item."""
ROOM = 300 * 2**20
"""Bytes that an item may take beyond what its process has when it begins."""
CHILDREN = 8
"""Processes that a fork bomb has going at most: enough to outrun who kills them one by one, and no danger."""


@dataclass(frozen=True)
class Hostile:
    """A job that tells when it began, and then never ends."""

    act: Callable[[], None]
    is_foreign: bool = True
    context: str = "x"

    def items(self, _: Any) -> Iterator[float]:
        """Yield the time, and go on for ever."""
        yield time.monotonic()
        self.act()
        while True:
            pass


def native_call() -> None:
    """Sleep in C without letting go of the interpreter: no signal handler of Python ever runs."""
    import ctypes

    ctypes.PyDLL(None).sleep(3600)


def native_loop() -> None:
    """Compute in C for a long time."""
    import numpy as np

    a = np.ones((6000, 6000))
    while True:
        a @ a


def fork_bomb() -> None:
    """Start processes that start processes, each deaf to SIGTERM and in a session of its own, for a while."""
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    end = time.monotonic() + 20 * SECONDS
    for _ in range(CHILDREN):
        if os.fork() == 0:
            os.setsid()
            while time.monotonic() < end and not os.fork():  # who has a child ends: the tree changes, and does not grow
                time.sleep(0.01)
            os._exit(0)


def gigabyte_a_second() -> None:
    """Take memory as fast as the machine gives it, at most a gigabyte a second."""
    kept = []
    while True:
        kept.append(b"x" * 2**26)
        time.sleep(2**26 / 1e9)


def lateness(act: Callable[[], None], workers: int) -> list[str]:
    """Return how an item ends in each of some workers, and how late the last is ended, its whole tree included."""
    import psutil

    from bench.runner.executors.local import Pool
    from bench.runner.foreign_code import starter
    from bench.runner.options import Limits

    is_memory = act is gigabyte_a_second
    limits = Limits(None, base_bytes() + ROOM) if is_memory else Limits(SECONDS, None)
    before = set(psutil.pids())
    began, late, kinds = [], 0.0, []
    with Pool(workers, starter(()), limits) as pool:
        for _ in range(workers):
            pool.submit(Hostile(act), {"x": None})
        while pool.busy:
            for event in pool.wait():
                if event.kind == "item":
                    began.append(event.value)
                    continue
                kinds.append(event.kind)
                due = max(began) + (ROOM / 1e9 if is_memory else SECONDS)
                late = max(late, time.monotonic() - due)
    own = os.getpid()
    left = [p for p in psutil.process_iter() if p.pid not in before and own in {each.pid for each in p.parents()}]
    names = {"forkserver", "resource_tracker"}
    strays = [p for p in left if not any(name in " ".join(p.cmdline()) for name in names)]
    return [act.__name__, str(workers), " ".join(sorted({*kinds})), f"{late:.2f}", str(len(strays))]


def base_bytes() -> int:
    """Return the memory of a worker that has done nothing yet."""
    from bench.runner.executors.local import Pool
    from bench.runner.executors.process_tree import tree_bytes
    from bench.runner.foreign_code import starter

    with Pool(1, starter(())) as pool:
        pool.submit(Hostile(native_call), {"x": None})
        while not pool.wait():
            pass
        return tree_bytes(pool._busy[0].tree)  # noqa: SLF001 - nobody else needs it


def main() -> None:
    """Measure every kind of item, alone and in many workers at once."""
    import measure

    from bench.runner.executors.fork_server import start_server

    start_server()
    many = int((sys.argv[1:] or ["8"])[0])
    acts = (native_call, native_loop, fork_bomb, gigabyte_a_second)
    rows = [lateness(act, workers) for act in acts for workers in (1, many)]
    print(measure.markdown(["item", "workers", "ends as", "seconds late", "processes left"], rows))


if __name__ == "__main__":
    main()
