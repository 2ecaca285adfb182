"""Jobs for worker processes, and a pool that runs them as the harness does."""

from __future__ import annotations

import os
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from bench.runner.executors.local import Pool
from bench.runner.executors.process_tree import tree_bytes

MB = 2**20


@dataclass(frozen=True)
class Call:
    """A job that calls functions with its context, one an item."""

    functions: tuple[Any, ...]
    context: str = "x"
    name: str = ""
    note: tuple[Any, ...] = field(default=())
    is_foreign: bool = False

    def items(self, context):
        for function in self.functions:
            yield function(context)


def nothing():
    pass


def double(x):
    return 2 * x


def dies(_):
    os._exit(7)


def for_ever(_):
    while True:
        pass


def prints(_):
    for stream in (sys.stdout, sys.stderr):
        stream.write("::error::\x1b[31m" + "y" * 10**6 + "\n")
    return 42


def run(jobs, n=1, limits=None, start=nothing, contexts=None):
    """Run jobs as the harness does, and return all that was reported, by job name."""
    waiting, reported = deque(jobs), {}
    contexts = contexts or {"x": 21, "y": 5}
    with Pool(n, start, limits) as pool:
        while waiting or pool.busy:
            while waiting and pool.free:
                pool.submit(waiting.popleft(), contexts)
            for event in pool.wait():
                reported.setdefault(event.job.name, []).append((event.kind, event.value))
    return reported


def base_memory():
    with Pool(1, nothing) as pool:
        pool.submit(Call((double,)), {"x": 1})
        while pool.busy:
            pool.wait()
        return tree_bytes(pool._idle[0].tree)
