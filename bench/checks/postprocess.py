"""The laws of post-processing steps."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np

from bench.checks.examples import (
    EXAMPLE_FOLDS,
    draw_by_fold,
    draw_prediction,
    global_randomness,
    negate,
    reorder_classes,
    rescale,
    take_rows,
    target_of,
)
from bench.checks.law import LawBrokenError, demand_close, demand_same_bytes, law
from bench.core.nouns import Array, InvalidPredictionError, Prediction, read_only, validate_values
from bench.core.scheme import Scheme
from bench.core.settings import PROTOCOLS
from bench.methods.postprocess import Change, Learns, StepOptions

ROUNDS, FEW = 400, 20
"""So many exchangeable samples of so few rows show whether intervals cover."""


def _is_conformal(scheme: Scheme[StepOptions]) -> bool:
    return bool(scheme.options.guarantee)


def _draw_known(
    scheme: Scheme[StepOptions], kind: str, *, width: int | None = None, seed: int = 0, n: int = 150
) -> tuple[Array, Prediction]:
    """Draw y and the known prediction that a step learns from; classes are predicted by models with class weights."""
    width = width or (2 if scheme.options.binary else 3)
    y, prediction = draw_prediction(kind, n=n, width=width, seed=seed)
    if kind == "quantile":
        crossed = read_only(prediction.values + 0.5 * np.random.default_rng(seed).normal(size=prediction.values.shape))
        prediction = replace(prediction, values=read_only(np.sort(crossed, axis=1)), unsorted=crossed)
    effective_class_weights = read_only(np.linspace(0.5, 2, width)) if kind == "class" else None
    fold = read_only(np.arange(n) % EXAMPLE_FOLDS) if scheme.options.learns == "folds" else None
    return y, replace(prediction, effective_class_weights=effective_class_weights, inner_fold=fold)


def _as_test_rows(
    scheme: Scheme[StepOptions], prediction: Prediction, *, folds: int = EXAMPLE_FOLDS, noise: float = 0.2
) -> Prediction:
    """Return a prediction of test rows: without folds, but with those of each fold's models if the step needs them."""
    by_fold = draw_by_fold(prediction, folds, noise) if "bag" in scheme.options.protocols else None
    return replace(prediction, inner_fold=None, by_fold=by_fold)


def _fit_step(scheme: Scheme[StepOptions], y: Array, prediction: Prediction) -> Change:
    """Fit a step as a run does: one that learns nothing gets no true value."""
    truth = np.empty(0) if scheme.options.learns == "nothing" else y
    change: Change = scheme(prediction, read_only(truth), np.random.default_rng(0))
    return change


def _demand_lawful(prediction: Prediction) -> None:
    try:
        validate_values(prediction.target, prediction.values, len(prediction.values))
    except InvalidPredictionError as error:
        raise LawBrokenError(str(error)) from error
    rule = prediction.rule
    width = prediction.target.width
    if rule is not None and (
        rule.shape not in {(width,), (width, width)} or not np.all(np.isfinite(rule) & (rule >= 0))
    ):
        raise LawBrokenError(f"its class multipliers are {rule.tolist()}, expected one per class, finite, not negative")


def _demand_alike(found: Prediction, expected: Prediction, what: str) -> None:
    demand_close(found.values, expected.values, f"the values {what}", 1e-9)
    if found.rule is not None and expected.rule is not None:
        demand_close(found.rule, expected.rule, f"the decision rules {what}", 1e-9, float(expected.rule.max()))
    demand_same_bytes(found.labels, expected.labels, f"the labels {what}")


def _demand_rising(values: Array) -> None:
    falling = int((~(values[:, 1:] >= values[:, :-1])).any(axis=1).sum())
    if falling:
        raise LawBrokenError(f"its quantiles cross, or are no numbers, on {falling} of {len(values)} rows")


@law("postprocess")
def known_traits(scheme: Scheme[StepOptions], kind: str) -> None:
    """The protocols that it names exist; calibration rows are there under protocol split alone."""
    protocols, learns = scheme.options.protocols, scheme.options.learns
    if not set(protocols) <= set(PROTOCOLS) or learns not in get_args(Learns):
        raise LawBrokenError(f"it names protocols {list(protocols)} and learns from {learns!r}, which do not exist")
    if learns == "calibration" and tuple(protocols) != ("split",):
        raise LawBrokenError(f"it learns from calibration rows under {list(protocols)}, expected ('split',) alone")


@law("postprocess")
def lawful(scheme: Scheme[StepOptions], kind: str) -> None:
    """Its prediction is finite, in shape, a distribution if the target is a class, and its decision rule is sound."""
    for seed in range(3):
        y, known = _draw_known(scheme, kind, seed=seed)
        change = _fit_step(scheme, y, known)
        _demand_lawful(change(known))
        for other in (known, _draw_known(scheme, kind, seed=seed + 10)[1]):
            _demand_lawful(change(_as_test_rows(scheme, other)))


@law("postprocess", "class")
def keeps_probabilities(scheme: Scheme[StepOptions], kind: str) -> None:
    """It changes decisions alone: the probabilities stay as they are, to the last bit."""
    y, known = _draw_known(scheme, kind)
    demand_same_bytes(_fit_step(scheme, y, known)(known).values, known.values, "the probabilities after the step")


@law("postprocess")
def same_seed_same_bytes(scheme: Scheme[StepOptions], kind: str) -> None:
    """The same seed gives the same bytes, whatever the global random state; it writes to no input."""
    y, known = _draw_known(scheme, kind)
    requested = _as_test_rows(scheme, known)
    before = [y.copy(), known.values.copy()]
    with global_randomness(1):
        first = _fit_step(scheme, y, known)(requested)
    with global_randomness(2):
        second = _fit_step(scheme, y, known)(requested)
    demand_same_bytes(
        [second.values, second.rule], [first.values, first.rule], "the prediction with the same generator"
    )
    demand_same_bytes([y, known.values], before, "the prediction after the step has used it")


@law("postprocess")
def row_order(scheme: Scheme[StepOptions], kind: str) -> None:
    """The order of the rows it learns on is irrelevant."""
    y, known = _draw_known(scheme, kind)
    requested, order = _as_test_rows(scheme, known), np.random.default_rng(1).permutation(len(y))
    shuffled = _fit_step(scheme, y[order], take_rows(known, order))
    _demand_alike(shuffled(requested), _fit_step(scheme, y, known)(requested), "learned on the rows in two orders")


@law("postprocess", "class")
def class_order(scheme: Scheme[StepOptions], kind: str) -> None:
    """The order and the names of the classes are irrelevant to the labels it decides on."""
    for width in (2,) if scheme.options.binary else (2, 3):
        y, known = _draw_known(scheme, kind, width=width)
        order = np.roll(np.arange(width), 1)
        place = np.argsort(order)
        renamed = reorder_classes(known, order)
        found = _fit_step(scheme, place[y], renamed)(_as_test_rows(scheme, renamed))
        expected = _fit_step(scheme, y, known)(_as_test_rows(scheme, known))
        demand_close(found.values, expected.values[:, order], "the values with the classes in two orders", 1e-9)
        demand_same_bytes(found.labels, place[expected.labels], "the labels with the classes in two orders")


@law("postprocess")
def row_weights(scheme: Scheme[StepOptions], kind: str) -> None:
    """A row of weight three counts like three equal rows, a row of weight zero like none."""
    y, known = _draw_known(scheme, kind)
    requested, weight = _as_test_rows(scheme, known), np.arange(len(y)) % 4
    weighted = _fit_step(scheme, y, replace(known, weight=read_only(weight * 1.0)))
    index = np.repeat(np.arange(len(y)), weight)
    repeated = _fit_step(scheme, y[index], take_rows(known, index))
    _demand_alike(weighted(requested), repeated(requested), "learned on weighted and on repeated rows")


@law("postprocess")
def test_rows_apart(scheme: Scheme[StepOptions], kind: str) -> None:
    """What it makes of a test row depends on that row alone."""
    y, known = _draw_known(scheme, kind)
    change, test = _fit_step(scheme, y, known), _as_test_rows(scheme, _draw_known(scheme, kind, seed=5, n=60)[1])
    whole, few = change(test), np.arange(0, 60, 7)
    _demand_alike(change(take_rows(test, few)), take_rows(whole, few), "for all and for few rows")


@law("postprocess", "class")
def two_classes(scheme: Scheme[StepOptions], kind: str) -> None:
    """It can serve two classes."""
    y, known = _draw_known(scheme, kind, width=2)
    _demand_lawful(_fit_step(scheme, y, known)(_as_test_rows(scheme, known)))


@law("postprocess", "class")
def absent_class(scheme: Scheme[StepOptions], kind: str) -> None:
    """It can learn where a class has no row, with class weight zero."""
    y, known = _draw_known(scheme, kind)
    for absent in range(known.target.width):
        effective_class_weights = np.where(
            np.arange(known.target.width) == absent, 0.0, np.asarray(known.effective_class_weights)
        )
        index = np.flatnonzero(y != absent)
        step = _fit_step(
            scheme, y[index], replace(take_rows(known, index), effective_class_weights=effective_class_weights)
        )
        _demand_lawful(step(_as_test_rows(scheme, replace(known, effective_class_weights=effective_class_weights))))


@law("postprocess", "class")
def lone_class(scheme: Scheme[StepOptions], kind: str) -> None:
    """It can learn where all rows are of one class."""
    _, known = _draw_known(scheme, kind)
    for k in range(known.target.width):
        step = _fit_step(scheme, np.full(len(known.values), k), known)
        _demand_lawful(step(_as_test_rows(scheme, known)))


@law("postprocess")
def certain_answers(scheme: Scheme[StepOptions], kind: str) -> None:
    """It bears probabilities next to 0 and 1, and rows that are all alike."""
    y, known = _draw_known(scheme, kind)
    hard = np.where(known.values == known.values.max(axis=1, keepdims=True), 1 - 2e-15, 1e-15)
    level = np.repeat(known.values[:1], len(y), axis=0)
    for values in [level, *([hard] if kind == "class" else [])]:
        example = replace(known, values=read_only(values), unsorted=None)
        _demand_lawful(_fit_step(scheme, y, example)(_as_test_rows(scheme, example)))


@law("postprocess", "quantile")
def nested(scheme: Scheme[StepOptions], kind: str) -> None:
    """Its quantiles rise from level to level, so that every interval holds the narrower ones."""
    for seed in range(3):
        y, known = _draw_known(scheme, kind, seed=seed, n=60)
        _demand_rising(_fit_step(scheme, y, known)(_as_test_rows(scheme, known)).values)


@law("postprocess", "quantile")
def scale_and_shift(scheme: Scheme[StepOptions], kind: str) -> None:
    """The unit and the origin of the target are irrelevant."""
    y, known = _draw_known(scheme, kind)
    requested = _as_test_rows(scheme, known)
    expected = 40 * _fit_step(scheme, y, known)(requested).values - 300
    change = _fit_step(scheme, 40 * y - 300, rescale(known, 40, -300))
    demand_close(change(rescale(requested, 40, -300)).values, expected, "the values in another unit", 1e-9, 1000)


@law("postprocess", "quantile")
def upside_down(scheme: Scheme[StepOptions], kind: str) -> None:
    """Low and high are treated alike: the negative of all predictions and true values gives the negative result."""
    y, known = _draw_known(scheme, kind)
    requested = _as_test_rows(scheme, known)
    found = _fit_step(scheme, -y, negate(known))(negate(requested))
    expected = negate(_fit_step(scheme, y, known)(requested))
    demand_close(found.values, expected.values, "the values with low and high exchanged", 1e-9)


@law("postprocess", "quantile", when=_is_conformal)
def keeps_median(scheme: Scheme[StepOptions], kind: str) -> None:
    """A step that moves intervals leaves the median where it is."""
    y, known = _draw_known(scheme, kind)
    middle = known.target.width // 2
    found = _fit_step(scheme, y, known)(_as_test_rows(scheme, known)).values[:, middle]
    demand_same_bytes(np.ascontiguousarray(found), np.ascontiguousarray(known.values[:, middle]), "the median")


@law("postprocess", "quantile", when=_is_conformal)
def few_rows(scheme: Scheme[StepOptions], kind: str) -> None:
    """It never promises more than its rows can show: fitted on three rows, a wide interval has no end."""
    y, known = _draw_known(scheme, kind)
    fitted = _fit_step(scheme, y[:3], take_rows(known, np.arange(3)))
    values = fitted(_as_test_rows(scheme, known, folds=3)).values
    _demand_rising(values)
    if not (np.isneginf(values[:, 0]).all() and np.isposinf(values[:, -1]).all()):
        raise LawBrokenError("its widest interval has an end, which three rows cannot vouch for")


@law("postprocess", "quantile", when=_is_conformal)
def covers(scheme: Scheme[StepOptions], kind: str) -> None:
    """On exchangeable rows its intervals cover what they should, however wrong the quantiles are."""
    rng, target = np.random.default_rng(0), target_of(kind)
    hit = {interval: np.zeros(ROUNDS) for interval in target.intervals}
    fold = np.arange(FEW) % EXAMPLE_FOLDS if scheme.options.learns == "folds" else None
    for i in range(ROUNDS):
        y = rng.normal(size=2 * FEW)
        predictions = 0.5 * rng.normal(size=(2 * FEW, 1)) + np.linspace(-0.5, 0.5, target.width)
        known, test = Prediction(target, predictions[:FEW], inner_fold=fold), Prediction(target, predictions[FEW:])
        found = _fit_step(scheme, y[:FEW].copy(), known)(_as_test_rows(scheme, test, noise=0.0)).values
        for interval, (lower, upper) in target.intervals.items():
            hit[interval][i] = np.mean((found[:, lower] <= y[FEW:]) & (y[FEW:] <= found[:, upper]))
    for interval, shares in hit.items():
        # four standard errors: one sound interval in 30,000 fails by chance, and the seed is fixed
        slack = 4 * np.std(shares) / np.sqrt(ROUNDS)
        if not np.mean(shares) >= interval / 100 - slack:
            raise LawBrokenError(f"its intervals of {interval} % cover {100 * np.mean(shares):.1f} %")
