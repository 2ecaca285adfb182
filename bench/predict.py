"""Out-of-fold fitting: the only place where a learner is fitted.

Inside each fit everything is learned on the rows that teach: encode, impute and scale, weigh the rows, fit.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from bench import class_weights, learners, preprocess, splits
from bench.core import Array, Given, NotApplicableError, Settings, Split, Target, Task, clip_probabilities, lawful
from bench.keys import digest, seed
from bench.learners import learner_scheme
from bench.registry import Scheme, source_hash
from bench.store import Stored

CODE = ("bench.core", "bench.predict", "bench.preprocess", "bench.splits")
"""Modules whose change makes every stored answer stale, beside those that the learners share."""


@dataclass(frozen=True)
class Rows:
    """One outer split of a task and the inner folds of its training part."""

    task: Task
    split: Split
    inner: tuple[splits.Part, ...]

    @cached_property
    def _fold(self) -> Array:
        """Inner fold that answers each row of the task, -1 where none does."""
        fold = np.full(len(self.task.y), -1)
        for k, (_, answers) in enumerate(self.inner):
            fold[answers] = k
        return fold

    @cached_property
    def answered(self) -> Array:
        """Training rows with an out-of-fold answer, in the order of the training part (n_answered,)."""
        train: Array = self.split.train
        return train[self._fold[train] >= 0]

    @cached_property
    def fold(self) -> Array:
        """Inner fold that answered each of the `answered` rows (n_answered,)."""
        fold: Array = self._fold[self.answered]
        return fold

    @cached_property
    def key(self) -> str:
        """Hash of all split rows, the inner ones too."""
        return digest(self.split.train, self.split.test, *self.inner)


@dataclass(frozen=True)
class Fit:
    """What is fitted: a learner, by its id, for a target, under a training scheme (a class weighting, by its id)."""

    target: Target
    learner: str
    training: str = "none"


def rows_of(task: Task, split: Split, settings: Settings) -> Rows:
    """Cut the training part of a split into its inner folds."""
    return Rows(task, split, tuple(splits.inner(task, split, settings.inner, settings.seed)))


def data_hash(task: Task) -> str:
    """Hash what a fit can see of a task: X, y, classes, groups, time and row weights."""
    given = None if task.given is None else [[name, said] for name, said in task.given.answers.items()]
    return digest(task.X, task.y, list(task.classes), task.groups, task.time, task.weight, given)


def row_weights(task: Task, rows: Array, training: Scheme) -> Array | None:
    """Return the numeric row weights of a fit, mean one: the task's own × those of the class; None if all are equal."""
    weight = np.ones(len(rows)) if task.weight is None else task.weight[rows]
    if task.kind == "classification":
        weight = weight * class_weights.of_rows(task, rows, training)[task.y[rows]]
    weight = weight / weight.mean()
    return None if np.ptp(weight) < 1e-12 else weight


def fit_key(rows: Rows, fit: Fit, settings: Settings, data: str) -> str:
    """Return the content key of a fit: data, rows, learner, numeric row weights, target, protocol, seed, versions.

    Two training schemes share a key exactly where they weigh every row alike.
    """
    if rows.task.given is not None:
        return digest("given", data, rows.key, fit.learner, source_hash(*CODE))
    learner, training = learner_scheme(fit.learner), class_weights.registry.scheme(fit.training)
    teachers = [rows.split.train, *(teach for teach, _ in rows.inner)]
    weights = [row_weights(rows.task, teach, training) for teach in teachers]
    made_of = [source_hash(*CODE, *learners.registry.shared_modules()), learner.meaning, _versions(learner)]
    asked = [fit.target.kind, list(fit.target.outputs), settings.protocol, settings.seed, rows.task.name]
    return digest(data, rows.key, made_of, asked, [rows.split.repeat, rows.split.fold], weights)


def _versions(learner: Scheme) -> list[str]:
    libraries = ("numpy", "scipy", "scikit-learn", *learner.entry.traits.get("libraries", ()))
    return [f"{name} {_version(name)}" for name in libraries]


@cache
def _version(name: str) -> str:
    return version(name)


def why_not(rows: Rows, fit: Fit) -> str | None:
    """Say why a fit does not apply, or None where it does."""
    task, train = rows.task, rows.split.train
    if task.kind == "classification" and len(np.unique(task.y[train])) < 2:
        return "the training part holds fewer than two classes"
    if task.given is not None:
        return None
    learner, training = learner_scheme(fit.learner), class_weights.registry.scheme(fit.training)
    if not learner.entry.traits.get("weights", False) and row_weights(task, train, training) is not None:
        return f"learner {fit.learner} takes no row weights"
    return None


def answer(rows: Rows, fit: Fit, settings: Settings) -> Stored:
    """Fit on the inner folds and, by the protocol, on all training rows; answer out of fold and on the test rows.

    Raises:
        NotApplicableError: the pair of learner and training scheme does not apply to these rows.
        InvalidAnswerError: the learner's answer is no lawful answer.
    """
    reason = why_not(rows, fit)
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
    meta = {"learner": fit.learner, "clipped": clipped, "fit_seconds": 0.0, "predict_seconds": 0.0}
    return Stored(values[rows.answered], values[rows.split.test], meta=meta)


def _refit(rows: Rows, fit: Fit, settings: Settings) -> Stored:
    asker = _Asker(rows, fit, settings)
    inner = [asker.ask(k, teach, (answers,))[0] for k, (teach, answers) in enumerate(rows.inner)]
    test = asker.ask("all", rows.split.train, (rows.split.test,))[0]
    return Stored(_in_order(rows, inner), test, meta=asker.meta())


def _bag(rows: Rows, fit: Fit, settings: Settings) -> Stored:
    asker = _Asker(rows, fit, settings)
    pairs = [asker.ask(k, teach, (answers, rows.split.test)) for k, (teach, answers) in enumerate(rows.inner)]
    folds = np.stack([test for _, test in pairs])
    return Stored(_in_order(rows, [inner for inner, _ in pairs]), folds.mean(axis=0), folds, asker.meta())


_PROTOCOLS = {"refit": _refit, "bag": _bag}
PROTOCOLS = tuple(_PROTOCOLS)


def _in_order(rows: Rows, answers: list[Array]) -> Array:
    """Bring the inner folds' answers into the order of the answered training rows."""
    filled = np.empty((len(rows.task.y), answers[0].shape[1]))
    for (_, index), values in zip(rows.inner, answers, strict=True):
        filled[index] = values
    return filled[rows.answered]


class _Asker:
    """Fits one model a call and keeps count of clipped rows and seconds."""

    def __init__(self, rows: Rows, fit: Fit, settings: Settings) -> None:
        self.rows, self.fit, self.settings = rows, fit, settings
        self.learner = learner_scheme(fit.learner)
        self.training = class_weights.registry.scheme(fit.training)
        self.clipped = 0
        self.fit_seconds = self.predict_seconds = 0.0

    def ask(self, part: int | str, teach: Array, asked: tuple[Array, ...]) -> list[Array]:
        """Fit on the rows that teach and answer each list of rows asked, every answer of shape (n, K)."""
        task, split = self.rows.task, self.rows.split
        start = time.perf_counter()
        encoder = preprocess.encoder(self.learner.entry.traits["encoding"]).fit(task.X.iloc[teach])
        component = (split.repeat, split.fold, self.fit.learner, part)
        model = self.learner(self.fit.target, seed(self.settings.seed, task.name, *component))
        weight = row_weights(task, teach, self.training)
        model.fit(encoder.transform(task.X.iloc[teach]), task.y[teach].copy(), weight)
        fitted = time.perf_counter()
        answers = [self._lawful(model.predict(encoder.transform(task.X.iloc[rows])), len(rows)) for rows in asked]
        self.fit_seconds += fitted - start
        self.predict_seconds += time.perf_counter() - fitted
        return answers

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
        }
