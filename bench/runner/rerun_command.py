"""The command that runs one cell again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import fields

from bench.core.nouns import Cell
from bench.core.settings import Settings
from bench.methods.boards import BOARDS, ORACLE, SINGLE_LEARNER
from bench.tasks.task_spec import TaskSpec


def task_flags(spec: TaskSpec) -> list[str]:
    """Return the flags that request a task."""
    columns = {each.name: getattr(spec, each.name) for each in fields(TaskSpec) if each.name != "name"}
    return ["-t", spec.name, *(word for name, value in columns.items() if value for word in (f"--{name}", value))]


def command(cell: Cell, spec: TaskSpec, settings: Settings, status: str, others: Sequence[str]) -> str:
    """Return a `bench run` that plans the cell again and retries its status; `others` are further flags."""
    words = ["bench", "run", *task_flags(spec), "-b", cell.board]
    if cell.method not in {SINGLE_LEARNER, ORACLE}:
        words += ["-w" if BOARDS[cell.board].per_learner else "-e", cell.method]
    words += ["--folds", str(cell.fold + 1), "--retry", status]
    return shlex.join([*words, *settings_flags(settings), *others])


def settings_flags(settings: Settings) -> list[str]:
    """Return the flags of the settings that differ from the defaults."""
    changed = [f.name for f in fields(Settings) if getattr(settings, f.name) != f.default]
    texts = {name: getattr(settings, name) for name in changed}
    if "levels" in texts:
        texts["levels"] = ",".join(map(str, texts["levels"]))
    return [word for name, value in texts.items() for word in (f"--{name}", str(value))]
