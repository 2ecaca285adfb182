"""A cluster of dask.distributed on this machine, each scheduler and worker a process of its own that can be killed.

Its processes may live in namespaces of Linux, which make of them machines with a network of their own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

DASK = (sys.executable, "-P", "-m", "dask")


@dataclass(frozen=True)
class Machine:
    """Where a process of a cluster runs: its address, and the words that start a command there."""

    host: str = "127.0.0.1"
    enter: tuple[str, ...] = ()


HERE = Machine()


@dataclass
class Cluster:
    """Processes of a cluster, in a folder of their own and with some more variables, all killed when the block ends."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    head: Machine = HERE
    node: Machine = HERE
    port: int = 0
    scheduler: subprocess.Popen | None = None
    workers: list[subprocess.Popen] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self):
        self.folder.mkdir()
        return self

    def __exit__(self, *_):
        self._stack.close()

    @property
    def address(self):
        return f"tcp://{self.head.host}:{self.port}"

    def start_scheduler(self):
        """Start the scheduler, at the port of the one before if there was one, and wait until it takes calls."""
        self.scheduler = self._start(self.head, "scheduler", "--port", self.port)
        line = next(line for line in self.scheduler.stderr if "Scheduler at:" in line)
        self.port = int(line.rsplit(":", 1)[1])

    def start_workers(self, n=1, *words):
        for _ in range(n):
            self.workers.append(self._start(self.node, "worker", self.address, "--nthreads", 1, *words))

    def kill(self, process):
        """Kill a process as a machine dies: no word, and its children with it."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _start(self, machine, *words):
        process = subprocess.Popen(
            [*machine.enter, *DASK, *map(str, words), "--host", machine.host, "--no-dashboard"],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._stack.callback(process.stderr.close)
        self._stack.callback(self._end, process)
        return process

    @staticmethod
    def _end(process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
