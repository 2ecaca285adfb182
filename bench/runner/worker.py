"""What a worker does: one fit, or the cells of one board on one split; every ending becomes a record.

This is the one place that turns an exception into a status.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.core.nouns import Cell, InvalidPredictionError, NotApplicableError, Split, Target, Task
from bench.core.settings import Settings
from bench.methods.boards import BOARDS, SINGLE_LEARNER
from bench.methods.metrics import PROPER
from bench.methods.metrics.per_class import per_class
from bench.runner import fit_spec, out_of_fold
from bench.runner.evaluate import EnsembleEvaluation, LearnerEvaluation, MethodResult, SplitData, score
from bench.runner.fit_spec import Fit
from bench.runner.plan import BoardSplitId
from bench.runner.store import Store

Record = dict[str, Any]
FIT_NOTES = ("fit_seconds", "predict_seconds", "clipped")
"""What a cell that rests on one fit takes over from it."""


@dataclass(frozen=True)
class FitJob:
    """One fit of one split, stored under its key, with the parts that the key is made of."""

    context: str
    split: Split
    fit: Fit
    key: str
    parts: Mapping[str, str]
    settings: Settings
    store: Path

    def __str__(self) -> str:
        """Say what is fitted where, in one line."""
        return f"fit {self.fit.learner} ({self.fit.training}) on {self.context} {self.split.repeat}.{self.split.fold}"

    def items(self, task: Task) -> Iterator[Record]:
        """Fit, store, and yield the one record of how that ended."""
        try:
            rows = fit_spec.rows_of(task, self.split, self.settings)
            stored = out_of_fold.prediction(rows, self.fit, self.settings)
            stored.meta["parts"] = dict(self.parts)
            Store(self.store).write(self.key, stored)
        except Exception as error:  # noqa: BLE001 - a learner may raise anything; its cell says what
            yield ending(error)
        else:
            yield {"status": "ok"}


@dataclass(frozen=True)
class EvaluateJob:
    """Cells of one board on one split.

    `learners` are the members of the panel that have answers, `fits` the keys of the answers by (learner, training
    scheme), `weight_rows` how many rows teach the weights at most, `sheet` tells the sender which sheet it belongs to.
    """

    context: str
    split: Split
    cells: tuple[Cell, ...]
    learners: tuple[str, ...]
    fits: Mapping[tuple[str, str], str]
    settings: Settings
    store: Path
    weight_rows: int | None
    board_split: BoardSplitId

    def __str__(self) -> str:
        """Say what is weighed where, in one line."""
        return f"{self.cells[0].board} on {self.context} {self.split.repeat}.{self.split.fold}"

    def items(self, task: Task) -> Iterator[Record]:
        """Yield the record of every cell, in order."""
        try:
            board_split = self._open(task)
        except Exception as error:  # noqa: BLE001 - the answers cannot be read: every cell says so
            yield from (ending(error) for _ in self.cells)
            return
        for cell in self.cells:
            start = time.perf_counter()
            try:
                record = _record(task, self.split, board_split, board_split.evaluate(cell.method, cell.learner))
            except Exception as error:  # noqa: BLE001 - a scheme may raise anything; its cell says what
                record = ending(error)
            yield record | self._of_fit(board_split, cell) | {"weigh_seconds": time.perf_counter() - start}

    def _of_fit(self, board_split: EnsembleEvaluation | LearnerEvaluation, cell: Cell) -> Record:
        """Return the seconds and the clipped rows of the fit, for a cell that rests on exactly one."""
        stored = board_split.split_data.stored.get(
            (cell.learner, "none" if cell.method == SINGLE_LEARNER else cell.method)
        )
        return {} if stored is None else {name: stored.meta[name] for name in FIT_NOTES}

    def _open(self, task: Task) -> EnsembleEvaluation | LearnerEvaluation:
        rows = fit_spec.rows_of(task, self.split, self.settings)
        board = BOARDS[self.cells[0].board]
        stored = {who: Store(self.store).read(key) for who, key in self.fits.items()}
        split = rows.split
        split_data = SplitData(
            task, board, self.settings, split.repeat, split.fold, split.train, split.test,
            rows.answered, rows.inner_fold, rows.calibration, stored,
        )  # fmt: skip
        if board.per_learner:
            return LearnerEvaluation(split_data)
        return EnsembleEvaluation(split_data, self.learners, self.weight_rows)


def _record(
    task: Task, split: Split, board_split: EnsembleEvaluation | LearnerEvaluation, result: MethodResult
) -> Record:
    """Score an answer on the test rows and say everything that the tables need."""
    prediction, y = result.prediction, task.y[split.test]
    train = {}
    if result.train_loss is not None:
        train = dict([_train_score(prediction.target, result.train_loss)])
    classes = (
        per_class(prediction.target, y, prediction).to_dict("records") if prediction.target.kind == "class" else []
    )
    record = {
        "status": "ok",
        "scores": {"test": score(y, prediction), "train": train},
        "n_test": len(y),
        "n_train": result.n_train or len(board_split.split_data.answered),
        "train_loss": result.train_loss,
        "gap": result.gap,
        "learners_used": len(result.used),
        "guarantee": result.guarantee,
        "detail": result.note,
        "predict_cost": sum(board_split.split_data.stored[fit].meta["predict_seconds"] for fit in result.used),
        "weights": list(result.weights),
        "per_class": classes,
    }
    return {name: _plain(value) for name, value in record.items()}


def _train_score(target: Target, loss: float) -> tuple[str, float]:
    """Return the metric that stands for the training loss: RMSE, log loss, and WIS, or half of it without intervals."""
    if target.kind == "quantile" and not target.symmetric:
        return "mean_pinball", loss / 2
    return PROPER[target.kind], loss**0.5 if target.kind == "point" else loss


def _plain(value: Any) -> Any:
    """Return a JSON value: numpy scalars become Python's, a NaN becomes None, what is infinite a text."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)


def ending(error: BaseException) -> Record:
    """Return the record of a cell that ended with an exception: status, cause, one line, and the traceback."""
    status, cause = "failed", "code"
    if isinstance(error, NotApplicableError):
        return {"status": "skipped", "cause": "", "detail": str(error)}
    if isinstance(error, InvalidPredictionError):
        status = "invalid"
    elif isinstance(error, MemoryError):
        status, cause = "oom", "limit"
    elif isinstance(error, OSError):
        cause = "infra"
    detail = " ".join(f"{type(error).__name__}: {error}".split())
    return {
        "status": status,
        "cause": cause,
        "detail": detail[:500],
        "trace": "".join(traceback.format_exception(error)),
    }
