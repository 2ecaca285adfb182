"""What a worker does: one fit, the cells of one board split, or class weights; every ending becomes a record.

Exceptions become statuses here, by `endings`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.core.nouns import BenchError, Cell, Kind, Split, Target, Task
from bench.core.settings import Settings
from bench.methods import metrics, trainings
from bench.methods.boards import BOARDS, SINGLE_LEARNER
from bench.methods.learners.trial import try_parameters
from bench.methods.metrics import PROPER, Metric
from bench.methods.metrics.per_class import per_class
from bench.runner import fit_spec, out_of_fold
from bench.runner.endings import ending_of
from bench.runner.evaluate import EnsembleEvaluation, LearnerEvaluation, MethodResult, SplitData, evaluate_cell, score
from bench.runner.fit_spec import Fit
from bench.runner.foreign_code import MetricProcesses
from bench.runner.peak import peak_bytes, start_peak
from bench.runner.plan import parse_method
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
    is_foreign: bool

    def __str__(self) -> str:
        """Return what is fitted where, in one line."""
        return f"fit {self.fit.learner} ({self.fit.training}) on {self.context} {self.split.repeat}.{self.split.fold}"

    def items(self, task: Task) -> Iterator[Ending]:
        """Fit, store, and yield how that ended."""
        start_peak()
        try:
            rows = fit_spec.rows_of(task, self.split, self.settings)
            stored = out_of_fold.predict(rows, self.fit, self.settings)
            stored.meta["parts"] = dict(self.parts)
            stored.meta["peak_bytes"] = peak_bytes()
            Store(self.store).write(self.key, stored)
        except Exception as error:  # noqa: BLE001 - a learner may raise anything; its cell records what
            yield ending_of(error)
        else:
            yield Ending("ok")


@dataclass(frozen=True)
class EvaluateJob:
    """Cells of one board split.

    `learners` are the members of the panel that have predictions, `fits` the keys of the predictions, `weight_rows` how
    many rows weights are fitted on at most, `metrics` the names of those of ours that predictions are scored by,
    `foreign_metrics` those of the others, which processes of their own compute after `start`.
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
    foreign_metrics: tuple[str, ...]
    is_foreign: bool
    start: Callable[[], None]

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
            evaluation = self.evaluation(task)
            chosen = metrics.for_target(evaluation.split_data.target, self.metrics) if self.metrics else {}
        except Exception as error:  # noqa: BLE001 - the predictions cannot be read: every cell records so
            yield from (CellResult(ending_of(error)) for _ in self.cells)
            return
        with MetricProcesses(self.foreign_metrics, self.start) as others:
            for cell in self.cells:
                start = time.perf_counter()
                try:
                    found = evaluate_cell(evaluation, cell, methods.get(cell.method))
                    result = _add_scores(score_result(evaluation.split_data, found, chosen), found, evaluation, others)
                except Exception as error:  # noqa: BLE001 - a scheme may raise anything; its cell records what
                    result = CellResult(ending_of(error))
                seconds = time.perf_counter() - start
                yield replace(_add_fit(result, evaluation.split_data, cell), weigh_seconds=seconds).plain()

    def evaluation(self, task: Task) -> EnsembleEvaluation | LearnerEvaluation:
        """Return what evaluates the cells, on the predictions of the store.

        Raises:
            OSError, ValueError: a fit cannot be read.
        """
        rows = fit_spec.rows_of(task, self.split, self.settings)
        board, store = BOARDS[self.cells[0].board], Store(self.store)
        split_data = SplitData.of_rows(
            rows, board, self.settings, {fit: store.read(key) for fit, key in self.fits.items()}
        )
        if board.per_learner:
            return LearnerEvaluation(split_data)
        return EnsembleEvaluation(split_data, self.learners, self.weight_rows)


@dataclass(frozen=True)
class ClassWeightsJob:
    """The class weights that a class weighting of others gives to the rows of each model of a fit of a split."""

    context: str
    split: Split
    training: str
    settings: Settings
    is_foreign: bool = True

    def __str__(self) -> str:
        """Return what is computed, in one line."""
        return f"class weights of {self.training} on {self.context}"

    def items(self, task: Task) -> Iterator[list[list[float]] | Ending]:
        """Yield the class weights (K,) of each model, or how the weighting ended."""
        try:
            training = trainings.registry.scheme(self.training)
            found = fit_spec.class_weights_of_fits(fit_spec.rows_of(task, self.split, self.settings), training)
            yield [weights.tolist() for weights in found if weights is not None]
        except Exception as error:  # noqa: BLE001 - a class weighting may raise anything; its cells record what
            yield ending_of(error)


@dataclass(frozen=True)
class TrialJob:
    """The trial fit of a learner, to refuse parameters before a run."""

    learner: str
    kind: Kind
    is_foreign: bool
    context: str = ""

    def __str__(self) -> str:
        """Return what is tried, in one line."""
        return f"trial fit of {self.learner}"

    def items(self, _: None) -> Iterator[str]:
        """Yield what is wrong with the learner, if anything is."""
        try:
            try_parameters(self.learner, self.kind)
        except BenchError as error:
            yield str(error)


def _add_scores(
    result: CellResult, found: MethodResult, evaluation: EnsembleEvaluation | LearnerEvaluation, others: MetricProcesses
) -> CellResult:
    """Add the scores by metrics that are not ours, or record how one of them ended."""
    split_data = evaluation.split_data
    scores = others.scores(split_data.task.y[split_data.test], found.prediction)
    if isinstance(scores, Ending):
        return CellResult(scores)
    return replace(result, scores={**result.scores, "test": {**result.scores["test"], **scores}})


def _add_fit(result: CellResult, split_data: SplitData, cell: Cell) -> CellResult:
    """Add the seconds and the clipped rows of the fit, for a cell that rests on exactly one."""
    fit = FitId.plain(cell.learner) if cell.method == SINGLE_LEARNER else FitId(cell.learner, cell.method)
    stored = split_data.stored.get(fit)
    if stored is None:
        return result
    names = ("fit_seconds", "predict_seconds", "peak_bytes", "clipped")
    notes: dict[str, Any] = {name: stored.meta.get(name) for name in names}
    return replace(result, **notes)


def score_result(split_data: SplitData, found: MethodResult, chosen: Mapping[str, Metric]) -> CellResult:
    """Score the predictions of the test rows, and fill in everything that the tables hold of a cell."""
    prediction, y = found.prediction, split_data.task.y[split_data.test]
    target = prediction.target
    loss = found.train_loss
    train = {} if loss is None else dict([_train_score(target, loss)])
    classes: list[Any] = per_class(target, y, prediction).to_dict("records") if target.kind == "class" else []
    return CellResult(
        ending=Ending("ok", detail=found.note),
        scores={"test": score(y, prediction, chosen), "train": train},
        n_test=len(y),
        n_train=len(split_data.oof_rows if found.train is None else found.train.rows),
        train_loss=loss,
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
