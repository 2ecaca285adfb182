"""How far a run is, for who watches it: the program itself, and `bench status` from another terminal."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from bench.core.files import write_json
from bench.core.hashing import digest
from bench.runner.executors.local import Event

FILE = ".progress.json"
"""File of a results directory that is there while a run goes on."""


class Running(NamedTuple):
    """What runs now, and for how many seconds."""

    what: str
    seconds: float


@dataclass(frozen=True)
class Progress:
    """How many jobs of those that are known have ended, what runs, and how many seconds the rest may take."""

    done: int
    total: int
    running: tuple[Running, ...]
    seconds: float
    seconds_left: float
    pid: int
    machine: str

    @classmethod
    def of_this_process(
        cls, done: int, total: int, running: tuple[Running, ...], seconds: float, seconds_left: float
    ) -> Progress:
        """Return the progress of a run of this process, which began so many `seconds` ago."""
        return cls(done, total, running, seconds, seconds_left, os.getpid(), _machine())

    def write(self, results: Path) -> None:
        """Leave it where `read_progress` finds it."""
        write_json(results / FILE, asdict(self))


def _ignore(_: object) -> None:
    pass


@dataclass(frozen=True)
class Watch:
    """Who watches a run: `event` gets every event, `progress` now and then how far the run is."""

    event: Callable[[Event], None] = _ignore
    progress: Callable[[Progress], None] = _ignore


UNWATCHED = Watch()
"""Nobody watches."""


def _machine() -> str:
    """Return what tells this machine from others and is not its name, which nobody must read in results."""
    return digest(socket.gethostname())[:12]


def read_progress(results: Path) -> Progress | None:
    """Return how far the run is that writes to a directory; None where there is none, or it has died."""
    try:
        held = json.loads((results / FILE).read_text(encoding="utf-8"))
        found = Progress(**held | {"running": tuple(Running(*each) for each in held["running"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    import psutil

    is_gone = found.machine == _machine() and not psutil.pid_exists(found.pid)
    return None if is_gone else found


def forget_progress(results: Path) -> None:
    """Leave no progress behind: the run has ended."""
    (results / FILE).unlink(missing_ok=True)
