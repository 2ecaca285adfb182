"""The class-weight board: training schemes of each learner, and the decisions behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.boards import Method, is_training
from bench.runner import postprocessing
from bench.runner.evaluate.split_data import MethodResult, SplitData, finish, train_prediction
from bench.runner.postprocessing import PostprocessInput
from bench.runner.records import FitId
from bench.runner.weight_rows import class_rows


@dataclass(frozen=True)
class ClassWeightsByPart:
    """The class weights (K,) behind each model of a fit, by its part; None where it was trained without weights.

    A missing weight is there, but unknown.
    """

    parts: Mapping[str, Sequence[float | None] | None]

    def of(self, part: str) -> Array | None:
        """Return the class weights (K,) behind one model."""
        found = self.parts.get(part)
        return None if found is None else np.array(found, dtype=float)

    def of_rows(self, fold: Array) -> Array | None:
        """Return the class weights (n, K) behind the prediction of each row, by the inner fold that it is in."""
        known = {int(k): self.of(str(k)) for k in np.unique(fold)}
        found = [weights for weights in known.values() if weights is not None]
        if not found:
            return None
        rows = np.ones((max(known) + 1, len(found[0])))
        for k, weights in known.items():
            rows[k] = 1.0 if weights is None else weights
        return rows[fold]

    def of_all(self) -> Array | None:
        """Return the class weights (K,) behind the model of all training rows, else the mean over the folds' models."""
        if "all" in self.parts:
            return self.of("all")
        found = [weights for part in self.parts if part.isdigit() and (weights := self.of(part)) is not None]
        return np.mean(found, axis=0) if found else None


@dataclass(frozen=True)
class LearnerEvaluation:
    """All the methods of the class-weight board on one split: training schemes of each learner, and decisions."""

    split_data: SplitData

    def evaluate(self, method: Method, learner: str) -> MethodResult:
        """Return what a training scheme with its steps, or the constant predictor, came to for one learner."""
        if not is_training(method.base):
            return self._evaluate_constant(method, learner)
        fit = FitId(learner, method.base.id)
        given = self._postprocess_input(fit)
        prediction = postprocessing.apply(method.steps, given, self.split_data.rng)
        weights = (
            *class_rows("class_weight", given.test.target, given.test.effective_class_weights),
            *class_rows("rule", prediction.target, prediction.rule),
        )
        return MethodResult(
            prediction,
            train=train_prediction(self.split_data, self.split_data.stored[fit].oof),
            weights=weights,
            used=(fit,),
            guarantee=postprocessing.guarantee(method.steps),
            note=self.split_data.stored[fit].meta["note"],
        )

    def evaluate_oracle(self, method: Method, learner: str) -> MethodResult:
        """Return what the steps come to when they are fitted on the test rows."""
        fit = FitId(learner, method.base.id)
        given = self._postprocess_input(fit)
        best = replace(given, folds=(given.test, self.split_data.y_of(self.split_data.test)))
        return MethodResult(postprocessing.apply(method.steps, best, self.split_data.rng), used=(fit,))

    def _postprocess_input(self, fit: FitId) -> PostprocessInput:
        """Return a fit's out-of-fold and test predictions, with the class weights behind them."""
        split_data, stored = self.split_data, self.split_data.stored[fit]
        behind = ClassWeightsByPart(stored.meta["effective_class_weights"])
        known = self._finish(stored.oof, split_data.oof_rows, behind.of_rows(split_data.inner_fold))
        folds = () if stored.folds is None else tuple(stored.folds)
        calibration, rows = None, split_data.calibration
        if stored.calibration is not None and len(rows):
            calibration = self._finish(stored.calibration, rows, behind.of_all()), split_data.y_of(rows)
        return PostprocessInput(
            self._finish(stored.test, split_data.test, behind.of_all()),
            (replace(known, inner_fold=split_data.inner_fold), split_data.y),
            calibration,
            tuple(self._finish(values, split_data.test, behind.of(str(k))) for k, values in enumerate(folds)),
        )

    def _finish(self, values: Array, rows: Array, effective_class_weights: Array | None) -> Prediction:
        return finish(self.split_data.target, values, self.split_data.weight(rows), effective_class_weights)

    def _evaluate_constant(self, method: Method, learner: str) -> MethodResult:
        """Evaluate the constant predictor, an ensemble scheme, on a panel of one learner."""
        split_data, scheme = self.split_data, method.base
        stored = split_data.stored[FitId.plain(learner)]
        panels = (
            split_data.panel(split_data.oof_rows, (learner,), stored.oof[None], split_data.inner_fold),
            split_data.panel(split_data.test, (learner,), stored.test[None], None),
        )
        combiner = scheme(panels[0], split_data.y, split_data.rng(scheme.id))
        prediction = finish(split_data.target, combiner(panels[1]), panels[1].weight)
        return MethodResult(prediction, train_prediction(split_data, combiner(panels[0])))
