"""The answers of recorded methods, made again from stored fits: tables from which anybody can recompute every score."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.core.nouns import Array, Cell, Prediction, Split, Task
from bench.core.settings import Settings
from bench.methods.metrics import for_target
from bench.runner import fit_spec
from bench.runner.endings import ending_of
from bench.runner.evaluate import MethodResult, evaluate_cell, score
from bench.runner.executors.local import Pool, results
from bench.runner.foreign_code import starter
from bench.runner.options import RunOptions
from bench.runner.parquet_parts import parquet_parts
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

COLUMNS = (*IDENTITY, "sample", "row", "output", "true", "prediction", "unsorted", "decided", "weight")
"""Columns of a table of answers."""
CHUNK = 2**18
"""Rows of a table of answers that are made at once: some 25 MB."""


@dataclass(frozen=True)
class Answers:
    """The answers of cells that rest on the same fits, in a Parquet file, and what was left out of it."""

    recorded: RecordedSplit
    path: Path
    left_out: Sequence[LeftOut]


@dataclass(frozen=True)
class Remembered:
    """By what an answer is recognised: a score of the test rows and the training loss; None where there is none."""

    metric: str
    score: float | None
    train_loss: float | None


@dataclass(frozen=True)
class AnswersJob:
    """The answers of the cells of an evaluation on some samples, each if it comes to what is remembered of it."""

    evaluation: EvaluateJob
    remembered: tuple[Remembered, ...]
    samples: Collection[str]
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
        """Yield why the answers of each cell are left out, empty where they are in the file; it is there at the end."""
        try:
            evaluation = self.evaluation.evaluation(task)
        except Exception as error:  # noqa: BLE001 - what is stored may be anything
            yield from (f"its fits cannot be read ({ending_of(error).detail})" for _ in self.remembered)
            return
        test = self.evaluation.split.test
        with parquet_parts(self.path) as file:
            for cell, before in zip(self.evaluation.cells, self.remembered, strict=True):
                try:
                    found = evaluate_cell(evaluation, cell, recorded_method(cell))
                    why = _difference(task.y[test], found, before)
                except Exception as error:  # noqa: BLE001 - a scheme may raise anything
                    yield ending_of(error).detail
                    continue
                for part in () if why else self._tables(cell, task, found):
                    file.add(part)
                yield why

    def _tables(self, cell: Cell, task: Task, found: MethodResult) -> Iterator[pa.Table]:
        """Yield the answers of a cell on the samples that are wanted and that it has."""
        if "test" in self.samples:
            yield from answer_tables(cell, "test", self.evaluation.split.test, task.y, found.prediction)
        if "train" in self.samples and found.train is not None:
            yield from answer_tables(cell, "train", found.train.rows, task.y, found.train.prediction)


def _difference(y: Array, found: MethodResult, before: Remembered) -> str:
    """Return how a result differs from what is remembered; nothing where it does not, beyond rounding."""
    now = {"training loss": found.train_loss}
    was = {"training loss": before.train_loss, before.metric: before.score}
    if before.metric:
        now |= score(y, found.prediction, for_target(found.prediction.target, [before.metric]))
    for name in now:
        if not _is_same(now[name], was[name]):
            return f"its {name} is {now[name]} and was {was[name]}: run again"
    return ""


def _is_same(now: float | None, was: float | None) -> bool:
    """Return whether two numbers are the same; sums in another order differ by last digits between kinds of CPU."""
    if now is None or was is None:
        return now is was
    return now == was or math.isclose(now, was, rel_tol=1e-9, abs_tol=1e-12)


def answer_tables(cell: Cell, sample: str, rows: Array, y: Array, prediction: Prediction) -> Iterator[pa.Table]:
    """Yield what a method says of some rows of a task, one row a row and output, part by part.

    `rows` (n,) are positions in `y`, `prediction` has n rows. `output` is a class or a quantile level, empty for a
    point. `true` is the true value; of a class 1 where it is the true one, else 0. `unsorted` is a quantile before the
    last sort. `decided` is 1 for the class that was decided on; of training rows none is.
    """
    import pyarrow as pa

    target, k = prediction.target, prediction.target.width
    unsorted = prediction.unsorted if target.kind == "quantile" else None
    labels = prediction.labels if target.kind == "class" and sample == "test" else None
    step = max(1, CHUNK // k)
    for part in (slice(start, start + step) for start in range(0, len(rows), step)):
        at, values = rows[part], prediction.values[part].ravel()
        columns = _identity(cell, sample, len(values)) | {
            "row": np.repeat(at, k),
            "output": _dictionary(np.tile(np.arange(k), len(at)), list(map(str, target.outputs)) or [""]),
            "true": _one_hot(y[at], k) if target.kind == "class" else np.repeat(y[at].astype(float), k),
            "prediction": values,
            "unsorted": np.full(len(values), np.nan) if unsorted is None else unsorted[part].ravel(),
            "decided": np.full(len(values), np.nan) if labels is None else _one_hot(labels[part], k),
            "weight": np.repeat(np.ones(len(at)) if prediction.weight is None else prediction.weight[part] * 1.0, k),
        }
        yield pa.table({name: pa.array(columns[name], from_pandas=True) for name in COLUMNS})


def _identity(cell: Cell, sample: str, n: int) -> dict[str, Any]:
    """Return the columns of n rows that say which cell and sample they belong to."""
    values = {**dict(zip(IDENTITY, cell, strict=True)), "sample": sample}
    return {
        name: _dictionary(np.zeros(n), [value]) if isinstance(value, str) else np.full(n, value, dtype=np.int32)
        for name, value in values.items()
    }


def _one_hot(codes: Array, k: int) -> Array:
    return np.eye(k)[codes].ravel()


def _dictionary(codes: Array, names: Sequence[str]) -> pa.DictionaryArray:
    """Return texts by their codes, each text kept once."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names, pa.string()))


def answer(
    splits: Sequence[RecordedSplit],
    settings: Settings,
    store: Path,
    samples: Collection[str],
    folder: Path,
    options: RunOptions,
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
        remembered = tuple(_remembered(record, work.metrics) for record in group.records.values())
        jobs.append(AnswersJob(work, remembered, samples, folder / f"{at}.parquet"))
    reasons: dict[Path, list[str]] = {job.path: [] for job in jobs}
    tasks = {group.task.name: group.task for group in groups}
    for event in results(jobs, tasks, Pool(options.workers, start, options.limits)):
        if event.kind == "item":
            reasons[event.job.path].append(event.value)
        elif event.kind != "done":  # the worker was lost, and its file with it
            reasons[event.job.path] = [f"{event.kind}: {event.value}"] * len(event.job.remembered)
    for job, group in zip(jobs, groups, strict=True):
        told = zip(group.records, reasons[job.path], strict=True)
        yield Answers(group, job.path, [LeftOut(name_of(cell), why) for cell, why in told if why])


def _remembered(record: CellRecord, known: Sequence[str]) -> Remembered:
    """Return by what the answers of a record are recognised: the first known metric, and the training loss."""
    scores = record.result.scores.get("test", {})
    metric = next((name for name in scores if name in known), "")
    # the journal keeps what is infinite as a text
    score, loss = (None if each is None else float(each) for each in (scores.get(metric), record.result.train_loss))
    return Remembered(metric, score, loss)


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
            "task_id": _dictionary(np.zeros(n), [task.name]),
            "repeat": pa.array(np.full(n, split.repeat, dtype=np.int32)),
            "fold": pa.array(np.full(n, split.fold, dtype=np.int32)),
            "row": pa.array(every),
            "part": _dictionary(codes, list(parts)),
            "inner_fold": pa.array(np.where(codes == 0, inner[every], -1)),
        }
    )
