"""The class-weight board: training schemes of each learner, and the decisions behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError, Prediction
from bench.core.registry import Scheme
from bench.methods.boards import ORACLE, Method, is_training, method
from bench.runner import postprocessing
from bench.runner.evaluate.split_data import MethodResult, SplitData, finish, train_loss
from bench.runner.postprocessing import PostprocessInput
from bench.runner.store import FitPredictions
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
        """Return the class weights (n, K) behind the answer to each row, by the inner fold that answered it."""
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


class LearnerEvaluation:
    """All the methods of the class-weight board on one split: training schemes of each learner, and decisions."""

    def __init__(self, split_data: SplitData) -> None:
        self.split_data = split_data

    def evaluate(self, name: str, learner: str) -> MethodResult:
        """Return what a training scheme with its steps, or the oracle, came to for one learner."""
        board = self.split_data.board
        parsed = method(board, board.oracle if name == ORACLE else name)
        if parsed is None:
            raise BenchError(f"method {name!r} does not serve board {board.name!r}")
        if not is_training(parsed.base):
            return self._constant(parsed, learner)
        predictions, used = self._said(parsed.base, learner), ((learner, parsed.base.id),)
        if name == ORACLE:
            best = replace(predictions, folds=(predictions.test, self.split_data.task.y[self.split_data.test]))
            return MethodResult(postprocessing.apply(parsed.steps, best, self._rng), used=used)
        final = postprocessing.apply(parsed.steps, predictions, self._rng)
        stored = self.split_data.stored[learner, parsed.base.id]
        loss = train_loss(self.split_data, stored.oof)
        weights = (
            *class_rows("class_weight", predictions.test.target, predictions.test.effective_class_weights),
            *class_rows("rule", final.target, final.rule),
        )
        return MethodResult(
            final, loss, None, weights, used, postprocessing.guarantee(parsed.steps), stored.meta["note"]
        )

    def _rng(self, name: str) -> np.random.Generator:
        return self.split_data.rng(name)

    def _said(self, training: Scheme[Any], learner: str) -> PostprocessInput:
        """Return a fit's answers to the rows that teach and to the test rows, with the class weights behind them."""
        split_data = self.split_data
        stored = split_data.stored[learner, training.id]
        behind = ClassWeightsByPart(stored.meta["effective_class_weights"])
        known = self._finish(stored.oof, split_data.answered, behind.of_rows(split_data.inner_fold))
        folds = () if stored.folds is None else tuple(stored.folds)
        return PostprocessInput(
            self._finish(stored.test, split_data.test, behind.of_all()),
            (replace(known, inner_fold=split_data.inner_fold), split_data.y),
            self._calibrating(stored, behind),
            tuple(self._finish(values, split_data.test, behind.of(str(k))) for k, values in enumerate(folds)),
        )

    def _calibrating(self, stored: FitPredictions, behind: ClassWeightsByPart) -> tuple[Prediction, Array] | None:
        rows = self.split_data.calibration
        if stored.calibration is None or not len(rows):
            return None
        return self._finish(stored.calibration, rows, behind.of_all()), self.split_data.task.y[rows]

    def _finish(self, values: Array, rows: Array, effective_class_weights: Array | None) -> Prediction:
        return finish(self.split_data.target, values, self.split_data.weight(rows), effective_class_weights)

    def _constant(self, baseline: Method, learner: str) -> MethodResult:
        split_data = self.split_data
        stored = split_data.stored[learner, "none"]
        panels = (
            split_data.panel(split_data.answered, (learner,), stored.oof[None], split_data.inner_fold),
            split_data.panel(split_data.test, (learner,), stored.test[None], None),
        )
        combiner = baseline.base(panels[0], split_data.y, split_data.rng(baseline.base.id))
        prediction = finish(split_data.target, combiner(panels[1]), panels[1].weight)
        return MethodResult(prediction, train_loss(split_data, combiner(panels[0])))
