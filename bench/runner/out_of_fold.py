"""The only place where a model is fitted: on inner folds and, by the protocol, on all training rows.

The test fold is kept away here: whatever is fitted (encoder, imputation, scaling, sampling, row weights, model) sees
the rows of one fit alone, and rows to predict are handed over without their true values. A protocol is one function
below and one name in `bench.core.settings`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Any, assert_never

import numpy as np

from bench.core.hashing import seed
from bench.core.nouns import Array, ExternalPredictions, NotApplicableError, clip_probabilities, validate_values
from bench.core.scheme import Scheme
from bench.core.settings import Settings
from bench.methods import trainings
from bench.methods.learners import LearnerOptions, learner_scheme
from bench.methods.trainings import FitContext, FittedModel, fit_training
from bench.runner.fit_spec import Fit, SplitRows, target_of_fit, why_not
from bench.runner.store import FitPredictions
from bench.tasks import encoders, splits


def predict(rows: SplitRows, fit: Fit, settings: Settings) -> FitPredictions:
    """Fit on the inner folds and, by the protocol, on all training rows; predict out of fold and the test rows.

    Raises:
        NotApplicableError: the pair of learner and training scheme does not apply to these rows.
        InvalidPredictionError: the predictions have the wrong shape or are not what they must be.
    """
    reason = why_not(rows, fit, settings)
    if reason:
        raise NotApplicableError(reason)
    if rows.task.external is not None:
        return _look_up(rows, rows.task.external, fit)
    fitter = _ModelFitter(rows, fit, settings)
    match settings.protocol:  # mypy refuses a protocol that is missing here
        case "refit" | "split":  # `split` differs by its rows alone: some are set aside for calibration
            return _refit(rows, fitter)
        case "bag":
            return _bag(rows, fitter)
        case "nested":
            return _nest(rows, fitter)
    assert_never(settings.protocol)


def _look_up(rows: SplitRows, external: ExternalPredictions, fit: Fit) -> FitPredictions:
    """Return the predictions that the task brings of a learner; nothing is fitted."""
    values = validate_values(external.target, external.predictions[fit.learner], len(rows.task.y))
    clipped = 0
    if external.target.kind == "class":
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
        values[rows.oof_rows], values[rows.split.test], calibration=values[rows.calibration], meta=meta
    )


def _refit(rows: SplitRows, fitter: _ModelFitter) -> FitPredictions:
    """Predict out of fold with the models of the inner folds, and all else with a model of all training rows."""
    inner = [
        fitter.fit_and_predict(str(k), fit_rows, (held_out,))[0] for k, (fit_rows, held_out) in enumerate(rows.inner)
    ]
    test, calibration = fitter.fit_and_predict("all", rows.split.train, (rows.split.test, rows.calibration))
    return FitPredictions(_order_rows(rows, inner), test, calibration=calibration, meta=fitter.meta())


def _bag(rows: SplitRows, fitter: _ModelFitter) -> FitPredictions:
    """Predict out of fold with the models of the inner folds, and the test rows with the mean of all of them."""
    pairs = [
        fitter.fit_and_predict(str(k), fit_rows, (held_out, rows.split.test))
        for k, (fit_rows, held_out) in enumerate(rows.inner)
    ]
    folds = np.stack([test for _, test in pairs])
    return FitPredictions(_order_rows(rows, [inner for inner, _ in pairs]), folds.mean(axis=0), folds, fitter.meta())


def _nest(rows: SplitRows, fitter: _ModelFitter) -> FitPredictions:
    """Predict as `bag` does, and fit a model without each pair of folds: K (K - 1) / 2 more.

    `nested[k]` are the out-of-fold predictions in a world without fold k; rows of fold k have their usual ones.
    """
    stored = _bag(rows, fitter)
    filled = np.empty((len(rows.inner), len(rows.task.y), fitter.fit.target.width))
    filled[:, rows.oof_rows] = stored.oof
    for (k, (fit_rows, of_k)), (m, (_, of_m)) in combinations(enumerate(rows.inner), 2):
        without_m = fit_rows[~np.isin(fit_rows, of_m)]
        filled[k, of_m], filled[m, of_k] = fitter.fit_and_predict(f"{k}-{m}", without_m, (of_m, of_k))
    return replace(stored, nested=filled[:, rows.oof_rows], meta=fitter.meta())


def _order_rows(rows: SplitRows, predictions: list[Array]) -> Array:
    """Bring the inner folds' predictions into the order of the training rows with an out-of-fold prediction."""
    filled = np.empty((len(rows.task.y), predictions[0].shape[1]))
    for (_, index), values in zip(rows.inner, predictions, strict=True):
        filled[index] = values
    return filled[rows.oof_rows]


def _json_weights(weights: Array) -> list[float | None]:
    """Return class weights as JSON holds them: one that nobody knows is None."""
    return [None if np.isnan(weight) else float(weight) for weight in weights]


@dataclass
class _ModelFitter:
    """Fits one model a call and keeps count of clipped rows, seconds, and the class weights in effect."""

    rows: SplitRows
    fit: Fit
    settings: Settings
    clipped: int = 0
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    effective_class_weights: dict[str, list[float | None] | None] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _learner(self) -> Scheme[LearnerOptions]:
        return learner_scheme(self.fit.learner)

    @cached_property
    def _training(self) -> Scheme[Any]:
        return trainings.registry.scheme(self.fit.training)

    def fit_and_predict(self, part: str, fit_rows: Array, requested: tuple[Array, ...]) -> list[Array]:
        """Fit on some rows and predict each requested list of rows, every prediction of shape (n, K)."""
        weight = self.rows.task.weight
        start = time.perf_counter()
        fitted = fit_training(
            self._context(part, fit_rows), self._training, None if weight is None else weight[fit_rows]
        )
        middle = time.perf_counter()
        predictions = [self._predict(fitted, rows) for rows in requested]
        self.fit_seconds += middle - start
        self.predict_seconds += time.perf_counter() - middle
        self.effective_class_weights[part] = (
            None if fitted.effective_class_weights is None else _json_weights(fitted.effective_class_weights)
        )
        self.notes |= {part: fitted.note} if fitted.note else {}
        return predictions

    def _context(self, part: str, fit_rows: Array) -> FitContext:
        """Return all that a training scheme may know: the rows to fit on, and nothing of any other row."""
        task, run_seed = self.rows.task, self.settings.seed
        place = (task.name, self.rows.split.repeat, self.rows.split.fold, self.fit.learner, part)
        X = task.X.iloc[fit_rows]
        weight = None if task.weight is None else task.weight[fit_rows] / task.weight[fit_rows].mean()
        encoder = encoders.encoder(self._learner.options.encoding, self.settings.max_levels).fit(X)
        position = np.full(len(task.y), -1)
        position[fit_rows] = np.arange(len(fit_rows))

        def cut(folds: int) -> list[splits.FoldRows]:
            parts = splits.inner_parts(task, fit_rows, folds, (run_seed, *place, "cut"))
            return [(position[inner_rows], position[held_out]) for inner_rows, held_out in parts]

        return FitContext(
            X=X,
            y=task.y[fit_rows].copy(),
            weight=weight,
            target=target_of_fit(self.fit),
            learner=self._learner,
            encoder=encoder,
            seed=seed(run_seed, *place),
            cut=cut,
        )

    def _predict(self, fitted: FittedModel, rows: Array) -> Array:
        """Predict some rows, checked and, where they are probabilities, clipped."""
        target = self.fit.target
        if not len(rows):
            return np.empty((0, target.width))
        values = validate_values(target, fitted.predict(self.rows.task.X.iloc[rows]), len(rows))
        if target.kind == "class":
            values, changed = clip_probabilities(values)
            self.clipped += changed
        return values

    def meta(self) -> dict[str, Any]:
        """Return what is noted beside the predictions."""
        return {
            "learner": self.fit.learner,
            "training": self.fit.training,
            "clipped": self.clipped,
            "fit_seconds": self.fit_seconds,
            "predict_seconds": self.predict_seconds,
            "effective_class_weights": self.effective_class_weights,
            "note": self.notes.get("all") or next(iter(self.notes.values()), ""),
        }
