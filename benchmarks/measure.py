"""Times by turns, and tables of ratios for a page."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

BUDGET = 3.0
"""Seconds for all rounds of one problem; a round in progress is finished, and there are three at least."""

ROUNDS = 31
"""Rounds at most."""

SLOW = 3.0
"""What took so many seconds once is not run again."""

SAMPLE = 0.002
"""Fast calls are repeated until one sample takes so many seconds."""


@dataclass(frozen=True)
class Timing:
    """Seconds of processor time per call, one number a round, and what the last call returned."""

    seconds: tuple[float, ...]
    answer: Any

    @property
    def median(self) -> float:
        """Return the median over the rounds."""
        return float(np.median(self.seconds))


def by_turns(calls: dict[str, Callable[[], Any]]) -> dict[str, Timing]:
    """Call each in turn, round after round, so that a busy machine slows all alike.

    A call that raises is left out: some solvers do not take a singular matrix.
    """
    first = {name: _first(call) for name, call in calls.items()}
    alive = {name: found for name, found in first.items() if found is not None}
    seconds: dict[str, list[float]] = {name: [] for name in alive}
    counts = {name: max(int(SAMPLE / max(spent, 1e-6)), 1) for name, (spent, _) in alive.items()}
    start = time.perf_counter()
    for turn in range(ROUNDS):
        if turn >= 3 and time.perf_counter() - start > BUDGET:
            break
        for name, (spent, _) in alive.items():
            seconds[name].append(spent if spent > SLOW else _sample(calls[name], counts[name]))
    return {name: Timing(tuple(seconds[name]), answer) for name, (_, answer) in alive.items()}


def _first(call: Callable[[], Any]) -> tuple[float, Any] | None:
    """Return the seconds of the second call (the first warms up, if it is fast) and the answer."""
    try:
        start = time.process_time()
        answer = call()
        spent = time.process_time() - start
        return (spent if spent > SLOW else _sample(call, 1)), answer
    except (ArithmeticError, ValueError, RuntimeError, np.linalg.LinAlgError) as error:
        print(f"  failed: {type(error).__name__}: {error}")
        return None


def _sample(call: Callable[[], Any], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - start) / count


def milliseconds(seconds: float) -> str:
    """Return milliseconds with two digits that matter."""
    value = 1000 * seconds
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def ratio(value: float) -> str:
    """Return a ratio with two digits that matter."""
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def markdown(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table, numbers to the right."""
    names = list(columns)
    lines = [names, ["---", *["--:"] * (len(names) - 1)], *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine(packages: Iterable[str]) -> str:
    """Return a sentence on the machine and the versions, and nothing that names it."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"One thread of {os.cpu_count()} shared {platform.machine()} cores, "
        f"{platform.system()}, Python {platform.python_version()}, {blas}; {versions}."
    )


def write(page: str, name: str, text: str) -> None:
    """Put the text between `<!-- measured: NAME -->` and `<!-- end -->` of a page."""
    path = Path(page)
    pattern = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    old = path.read_text(encoding="utf-8")
    if not pattern.search(old):
        raise SystemExit(f"{page} has no part <!-- measured: {name} -->")
    path.write_text(pattern.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", old), encoding="utf-8")
