"""The key of a fit, a hash of all that its predictions depend on (`fit_parts`); its rows; and whether it applies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from bench.core.hashing import digest
from bench.core.nouns import Array, ExternalPredictions, Split, Target, Task
from bench.core.scheme import Scheme, source_hash
from bench.core.settings import Settings
from bench.methods import class_weights, learners, trainings
from bench.methods.learners import learner_scheme
from bench.methods.trainings import fit_context, is_weighting
from bench.runner.records import PLAIN, FitId
from bench.tasks import splits

FIT_CODE = (
    "bench.core.nouns", "bench.methods.class_weights", "bench.runner.fit_spec", "bench.core.hashing",
    "bench.runner.out_of_fold", "bench.tasks.encoders", "bench.tasks.splits", "bench.methods.trainings.fit_context",
)  # fmt: skip
"""Modules whose change makes every stored prediction stale, beside those that the learners share."""


@dataclass(frozen=True)
class SplitRows:
    """One outer split of a task and the inner folds of its training part.

    `calibration` are rows of the training part of the `outer` split on which no model and no scheme is fitted, so that
    steps such as `cqr` may learn on them; `split` is without them. `class_weights` holds what class weightings that are
    not ours came to, for the rows of each model of a fit: they are called in a process of their own.
    """

    task: Task
    outer: Split
    split: Split
    inner: tuple[splits.FoldRows, ...]
    calibration: Array
    class_weights: Mapping[str, Sequence[Array]] = field(default_factory=dict)

    @cached_property
    def _inner_fold(self) -> Array:
        """Inner fold in which each row of the task is predicted, -1 where it is in none."""
        inner_fold = np.full(len(self.task.y), -1)
        for k, (_, held_out) in enumerate(self.inner):
            inner_fold[held_out] = k
        return inner_fold

    @cached_property
    def oof_rows(self) -> Array:
        """Training rows, in their order, each predicted by a model that is not fitted on it (n_oof,)."""
        train: Array = self.split.train
        return train[self._inner_fold[train] >= 0]

    @cached_property
    def inner_fold(self) -> Array:
        """Number of the part that each of the `oof_rows` is in; its model is fitted on the other parts (n_oof,)."""
        inner_fold: Array = self._inner_fold[self.oof_rows]
        return inner_fold

    @cached_property
    def key(self) -> str:
        """Hash of all split rows, the inner ones too."""
        return digest(self.split.train, self.split.test, self.calibration, *self.inner)

    @cached_property
    def row_weights(self) -> dict[str, str]:
        """Hashes of the row weights of a fit by training scheme, as far as they are known: all learners share them."""
        return {}


@dataclass(frozen=True)
class Fit:
    """A learner, by its id, trained for a target under a training scheme, by its id; done once for each outer split."""

    target: Target
    learner: str
    training: str = PLAIN

    @property
    def id(self) -> FitId:
        """Its identity on one split of one task."""
        return FitId(self.learner, self.training)

    @cached_property
    def parts(self) -> Mapping[str, str]:
        """Parts of its key that are the same on every split: code, learner, training scheme, target, versions."""
        learner, training = learner_scheme(self.learner), trainings.registry.scheme(self.training)
        libraries = ("numpy", "scipy", "scikit-learn", *learner.options.libraries, *training.options.libraries)
        return {
            "code of bench": source_hash(*FIT_CODE, *learners.registry.shared_modules()),
            "learner": digest(learner.meaning),
            "training scheme": digest(_meaning(training)),
            "target": _target_part(self),
            "versions": ", ".join(f"{name} {_version(name)}" for name in libraries),
        }


def rows_of(task: Task, split: Split, settings: Settings) -> SplitRows:
    """Cut the training part of a split into calibration rows, where the protocol wants some, and inner folds."""
    train, calibration = split.train, split.train[:0]
    if settings.protocol == "split":
        train, calibration = splits.carve(task, split, settings.calibration, settings.seed)
    rest = replace(split, train=train)
    return SplitRows(task, split, rest, tuple(splits.cut_inner(task, rest, settings.inner, settings.seed)), calibration)


def data_hash(task: Task) -> str:
    """Hash what a fit can see of a task: X, y, classes, groups, time, row weights, and predictions made elsewhere."""
    external = None if task.external is None else _external_parts(task.external)
    return digest(task.X, task.y, list(task.classes), task.groups, task.time, task.weight, external)


def _external_parts(external: ExternalPredictions) -> list[Any]:
    """Return what a key must hold of predictions made elsewhere: the outputs that they are for, and each learner's."""
    predictions = [[name, values] for name, values in external.predictions.items()]
    return [external.target.kind, list(external.target.outputs), predictions]


def class_weights_of_fits(rows: SplitRows, training: Scheme[Any]) -> Sequence[Array | None]:
    """Return the class weights (K,) of each model of a fit; None where its training scheme weights no classes."""
    if rows.task.kind != "classification" or not is_weighting(training):
        return [None] * len(_fit_rows(rows))
    known = rows.class_weights.get(training.id)
    return known or [class_weights.class_weights_of_rows(rows.task, fit_rows, training) for fit_rows in _fit_rows(rows)]


def fit_row_weights(rows: SplitRows, training: Scheme[Any]) -> list[Array | None]:
    """Return the numeric row weights of each model of a fit, mean one; None where all are equal.

    They are those of the task × those of the class.
    """
    task = rows.task
    return [
        fit_context.combined_row_weights(
            task.y[fit_rows], None if task.weight is None else task.weight[fit_rows], of_classes
        )
        for fit_rows, of_classes in zip(_fit_rows(rows), class_weights_of_fits(rows, training), strict=True)
    ]


def fit_parts(rows: SplitRows, fit: Fit, settings: Settings, data: str) -> dict[str, str]:
    """Return what the predictions of a fit depend on, each part by its name, as a hash or a text.

    Of a class weighting the numeric row weights count: two of them share a key exactly where they weight every row
    alike.
    """
    if rows.task.external is not None:
        return {
            "data": data,
            "rows": rows.key,
            "learner": fit.learner,
            "target": _target_part(fit),
            "code of bench": source_hash(*FIT_CODE),
        }
    same = fit.parts
    if fit.training not in rows.row_weights:
        rows.row_weights[fit.training] = digest(fit_row_weights(rows, trainings.registry.scheme(fit.training)))
    place = [rows.task.name, rows.split.repeat, rows.split.fold]
    return {
        "data": data,
        "rows of the split": rows.key,
        "code of bench": same["code of bench"],
        "learner": same["learner"],
        "training scheme": same["training scheme"],
        "row weights": rows.row_weights[fit.training],
        "target": same["target"],
        "settings": digest(settings.protocol, settings.seed, place, settings.max_levels),
        "versions": same["versions"],
    }


def _target_part(fit: Fit) -> str:
    seen = target_of_fit(fit)
    return digest([seen.kind, list(seen.outputs), seen.ordered, seen.positive])


def target_of_fit(fit: Fit) -> Target:
    """Return the target as a fit sees it: with the positive class where its training scheme says that it uses that.

    Elsewhere the usual one stands for it, so that no prediction depends on what is not in its key.
    """
    is_used = trainings.registry.scheme(fit.training).options.positive
    return fit.target if is_used else replace(fit.target, positive=Target.positive)


def _fit_rows(rows: SplitRows) -> list[Array]:
    """Return the rows that each model is fitted on: the whole training part, and what is left of it without a fold."""
    return [rows.split.train, *(fit_rows for fit_rows, _ in rows.inner)]


def _meaning(training: Scheme[Any]) -> list[Any]:
    """Return what the key must hold of a training scheme beside the row weights."""
    if is_weighting(training):
        return []
    return [training.meaning, source_hash(*trainings.registry.shared_modules())]


@cache
def _version(name: str) -> str:
    return version(name)


def why_not(rows: SplitRows, fit: Fit, settings: Settings) -> str | None:
    """Return why a fit does not apply, or None where it does."""
    task, train = rows.task, rows.split.train
    if task.kind == "classification" and len(np.unique(task.y[train])) < 2:
        return "the training part holds fewer than two classes"
    if task.external is not None:
        return None
    if settings.protocol == "nested" and task.time is not None:
        return "protocol nested leaves out two folds in any order, which rows in time do not allow"
    if settings.protocol == "nested" and len(rows.inner) < 3:
        return f"protocol nested leaves out two folds, and there are only {len(rows.inner)}: give --inner 3 or more"
    learner, training = learner_scheme(fit.learner), trainings.registry.scheme(fit.training)
    return _unfit_learner(rows, fit, learner, training) or _unfit_training(fit, learner, training)


def _unfit_learner(rows: SplitRows, fit: Fit, learner: Scheme[Any], training: Scheme[Any]) -> str | None:
    """Return what a learner lacks for the task or the training scheme."""
    if learner.options.ordered and not fit.target.ordered:
        return f"learner {fit.learner} is for classes in order: give the order with --order"
    if learner.options.weights:
        return None
    needs_weights = training.options.weights or any(each is not None for each in fit_row_weights(rows, training))
    return f"learner {fit.learner} takes no row weights" if needs_weights else None


def _unfit_training(fit: Fit, learner: Scheme[Any], training: Scheme[Any]) -> str | None:
    """Return why a training scheme is not for a learner or a target."""
    about = training.options
    if about.learners and learner.entry.name not in about.learners:
        return f"{training.entry.name} is written for {', '.join(about.learners)}, not for {learner.entry.name}"
    if about.binary and fit.target.width != 2:
        return f"{training.entry.name} is for two classes, not for {fit.target.width}"
    if about.ordered and not fit.target.ordered:
        return f"{training.entry.name} is for classes in order: give the order with --order"
    return None
