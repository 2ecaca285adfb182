"""Predictions of whole runs, made again from stored fits: every method on every official split of an OpenML task."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bench.core.nouns import BenchError, Cell, Prediction, Split, Task
from bench.core.settings import Settings
from bench.methods.boards import BOARDS, ORACLE, SINGLE_LEARNER
from bench.methods.boards import method as parse_method
from bench.methods.metrics import for_target
from bench.runner import fit_spec
from bench.runner.evaluate import evaluate_cell
from bench.runner.evaluate.ensembles import EnsembleEvaluation
from bench.runner.evaluate.learners import LearnerEvaluation
from bench.runner.evaluate.split_data import SplitData, score
from bench.runner.journal import Journal
from bench.runner.records import CellRecord, FitId
from bench.runner.store import Store
from bench.tasks import loading
from bench.tasks.sources import LoadError

SOURCE = "openml"
"""Source of the tasks that have splits of OpenML."""


@dataclass(frozen=True)
class PredictedRun:
    """What one method predicts of the test rows of every split of a task; `name` is unique within task and board."""

    task: Task
    board: str
    name: str
    parts: tuple[tuple[Split, Prediction], ...]


@dataclass(frozen=True)
class LeftOut:
    """A method of a task, or a task, that has no whole run, and why."""

    name: str
    why: str


def predicted_runs(
    results: Path, store: Path, boards: Collection[str], *, offline: bool
) -> Iterator[PredictedRun | LeftOut]:
    """Yield the runs of all OpenML tasks of a directory on those of the boards that predict points or classes.

    What is left out is yielded, too.

    A prediction is yielded only if it scores as it did when the cell was evaluated.

    Raises:
        BenchError: the directory holds no records.
    """
    journal = Journal(results)
    records = journal.records()
    if not records:
        raise BenchError(f"{results} holds no records: give the directory of a run")
    held, settings = journal.tasks(), journal.settings()
    cells = [cell for cell, record in records.items() if _is_wanted(cell, record, boards)]
    for name, of_task in groupby(sorted(cells, key=lambda cell: cell.task), key=lambda cell: cell.task):
        spec = held[name].spec if name in held else None
        if spec is None or spec.source != SOURCE or spec.rows is not None:
            continue
        ((_, task),) = loading.load([spec], offline=offline, from_suites=[spec])
        if isinstance(task, LoadError):
            yield LeftOut(name, str(task))
            continue
        for place, group in groupby(sorted(of_task), key=lambda cell: (cell.board, cell.panel)):
            if BOARDS[place[0]].target(task, settings).kind != "quantile":
                yield from _runs_of_board(task, {cell: records[cell] for cell in group}, settings, Store(store))


def _is_wanted(cell: Cell, record: CellRecord, boards: Collection[str]) -> bool:
    return cell.board in boards and cell.method != ORACLE and record.ending.is_ok


def _runs_of_board(
    task: Task, records: Mapping[Cell, CellRecord], settings: Settings, store: Store
) -> Iterator[PredictedRun | LeftOut]:
    found: dict[str, list[tuple[Split, Prediction]]] = {}
    broken: dict[str, str] = {}
    for split in task.splits:
        here = {cell: each for cell, each in records.items() if (cell.repeat, cell.fold) == (split.repeat, split.fold)}
        if not here:
            continue
        try:
            evaluation = _evaluation(task, split, here, settings, store)
        except (OSError, ValueError) as error:
            broken |= {_name(cell): f"its fits cannot be read ({error})" for cell in here}
            continue
        for cell, record in here.items():
            method = None if cell.method == SINGLE_LEARNER else parse_method(BOARDS[cell.board], cell.method)
            prediction = evaluate_cell(evaluation, cell, method).prediction
            metric, before = next(iter(record.result.scores["test"].items()))
            now = score(task.y[split.test], prediction, for_target(prediction.target, [metric]))[metric]
            if before is not None and not (now is not None and math.isclose(now, before, rel_tol=1e-9, abs_tol=1e-12)):
                broken[_name(cell)] = f"its {metric} is {now} and was {before}: run again"
            found.setdefault(_name(cell), []).append((split, prediction))
    board = next(iter(records)).board
    for name, parts in found.items():
        if len(parts) < len(task.splits):
            broken.setdefault(name, f"it has {len(parts)} of the {len(task.splits)} splits of the task: run them all")
        if name not in broken:
            yield PredictedRun(task, board, name, tuple(parts))
    yield from (LeftOut(f"{task.name} {board} {name}", why) for name, why in broken.items())


def _name(cell: Cell) -> str:
    return " ".join(part for part in (cell.panel, cell.learner, cell.method) if part)


def _evaluation(
    task: Task, split: Split, records: Mapping[Cell, CellRecord], settings: Settings, store: Store
) -> EnsembleEvaluation | LearnerEvaluation:
    fits: dict[FitId, str] = {}
    for record in records.values():
        fits |= record.basis.fits
    board = BOARDS[next(iter(records)).board]
    rows = fit_spec.rows_of(task, split, settings)
    split_data = SplitData.of_rows(rows, board, settings, {fit: store.read_proved(key) for fit, key in fits.items()})
    if board.per_learner:
        return LearnerEvaluation(split_data)
    learners = tuple(fit.learner for fit in fits if fit == FitId.plain(fit.learner))
    return EnsembleEvaluation(split_data, learners, None)
