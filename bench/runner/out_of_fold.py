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
from bench.core.nouns import Array, Given, NotApplicableError, clip_probabilities, lawful
from bench.core.settings import Settings
from bench.methods import class_weights, trainings
from bench.methods.learners import learner_scheme
from bench.methods.trainings import Lesson, Taught
from bench.runner.fit_spec import Fit, Rows, is_weighting, row_weights, why_not
from bench.runner.store import Stored
from bench.tasks import encoders, splits


def answer(rows: Rows, fit: Fit, settings: Settings) -> Stored:
    """Fit on the inner folds and, by the protocol, on all training rows; answer out of fold and on the test rows.

    Raises:
        NotApplicableError: the pair of learner and training scheme does not apply to these rows.
        InvalidAnswerError: the learner's answer is no lawful answer.
    """
    reason = why_not(rows, fit, settings)
    if reason:
        raise NotApplicableError(reason)
    if rows.task.given is not None:
        return _look_up(rows, rows.task.given, fit)
    return _PROTOCOLS[settings.protocol](rows, fit, settings)


def _look_up(rows: Rows, given: Given, fit: Fit) -> Stored:
    """Return what a learner is known to have said; nothing is fitted."""
    values = lawful(given.target, given.answers[fit.learner], len(rows.task.y))
    clipped = 0
    if given.target.kind == "class":
        values, clipped = clip_probabilities(values)
    meta = {
        "learner": fit.learner,
        "clipped": clipped,
        "fit_seconds": 0.0,
        "predict_seconds": 0.0,
        "emphasis": {},
        "note": "",
    }
    return Stored(values[rows.answered], values[rows.split.test], calibration=values[rows.calibration], meta=meta)


def _refit(rows: Rows, fit: Fit, settings: Settings) -> Stored:
    asker = _Asker(rows, fit, settings)
    inner = [asker.ask(str(k), teach, (answers,))[0] for k, (teach, answers) in enumerate(rows.inner)]
    test, calibration = asker.ask("all", rows.split.train, (rows.split.test, rows.calibration))
    return Stored(_in_order(rows, inner), test, calibration=calibration, meta=asker.meta())


def _bag(rows: Rows, fit: Fit, settings: Settings) -> Stored:
    return _bagged(rows, _Asker(rows, fit, settings))


def _bagged(rows: Rows, asker: _Asker) -> Stored:
    pairs = [asker.ask(str(k), teach, (answers, rows.split.test)) for k, (teach, answers) in enumerate(rows.inner)]
    folds = np.stack([test for _, test in pairs])
    return Stored(_in_order(rows, [inner for inner, _ in pairs]), folds.mean(axis=0), folds, asker.meta())


def _nested(rows: Rows, fit: Fit, settings: Settings) -> Stored:
    """Answer as `bag` does, and fit a model without each pair of folds: K (K - 1) / 2 more.

    `nested[k]` are the answers out of fold in a world without fold k; rows of fold k have their usual answer.
    """
    asker = _Asker(rows, fit, settings)
    stored = _bagged(rows, asker)
    filled = np.empty((len(rows.inner), len(rows.task.y), fit.target.width))
    filled[:, rows.answered] = stored.oof
    for (k, (teach, of_k)), (m, (_, of_m)) in combinations(enumerate(rows.inner), 2):
        said_m, said_k = asker.ask(f"{k}-{m}", teach[~np.isin(teach, of_m)], (of_m, of_k))
        filled[k, of_m], filled[m, of_k] = said_m, said_k
    return replace(stored, nested=filled[:, rows.answered], meta=asker.meta())


_PROTOCOLS = {"refit": _refit, "bag": _bag, "nested": _nested, "split": _refit}
PROTOCOLS = tuple(_PROTOCOLS)


def _in_order(rows: Rows, answers: list[Array]) -> Array:
    """Bring the inner folds' answers into the order of the answered training rows."""
    filled = np.empty((len(rows.task.y), answers[0].shape[1]))
    for (_, index), values in zip(rows.inner, answers, strict=True):
        filled[index] = values
    return filled[rows.answered]


def _plain(weights: Array) -> list[float | None]:
    """Return class weights as JSON holds them: one that nobody knows is None."""
    return [None if np.isnan(weight) else float(weight) for weight in weights]


class _Asker:
    """Fits one model a call and keeps count of clipped rows, seconds, and the class weights in effect."""

    def __init__(self, rows: Rows, fit: Fit, settings: Settings) -> None:
        self.rows, self.fit, self.settings = rows, fit, settings
        self.learner = learner_scheme(fit.learner)
        self.training = trainings.registry.scheme(fit.training)
        self.clipped = 0
        self.fit_seconds = self.predict_seconds = 0.0
        self.emphasis: dict[str, list[float | None] | None] = {}
        self.notes: dict[str, str] = {}

    def ask(self, part: str, teach: Array, asked: tuple[Array, ...]) -> list[Array]:
        """Fit on the rows that teach and answer each list of rows asked, every answer of shape (n, K)."""
        start = time.perf_counter()
        taught = self._teach(self._lesson(part, teach), teach)
        fitted = time.perf_counter()
        answers = [self._say(taught, rows) for rows in asked]
        self.fit_seconds += fitted - start
        self.predict_seconds += time.perf_counter() - fitted
        self.emphasis[part] = None if taught.emphasis is None else _plain(taught.emphasis)
        self.notes |= {part: taught.note} if taught.note else {}
        return answers

    def _lesson(self, part: str, teach: Array) -> Lesson:
        task, run_seed = self.rows.task, self.settings.seed
        place = (task.name, self.rows.split.repeat, self.rows.split.fold, self.fit.learner, part)
        X = task.X.iloc[teach]
        weight = None if task.weight is None else task.weight[teach] / task.weight[teach].mean()
        encoder = encoders.encoder(self.learner.options.encoding).fit(X)
        position = np.full(len(task.y), -1)
        position[teach] = np.arange(len(teach))

        def cut(folds: int) -> list[splits.Part]:
            parts = splits.parts(task, teach, folds, (run_seed, *place, "cut"))
            return [(position[teachers], position[answers]) for teachers, answers in parts]

        y, target = task.y[teach].copy(), self.fit.target
        return Lesson(X, y, weight, target, self.learner, encoder, seed(run_seed, *place), cut)

    def _teach(self, lesson: Lesson, teach: Array) -> Taught:
        if not is_weighting(self.training):
            taught: Taught = self.training(lesson)
            return taught
        task = self.rows.task
        say = lesson.teach(weight=row_weights(task, teach, self.training))
        weights = class_weights.of_rows(task, teach, self.training) if task.kind == "classification" else None
        return Taught(say, weights)

    def _say(self, taught: Taught, rows: Array) -> Array:
        if not len(rows):
            return np.empty((0, self.fit.target.width))
        return self._lawful(taught.say(self.rows.task.X.iloc[rows]), len(rows))

    def _lawful(self, values: Any, n: int) -> Array:
        values = lawful(self.fit.target, values, n)
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
            "emphasis": self.emphasis,
            "note": self.notes.get("all") or next(iter(self.notes.values()), ""),
        }
