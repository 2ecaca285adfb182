"""The class-weight board: training schemes of each learner, and the decisions behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.core.nouns import Answer, Array, BenchError
from bench.core.registry import Scheme
from bench.methods.boards import ORACLE, Method, is_training, method
from bench.runner import postprocessing
from bench.runner.evaluate.split_data import Evidence, Weighed, finish, train_loss
from bench.runner.postprocessing import Said
from bench.runner.store import Stored
from bench.runner.weight_rows import class_rows


@dataclass(frozen=True)
class Emphasis:
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


class LearnerSheet:
    """All the methods of the class-weight board on one split: training schemes of each learner, and decisions."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    def weigh(self, name: str, learner: str) -> Weighed:
        """Return what a training scheme with its steps, or the oracle, came to for one learner."""
        board = self.evidence.board
        parsed = method(board, board.oracle if name == ORACLE else name)
        if parsed is None:
            raise BenchError(f"method {name!r} does not serve board {board.name!r}")
        if not is_training(parsed.base):
            return self._constant(parsed, learner)
        said, used = self._said(parsed.base, learner), ((learner, parsed.base.id),)
        if name == ORACLE:
            best = replace(said, folds=(said.test, self.evidence.task.y[self.evidence.test]))
            return Weighed(postprocessing.apply(parsed.steps, best, self._rng), used=used)
        final = postprocessing.apply(parsed.steps, said, self._rng)
        stored = self.evidence.stored[learner, parsed.base.id]
        loss = train_loss(self.evidence, stored.oof)
        weights = (
            *class_rows("class_weight", said.test.target, said.test.emphasis),
            *class_rows("rule", final.target, final.rule),
        )
        return Weighed(final, loss, None, weights, used, postprocessing.guarantee(parsed.steps), stored.meta["note"])

    def _rng(self, name: str) -> np.random.Generator:
        return self.evidence.rng(name)

    def _said(self, training: Scheme[Any], learner: str) -> Said:
        """Return a fit's answers to the rows that teach and to the test rows, with the class weights behind them."""
        evidence = self.evidence
        stored = evidence.stored[learner, training.id]
        behind = Emphasis(stored.meta["emphasis"])
        known = self._finish(stored.oof, evidence.answered, behind.of_rows(evidence.fold))
        folds = () if stored.folds is None else tuple(stored.folds)
        return Said(
            self._finish(stored.test, evidence.test, behind.of_all()),
            (replace(known, fold=evidence.fold), evidence.y),
            self._calibrating(stored, behind),
            tuple(self._finish(values, evidence.test, behind.of(str(k))) for k, values in enumerate(folds)),
        )

    def _calibrating(self, stored: Stored, behind: Emphasis) -> tuple[Answer, Array] | None:
        rows = self.evidence.calibration
        if stored.calibration is None or not len(rows):
            return None
        return self._finish(stored.calibration, rows, behind.of_all()), self.evidence.task.y[rows]

    def _finish(self, values: Array, rows: Array, emphasis: Array | None) -> Answer:
        return finish(self.evidence.target, values, self.evidence.weight(rows), emphasis)

    def _constant(self, baseline: Method, learner: str) -> Weighed:
        evidence = self.evidence
        stored = evidence.stored[learner, "none"]
        panels = (
            evidence.panel(evidence.answered, (learner,), stored.oof[None], evidence.fold),
            evidence.panel(evidence.test, (learner,), stored.test[None], None),
        )
        combiner = baseline.base(panels[0], evidence.y, evidence.rng(baseline.base.id))
        answer = finish(evidence.target, combiner(panels[1]), panels[1].weight)
        return Weighed(answer, train_loss(evidence, combiner(panels[0])))
