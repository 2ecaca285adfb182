"""The laws of ensemble-weighting schemes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bench.checks.examples import (
    LEARNER_NOISE,
    Example,
    combine_plain_example,
    draw_example,
    freeze,
    global_randomness,
    loss,
    make_certain,
    predict_panel,
    reorder_example_classes,
    with_predictions,
)
from bench.checks.law import LawBrokenError, demand_close, demand_same_bytes, law
from bench.core.nouns import Array, NotApplicableError, read_only
from bench.core.scheme import Scheme
from bench.methods.ensembles import EnsembleOptions

LARGEST_GAP = 1e-6
"""What a certificate may be at most, in units of the loss."""

POOR = 3.0
"""Noise of a learner that knows next to nothing."""


@law("ensemble")
def lawful(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Its prediction has one row per test row, is finite, and is a distribution where the target is a class."""
    for seed in range(3):
        try:
            draw_example(kind, seed=seed).combine(scheme)
        except NotApplicableError as error:
            raise LawBrokenError(f"it does not apply to a plain panel of {kind} learners: {error}") from error


@law("ensemble")
def within_range(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """On every row and output it stays between the least and the largest prediction of a learner."""
    example = draw_example(kind)
    # drawn half-way towards their mean, as learners do that know too little: stacking would undo it
    halves = (
        0.5 * p + 0.5 * p.mean(axis=1, keepdims=True) for p in (example.oof.predictions, example.test.predictions)
    )
    timid = with_predictions(example, *halves)
    for each, prediction in ((example, combine_plain_example(scheme, kind)), (timid, timid.combine(scheme))):
        low, high = each.test.predictions.min(axis=0), each.test.predictions.max(axis=0)
        outside = np.maximum(low - prediction, prediction - high).max(axis=1)
        if outside.max() > 1e-8:  # less is rounding
            raise LawBrokenError(
                f"expected a prediction within the learners' range, but {int((outside > 1e-8).sum())} of "
                f"{len(prediction)} rows leave it, by up to {outside.max():.3g}"
            )


@law("ensemble")
def single_learner(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Of one learner it predicts what that learner predicts."""
    example = draw_example(kind, noise=LEARNER_NOISE[1:2])
    demand_close(
        example.combine(scheme),
        example.test.predictions[0],
        "the predictions of a panel of one learner and of that learner",
        1e-8,
    )


@law("ensemble")
def one_learner(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It can predict from a panel of one learner."""
    draw_example(kind, noise=LEARNER_NOISE[1:2]).combine(scheme)


@law("ensemble")
def same_seed_same_bytes(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """The same seed gives the same bytes, whatever the global random state, and predicting twice changes nothing."""
    example = draw_example(kind)
    with global_randomness(1):
        combiner = example.fit(scheme)
        first = predict_panel(combiner, example.test)
        demand_same_bytes(predict_panel(combiner, example.test), first, "two predictions of one combiner")
    with global_randomness(2):
        demand_same_bytes(example.combine(scheme), first, "the prediction with the same generator")


@law("ensemble")
def inputs_unchanged(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It writes neither to the panel nor to y."""
    example = draw_example(kind)
    weight = read_only(np.ones(len(example.y)))
    example = replace(example, oof=replace(example.oof, weight=weight))
    arrays: list[Any] = [
        example.oof.predictions,
        example.oof.X,
        example.y,
        weight,
        example.oof.inner_fold,
        example.test.predictions,
        example.test.X,
    ]
    before = [array.copy() for array in arrays]
    example.combine(scheme)
    demand_same_bytes(arrays, before, "the panel after the scheme has used it")


@law("ensemble")
def learner_order(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """The order of the learners is irrelevant; their names stay with them."""
    example, order = draw_example(kind), np.array([3, 0, 4, 2, 1])

    names = tuple(example.oof.learners[j] for j in order)
    shuffled = replace(
        example,
        oof=freeze(replace(example.oof, predictions=example.oof.predictions[order], learners=names)),
        test=freeze(replace(example.test, predictions=example.test.predictions[order], learners=names)),
    )
    expected = combine_plain_example(scheme, kind)
    demand_close(shuffled.combine(scheme), expected, "the predictions with the learners in two orders")


@law("ensemble")
def row_order(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """The order of the out-of-fold rows is irrelevant."""
    example = draw_example(kind)
    shuffled = example.with_rows(np.random.default_rng(1).permutation(len(example.y)))
    demand_close(
        shuffled.combine(scheme),
        combine_plain_example(scheme, kind),
        "the predictions with the out-of-fold rows in two orders",
    )


@law("ensemble", "class")
def class_order(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """The order and the names of the classes are irrelevant."""
    example, order = draw_example(kind), np.array([2, 0, 1])
    found = reorder_example_classes(example, order).combine(scheme)
    demand_close(
        found, combine_plain_example(scheme, kind)[:, order], "the predictions with the classes in two orders", 1e-5
    )


@law("ensemble", "point", "quantile")
def scale_and_shift(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """The unit and the offset of the target are irrelevant: for a y + b it predicts a times as much, plus b."""
    example = draw_example(kind)
    expected = combine_plain_example(scheme, kind)
    for a, b in ((1000.0, -5e4), (1e-4, 3.0)):
        moved = with_predictions(example, a * example.oof.predictions + b, a * example.test.predictions + b)
        found = (replace(moved, y=read_only(a * example.y + b)).combine(scheme) - b) / a
        demand_close(found, expected, f"the predictions of y and of {a:g} y + {b:g}", 1e-5)


@law("ensemble")
def row_weights(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """A row of weight three counts like three equal rows."""
    example = draw_example(kind)
    weight = 1 + np.arange(len(example.y)) % 3
    rows = np.arange(len(example.y))
    weighted, repeated = (
        example.with_rows(rows, read_only(weight * 1.0)),
        example.with_rows(np.repeat(rows, weight)),
    )
    demand_close(
        weighted.combine(scheme), repeated.combine(scheme), "the predictions from weighted and from repeated rows", 1e-5
    )


@law("ensemble")
def zero_weight_rows(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """A row of weight zero counts like no row."""
    example = draw_example(kind)
    weight = (np.arange(len(example.y)) % 3 > 0) * (1.0 + np.arange(len(example.y)) % 2)
    used = np.flatnonzero(weight)
    all_rows, fewer = example.with_rows(np.arange(len(weight)), weight), example.with_rows(used, weight[used])
    demand_close(
        all_rows.combine(scheme), fewer.combine(scheme), "the predictions with and without rows of weight zero", 1e-5
    )


@law("ensemble")
def weight_unit(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Only the ratios of the row weights matter, and weights of one are like none."""
    example = draw_example(kind)
    rows, weight = np.arange(len(example.y)), 1.0 + np.arange(len(example.y)) % 3
    one, many = (example.with_rows(rows, unit * weight).combine(scheme) for unit in (1.0, 1000.0))
    demand_close(one, many, "the predictions with row weights in two units", 1e-5)
    ones = example.with_rows(rows, np.ones(len(rows))).combine(scheme)
    plain = combine_plain_example(scheme, kind)
    demand_close(ones, plain, "the predictions with weights of one and without weights", 1e-5)


@law("ensemble")
def hears_good_learner(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """With one sharp learner among poor ones it loses no more than the plain average, and far less than the worst."""
    for place in (0, 4):
        example = draw_example(kind, noise=[0.2 if j == place else POOR for j in range(5)], seed=place)
        combiner = example.fit(scheme)
        found = loss(combiner(example.oof), example.oof, example.y)
        plain = loss(example.oof.predictions.mean(axis=0), example.oof, example.y)
        if found > plain * (1 + 1e-9):
            raise LawBrokenError(f"its training loss is {found:.4g}, expected at most {plain:.4g} as of the average")
        test = loss(combiner(example.test), example.test, example.y_test)
        worst = max(loss(each, example.test, example.y_test) for each in example.test.predictions)
        if test > 0.9 * worst:
            raise LawBrokenError(f"its test loss is {test:.4g}, expected far less than the worst learner's {worst:.4g}")


@law("ensemble")
def test_rows_apart(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Its prediction of a test row depends on that row alone: not on the order, number or predictions of others."""
    example = draw_example(kind)
    combiner = example.fit(scheme)
    whole, n = predict_panel(combiner, example.test), len(example.y_test)
    order = np.random.default_rng(2).permutation(n)
    demand_close(
        predict_panel(combiner, freeze(example.test.rows(order))),
        whole[order],
        "the predictions in two row orders",
        1e-9,
    )
    few = np.arange(0, n, 7)
    demand_close(
        predict_panel(combiner, freeze(example.test.rows(few))),
        whole[few],
        "the predictions for all and for few rows",
        1e-9,
    )
    other = example.test.predictions.copy()
    other[:, n // 2 :] = draw_example(kind, seed=9).test.predictions[:, n // 2 :]
    changed = predict_panel(combiner, freeze(replace(example.test, predictions=other)))[: n // 2]
    demand_same_bytes(changed, whole[: n // 2], "the prediction of a row when other test rows change")


@law("ensemble")
def certificate(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """If it states a gap, that is at most 1e-6, and no single learner and no plain average has less training loss."""
    for example in _convex_examples(kind):
        combiner = example.fit(scheme)
        gap = getattr(combiner, "gap", None)
        if gap is None:
            continue
        if not -1e-9 <= gap <= LARGEST_GAP:
            raise LawBrokenError(f"its gap is {gap:.3g}, expected between 0 and {LARGEST_GAP:g}")
        found = loss(combiner(example.oof), example.oof, example.y)
        rivals = [*example.oof.predictions, example.oof.predictions.mean(axis=0)]
        best = min(loss(each, example.oof, example.y) for each in rivals)
        if found > best + LARGEST_GAP * abs(best) + 1e-12:
            raise LawBrokenError(f"it states a gap of {gap:.3g}, but loses {found:.9g} where {best:.9g} was to be had")


def _convex_examples(kind: str) -> list[Example]:
    """Return examples on which a convex problem is easy, degenerate, or solved at a corner."""
    plain = draw_example(kind)
    two_each = [np.concatenate([part, part]) for part in (plain.oof.predictions, plain.test.predictions)]
    hard = [make_certain(plain)] if kind == "class" else []
    return [plain, draw_example(kind, noise=(0.0, 0.5, 1.0)), with_predictions(plain, *two_each), *hard]


@law("ensemble")
def few_rows(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It can learn from K + 2 rows, fewer than there are learners."""
    width = draw_example(kind).target.width
    draw_example(kind, n=width + 2, noise=LEARNER_NOISE + LEARNER_NOISE).combine(scheme)


@law("ensemble", "class")
def two_classes(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It can predict two classes, and their order is irrelevant."""
    example, order = draw_example(kind, width=2), np.array([1, 0])
    found = reorder_example_classes(example, order).combine(scheme)
    demand_close(found, example.combine(scheme)[:, order], "the predictions with two classes in two orders", 1e-5)


@law("ensemble", "class")
def absent_class(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It can learn where a class has no out-of-fold row."""
    example = draw_example(kind)
    for absent in range(example.target.width):
        example.with_rows(np.flatnonzero(example.y != absent)).combine(scheme)


@law("ensemble", "class")
def lone_class(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It can learn where all out-of-fold rows are of one class, as may happen while predictions are cross-fitted."""
    example = draw_example(kind)
    for lone in range(example.target.width):
        example.with_rows(np.flatnonzero(example.y == lone)).combine(scheme)


@law("ensemble", "class")
def certain_learners(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """It bears probabilities next to 0 and 1, right and wrong."""
    make_certain(draw_example(kind)).combine(scheme)


@law("ensemble")
def perfect_learner(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """A learner without any error does no harm, nor do two of them."""
    for noise in ((0.0, 0.5, 1.0), (0.5, 0.0, 0.0), (0.0,)):
        example = draw_example(kind, noise=noise)
        (make_certain(example) if kind == "class" else example).combine(scheme)


@law("ensemble")
def equal_learners(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Learners that all predict the same are bearable: the prediction from L equal learners is that of one of them."""
    one = draw_example(kind, noise=LEARNER_NOISE[1:2])
    many = with_predictions(one, *(np.repeat(part, 4, axis=0) for part in (one.oof.predictions, one.test.predictions)))
    demand_close(
        many.combine(scheme), one.combine(scheme), "the predictions from four equal learners and from one", 1e-3
    )


@law("ensemble")
def constant_learners(scheme: Scheme[EnsembleOptions], kind: str) -> None:
    """Learners that predict the same for every row are bearable."""
    example = draw_example(kind)

    def repeat_first(predictions: Array) -> Array:
        return np.repeat(predictions[:, :1], predictions.shape[1], axis=1)

    with_predictions(example, repeat_first(example.oof.predictions), repeat_first(example.test.predictions)).combine(
        scheme
    )
