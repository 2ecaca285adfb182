"""The laws of ensemble-weighting schemes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bench.checks.examples import (
    NOISE,
    Exam,
    certain,
    exam,
    frozen,
    global_randomness,
    loss,
    predictions,
    read_only,
    renamed_classes,
    with_said,
)
from bench.checks.law import LawBrokenError, demand_close, demand_same_bytes, law
from bench.core.nouns import Array, NotApplicableError
from bench.core.registry import Scheme
from bench.methods.ensembles import EnsembleOptions

LARGEST_GAP = 1e-6
POOR = 3.0
"""Noise of a learner that knows next to nothing."""


@law("ensemble")
def lawful(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Its answer has one row per test row, is finite, and is a distribution where classes are asked for."""
    for seed in range(3):
        try:
            exam(kind, seed=seed).combine(scheme)
        except NotApplicableError as error:
            raise LawBrokenError(f"it does not answer a plain panel of {kind} learners: {error}") from error


@law("ensemble")
def within_range(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """On every row and output it stays between the least and the largest that a learner said."""
    given = exam(kind)
    timid = with_said(given, *(_timid(part) for part in (given.oof.predictions, given.test.predictions)))
    for each in (given, timid):
        prediction, low, high = (
            each.combine(scheme),
            each.test.predictions.min(axis=0),
            each.test.predictions.max(axis=0),
        )
        outside = np.maximum(low - prediction, prediction - high).max(axis=1)
        if outside.max() > 1e-8:
            raise LawBrokenError(
                f"expected an answer within the learners' range, but {int((outside > 1e-8).sum())} of "
                f"{len(prediction)} rows leave it, by up to {outside.max():.3g}"
            )


def _timid(predictions: Array) -> Array:
    """Draw what was said towards its mean, as learners do who know too little: stacking would undo it."""
    return 0.5 * predictions + 0.5 * predictions.mean(axis=1, keepdims=True)


@law("ensemble")
def single_learner(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Of one learner it says what that learner says."""
    given = exam(kind, noise=NOISE[1:2])
    demand_close(
        given.combine(scheme), given.test.predictions[0], "the answer of a panel of one learner and that learner", 1e-8
    )


@law("ensemble")
def one_learner(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It can answer for a panel of one learner."""
    exam(kind, noise=NOISE[1:2]).combine(scheme)


@law("ensemble")
def same_seed_same_bytes(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """The same seed gives the same bytes, whatever global random state there is, and asking twice changes nothing."""
    given = exam(kind)
    with global_randomness(1):
        combiner = given.learn(scheme)
        first = predictions(combiner, given.test)
        demand_same_bytes(predictions(combiner, given.test), first, "two answers of one combiner")
    with global_randomness(2):
        demand_same_bytes(given.combine(scheme), first, "the answer with the same generator")


@law("ensemble")
def inputs_unchanged(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It writes neither to the panel nor to y."""
    given = exam(kind)
    weight = read_only(np.ones(len(given.y)))
    given = replace(given, oof=replace(given.oof, weight=weight))
    arrays: list[Any] = [
        given.oof.predictions,
        given.oof.X,
        given.y,
        weight,
        given.oof.inner_fold,
        given.test.predictions,
        given.test.X,
    ]
    before = [array.copy() for array in arrays]
    given.combine(scheme)
    demand_same_bytes(arrays, before, "the panel after the scheme has seen it")


@law("ensemble")
def learner_order(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """The order of the learners is irrelevant; their names stay with them."""
    given, order = exam(kind), np.array([3, 0, 4, 2, 1])

    names = tuple(given.oof.learners[j] for j in order)
    shuffled = replace(
        given,
        oof=frozen(replace(given.oof, predictions=given.oof.predictions[order], learners=names)),
        test=frozen(replace(given.test, predictions=given.test.predictions[order], learners=names)),
    )
    demand_close(shuffled.combine(scheme), given.combine(scheme), "the answers with the learners in two orders")


@law("ensemble")
def row_order(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """The order of the out-of-fold rows is irrelevant."""
    given = exam(kind)
    shuffled = given.fitted_by(np.random.default_rng(1).permutation(len(given.y)))
    demand_close(shuffled.combine(scheme), given.combine(scheme), "the answers with the out-of-fold rows in two orders")


@law("ensemble", "class")
def class_order(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """The order and the names of the classes are irrelevant."""
    given, order = exam(kind), np.array([2, 0, 1])
    found = renamed_classes(given, order).combine(scheme)
    demand_close(found, given.combine(scheme)[:, order], "the answers with the classes in two orders", 1e-5)


@law("ensemble", "point", "quantile")
def scale_and_shift(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """The unit and the offset of the target are irrelevant: of a y + b it says a times its answer, plus b."""
    given = exam(kind)
    expected = given.combine(scheme)
    for a, b in ((1000.0, -5e4), (1e-4, 3.0)):
        moved = with_said(given, a * given.oof.predictions + b, a * given.test.predictions + b)
        found = (replace(moved, y=read_only(a * given.y + b)).combine(scheme) - b) / a
        demand_close(found, expected, f"the answers about y and about {a:g} y + {b:g}", 1e-5)


@law("ensemble")
def row_weights(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """A row of weight three counts like three equal rows."""
    given = exam(kind)
    weight = 1 + np.arange(len(given.y)) % 3
    rows = np.arange(len(given.y))
    weighted, repeated = (
        given.fitted_by(rows, read_only(weight * 1.0)),
        given.fitted_by(np.repeat(rows, weight)),
    )
    demand_close(
        weighted.combine(scheme), repeated.combine(scheme), "the answers from weighted and from repeated rows", 1e-5
    )


@law("ensemble")
def zero_weight_rows(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """A row of weight zero counts like no row."""
    given = exam(kind)
    weight = (np.arange(len(given.y)) % 3 > 0) * (1.0 + np.arange(len(given.y)) % 2)
    used = np.flatnonzero(weight)
    all_rows, fewer = given.fitted_by(np.arange(len(weight)), weight), given.fitted_by(used, weight[used])
    demand_close(
        all_rows.combine(scheme), fewer.combine(scheme), "the answers with and without rows of weight zero", 1e-5
    )


@law("ensemble")
def weight_unit(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Only the ratios of the row weights matter, and weights of one are like none."""
    given = exam(kind)
    rows, weight = np.arange(len(given.y)), 1.0 + np.arange(len(given.y)) % 3
    one, many = (given.fitted_by(rows, unit * weight).combine(scheme) for unit in (1.0, 1000.0))
    demand_close(one, many, "the answers with row weights in two units", 1e-5)
    ones = given.fitted_by(rows, np.ones(len(rows))).combine(scheme)
    demand_close(ones, given.combine(scheme), "the answers with weights of one and without weights", 1e-5)


@law("ensemble")
def hears_good_learner(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """With one sharp learner among poor ones it loses no more than the plain average, and far less than the worst."""
    for place in (0, 4):
        given = exam(kind, noise=[0.2 if j == place else POOR for j in range(5)], seed=place)
        combiner = given.learn(scheme)
        found = loss(combiner(given.oof), given.oof, given.y)
        plain = loss(given.oof.predictions.mean(axis=0), given.oof, given.y)
        if found > plain * (1 + 1e-9):
            raise LawBrokenError(f"its training loss is {found:.4g}, expected at most {plain:.4g} as of the average")
        test = loss(combiner(given.test), given.test, given.y_test)
        worst = max(loss(each, given.test, given.y_test) for each in given.test.predictions)
        if test > 0.9 * worst:
            raise LawBrokenError(f"its test loss is {test:.4g}, expected far less than the worst learner's {worst:.4g}")


@law("ensemble")
def test_rows_apart(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """What it says of a test row depends on that row alone: not on the order, number or words about other rows."""
    given = exam(kind)
    combiner = given.learn(scheme)
    whole, n = predictions(combiner, given.test), len(given.y_test)
    order = np.random.default_rng(2).permutation(n)
    demand_close(
        predictions(combiner, frozen(given.test.rows(order))), whole[order], "the answers in two row orders", 1e-9
    )
    few = np.arange(0, n, 7)
    demand_close(
        predictions(combiner, frozen(given.test.rows(few))), whole[few], "the answers for all and for few rows", 1e-9
    )
    other = given.test.predictions.copy()
    other[:, n // 2 :] = exam(kind, seed=9).test.predictions[:, n // 2 :]
    changed = predictions(combiner, frozen(replace(given.test, predictions=other)))[: n // 2]
    demand_same_bytes(changed, whole[: n // 2], "the answer for a row when other test rows change")


@law("ensemble")
def certificate(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """If it states a gap, that is at most 1e-6, and no single learner and no plain average has less training loss."""
    for given in _exams(kind):
        combiner = given.learn(scheme)
        gap = getattr(combiner, "gap", None)
        if gap is None:
            continue
        if not -1e-9 <= gap <= LARGEST_GAP:
            raise LawBrokenError(f"its gap is {gap:.3g}, expected between 0 and {LARGEST_GAP:g}")
        found = loss(combiner(given.oof), given.oof, given.y)
        rivals = [*given.oof.predictions, given.oof.predictions.mean(axis=0)]
        best = min(loss(each, given.oof, given.y) for each in rivals)
        if found > best + LARGEST_GAP * abs(best) + 1e-12:
            raise LawBrokenError(f"it states a gap of {gap:.3g}, but loses {found:.9g} where {best:.9g} was to be had")


def _exams(kind: str) -> list[Exam]:
    """Return exams on which a convex problem is easy, degenerate, or solved at a corner."""
    plain = exam(kind)
    two_each = [np.concatenate([part, part]) for part in (plain.oof.predictions, plain.test.predictions)]
    hard = [certain(plain)] if kind == "class" else []
    return [plain, exam(kind, noise=(0.0, 0.5, 1.0)), with_said(plain, *two_each), *hard]


@law("ensemble")
def few_rows(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It can learn from K + 2 rows, fewer than there are learners."""
    width = exam(kind).target.width
    exam(kind, n=width + 2, noise=NOISE + NOISE).combine(scheme)


@law("ensemble", "class")
def two_classes(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It can answer with two classes, and their order is irrelevant."""
    given, order = exam(kind, width=2), np.array([1, 0])
    found = renamed_classes(given, order).combine(scheme)
    demand_close(found, given.combine(scheme)[:, order], "the answers with two classes in two orders", 1e-5)


@law("ensemble", "class")
def absent_class(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It can learn where a class has no out-of-fold row."""
    given = exam(kind)
    for absent in range(given.target.width):
        given.fitted_by(np.flatnonzero(given.y != absent)).combine(scheme)


@law("ensemble", "class")
def lone_class(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It can learn where all out-of-fold rows are of one class, as may happen while answers are cross-fitted."""
    given = exam(kind)
    for lone in range(given.target.width):
        given.fitted_by(np.flatnonzero(given.y == lone)).combine(scheme)


@law("ensemble", "class")
def certain_learners(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It bears probabilities next to 0 and 1, right and wrong."""
    certain(exam(kind)).combine(scheme)


@law("ensemble")
def perfect_learner(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """A learner without any error does no harm, nor do two of them."""
    for noise in ((0.0, 0.5, 1.0), (0.5, 0.0, 0.0), (0.0,)):
        given = exam(kind, noise=noise)
        (certain(given) if kind == "class" else given).combine(scheme)


@law("ensemble")
def equal_learners(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Learners that all say the same are bearable: the answer of L equal learners is that of one of them."""
    one = exam(kind, noise=NOISE[1:2])
    many = with_said(one, *(np.repeat(part, 4, axis=0) for part in (one.oof.predictions, one.test.predictions)))
    demand_close(many.combine(scheme), one.combine(scheme), "the answers of four equal learners and of one", 1e-3)


@law("ensemble")
def constant_learners(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Learners that say the same of every row are bearable."""
    given = exam(kind)

    def level(words: Array) -> Array:
        return np.repeat(words[:, :1], words.shape[1], axis=1)

    with_said(given, level(given.oof.predictions), level(given.test.predictions)).combine(scheme)
