"""What methods see of one outer split, and what a method comes to there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from bench.core import losses
from bench.core.hashing import generator
from bench.core.nouns import Array, Panel, Prediction, Target, Task, clip_probabilities, read_only, validate_values
from bench.core.settings import Settings
from bench.methods import metrics
from bench.methods.boards import Board
from bench.methods.metrics import Metric
from bench.runner.fit_spec import SplitRows
from bench.runner.records import FitId
from bench.runner.store import FitPredictions
from bench.tasks import encoders


@dataclass(frozen=True)
class SplitData:
    """One outer split as methods see it: its rows, and the predictions of each fit.

    `oof_rows` are the training rows with an out-of-fold prediction, `inner_fold` the inner fold of each, `calibration`
    the rows on which nothing is fitted, `stored` the predictions by fit.
    """

    task: Task
    board: Board
    settings: Settings
    repeat: int
    outer_fold: int
    train: Array
    test: Array
    oof_rows: Array
    inner_fold: Array
    calibration: Array
    stored: Mapping[FitId, FitPredictions]

    @classmethod
    def of_rows(
        cls, rows: SplitRows, board: Board, settings: Settings, stored: Mapping[FitId, FitPredictions]
    ) -> SplitData:
        """Return what methods of a board see of a split whose fits are stored."""
        split = rows.split
        return cls(
            task=rows.task,
            board=board,
            settings=settings,
            repeat=split.repeat,
            outer_fold=split.fold,
            train=split.train,
            test=split.test,
            oof_rows=rows.oof_rows,
            inner_fold=read_only(rows.inner_fold),
            calibration=rows.calibration,
            stored=stored,
        )

    @cached_property
    def target(self) -> Target:
        """What is predicted on this board."""
        return self.board.target(self.task, self.settings)

    @cached_property
    def y(self) -> Array:
        """True values of the training rows with an out-of-fold prediction."""
        return self.y_of(self.oof_rows)

    def y_of(self, rows: Array) -> Array:
        """Return the true values of some rows of the task."""
        return read_only(self.task.y[rows])

    def with_rows(self, most: int | None) -> SplitData:
        """Return the data with at most so many of the rows that weights are fitted on, drawn from the seed."""
        if most is None or most >= len(self.oof_rows):
            return self
        kept = np.sort(self.rng("weight rows").permutation(len(self.oof_rows))[:most])
        stored = {fit: _take_rows(predictions, kept) for fit, predictions in self.stored.items()}
        return replace(self, oof_rows=self.oof_rows[kept], inner_fold=self.inner_fold[kept], stored=stored)

    @cached_property
    def folds(self) -> Array:
        """Numbers of the inner folds that have rows with an out-of-fold prediction."""
        return np.unique(self.inner_fold)

    def weight(self, rows: Array) -> Array | None:
        """Row weights of the task on some rows."""
        return None if self.task.weight is None else read_only(self.task.weight[rows])

    def rng(self, *component: object) -> np.random.Generator:
        """Return the generator of one component on this split."""
        place = (self.task.name, self.repeat, self.outer_fold, self.target.kind)
        return generator(self.settings.seed, *place, *component)

    @cached_property
    def _encoder(self) -> Any:
        return encoders.encoder("scaled", self.settings.max_levels).fit(self.task.X.iloc[self.train])

    def panel(self, rows: Array, learners: tuple[str, ...], predictions: Array, inner_fold: Array | None) -> Panel:
        """Return a panel over some rows of the task."""
        X = self._encoder.transform(self.task.X.iloc[rows])
        return Panel(self.target, learners, X, read_only(predictions), self.weight(rows), inner_fold)


def _take_rows(stored: FitPredictions, kept: Array) -> FitPredictions:
    """Return the predictions with the out-of-fold ones of some of the training rows alone."""
    nested = None if stored.nested is None else stored.nested[:, kept]
    return replace(stored, oof=stored.oof[kept], nested=nested)


@dataclass(frozen=True)
class TrainPrediction:
    """What the training loss of a method rests on: training rows, and what it says of them before its steps.

    `rows` (n,) are positions in the task, `y` (n,) their true values.
    """

    rows: Array
    y: Array
    prediction: Prediction

    @property
    def loss(self) -> float:
        """The raw objective: the mean proper loss, before any sort."""
        prediction = self.prediction
        raw = prediction.values if prediction.unsorted is None else prediction.unsorted
        return float(losses.mean(losses.proper_loss(prediction.target, self.y, raw), prediction.weight))


@dataclass(frozen=True)
class MethodResult:
    """What a method came to on one split: its test predictions, those of training rows, and its certificate `gap`.

    `train` is None of what is not fitted on training rows. `weights` are rows of weights.csv. `used` are the fits that
    must predict a row before the method can: those with any weight. `guarantee` is what its steps promise, `note` what
    its fit reports.
    """

    prediction: Prediction
    train: TrainPrediction | None = None
    gap: float | None = None
    weights: tuple[dict[str, Any], ...] = ()
    used: tuple[FitId, ...] = ()
    guarantee: str = ""
    note: str = ""

    @property
    def train_loss(self) -> float | None:
        """The raw objective on the training rows."""
        return None if self.train is None else self.train.loss


def finish(
    target: Target, values: Array, weight: Array | None, effective_class_weights: Array | None = None
) -> Prediction:
    """Make a valid prediction: probabilities are clipped, quantiles end with a sort.

    Raises:
        InvalidPredictionError: the values have the wrong shape or are not what they must be.
    """
    values = validate_values(target, values, len(values))
    if target.kind == "class":
        values, _ = clip_probabilities(values)
    if target.kind == "quantile":
        return Prediction(target, read_only(np.sort(values, axis=1)), weight, unsorted=read_only(values))
    return Prediction(target, read_only(values), weight, effective_class_weights=read_only(effective_class_weights))


def score(y: Array, prediction: Prediction, chosen: Mapping[str, Metric] | None = None) -> dict[str, float | None]:
    """Return metrics of a prediction, all of its target if none are chosen; None where one is undefined."""
    found = metrics.for_target(prediction.target) if chosen is None else chosen
    y, prediction = read_only(y), _read_only_prediction(prediction)
    values = {name: metric.function(prediction.target, y, prediction) for name, metric in found.items()}
    return {name: None if np.isnan(value) else float(value) for name, value in values.items()}


def _read_only_prediction(prediction: Prediction) -> Prediction:
    """Return a prediction with arrays that no metric can write to, whoever made them."""
    arrays = {f.name: each for f in fields(prediction) if isinstance(each := getattr(prediction, f.name), np.ndarray)}
    locked: dict[str, Any] = {name: read_only(array) for name, array in arrays.items()}
    return replace(prediction, **locked)


def train_prediction(split_data: SplitData, values: Array) -> TrainPrediction:
    """Return what a method says of the training rows with an out-of-fold prediction, `values` (n_oof, K).

    Raises:
        InvalidPredictionError: the values have the wrong shape or are not what they must be.
    """
    prediction = finish(split_data.target, values, split_data.weight(split_data.oof_rows))
    return TrainPrediction(split_data.oof_rows, split_data.y, prediction)
