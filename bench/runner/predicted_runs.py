"""Predictions of whole runs, made again from stored fits: every method on every official split of an OpenML task."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bench.core.nouns import Array, BenchError, Cell, Split, Task
from bench.methods.boards import BOARDS, ORACLE
from bench.runner.answers import Answers, answer
from bench.runner.journal import Journal
from bench.runner.options import RunOptions
from bench.runner.recorded import LeftOut, RecordedSplit, load_recorded, name_of, recorded_splits
from bench.runner.records import CellRecord
from bench.runner.sound_fits import require_sound_fits
from bench.runner.store import Store
from bench.tasks.task_spec import TaskSpec

SOURCE = "openml"
"""Source of the tasks that have splits of OpenML."""


@dataclass(frozen=True)
class PredictedRun:
    """What one method predicts of the test rows of every split of a task; `name` is unique within task and board.

    `parts` holds by split the values (n, K) and the codes of the decided classes (n,), which points have none of.
    """

    task: Task
    board: str
    name: str
    parts: tuple[tuple[Split, Array, Array | None], ...]


def predicted_runs(
    results: Path, store: Path, boards: Collection[str], options: RunOptions, *, offline: bool
) -> Iterator[PredictedRun | LeftOut]:
    """Yield the runs of all OpenML tasks of a directory on those of the boards that predict points or classes.

    What is left out is yielded, too. A prediction is yielded only if it scores as it did when the cell was evaluated.

    Raises:
        BenchError: the directory holds no records, or a fit is not in the store as it was written.
    """
    journal = Journal(results)
    records = journal.records()
    if not records:
        raise BenchError(f"{results} holds no records: give the directory of a run")
    held, settings = journal.tasks(), journal.settings()
    able = {name for name, task in held.items() if _is_whole_task(task.spec)}
    wanted = {c: record for c, record in records.items() if c.task in able and _is_wanted(c, record, boards)}
    require_sound_fits(wanted, journal, Store(store))
    for name, of_task in groupby(sorted(wanted, key=lambda cell: cell.task), key=lambda cell: cell.task):
        task = load_recorded(held[name], (), offline=offline)
        if isinstance(task, str):
            yield LeftOut(name, task)
            continue
        kept = {cell: records[cell] for cell in of_task if BOARDS[cell.board].target(task, settings).kind != "quantile"}
        found = list(recorded_splits(kept, task, held[name].cv, settings))
        splits = [each for each in found if isinstance(each, RecordedSplit)]
        with tempfile.TemporaryDirectory() as folder:
            answers = answer(splits, settings, store, ("test",), Path(folder), options)
            yield from _whole_runs(task, [*(each for each in found if isinstance(each, LeftOut)), *answers])


def _is_whole_task(spec: TaskSpec | None) -> bool:
    return spec is not None and spec.source == SOURCE and spec.rows is None


def _is_wanted(cell: Cell, record: CellRecord, boards: Collection[str]) -> bool:
    return cell.board in boards and cell.method != ORACLE and record.ending.is_ok


def _whole_runs(task: Task, found: list[Answers | LeftOut]) -> Iterator[PredictedRun | LeftOut]:
    """Yield what methods have answered on all splits of a task, and each method that lacks one."""
    runs: dict[tuple[str, str], list[tuple[Split, Array, Array | None]]] = {}
    broken: dict[tuple[str, str], str] = {}
    for each in found:
        if isinstance(each, LeftOut):
            yield each
            continue
        why = {one.name: one.why for one in each.left_out}
        for cell in each.recorded.records:
            method = cell.board, _name(cell)
            if reason := why.get(name_of(cell)):
                broken[method] = reason
            else:
                runs.setdefault(method, []).append((each.recorded.split, *_read(each.path, cell, task)))
    for (board, name), parts in runs.items():
        if len(parts) < len(task.splits):
            lacking = f"it has {len(parts)} of the {len(task.splits)} splits of the task: run them all"
            broken.setdefault((board, name), lacking)
        if (board, name) not in broken:
            yield PredictedRun(task, board, name, tuple(parts))
    yield from (LeftOut(f"{task.name} {board} {name}", why) for (board, name), why in broken.items())


def _read(path: Path, cell: Cell, task: Task) -> tuple[Array, Array | None]:
    """Return the values (n, K) of a cell, and the codes of the decided classes."""
    import pandas as pd

    table = pd.read_parquet(path, filters=[(name, "==", getattr(cell, name)) for name in ("learner", "method")])
    width = len(task.classes) or 1
    values: Array = table["prediction"].to_numpy().reshape(-1, width)
    return values, table["decided"].to_numpy().reshape(-1, width).argmax(axis=1) if task.classes else None


def _name(cell: Cell) -> str:
    return " ".join(part for part in (cell.panel, cell.learner, cell.method) if part)
