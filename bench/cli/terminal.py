"""What people see in the terminal: tables and progress. The only file that imports rich.

Data goes to stdout; progress and messages go to stderr. Nothing is drawn where nobody looks: away from a terminal
tables are plain text and there is no progress bar.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich import box
from rich.console import Console
from rich.table import Table

from bench.core.text import LONGEST_CELL, break_commands, error_line, shorten
from bench.core.text import terminal as shown

PLAIN_WIDTH = 200
"""Width of what is printed away from a terminal: the same everywhere, and enough for the widest leaderboard."""


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    # names are printed as they are: `[a]` is no markup, and `:on:` no picture
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def line(content: str) -> None:
    """Print one line of data to stdout."""
    sys.stdout.write(f"{break_commands(shown(content))}\n")


def paragraph(sentence: str) -> None:
    """Print a sentence to stdout, broken between words where it is read on a terminal."""
    sys.stdout.write(f"{break_commands(wrap(shown(sentence)))}\n")


def wrap(sentence: str) -> str:
    """Break a sentence between words where it is read on a terminal."""
    return textwrap.fill(sentence, width()) if width() else sentence


def width() -> int:
    """Return the columns of the terminal, 0 where nobody looks."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def message(content: str, style: str = "") -> None:
    """Print a message to stderr, in one line."""
    _console(stderr=True).print(error_line(content), style=style, soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *titles: str) -> None:
    """Print a table to stdout below its titles; numbers stand to the right."""
    console = _console(stderr=False)
    rows = [[shorten(shown(text(value)), LONGEST_CELL) for value in row] for row in rows]
    drawn = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        pad_edge=False,
    )
    for position, name in enumerate(columns):
        numeric = all(_is_number(row[position]) for row in rows)
        head = shorten(shown(name), LONGEST_CELL)
        # a line that may not be folded is cut, and names that differ at their ends would look alike
        whole = position == 0 and all(len(row[0]) <= console.width // 2 for row in rows)
        drawn.add_column(head, justify="right" if numeric else "left", overflow="fold", no_wrap=whole)
    for row in rows:
        drawn.add_row(*row)
    with console.capture() as captured:
        for title in filter(None, titles):
            console.print(wrap(shown(title)), style="bold", soft_wrap=True)
        console.print(drawn)
    sys.stdout.write(break_commands(captured.get()))  # a cell that is folded may start a line anywhere


def fields(title: str, pairs: Mapping[str, Any]) -> None:
    """Print names and values to stdout, one a line."""
    console = _console(stderr=False)
    with console.capture() as captured:
        console.print(shown(title), style="bold", soft_wrap=True)
        for name, value in pairs.items():
            console.print(f"  {shown(name)}: {shown(text(value))}", soft_wrap=True)
    sys.stdout.write(break_commands(captured.get()))


class Bar(Protocol):
    """Something that shows how far the work is."""

    def __call__(self, step: int, what: str = "") -> None:
        """Advance by some steps."""


@contextmanager
def progress(title: str, total: int, *, quiet: bool) -> Iterator[Bar]:
    """Show a bar with an estimate of the time left on stderr; nothing where that is no terminal, or if quiet."""
    if quiet or total == 0 or not sys.stderr.isatty():
        yield lambda step, what="": None  # noqa: ARG005
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[what]}", style="dim", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=_console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=total, what="")
        yield lambda step, what="": bars.update(task, advance=step, what=shown(what))


class RunBar(Protocol):
    """Something that shows how far a run is."""

    def __call__(self, done: int, total: int, left: str, what: str) -> None:
        """Show how many of all jobs have ended, how long the rest may take, and what runs."""


@contextmanager
def run_progress(*, quiet: bool) -> Iterator[RunBar]:
    """Show a bar of a run on stderr, whose total may still grow; nothing where that is no terminal, or if quiet."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, left, what: None  # noqa: ARG005
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.fields[what]}", style="dim", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=_console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None, left="", what="")
        yield lambda done, total, left, what: bars.update(task, completed=done, total=total, left=left, what=what)


def text(value: Any) -> str:
    """Return a value as people read it: four significant digits, nothing for missing."""
    if value is None or value != value:  # noqa: PLR0124 - a NaN is missing too
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_number(content: str) -> bool:
    try:
        float(content.rstrip("%") or "0")
    except ValueError:
        return False
    return True
