"""The ensemble boards: every scheme is fitted on the out-of-fold panel and combines the test panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real
from typing import Any, cast

import numpy as np

from bench.core.nouns import Array, Combiner, InvalidPredictionError, NotApplicableError, Panel, Prediction, Weights
from bench.core.scheme import Scheme
from bench.methods.boards import ORACLE, Method
from bench.runner import postprocessing
from bench.runner.evaluate.split_data import MethodResult, SplitData, finish, train_prediction
from bench.runner.postprocessing import PostprocessInput
from bench.runner.records import FitId
from bench.runner.store import FitPredictions
from bench.runner.weight_rows import class_rows, weight_rows


@dataclass
class EnsembleEvaluation:
    """All the methods of an ensemble board on one split; what they share is worked out once.

    Quantiles are sorted when they enter the panel: so a convex combination cannot cross, and the oracle, which is
    fitted on the test rows, bounds every one of them. A learner alone is scored from its own predictions, crossings
    counted, and from all rows of the `whole`; schemes are fitted on at most `most` of them, the `split_data`.
    """

    whole: SplitData
    learners: tuple[str, ...]
    most: int | None = None
    _fitted: dict[str, Combiner] = field(default_factory=dict, init=False)
    _without: dict[str, list[Combiner]] = field(default_factory=dict, init=False)

    @cached_property
    def split_data(self) -> SplitData:
        """The split with the rows that schemes are fitted on."""
        return self.whole.with_rows(self.most)

    @cached_property
    def oof(self) -> Panel:
        """Out-of-fold predictions of the training rows."""
        return self._panel(self.split_data.oof_rows, lambda stored: stored.oof, self.split_data.inner_fold)

    @cached_property
    def test(self) -> Panel:
        """Predictions of the test rows."""
        return self._panel(self.split_data.test, lambda stored: stored.test)

    def _panel(self, rows: Array, part: Callable[[FitPredictions], Array], inner_fold: Array | None = None) -> Panel:
        """Return the panel of some rows, each learner's predictions taken from what is stored of its plain fit."""
        first = part(self._first_predictions)
        predictions = np.empty((len(self.learners), *first.shape))
        for j, learner in enumerate(self.learners):
            predictions[j] = part(self.split_data.stored[FitId.plain(learner)])
        if self.split_data.target.kind == "quantile":
            predictions.sort(axis=2)
        return self.split_data.panel(rows, self.learners, predictions, inner_fold)

    @property
    def _first_predictions(self) -> FitPredictions:
        """The predictions of one learner: the protocol gives all of them the same parts and shapes."""
        return self.split_data.stored[FitId.plain(self.learners[0])]

    def evaluate(self, method: Method, _: str) -> MethodResult:
        """Return what a method of the board came to; a panel's row belongs to no learner."""
        combiner = self._fit(method.base)
        prediction = self._combine(combiner)
        if method.steps:
            given = self._postprocess_input(method, prediction)
            prediction = postprocessing.apply(method.steps, given, self.split_data.rng)
        return MethodResult(
            prediction,
            train=train_prediction(self.split_data, combiner(self.oof)),
            gap=_certificate_of(combiner),
            weights=(*weight_rows(combiner, self.oof), *class_rows("rule", prediction.target, prediction.rule)),
            used=self._used_fits(combiner),
            guarantee=postprocessing.guarantee(method.steps),
        )

    def evaluate_learner(self, learner: str) -> MethodResult:
        """Return what a learner alone came to."""
        fit = FitId.plain(learner)
        weight = self.split_data.weight(self.split_data.test)
        prediction = finish(self.split_data.target, self.split_data.stored[fit].test, weight)
        return MethodResult(prediction, train_prediction(self.whole, self.whole.stored[fit].oof), used=(fit,))

    def evaluate_oracle(self, method: Method, _: str) -> MethodResult:
        """Fit the board's exact scheme on the test rows: no simplex weights can do better there."""
        combiner = method.base(self.test, self.split_data.y_of(self.split_data.test), self.split_data.rng(ORACLE))
        return MethodResult(
            self._combine(combiner),
            gap=_certificate_of(combiner),
            weights=tuple(weight_rows(combiner, self.test)),
            used=self._used_fits(combiner),
        )

    def _fit(self, scheme: Scheme[Any]) -> Combiner:
        if scheme.id not in self._fitted:
            self._fitted[scheme.id] = scheme(self.oof, self.split_data.y, self.split_data.rng(scheme.id))
        return self._fitted[scheme.id]

    def _postprocess_input(self, method: Method, prediction: Prediction) -> PostprocessInput:
        """Return what the steps of a method are fitted on, and what they change."""
        requested = {step.options.learns for step in method.steps}
        return PostprocessInput(
            prediction,
            self._cross_fit(method.base) if "folds" in requested else None,
            self._predict_calibration(method.base) if "calibration" in requested else None,
            self._predict_by_fold(method.base) if any(map(postprocessing.needs_fold_models, method.steps)) else (),
        )

    def _cross_fit(self, scheme: Scheme[Any]) -> tuple[Prediction, Array]:
        """Predict every training row with weights fitted on the other inner folds."""
        values = np.empty(self.oof.predictions.shape[1:])
        for k, combiner in zip(self.split_data.folds, self._fit_without_folds(scheme), strict=True):
            held = self.split_data.inner_fold == k
            values[held] = combiner(self.oof.rows(held))
        prediction = finish(self.oof.target, values, self.oof.weight)
        return replace(prediction, inner_fold=self.split_data.inner_fold), self.split_data.y

    def _fit_without_folds(self, scheme: Scheme[Any]) -> list[Combiner]:
        """Return the scheme's combiners, each fitted without the rows of one inner fold.

        Under protocol `nested` no model behind the predictions that it is fitted on has seen that fold either.
        """
        if len(self.split_data.folds) < 2:
            raise NotApplicableError("a step behind a scheme needs predictions of at least two inner folds")
        if scheme.id not in self._without:
            self._without[scheme.id] = [self._fit_without(scheme, int(k)) for k in self.split_data.folds]
        return self._without[scheme.id]

    def _fit_without(self, scheme: Scheme[Any], k: int) -> Combiner:
        kept = self.split_data.inner_fold != k
        panel, rng = self._oof_without(k).rows(kept), self.split_data.rng(scheme.id, "without", k)
        combiner: Combiner = scheme(panel, self.split_data.y[kept], rng)
        return combiner

    def _oof_without(self, k: int) -> Panel:
        """Return the out-of-fold panel in a world without inner fold k, where the protocol has one."""
        if self._first_predictions.nested is None:
            return self.oof
        return self._panel(
            self.split_data.oof_rows, lambda stored: cast("Array", stored.nested)[k], self.split_data.inner_fold
        )

    def _predict_calibration(self, scheme: Scheme[Any]) -> tuple[Prediction, Array] | None:
        """Predict the calibration rows, on which nothing is fitted; None where the protocol sets none aside."""
        rows = self.split_data.calibration
        if not len(rows):
            return None
        panel = self._panel(rows, lambda stored: cast("Array", stored.calibration))
        return finish(panel.target, self._fit(scheme)(panel), panel.weight), self.split_data.y_of(rows)

    def _predict_by_fold(self, scheme: Scheme[Any]) -> tuple[Prediction, ...]:
        """Predict the test rows without each inner fold: by the models and by the weights that have not seen it."""
        if self._first_predictions.folds is None:
            return ()
        without = zip(self.split_data.folds, self._fit_without_folds(scheme), strict=True)
        return tuple(self._predict_without(int(k), combiner) for k, combiner in without)

    def _predict_without(self, k: int, combiner: Combiner) -> Prediction:
        panel = self._panel(self.split_data.test, lambda stored: cast("Array", stored.folds)[k])
        return finish(panel.target, combiner(panel), panel.weight)

    def _combine(self, combiner: Combiner) -> Prediction:
        return finish(self.test.target, combiner(self.test), self.test.weight)

    def _used_fits(self, combiner: Combiner) -> tuple[FitId, ...]:
        """Return the fits that a combiner uses: those that it reports itself, else all that have any weight."""
        used = np.ones(len(self.learners), dtype=bool)
        if isinstance(combiner, Weights):
            used = np.any(combiner.w.reshape(len(used), -1) != 0, axis=1)
        reported = getattr(combiner, "used", used)
        return tuple(FitId.plain(learner) for learner, is_used in zip(self.learners, reported, strict=False) if is_used)


def _certificate_of(combiner: Combiner) -> float | None:
    """Return the `gap` of a combiner, None where it has none.

    Raises:
        InvalidPredictionError: it is no number.
    """
    gap: Any = getattr(combiner, "gap", None)
    if gap is not None and not isinstance(gap, (Real, np.ndarray)):
        raise InvalidPredictionError(f"the certificate `gap` is {gap!r}, which is no number")
    return cast("float | None", gap)
