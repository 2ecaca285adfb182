"""What a worker does: one fit, or the cells of one board split; every ending becomes a record.

This is the one place that turns an exception into a status.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.core.nouns import Cell, InvalidPredictionError, NotApplicableError, Split, Target, Task
from bench.core.settings import Settings
from bench.methods import metrics
from bench.methods.boards import BOARDS, SINGLE_LEARNER
from bench.methods.metrics import PROPER, Metric
from bench.methods.metrics.per_class import per_class
from bench.runner import fit_spec, out_of_fold
from bench.runner.evaluate import EnsembleEvaluation, LearnerEvaluation, MethodResult, SplitData, evaluate_cell, score
from bench.runner.fit_spec import Fit
from bench.runner.plan import BoardSplitId, parse_method
from bench.runner.records import CellResult, Ending, FitId
from bench.runner.store import Store


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
        """Return what is fitted where, in one line."""
        return f"fit {self.fit.learner} ({self.fit.training}) on {self.context} {self.split.repeat}.{self.split.fold}"

    def items(self, task: Task) -> Iterator[Ending]:
        """Fit, store, and yield how that ended."""
        try:
            rows = fit_spec.rows_of(task, self.split, self.settings)
            stored = out_of_fold.predict(rows, self.fit, self.settings)
            stored.meta["parts"] = dict(self.parts)
            Store(self.store).write(self.key, stored)
        except Exception as error:  # noqa: BLE001 - a learner may raise anything; its cell records what
            yield ending_of(error)
        else:
            yield Ending("ok")


@dataclass(frozen=True)
class EvaluateJob:
    """Cells of one board split.

    `learners` are the members of the panel that have predictions, `fits` the keys of the predictions, `weight_rows` how
    many rows weights are fitted on at most, `metrics` the names of those that predictions are scored by, `board_split`
    is the board split that the cells belong to.
    """

    context: str
    split: Split
    cells: tuple[Cell, ...]
    learners: tuple[str, ...]
    fits: Mapping[FitId, str]
    settings: Settings
    store: Path
    weight_rows: int | None
    metrics: tuple[str, ...]
    board_split: BoardSplitId

    def __str__(self) -> str:
        """Return what is evaluated where, in one line."""
        return f"{self.cells[0].board} on {self.context} {self.split.repeat}.{self.split.fold}"

    def items(self, task: Task) -> Iterator[CellResult]:
        """Yield the result of every cell, in order."""
        board = BOARDS[self.cells[0].board]
        try:
            # A plug-in may register a function that cannot be pickled, such as one made in a loop. So the job carries
            # the names of its methods, and each is parsed once, here.
            names = dict.fromkeys(cell.method for cell in self.cells if cell.method != SINGLE_LEARNER)
            methods = {name: parse_method(board, name) for name in names}
            evaluation = self._evaluation(task)
            chosen = metrics.for_target(evaluation.split_data.target, self.metrics)
        except Exception as error:  # noqa: BLE001 - the predictions cannot be read: every cell records so
            yield from (CellResult(ending_of(error)) for _ in self.cells)
            return
        for cell in self.cells:
            start = time.perf_counter()
            try:
                found = evaluate_cell(evaluation, cell, methods.get(cell.method))
                result = score_result(evaluation.split_data, found, chosen)
            except Exception as error:  # noqa: BLE001 - a scheme may raise anything; its cell records what
                result = CellResult(ending_of(error))
            seconds = time.perf_counter() - start
            yield replace(_add_fit(result, evaluation.split_data, cell), weigh_seconds=seconds)

    def _evaluation(self, task: Task) -> EnsembleEvaluation | LearnerEvaluation:
        rows = fit_spec.rows_of(task, self.split, self.settings)
        board, store = BOARDS[self.cells[0].board], Store(self.store)
        split_data = SplitData.of_rows(
            rows, board, self.settings, {fit: store.read(key) for fit, key in self.fits.items()}
        )
        if board.per_learner:
            return LearnerEvaluation(split_data)
        return EnsembleEvaluation(split_data, self.learners, self.weight_rows)


def _add_fit(result: CellResult, split_data: SplitData, cell: Cell) -> CellResult:
    """Add the seconds and the clipped rows of the fit, for a cell that rests on exactly one."""
    fit = FitId.plain(cell.learner) if cell.method == SINGLE_LEARNER else FitId(cell.learner, cell.method)
    stored = split_data.stored.get(fit)
    if stored is None:
        return result
    notes = {name: stored.meta[name] for name in ("fit_seconds", "predict_seconds", "clipped")}
    return replace(result, **notes)


def score_result(split_data: SplitData, found: MethodResult, chosen: Mapping[str, Metric]) -> CellResult:
    """Score the predictions of the test rows, and fill in everything that the tables hold of a cell."""
    prediction, y = found.prediction, split_data.task.y[split_data.test]
    target = prediction.target
    train = {} if found.train_loss is None else dict([_train_score(target, found.train_loss)])
    classes: list[Any] = per_class(target, y, prediction).to_dict("records") if target.kind == "class" else []
    return CellResult(
        ending=Ending("ok", detail=found.note),
        scores={"test": score(y, prediction, chosen), "train": train},
        n_test=len(y),
        n_train=found.n_train or len(split_data.oof_rows),
        train_loss=found.train_loss,
        gap=found.gap,
        learners_used=len(found.used),
        guarantee=found.guarantee,
        predict_cost=sum(split_data.stored[fit].meta["predict_seconds"] for fit in found.used),
        weights=found.weights,
        per_class=classes,
    )


def _train_score(target: Target, loss: float) -> tuple[str, float]:
    """Return the metric that stands for the training loss: RMSE, log loss, and WIS, or half of it without intervals."""
    if target.kind == "quantile" and not target.symmetric:
        return "mean_pinball", loss / 2
    return PROPER[target.kind], loss**0.5 if target.kind == "point" else loss


def ending_of(error: BaseException) -> Ending:
    """Return how a cell ended with an exception: status, cause, one line, and the traceback."""
    status, cause = "failed", "code"
    if isinstance(error, NotApplicableError):
        return Ending("skipped", detail=str(error))
    if isinstance(error, InvalidPredictionError):
        status = "invalid"
    elif isinstance(error, MemoryError):
        status, cause = "oom", "limit"
    elif isinstance(error, OSError):
        cause = "infra"
    detail = " ".join(f"{type(error).__name__}: {error}".split())
    # a line of a table, not a page: the traceback holds the whole text
    return Ending(status, cause, detail[:500], "".join(traceback.format_exception(error)))
