"""Out-of-fold fitting: the only place where a learner is fitted.

Inside each fit everything is learned on the rows that teach: encode, impute and scale, draw or weigh the rows, fit.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from bench.core.hashing import seed
from bench.core.nouns import Array, ExternalPredictions, NotApplicableError, clip_probabilities, validate_values
from bench.core.settings import Settings
from bench.methods import trainings
from bench.methods.learners import learner_scheme
from bench.methods.trainings import FitContext, FittedModel, fit_training
from bench.runner.fit_spec import Fit, SplitRows, why_not
from bench.runner.store import FitPredictions
from bench.tasks import encoders, splits


def prediction(rows: SplitRows, fit: Fit, settings: Settings) -> FitPredictions:
    """Fit on the inner folds and, by the protocol, on all training rows; answer out of fold and on the test rows.

    Raises:
        NotApplicableError: the pair of learner and training scheme does not apply to these rows.
        InvalidPredictionError: the learner's answer is no lawful answer.
    """
    reason = why_not(rows, fit, settings)
    if reason:
        raise NotApplicableError(reason)
    if rows.task.external is not None:
        return _look_up(rows, rows.task.external, fit)
    return _PROTOCOLS[settings.protocol](rows, fit, settings)


def _look_up(rows: SplitRows, given: ExternalPredictions, fit: Fit) -> FitPredictions:
    """Return what a learner is known to have said; nothing is fitted."""
    values = validate_values(given.target, given.predictions[fit.learner], len(rows.task.y))
    clipped = 0
    if given.target.kind == "class":
        values, clipped = clip_probabilities(values)
    meta = {
        "learner": fit.learner,
        "clipped": clipped,
        "fit_seconds": 0.0,
        "predict_seconds": 0.0,
        "effective_class_weights": {},
        "note": "",
    }
    return FitPredictions(
        values[rows.answered], values[rows.split.test], calibration=values[rows.calibration], meta=meta
    )


def _refit(rows: SplitRows, fit: Fit, settings: Settings) -> FitPredictions:
    fitter = _ModelFitter(rows, fit, settings)
    inner = [
        fitter.fit_and_predict(str(k), fit_rows, (answers,))[0] for k, (fit_rows, answers) in enumerate(rows.inner)
    ]
    test, calibration = fitter.fit_and_predict("all", rows.split.train, (rows.split.test, rows.calibration))
    return FitPredictions(_in_order(rows, inner), test, calibration=calibration, meta=fitter.meta())


def _bag(rows: SplitRows, fit: Fit, settings: Settings) -> FitPredictions:
    return _bagged(rows, _ModelFitter(rows, fit, settings))


def _bagged(rows: SplitRows, fitter: _ModelFitter) -> FitPredictions:
    pairs = [
        fitter.fit_and_predict(str(k), fit_rows, (answers, rows.split.test))
        for k, (fit_rows, answers) in enumerate(rows.inner)
    ]
    folds = np.stack([test for _, test in pairs])
    return FitPredictions(_in_order(rows, [inner for inner, _ in pairs]), folds.mean(axis=0), folds, fitter.meta())


def _nested(rows: SplitRows, fit: Fit, settings: Settings) -> FitPredictions:
    """Answer as `bag` does, and fit a model without each pair of folds: K (K - 1) / 2 more.

    `nested[k]` are the answers out of fold in a world without fold k; rows of fold k have their usual answer.
    """
    fitter = _ModelFitter(rows, fit, settings)
    stored = _bagged(rows, fitter)
    filled = np.empty((len(rows.inner), len(rows.task.y), fit.target.width))
    filled[:, rows.answered] = stored.oof
    for (k, (fit_rows, of_k)), (m, (_, of_m)) in combinations(enumerate(rows.inner), 2):
        said_m, said_k = fitter.fit_and_predict(f"{k}-{m}", fit_rows[~np.isin(fit_rows, of_m)], (of_m, of_k))
        filled[k, of_m], filled[m, of_k] = said_m, said_k
    return replace(stored, nested=filled[:, rows.answered], meta=fitter.meta())


_PROTOCOLS = {"refit": _refit, "bag": _bag, "nested": _nested, "split": _refit}
PROTOCOLS = tuple(_PROTOCOLS)


def _in_order(rows: SplitRows, answers: list[Array]) -> Array:
    """Bring the inner folds' answers into the order of the answered training rows."""
    filled = np.empty((len(rows.task.y), answers[0].shape[1]))
    for (_, index), values in zip(rows.inner, answers, strict=True):
        filled[index] = values
    return filled[rows.answered]


def _plain(weights: Array) -> list[float | None]:
    """Return class weights as JSON holds them: one that nobody knows is None."""
    return [None if np.isnan(weight) else float(weight) for weight in weights]


class _ModelFitter:
    """Fits one model a call and keeps count of clipped rows, seconds, and the class weights in effect."""

    def __init__(self, rows: SplitRows, fit: Fit, settings: Settings) -> None:
        self.rows, self.fit, self.settings = rows, fit, settings
        self.learner = learner_scheme(fit.learner)
        self.training = trainings.registry.scheme(fit.training)
        self.clipped = 0
        self.fit_seconds = self.predict_seconds = 0.0
        self.effective_class_weights: dict[str, list[float | None] | None] = {}
        self.notes: dict[str, str] = {}

    def fit_and_predict(self, part: str, fit_rows: Array, requested: tuple[Array, ...]) -> list[Array]:
        """Fit on the rows that teach and answer each list of rows asked, every answer of shape (n, K)."""
        start = time.perf_counter()
        fitted = self._fit(self._lesson(part, fit_rows), fit_rows)
        middle = time.perf_counter()
        predictions = [self._predict(fitted, rows) for rows in requested]
        self.fit_seconds += middle - start
        self.predict_seconds += time.perf_counter() - middle
        self.effective_class_weights[part] = (
            None if fitted.effective_class_weights is None else _plain(fitted.effective_class_weights)
        )
        self.notes |= {part: fitted.note} if fitted.note else {}
        return predictions

    def _lesson(self, part: str, fit_rows: Array) -> FitContext:
        task, run_seed = self.rows.task, self.settings.seed
        place = (task.name, self.rows.split.repeat, self.rows.split.fold, self.fit.learner, part)
        X = task.X.iloc[fit_rows]
        weight = None if task.weight is None else task.weight[fit_rows] / task.weight[fit_rows].mean()
        encoder = encoders.encoder(self.learner.options.encoding).fit(X)
        position = np.full(len(task.y), -1)
        position[fit_rows] = np.arange(len(fit_rows))

        def cut(folds: int) -> list[splits.Part]:
            parts = splits.parts(task, fit_rows, folds, (run_seed, *place, "cut"))
            return [(position[fit_rows], position[answers]) for fit_rows, answers in parts]

        y, target = task.y[fit_rows].copy(), self.fit.target
        return FitContext(X, y, weight, target, self.learner, encoder, seed(run_seed, *place), cut)

    def _fit(self, context: FitContext, fit_rows: Array) -> FittedModel:
        weight = self.rows.task.weight
        return fit_training(context, self.training, None if weight is None else weight[fit_rows])

    def _predict(self, fitted: FittedModel, rows: Array) -> Array:
        if not len(rows):
            return np.empty((0, self.fit.target.width))
        return self._lawful(fitted.predict(self.rows.task.X.iloc[rows]), len(rows))

    def _lawful(self, values: Any, n: int) -> Array:
        values = validate_values(self.fit.target, values, n)
        if self.fit.target.kind == "class":
            values, changed = clip_probabilities(values)
            self.clipped += changed
        return values

    def meta(self) -> dict[str, Any]:
        """Return what is noted beside the answers."""
        return {
            "learner": self.fit.learner,
            "training": self.fit.training,
            "clipped": self.clipped,
            "fit_seconds": self.fit_seconds,
            "predict_seconds": self.predict_seconds,
            "effective_class_weights": self.effective_class_weights,
            "note": self.notes.get("all") or next(iter(self.notes.values()), ""),
        }
