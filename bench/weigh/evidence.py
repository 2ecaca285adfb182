"""The weigh stage: every scheme learns on out-of-fold answers and answers the test rows; every answer is scored.

No function here sees a test label but `score` and the oracle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from bench import class_weights, losses, metrics, preprocess
from bench.boards import ALONE, ORACLE, Board, Method, method
from bench.core import (
    Answer,
    Array,
    BenchError,
    Combiner,
    NotApplicableError,
    Panel,
    Settings,
    Target,
    Task,
    Weights,
    clip_probabilities,
    lawful,
)
from bench.keys import generator
from bench.learned import class_rows, weight_rows
from bench.registry import Scheme
from bench.store import Stored

PROPER = {"point": "rmse", "quantile": "wis", "class": "log_loss"}
"""The metric that stands for the proper loss of each kind of target."""


@dataclass(frozen=True)
class Evidence:
    """One outer split as the weigh stage sees it: its rows, and what each fit answered.

    `answered` are the training rows with an out-of-fold answer, `fold` the inner fold of each, `stored` the answers by
    (learner, training scheme).
    """

    task: Task
    board: Board
    settings: Settings
    repeat: int
    fold_number: int
    train: Array
    test: Array
    answered: Array
    fold: Array
    stored: Mapping[tuple[str, str], Stored]

    @cached_property
    def target(self) -> Target:
        """What is asked on this board."""
        return self.board.target(self.task, self.settings)

    @cached_property
    def y(self) -> Array:
        """True values of the answered training rows."""
        return self.task.y[self.answered]

    def with_rows(self, most: int | None) -> Evidence:
        """Return the evidence of at most so many of the rows that teach the weights, drawn from the seed."""
        if most is None or most >= len(self.answered):
            return self
        kept = np.sort(self.rng("weight rows").permutation(len(self.answered))[:most])
        stored = {who: replace(answers, oof=answers.oof[kept]) for who, answers in self.stored.items()}
        return replace(self, answered=self.answered[kept], fold=self.fold[kept], stored=stored)

    def weight(self, rows: Array) -> Array | None:
        """Row weights of the task on some rows."""
        return None if self.task.weight is None else self.task.weight[rows]

    def rng(self, *component: object) -> np.random.Generator:
        """Return the generator of one component on this split."""
        place = (self.task.name, self.repeat, self.fold_number, self.target.kind)
        return generator(self.settings.seed, *place, *component)

    @cached_property
    def _encoder(self) -> Any:
        return preprocess.encoder("scaled").fit(self.task.X.iloc[self.train])

    def panel(self, rows: Array, learners: tuple[str, ...], said: Array, fold: Array | None) -> Panel:
        """Return a panel over some rows of the task."""
        X = self._encoder.transform(self.task.X.iloc[rows])
        return Panel(self.target, learners, X, said, self.weight(rows), fold)


@dataclass(frozen=True)
class Weighed:
    """What a method came to on one split: its test answer, its raw training loss and its certificate.

    `used` are the fits, as (learner, training scheme), that must be asked for an answer: those with any weight.
    """

    answer: Answer
    train_loss: float | None = None
    gap: float | None = None
    weights: tuple[dict[str, Any], ...] = ()
    used: tuple[tuple[str, str], ...] = ()


def finish(target: Target, values: Array, weight: Array | None, emphasis: Array | None = None) -> Answer:
    """Make a lawful answer: probabilities are clipped, quantiles end with a sort.

    Raises:
        InvalidAnswerError: the values are no lawful answer.
    """
    values = lawful(target, values, len(values))
    if target.kind == "class":
        values, _ = clip_probabilities(values)
    if target.kind == "quantile":
        return Answer(target, np.sort(values, axis=1), weight, unsorted=values)
    return Answer(target, values, weight, emphasis=emphasis)


def score(y: Array, answer: Answer, names: list[str] | None = None) -> dict[str, float | None]:
    """Return every metric of an answer; None where it is undefined."""
    found = metrics.for_target(answer.target, names)
    values = {name: metric.function(answer.target, y, answer) for name, metric in found.items()}
    return {name: float(value) if np.isfinite(value) else None for name, value in values.items()}


class EnsembleSheet:
    """All the methods of an ensemble board on one split; what they share is worked out once.

    Quantiles are sorted when they enter the panel: so a convex combination cannot cross, and the oracle, which is
    fitted on the test rows, bounds every one of them. A learner alone is scored from its own answer, crossings counted.
    """

    def __init__(self, evidence: Evidence, learners: tuple[str, ...]) -> None:
        self.evidence, self.learners = evidence, learners
        self._fitted: dict[str, Combiner] = {}
        self._crossed: dict[str, Answer] = {}

    @cached_property
    def oof(self) -> Panel:
        """Out-of-fold answers of the training rows."""
        return self.evidence.panel(self.evidence.answered, self.learners, self._said("oof"), self.evidence.fold)

    @cached_property
    def test(self) -> Panel:
        """Answers of the test rows."""
        return self.evidence.panel(self.evidence.test, self.learners, self._said("test"), None)

    def _said(self, part: str) -> Array:
        first = getattr(self.evidence.stored[self.learners[0], "none"], part)
        said = np.empty((len(self.learners), *first.shape))
        for j, learner in enumerate(self.learners):
            said[j] = getattr(self.evidence.stored[learner, "none"], part)
        if self.evidence.target.kind == "quantile":
            said.sort(axis=2)
        said.setflags(write=False)
        return said

    def weigh(self, name: str, learner: str) -> Weighed:
        """Return what a method of the board, the oracle, or a learner alone came to."""
        if name == ALONE:
            stored = self.evidence.stored[learner, "none"]
            weight = self.evidence.weight(self.evidence.test)
            answer = finish(self.evidence.target, stored.test, weight)
            return Weighed(answer, _loss(self.evidence, stored.oof), used=((learner, "none"),))
        if name == ORACLE:
            return self._oracle()
        parsed = method(self.evidence.board, name)
        if parsed is None:
            raise BenchError(f"method {name!r} does not serve board {self.evidence.board.name!r}")
        return self._method(parsed)

    def _method(self, wanted: Method) -> Weighed:
        combiner = self._fit(wanted.base)
        answer = self._answer(combiner)
        known = self._cross_fitted(wanted.base) if wanted.steps else answer
        answer = _apply(wanted.steps, known, self.evidence, answer)
        weights = (*weight_rows(combiner, self.oof), *class_rows("rule", answer.target, answer.rule))
        gap, used = getattr(combiner, "gap", None), self._used(combiner)
        return Weighed(answer, self._train_loss(combiner), gap, weights, used)

    def _fit(self, scheme: Scheme) -> Combiner:
        if scheme.id not in self._fitted:
            self._fitted[scheme.id] = scheme(self.oof, self.evidence.y, self.evidence.rng(scheme.id))
        return self._fitted[scheme.id]

    def _cross_fitted(self, scheme: Scheme) -> Answer:
        """Answer every training row with weights learned on the other inner folds."""
        if scheme.id not in self._crossed:
            values = np.empty(self.oof.said.shape[1:])
            folds = np.unique(self.evidence.fold)
            if len(folds) < 2:
                raise NotApplicableError("a step behind a scheme needs answers of at least two inner folds")
            for k in folds:
                held = self.evidence.fold == k
                teach = self.oof.rows(~held)
                combiner = scheme(teach, self.evidence.y[~held], self.evidence.rng(scheme.id, "without", int(k)))
                values[held] = combiner(self.oof.rows(held))
            self._crossed[scheme.id] = finish(self.oof.target, values, self.oof.weight)
        return self._crossed[scheme.id]

    def _answer(self, combiner: Combiner) -> Answer:
        return finish(self.test.target, combiner(self.test), self.test.weight)

    def _train_loss(self, combiner: Combiner) -> float:
        return _loss(self.evidence, combiner(self.oof))

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
        if parsed.base.entry.name not in class_weights.registry.entries():
            return self._constant(parsed, learner)
        known, answer = self._answers(parsed.base, learner)
        if name == ORACLE:
            y_test = self.evidence.task.y[self.evidence.test]
            best = _apply(parsed.steps, answer, self.evidence, answer, y_test)
            return Weighed(best, used=((learner, parsed.base.id),))
        final = _apply(parsed.steps, known, self.evidence, answer)
        train_loss = _loss(self.evidence, known.values)
        weights = (
            *class_rows("class_weight", answer.target, answer.emphasis),
            *class_rows("rule", final.target, final.rule),
        )
        return Weighed(final, train_loss, None, weights, ((learner, parsed.base.id),))

    def _answers(self, training: Scheme, learner: str) -> tuple[Answer, Answer]:
        """Return a fit's answers out of fold and on the test rows, with the class weights behind them."""
        evidence = self.evidence
        stored = evidence.stored[learner, training.id]
        emphasis = class_weights.of_rows(evidence.task, evidence.train, training)
        known = finish(evidence.target, stored.oof, evidence.weight(evidence.answered), emphasis)
        return known, finish(evidence.target, stored.test, evidence.weight(evidence.test), emphasis)

    def _constant(self, baseline: Method, learner: str) -> Weighed:
        evidence = self.evidence
        stored = evidence.stored[learner, "none"]
        panels = (
            evidence.panel(evidence.answered, (learner,), stored.oof[None], evidence.fold),
            evidence.panel(evidence.test, (learner,), stored.test[None], None),
        )
        combiner = baseline.base(panels[0], evidence.y, evidence.rng(baseline.base.id))
        answer = finish(evidence.target, combiner(panels[1]), panels[1].weight)
        return Weighed(answer, _loss(evidence, combiner(panels[0])))


def _apply(
    steps: tuple[Scheme, ...], known: Answer, evidence: Evidence, answer: Answer, y: Array | None = None
) -> Answer:
    """Learn each step on known answers and apply it, to them as well for the steps that follow."""
    truth = evidence.y if y is None else y
    for step in steps:
        change = step(known, truth, evidence.rng(step.id))
        known, answer = change(known), change(answer)
    return answer


def _loss(evidence: Evidence, values: Array) -> float:
    """Return the raw objective: the mean proper loss on the training rows, before any sort."""
    answer = finish(evidence.target, values, evidence.weight(evidence.answered))
    raw = answer.values if answer.unsorted is None else answer.unsorted
    return float(losses.mean(losses.proper(evidence.target, evidence.y, raw), answer.weight))
