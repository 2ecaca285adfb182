"""The laws of post-processing steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.checks.examples import (
    FOLDS,
    answer_of,
    by_fold_of,
    class_order_of,
    global_randomness,
    moved_answer,
    read_only,
    rows_of,
    target_of,
    upside_down_of,
)
from bench.checks.law import LawBrokenError, demand_close, demand_same_bytes, law
from bench.core.nouns import Array, InvalidPredictionError, Prediction, validate_values
from bench.core.registry import Scheme
from bench.methods.postprocess import StepOptions
from bench.runner.out_of_fold import PROTOCOLS

Change = Callable[[Prediction], Prediction]

TEACHERS = {"folds", "calibration", "nothing"}
ROUNDS, FEW = 400, 20
"""So many exchangeable samples of so few rows show whether intervals cover."""


def _conformal(scheme: Scheme[StepOptions]) -> bool:
    return bool(scheme.options.guarantee)


def _by_fold(scheme: Scheme[StepOptions]) -> bool:
    return "bag" in scheme.options.protocols


def _teacher(scheme: Scheme[StepOptions]) -> str:
    return str(scheme.options.learns)


def _drawn(
    scheme: Scheme[StepOptions], kind: str, *, width: int | None = None, seed: int = 0, n: int = 150
) -> tuple[Array, Prediction]:
    """Draw y and the known answer that teaches a step; class answers come from training with class weights."""
    width = width or (2 if scheme.options.binary else 3)
    y, prediction = answer_of(kind, n=n, width=width, seed=seed)
    if kind == "quantile":
        crossed = read_only(prediction.values + 0.5 * np.random.default_rng(seed).normal(size=prediction.values.shape))
        prediction = replace(prediction, values=read_only(np.sort(crossed, axis=1)), unsorted=crossed)
    effective_class_weights = read_only(np.linspace(0.5, 2, width)) if kind == "class" else None
    fold = read_only(np.arange(n) % FOLDS) if _teacher(scheme) == "folds" else None
    return y, replace(prediction, effective_class_weights=effective_class_weights, inner_fold=fold)


def _asked(
    scheme: Scheme[StepOptions], prediction: Prediction, *, folds: int = FOLDS, noise: float = 0.2
) -> Prediction:
    """Return the answer as test rows have it: no fold, and what each fold's models say where the step asks for it."""
    predictions = by_fold_of(prediction, folds, noise) if _by_fold(scheme) else None
    return replace(prediction, inner_fold=None, by_fold=predictions)


def _learn(scheme: Scheme[StepOptions], y: Array, prediction: Prediction) -> Change:
    """Teach a step as the harness does: one that learns nothing is given no true value."""
    truth = np.empty(0) if _teacher(scheme) == "nothing" else y
    change: Change = scheme(prediction, read_only(truth), np.random.default_rng(0))
    return change


def _demand_lawful(prediction: Prediction) -> None:
    try:
        validate_values(prediction.target, prediction.values, len(prediction.values))
    except InvalidPredictionError as error:
        raise LawBrokenError(str(error)) from error
    rule = prediction.rule
    if rule is not None and (rule.shape != (prediction.target.width,) or not np.all(np.isfinite(rule) & (rule >= 0))):
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
    """The protocols and the teacher that it names exist; calibration rows are there under protocol split alone."""
    protocols, teacher = scheme.options.protocols, _teacher(scheme)
    if not set(protocols) <= set(PROTOCOLS) or teacher not in TEACHERS:
        raise LawBrokenError(f"it names protocols {list(protocols)} and learns from {teacher!r}, which do not exist")
    if teacher == "calibration" and tuple(protocols) != ("split",):
        raise LawBrokenError(f"it learns from calibration rows under {list(protocols)}, expected ('split',) alone")


@law("postprocess")
def lawful(scheme: Scheme[StepOptions], kind: str) -> None:
    """Its answer is finite, in shape, a distribution where classes are asked for, and its decision rule is sound."""
    for seed in range(3):
        y, known = _drawn(scheme, kind, seed=seed)
        change = _learn(scheme, y, known)
        _demand_lawful(change(known))
        for other in (known, _drawn(scheme, kind, seed=seed + 10)[1]):
            _demand_lawful(change(_asked(scheme, other)))


@law("postprocess", "class")
def keeps_probabilities(scheme: Scheme[StepOptions], kind: str) -> None:
    """It changes decisions alone: the probabilities stay as they are, to the last bit."""
    y, known = _drawn(scheme, kind)
    demand_same_bytes(_learn(scheme, y, known)(known).values, known.values, "the probabilities after the step")


@law("postprocess")
def same_seed_same_bytes(scheme: Scheme[StepOptions], kind: str) -> None:
    """The same seed gives the same bytes, whatever the global random state; it writes to no input."""
    y, known = _drawn(scheme, kind)
    requested = _asked(scheme, known)
    before = [y.copy(), known.values.copy()]
    with global_randomness(1):
        first = _learn(scheme, y, known)(requested)
    with global_randomness(2):
        second = _learn(scheme, y, known)(requested)
    demand_same_bytes([second.values, second.rule], [first.values, first.rule], "the answer with the same generator")
    demand_same_bytes([y, known.values], before, "the answer after the step has seen it")


@law("postprocess")
def row_order(scheme: Scheme[StepOptions], kind: str) -> None:
    """The order of the rows it learns on is irrelevant."""
    y, known = _drawn(scheme, kind)
    requested, order = _asked(scheme, known), np.random.default_rng(1).permutation(len(y))
    shuffled = _learn(scheme, y[order], rows_of(known, order))
    _demand_alike(shuffled(requested), _learn(scheme, y, known)(requested), "learned on the rows in two orders")


@law("postprocess", "class")
def class_order(scheme: Scheme[StepOptions], kind: str) -> None:
    """The order and the names of the classes are irrelevant to the labels it decides on."""
    for width in (2,) if scheme.options.binary else (2, 3):
        y, known = _drawn(scheme, kind, width=width)
        order = np.roll(np.arange(width), 1)
        place = np.argsort(order)
        renamed = class_order_of(known, order)
        found = _learn(scheme, place[y], renamed)(_asked(scheme, renamed))
        expected = _learn(scheme, y, known)(_asked(scheme, known))
        demand_close(found.values, expected.values[:, order], "the values with the classes in two orders", 1e-9)
        demand_same_bytes(found.labels, place[expected.labels], "the labels with the classes in two orders")


@law("postprocess")
def row_weights(scheme: Scheme[StepOptions], kind: str) -> None:
    """A row of weight three counts like three equal rows, a row of weight zero like none."""
    y, known = _drawn(scheme, kind)
    requested, weight = _asked(scheme, known), np.arange(len(y)) % 4
    weighted = _learn(scheme, y, replace(known, weight=read_only(weight * 1.0)))
    index = np.repeat(np.arange(len(y)), weight)
    repeated = _learn(scheme, y[index], rows_of(known, index))
    _demand_alike(weighted(requested), repeated(requested), "learned on weighted and on repeated rows")


@law("postprocess")
def test_rows_apart(scheme: Scheme[StepOptions], kind: str) -> None:
    """What it makes of a test row depends on that row alone."""
    y, known = _drawn(scheme, kind)
    change, test = _learn(scheme, y, known), _asked(scheme, _drawn(scheme, kind, seed=5, n=60)[1])
    whole, few = change(test), np.arange(0, 60, 7)
    _demand_alike(change(rows_of(test, few)), rows_of(whole, few), "for all and for few rows")


@law("postprocess", "class")
def two_classes(scheme: Scheme[StepOptions], kind: str) -> None:
    """It can serve two classes."""
    y, known = _drawn(scheme, kind, width=2)
    _demand_lawful(_learn(scheme, y, known)(_asked(scheme, known)))


@law("postprocess", "class")
def absent_class(scheme: Scheme[StepOptions], kind: str) -> None:
    """It can learn where a class has no row, with class weight zero."""
    y, known = _drawn(scheme, kind)
    for absent in range(known.target.width):
        effective_class_weights = np.where(
            np.arange(known.target.width) == absent, 0.0, np.asarray(known.effective_class_weights)
        )
        index = np.flatnonzero(y != absent)
        step = _learn(scheme, y[index], replace(rows_of(known, index), effective_class_weights=effective_class_weights))
        _demand_lawful(step(_asked(scheme, replace(known, effective_class_weights=effective_class_weights))))


@law("postprocess", "class")
def lone_class(scheme: Scheme[StepOptions], kind: str) -> None:
    """It can learn where all rows are of one class."""
    _, known = _drawn(scheme, kind)
    for k in range(known.target.width):
        step = _learn(scheme, np.full(len(known.values), k), known)
        _demand_lawful(step(_asked(scheme, known)))


@law("postprocess")
def certain_answers(scheme: Scheme[StepOptions], kind: str) -> None:
    """It bears probabilities next to 0 and 1, and rows that are all alike."""
    y, known = _drawn(scheme, kind)
    hard = np.where(known.values == known.values.max(axis=1, keepdims=True), 1 - 2e-15, 1e-15)
    level = np.repeat(known.values[:1], len(y), axis=0)
    for values in [level, *([hard] if kind == "class" else [])]:
        given = replace(known, values=read_only(values), unsorted=None)
        _demand_lawful(_learn(scheme, y, given)(_asked(scheme, given)))


@law("postprocess", "quantile")
def nested(scheme: Scheme[StepOptions], kind: str) -> None:
    """Its quantiles rise from level to level, so that every interval holds the narrower ones."""
    for seed in range(3):
        y, known = _drawn(scheme, kind, seed=seed, n=60)
        _demand_rising(_learn(scheme, y, known)(_asked(scheme, known)).values)


@law("postprocess", "quantile")
def scale_and_shift(scheme: Scheme[StepOptions], kind: str) -> None:
    """The unit and the origin of the target are irrelevant."""
    y, known = _drawn(scheme, kind)
    requested = _asked(scheme, known)
    expected = 40 * _learn(scheme, y, known)(requested).values - 300
    change = _learn(scheme, 40 * y - 300, moved_answer(known, 40, -300))
    demand_close(change(moved_answer(requested, 40, -300)).values, expected, "the values in another unit", 1e-9, 1000)


@law("postprocess", "quantile")
def upside_down(scheme: Scheme[StepOptions], kind: str) -> None:
    """Low and high are treated alike: the negative of all answers and true values gives the negative answer."""
    y, known = _drawn(scheme, kind)
    requested = _asked(scheme, known)
    found = _learn(scheme, -y, upside_down_of(known))(upside_down_of(requested))
    expected = upside_down_of(_learn(scheme, y, known)(requested))
    demand_close(found.values, expected.values, "the values with low and high exchanged", 1e-9)


@law("postprocess", "quantile", when=_conformal)
def keeps_median(scheme: Scheme[StepOptions], kind: str) -> None:
    """A step that moves intervals leaves the median where it is."""
    y, known = _drawn(scheme, kind)
    middle = known.target.width // 2
    found = _learn(scheme, y, known)(_asked(scheme, known)).values[:, middle]
    demand_same_bytes(np.ascontiguousarray(found), np.ascontiguousarray(known.values[:, middle]), "the median")


@law("postprocess", "quantile", when=_conformal)
def few_rows(scheme: Scheme[StepOptions], kind: str) -> None:
    """It never promises more than its rows can tell: where three rows teach it, a wide interval has no end."""
    y, known = _drawn(scheme, kind)
    fitted = _learn(scheme, y[:3], rows_of(known, np.arange(3)))
    values = fitted(_asked(scheme, known, folds=3)).values
    _demand_rising(values)
    if not (np.isneginf(values[:, 0]).all() and np.isposinf(values[:, -1]).all()):
        raise LawBrokenError("its widest interval has an end, which three rows cannot vouch for")


@law("postprocess", "quantile", when=_conformal)
def covers(scheme: Scheme[StepOptions], kind: str) -> None:
    """On exchangeable rows its intervals cover what they should, however wrong the quantiles are."""
    rng, target = np.random.default_rng(0), target_of(kind)
    hit = {interval: np.zeros(ROUNDS) for interval in target.intervals}
    fold = np.arange(FEW) % FOLDS if _teacher(scheme) == "folds" else None
    for i in range(ROUNDS):
        y = rng.normal(size=2 * FEW)
        predictions = 0.5 * rng.normal(size=(2 * FEW, 1)) + np.linspace(-0.5, 0.5, target.width)
        known, test = Prediction(target, predictions[:FEW], inner_fold=fold), Prediction(target, predictions[FEW:])
        found = _learn(scheme, y[:FEW].copy(), known)(_asked(scheme, test, noise=0.0)).values
        for interval, (lower, upper) in target.intervals.items():
            hit[interval][i] = np.mean((found[:, lower] <= y[FEW:]) & (y[FEW:] <= found[:, upper]))
    for interval, shares in hit.items():
        slack = 4 * np.std(shares) / np.sqrt(ROUNDS)
        if not np.mean(shares) >= interval / 100 - slack:
            raise LawBrokenError(f"its intervals of {interval} % cover {100 * np.mean(shares):.1f} %")
