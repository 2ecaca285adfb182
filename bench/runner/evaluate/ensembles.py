"""The ensemble boards: every scheme learns on the out-of-fold panel and answers the test panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from bench.core.nouns import Array, BenchError, Combiner, NotApplicableError, Panel, Prediction, Weights
from bench.core.registry import Scheme
from bench.methods.boards import ORACLE, SINGLE_LEARNER, Method, method
from bench.runner import postprocessing
from bench.runner.evaluate.split_data import MethodResult, SplitData, finish, train_loss
from bench.runner.postprocessing import PostprocessInput
from bench.runner.store import FitPredictions
from bench.runner.weight_rows import class_rows, weight_rows


class EnsembleEvaluation:
    """All the methods of an ensemble board on one split; what they share is worked out once.

    Quantiles are sorted when they enter the panel: so a convex combination cannot cross, and the oracle, which is
    fitted on the test rows, bounds every one of them. A learner alone is scored from its own answer, crossings counted,
    and from all rows; schemes learn from `most` of them.
    """

    def __init__(self, split_data: SplitData, learners: tuple[str, ...], most: int | None = None) -> None:
        self.whole, self.split_data, self.learners = split_data, split_data.with_rows(most), learners
        self._fitted: dict[str, Combiner] = {}
        self._without: dict[str, list[Combiner]] = {}

    @cached_property
    def oof(self) -> Panel:
        """Out-of-fold answers of the training rows."""
        return self._panel(self.split_data.answered, lambda stored: stored.oof, self.split_data.inner_fold)

    @cached_property
    def test(self) -> Panel:
        """Answers of the test rows."""
        return self._panel(self.split_data.test, lambda stored: stored.test)

    def _panel(self, rows: Array, part: Callable[[FitPredictions], Array], inner_fold: Array | None = None) -> Panel:
        """Return the panel of some rows, each learner's answers taken from what is stored of it."""
        first = part(self.split_data.stored[self.learners[0], "none"])
        predictions = np.empty((len(self.learners), *first.shape))
        for j, learner in enumerate(self.learners):
            predictions[j] = part(self.split_data.stored[learner, "none"])
        if self.split_data.target.kind == "quantile":
            predictions.sort(axis=2)
        predictions.setflags(write=False)
        return self.split_data.panel(rows, self.learners, predictions, inner_fold)

    def evaluate(self, name: str, learner: str) -> MethodResult:
        """Return what a method of the board, the oracle, or a learner alone came to."""
        if name == SINGLE_LEARNER:
            stored = self.split_data.stored[learner, "none"]
            weight = self.split_data.weight(self.split_data.test)
            prediction = finish(self.split_data.target, stored.test, weight)
            loss = train_loss(self.whole, self.whole.stored[learner, "none"].oof)
            return MethodResult(prediction, loss, used=((learner, "none"),), n_train=len(self.whole.answered))
        if name == ORACLE:
            return self._oracle()
        parsed = method(self.split_data.board, name)
        if parsed is None:
            raise BenchError(f"method {name!r} does not serve board {self.split_data.board.name!r}")
        return self._method(parsed)

    def _method(self, wanted: Method) -> MethodResult:
        combiner = self._fit(wanted.base)
        prediction = self._answer(combiner)
        if wanted.steps:
            prediction = postprocessing.apply(wanted.steps, self._said(wanted, prediction), self._rng)
        weights = (*weight_rows(combiner, self.oof), *class_rows("rule", prediction.target, prediction.rule))
        gap, used = getattr(combiner, "gap", None), self._used(combiner)
        loss = train_loss(self.split_data, combiner(self.oof))
        return MethodResult(prediction, loss, gap, weights, used, postprocessing.guarantee(wanted.steps))

    def _rng(self, name: str) -> np.random.Generator:
        return self.split_data.rng(name)

    def _fit(self, scheme: Scheme[Any]) -> Combiner:
        if scheme.id not in self._fitted:
            self._fitted[scheme.id] = scheme(self.oof, self.split_data.y, self.split_data.rng(scheme.id))
        return self._fitted[scheme.id]

    def _said(self, wanted: Method, prediction: Prediction) -> PostprocessInput:
        """Return what teaches the steps of a method, and what they change."""
        requested = {step.options.learns for step in wanted.steps}
        return PostprocessInput(
            prediction,
            self._cross_fitted(wanted.base) if "folds" in requested else None,
            self._calibrating(wanted.base) if "calibration" in requested else None,
            self._by_fold(wanted.base) if any(map(postprocessing.needs_fold_models, wanted.steps)) else (),
        )

    def _cross_fitted(self, scheme: Scheme[Any]) -> tuple[Prediction, Array]:
        """Answer every training row with weights learned on the other inner folds."""
        values = np.empty(self.oof.predictions.shape[1:])
        for k, combiner in zip(self.split_data.folds, self._weighed_without(scheme), strict=True):
            held = self.split_data.inner_fold == k
            values[held] = combiner(self.oof.rows(held))
        prediction = finish(self.oof.target, values, self.oof.weight)
        return replace(prediction, inner_fold=self.split_data.inner_fold), self.split_data.y

    def _weighed_without(self, scheme: Scheme[Any]) -> list[Combiner]:
        """Return the scheme's combiners, each learned without the rows of one inner fold.

        Under protocol `nested` no model that answered the rows that teach has seen that fold either.
        """
        if len(self.split_data.folds) < 2:
            raise NotApplicableError("a step behind a scheme needs answers of at least two inner folds")
        if scheme.id not in self._without:
            self._without[scheme.id] = [self._learn_without(scheme, int(k)) for k in self.split_data.folds]
        return self._without[scheme.id]

    def _learn_without(self, scheme: Scheme[Any], k: int) -> Combiner:
        held = self.split_data.inner_fold == k
        combiner: Combiner = scheme(
            self._world_without(k).rows(~held), self.split_data.y[~held], self.split_data.rng(scheme.id, "without", k)
        )
        return combiner

    def _world_without(self, k: int) -> Panel:
        if self.split_data.stored[self.learners[0], "none"].nested is None:
            return self.oof
        return self._panel(
            self.split_data.answered, lambda stored: cast("Array", stored.nested)[k], self.split_data.inner_fold
        )

    def _calibrating(self, scheme: Scheme[Any]) -> tuple[Prediction, Array] | None:
        """Answer the calibration rows, from which nothing has learned; None where the protocol sets none aside."""
        rows = self.split_data.calibration
        if not len(rows):
            return None
        panel = self._panel(rows, lambda stored: cast("Array", stored.calibration))
        return finish(panel.target, self._fit(scheme)(panel), panel.weight), self.split_data.task.y[rows]

    def _by_fold(self, scheme: Scheme[Any]) -> tuple[Prediction, ...]:
        """Answer the test rows without each inner fold: by the models and by the weights that have not seen it."""
        if self.split_data.stored[self.learners[0], "none"].folds is None:
            return ()
        without = zip(self.split_data.folds, self._weighed_without(scheme), strict=True)
        return tuple(self._answer_of(int(k), combiner) for k, combiner in without)

    def _answer_of(self, k: int, combiner: Combiner) -> Prediction:
        panel = self._panel(self.split_data.test, lambda stored: cast("Array", stored.folds)[k])
        return finish(panel.target, combiner(panel), panel.weight)

    def _answer(self, combiner: Combiner) -> Prediction:
        return finish(self.test.target, combiner(self.test), self.test.weight)

    def _oracle(self) -> MethodResult:
        """Fit the board's exact scheme on the test rows: no simplex weights can do better there."""
        scheme = self.split_data.board.registry.scheme(self.split_data.board.oracle)
        combiner = scheme(self.test, self.split_data.task.y[self.split_data.test], self.split_data.rng(ORACLE))
        gap, weights = getattr(combiner, "gap", None), tuple(weight_rows(combiner, self.test))
        return MethodResult(self._answer(combiner), None, gap, weights, self._used(combiner))

    def _used(self, combiner: Combiner) -> tuple[tuple[str, str], ...]:
        """Return the fits that a combiner listens to: what it says itself, else all that have any weight."""
        used = np.ones(len(self.learners), dtype=bool)
        if isinstance(combiner, Weights):
            used = np.any(combiner.w.reshape(len(used), -1) != 0, axis=1)
        reported = getattr(combiner, "used", used)
        return tuple(
            (learner, "none") for learner, requested in zip(self.learners, reported, strict=False) if requested
        )
