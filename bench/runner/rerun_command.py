"""The command that runs one cell again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from bench.core.flag import flag_of
from bench.core.nouns import Cell
from bench.core.published import strip_working_directory
from bench.core.settings import Settings
from bench.core.text import storable
from bench.methods.boards import BOARDS, ORACLE, SINGLE_LEARNER
from bench.tasks.task_spec import TaskSpec


def task_flags(spec: TaskSpec) -> list[str]:
    """Return the flags that request a task."""
    given = {
        each: value
        for each in fields(TaskSpec)
        if (flag_of(each) or each.name == "positive") and (value := getattr(spec, each.name))
    }
    names = {each: next(iter(each.metadata["flag"].names if flag_of(each) else ()), f"--{each.name}") for each in given}
    task = f"{spec.name}@id={spec.id}" if spec.id else spec.name
    return ["-t", task, *(word for each, value in given.items() for word in (names[each], str(value)))]


def command(cell: Cell, spec: TaskSpec, settings: Settings, status: str, others: Sequence[str]) -> str:
    """Return a `bench run` that plans the cell again and retries its status; `others` are further flags."""
    words = ["bench", "run", *task_flags(spec), "-b", cell.board]
    if cell.method not in {SINGLE_LEARNER, ORACLE}:
        words += ["-w" if BOARDS[cell.board].per_learner else "-e", cell.method]
    words += ["--folds", str(cell.fold + 1), "--retry", status]
    return storable(shlex.join(map(strip_working_directory, [*words, *settings_flags(settings), *others])))


def settings_flags(settings: Settings) -> list[str]:
    """Return the flags of the settings that differ from the defaults."""
    changed = [f.name for f in fields(Settings) if getattr(settings, f.name) != f.default]
    texts = {name: getattr(settings, name) for name in changed}
    if "levels" in texts:
        texts["levels"] = ",".join(map(str, texts["levels"]))
    return [word for name, value in texts.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def moved(rerun: str, results: Path, store: Path | None) -> str:
    """Return a command that reruns a cell as it is for another results directory, and another store if one is given."""
    if not rerun:
        return ""
    words = shlex.split(rerun)
    kept = [word for at, word in enumerate(words) if not _PLACES & {word, *words[max(at - 1, 0) : at]}]
    places = ["--results", str(results), *(["--store", str(store)] if store else [])]
    return storable(shlex.join([*kept, *map(strip_working_directory, places)]))


_PLACES = frozenset({"--results", "--store"})
"""Flags of `command` that say where things are kept; it gives each with its value as the next word."""
