"""The answers of recorded methods, made again from stored fits: tables from which anybody can recompute every score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.core.files import new_file
from bench.core.nouns import Array, Cell, Prediction, Split, Task
from bench.core.settings import Settings
from bench.methods.metrics import for_target
from bench.runner import fit_spec
from bench.runner.endings import ending_of
from bench.runner.evaluate import evaluate_cell, score
from bench.runner.executors import results
from bench.runner.executors.local import Pool
from bench.runner.foreign_code import starter
from bench.runner.options import RunOptions
from bench.runner.recorded import (
    LeftOut,
    RecordedSplit,
    evaluation_of,
    known_methods,
    name_of,
    recorded_method,
)
from bench.runner.records import CellRecord
from bench.runner.tables import IDENTITY
from bench.runner.worker import EvaluateJob

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (*IDENTITY, "row", "output", "true", "prediction", "unsorted", "decided", "weight")
"""Columns of a table of answers."""


@dataclass(frozen=True)
class Answers:
    """The answers of cells that rest on the same fits, in a Parquet file, and what was left out of it."""

    recorded: RecordedSplit
    path: Path
    left_out: Sequence[LeftOut]


@dataclass(frozen=True)
class AnswersJob:
    """The answers of the cells of an evaluation, each if it scores as it did: the first known metric is compared."""

    evaluation: EvaluateJob
    scores: tuple[tuple[str, float | None] | None, ...]
    path: Path

    @property
    def context(self) -> str:
        """Name of the task."""
        return self.evaluation.context

    @property
    def is_foreign(self) -> bool:
        """Whether a method is not ours."""
        return self.evaluation.is_foreign

    def __str__(self) -> str:
        """Return what is answered, in one line."""
        return f"answers: {self.evaluation}"

    def items(self, task: Task) -> Iterator[str]:
        """Yield why the answers of each cell are left out, empty where they are in the file, which is written last."""
        import pyarrow as pa

        try:
            evaluation = self.evaluation.evaluation(task)
        except Exception as error:  # noqa: BLE001 - what is stored may be anything
            yield from (f"its fits cannot be read ({ending_of(error).detail})" for _ in self.scores)
            return
        tables, split = [], self.evaluation.split
        for cell, before in zip(self.evaluation.cells, self.scores, strict=True):
            try:
                prediction = evaluate_cell(evaluation, cell, recorded_method(cell)).prediction
                why = _difference(task.y[split.test], prediction, before)
            except Exception as error:  # noqa: BLE001 - a scheme may raise anything
                why = ending_of(error).detail
            else:
                tables += [] if why else [answer_table(cell, task, split, prediction)]
            yield why
        if tables:
            with new_file(self.path) as file:
                _write_parquet(pa.concat_tables(tables), file)


def _difference(y: Array, prediction: Prediction, before: tuple[str, float | None] | None) -> str:
    """Return how the score of a prediction differs from what it was; nothing where it does not, beyond rounding."""
    metric, was = before or ("", None)
    if was is None:
        return ""
    now = score(y, prediction, for_target(prediction.target, [metric]))[metric]
    # sums of numbers in another order differ by some last digits from one kind of CPU to the next
    if now is not None and (now == was or math.isclose(now, was, rel_tol=1e-9, abs_tol=1e-12)):
        return ""
    return f"its {metric} is {now} and was {was}: run again"


def answer_table(cell: Cell, task: Task, split: Split, prediction: Prediction) -> pa.Table:
    """Return what a method says of the test rows of a split, one row a test row and output.

    `output` is a class or a quantile level, empty for a point. `true` is the true value; of a class 1 where it is the
    true one, else 0. `unsorted` is a quantile before the last sort, `decided` is 1 for the class that was decided on.
    """
    import pyarrow as pa

    target, (n, k) = prediction.target, prediction.values.shape
    y, is_class = task.y[split.test], target.kind == "class"
    nothing = np.full(n * k, np.nan)
    unsorted = prediction.values if prediction.unsorted is None else prediction.unsorted
    outputs = [str(output) for output in target.outputs] or [""]
    texts = {name: str(value) for name, value in zip(IDENTITY, cell, strict=True) if isinstance(value, str)}
    columns: dict[str, Any] = {name: _repeated(np.zeros(n * k, dtype=np.int32), [text]) for name, text in texts.items()}
    columns |= {name: np.full(n * k, getattr(cell, name), dtype=np.int32) for name in ("repeat", "fold")}
    columns |= {
        "row": np.repeat(split.test, k),
        "output": _repeated(np.tile(np.arange(k, dtype=np.int32), n), outputs),
        "true": _one_hot(y, k) if is_class else np.repeat(y.astype(float), k),
        "prediction": prediction.values.ravel(),
        "unsorted": unsorted.ravel() if target.kind == "quantile" else nothing,
        "decided": _one_hot(prediction.labels, k) if is_class else nothing,
        "weight": np.ones(n * k) if prediction.weight is None else np.repeat(prediction.weight.astype(float), k),
    }
    return pa.table({name: pa.array(columns[name], from_pandas=True) for name in COLUMNS})


def _one_hot(codes: Array, k: int) -> Array:
    return np.eye(k)[codes].ravel()


def _repeated(codes: Array, names: Sequence[str]) -> pa.DictionaryArray:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string()))


def _write_parquet(table: pa.Table, file: Any) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, file)


def answer(
    splits: Sequence[RecordedSplit], settings: Settings, store: Path, folder: Path, options: RunOptions
) -> Iterator[Answers | LeftOut]:
    """Answer the recorded cells of one task in workers, under the limits; each group of cells has a file in `folder`.

    They come in the order of the splits, whichever is done first. Cells that cannot be answered are left out.
    """
    start = starter(options.plugins)
    groups: list[RecordedSplit] = []
    for found in (each for recorded in splits for each in known_methods(recorded)):
        if isinstance(found, LeftOut):
            yield found
        else:
            groups.append(found)
    jobs = []
    for at, group in enumerate(groups):
        work = evaluation_of(group, group.fits, settings, store, start)
        compared = tuple(_compared(record, work.metrics) for record in group.records.values())
        jobs.append(AnswersJob(work, compared, folder / f"{at}.parquet"))
    reasons: dict[Path, list[str]] = {job.path: [] for job in jobs}
    tasks = {group.task.name: group.task for group in groups}
    for event in results(jobs, tasks, Pool(options.workers, start, options.limits)):
        if event.kind != "done":
            reasons[event.job.path].append(event.value)
    for job, group in zip(jobs, groups, strict=True):
        told = reasons[job.path]
        told += [told[-1] if told else ""] * (len(job.scores) - len(told))  # those behind one whose worker was lost
        left_out = [LeftOut(name_of(cell), why) for cell, why in zip(group.records, told, strict=True) if why]
        yield Answers(group, job.path, left_out)


def _compared(record: CellRecord, known: Sequence[str]) -> tuple[str, float | None] | None:
    """Return a score by which an answer is recognised as that of a record."""
    scores: Mapping[str, Any] = record.result.scores.get("test", {})
    return next(
        ((name, None if value is None else float(value)) for name, value in scores.items() if name in known), None
    )


def split_table(task: Task, split: Split, settings: Settings) -> pa.Table:
    """Return the part that each row of a task has on a split: train, test or calibration; and its inner fold."""
    import pyarrow as pa

    rows = fit_spec.rows_of(task, split, settings)
    parts = {"train": rows.split.train, "calibration": rows.calibration, "test": split.test}
    inner = np.full(len(task.y), -1)
    inner[rows.oof_rows] = rows.inner_fold
    every = np.concatenate(list(parts.values()))
    codes = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts.values()])
    n = len(every)
    return pa.table(
        {
            "task_id": _repeated(np.zeros(n, dtype=np.int32), [task.name]),
            "repeat": pa.array(np.full(n, split.repeat, dtype=np.int32)),
            "fold": pa.array(np.full(n, split.fold, dtype=np.int32)),
            "row": pa.array(every),
            "part": _repeated(codes, list(parts)),
            "inner_fold": pa.array(np.where(codes == 0, inner[every], -1)),
        }
    )
