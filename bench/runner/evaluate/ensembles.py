"""The ensemble boards: every scheme learns on the out-of-fold panel and answers the test panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from bench.core.nouns import Answer, Array, BenchError, Combiner, NotApplicableError, Panel, Weights
from bench.core.registry import Scheme
from bench.methods.boards import ALONE, ORACLE, Method, method
from bench.runner import postprocessing
from bench.runner.evaluate.split_data import Evidence, Weighed, finish, train_loss
from bench.runner.postprocessing import Said
from bench.runner.store import Stored
from bench.runner.weight_rows import class_rows, weight_rows


class EnsembleSheet:
    """All the methods of an ensemble board on one split; what they share is worked out once.

    Quantiles are sorted when they enter the panel: so a convex combination cannot cross, and the oracle, which is
    fitted on the test rows, bounds every one of them. A learner alone is scored from its own answer, crossings counted,
    and from all rows; schemes learn from `most` of them.
    """

    def __init__(self, evidence: Evidence, learners: tuple[str, ...], most: int | None = None) -> None:
        self.whole, self.evidence, self.learners = evidence, evidence.with_rows(most), learners
        self._fitted: dict[str, Combiner] = {}
        self._without: dict[str, list[Combiner]] = {}

    @cached_property
    def oof(self) -> Panel:
        """Out-of-fold answers of the training rows."""
        return self._panel(self.evidence.answered, lambda stored: stored.oof, self.evidence.fold)

    @cached_property
    def test(self) -> Panel:
        """Answers of the test rows."""
        return self._panel(self.evidence.test, lambda stored: stored.test)

    def _panel(self, rows: Array, part: Callable[[Stored], Array], fold: Array | None = None) -> Panel:
        """Return the panel of some rows, each learner's answers taken from what is stored of it."""
        first = part(self.evidence.stored[self.learners[0], "none"])
        said = np.empty((len(self.learners), *first.shape))
        for j, learner in enumerate(self.learners):
            said[j] = part(self.evidence.stored[learner, "none"])
        if self.evidence.target.kind == "quantile":
            said.sort(axis=2)
        said.setflags(write=False)
        return self.evidence.panel(rows, self.learners, said, fold)

    def weigh(self, name: str, learner: str) -> Weighed:
        """Return what a method of the board, the oracle, or a learner alone came to."""
        if name == ALONE:
            stored = self.evidence.stored[learner, "none"]
            weight = self.evidence.weight(self.evidence.test)
            answer = finish(self.evidence.target, stored.test, weight)
            loss = train_loss(self.whole, self.whole.stored[learner, "none"].oof)
            return Weighed(answer, loss, used=((learner, "none"),), n_train=len(self.whole.answered))
        if name == ORACLE:
            return self._oracle()
        parsed = method(self.evidence.board, name)
        if parsed is None:
            raise BenchError(f"method {name!r} does not serve board {self.evidence.board.name!r}")
        return self._method(parsed)

    def _method(self, wanted: Method) -> Weighed:
        combiner = self._fit(wanted.base)
        answer = self._answer(combiner)
        if wanted.steps:
            answer = postprocessing.apply(wanted.steps, self._said(wanted, answer), self._rng)
        weights = (*weight_rows(combiner, self.oof), *class_rows("rule", answer.target, answer.rule))
        gap, used = getattr(combiner, "gap", None), self._used(combiner)
        loss = train_loss(self.evidence, combiner(self.oof))
        return Weighed(answer, loss, gap, weights, used, postprocessing.guarantee(wanted.steps))

    def _rng(self, name: str) -> np.random.Generator:
        return self.evidence.rng(name)

    def _fit(self, scheme: Scheme[Any]) -> Combiner:
        if scheme.id not in self._fitted:
            self._fitted[scheme.id] = scheme(self.oof, self.evidence.y, self.evidence.rng(scheme.id))
        return self._fitted[scheme.id]

    def _said(self, wanted: Method, answer: Answer) -> Said:
        """Return what teaches the steps of a method, and what they change."""
        asked = {step.options.learns for step in wanted.steps}
        return Said(
            answer,
            self._cross_fitted(wanted.base) if "folds" in asked else None,
            self._calibrating(wanted.base) if "calibration" in asked else None,
            self._by_fold(wanted.base) if any(map(postprocessing.asks_each_fold, wanted.steps)) else (),
        )

    def _cross_fitted(self, scheme: Scheme[Any]) -> tuple[Answer, Array]:
        """Answer every training row with weights learned on the other inner folds."""
        values = np.empty(self.oof.said.shape[1:])
        for k, combiner in zip(self.evidence.folds, self._weighed_without(scheme), strict=True):
            held = self.evidence.fold == k
            values[held] = combiner(self.oof.rows(held))
        answer = finish(self.oof.target, values, self.oof.weight)
        return replace(answer, fold=self.evidence.fold), self.evidence.y

    def _weighed_without(self, scheme: Scheme[Any]) -> list[Combiner]:
        """Return the scheme's combiners, each learned without the rows of one inner fold.

        Under protocol `nested` no model that answered the rows that teach has seen that fold either.
        """
        if len(self.evidence.folds) < 2:
            raise NotApplicableError("a step behind a scheme needs answers of at least two inner folds")
        if scheme.id not in self._without:
            self._without[scheme.id] = [self._learn_without(scheme, int(k)) for k in self.evidence.folds]
        return self._without[scheme.id]

    def _learn_without(self, scheme: Scheme[Any], k: int) -> Combiner:
        held = self.evidence.fold == k
        combiner: Combiner = scheme(
            self._world_without(k).rows(~held), self.evidence.y[~held], self.evidence.rng(scheme.id, "without", k)
        )
        return combiner

    def _world_without(self, k: int) -> Panel:
        if self.evidence.stored[self.learners[0], "none"].nested is None:
            return self.oof
        return self._panel(self.evidence.answered, lambda stored: cast("Array", stored.nested)[k], self.evidence.fold)

    def _calibrating(self, scheme: Scheme[Any]) -> tuple[Answer, Array] | None:
        """Answer the calibration rows, from which nothing has learned; None where the protocol sets none aside."""
        rows = self.evidence.calibration
        if not len(rows):
            return None
        panel = self._panel(rows, lambda stored: cast("Array", stored.calibration))
        return finish(panel.target, self._fit(scheme)(panel), panel.weight), self.evidence.task.y[rows]

    def _by_fold(self, scheme: Scheme[Any]) -> tuple[Answer, ...]:
        """Answer the test rows without each inner fold: by the models and by the weights that have not seen it."""
        if self.evidence.stored[self.learners[0], "none"].folds is None:
            return ()
        without = zip(self.evidence.folds, self._weighed_without(scheme), strict=True)
        return tuple(self._answer_of(int(k), combiner) for k, combiner in without)

    def _answer_of(self, k: int, combiner: Combiner) -> Answer:
        panel = self._panel(self.evidence.test, lambda stored: cast("Array", stored.folds)[k])
        return finish(panel.target, combiner(panel), panel.weight)

    def _answer(self, combiner: Combiner) -> Answer:
        return finish(self.test.target, combiner(self.test), self.test.weight)

    def _oracle(self) -> Weighed:
        """Fit the board's exact scheme on the test rows: no simplex weights can do better there."""
        scheme = self.evidence.board.registry.scheme(self.evidence.board.oracle)
        combiner = scheme(self.test, self.evidence.task.y[self.evidence.test], self.evidence.rng(ORACLE))
        gap, weights = getattr(combiner, "gap", None), tuple(weight_rows(combiner, self.test))
        return Weighed(self._answer(combiner), None, gap, weights, self._used(combiner))

    def _used(self, combiner: Combiner) -> tuple[tuple[str, str], ...]:
        """Return the fits that a combiner listens to: what it says itself, else all that have any weight."""
        heard = np.ones(len(self.learners), dtype=bool)
        if isinstance(combiner, Weights):
            heard = np.any(combiner.w.reshape(len(heard), -1) != 0, axis=1)
        told = getattr(combiner, "heard", heard)
        return tuple((learner, "none") for learner, asked in zip(self.learners, told, strict=False) if asked)
