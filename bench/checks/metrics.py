"""The laws of metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench.checks.examples import (
    draw_prediction,
    global_randomness,
    reorder_target,
    take_rows,
    target_of,
)
from bench.checks.law import LawBrokenError, demand_close, demand_same_bytes, law
from bench.core.nouns import Array, Prediction, Target, read_only
from bench.core.scheme import Scheme
from bench.methods.metrics import MetricOptions

SEEDS = range(4)


def _value_of_metric(scheme: Scheme[MetricOptions], y: Array, prediction: Prediction) -> float:
    return float(scheme(prediction.target, read_only(y), prediction))


def _draw_predictions(kind: str, *, weighted: bool = False) -> Iterator[tuple[Array, Prediction]]:
    """Yield y and predictions of every shape that the kind has: of classes two and three."""
    for width in (2, 3) if kind == "class" else (3,):
        for seed in SEEDS:
            yield draw_prediction(kind, n=83, width=width, seed=seed, weighted=weighted)


def _draw_tied(kind: str) -> tuple[Array, Prediction]:
    """Return a prediction of two classes with equally many rows."""
    y, prediction = draw_prediction(kind, n=83, width=2, seed=0)
    n = min(np.bincount(y))
    index = np.concatenate([np.flatnonzero(y == k)[:n] for k in (0, 1)])
    return y[index], take_rows(prediction, index)


def _labels_matter(scheme: Scheme[MetricOptions]) -> bool:
    return bool(scheme.options.label)


@law("metric", when=lambda scheme: scheme.options.direction in {"min", "max"})
def truth_is_best(scheme: Scheme[MetricOptions], kind: str) -> None:
    """No prediction beats the truth, and one that is all wrong does not reach it."""
    sign = 1 if scheme.options.direction == "max" else -1
    for y, prediction in _draw_predictions(kind):
        best, fair = _value_of_metric(scheme, y, truth(prediction.target, y)), _value_of_metric(scheme, y, prediction)
        bad = _value_of_metric(scheme, y, _nonsense(prediction.target, y))
        if sign * fair > sign * best + 1e-12 or sign * bad > sign * best + 1e-12:
            raise LawBrokenError(
                f"the truth gets {best:.6g}, but other predictions get {fair:.6g} and {bad:.6g}, expected no better"
            )
        if bad == best:
            raise LawBrokenError(f"a prediction that is all wrong gets {bad:.6g}, as does the truth, expected worse")


def truth(target: Target, y: Array) -> Prediction:
    """Return the prediction that is certain of the truth."""
    values = np.eye(target.width)[y] if target.kind == "class" else np.repeat(y[:, None], target.width, axis=1)
    return Prediction(target, read_only(values))


def _nonsense(target: Target, y: Array) -> Prediction:
    """Return a prediction that is wrong on every row: the next class, or numbers far off and in falling order."""
    if target.kind == "class":
        return Prediction(target, np.eye(target.width)[(y + 1) % target.width])
    values = (y + np.where(np.arange(len(y)) % 2, 9.0, -9.0))[:, None] - np.arange(target.width)
    return Prediction(target, np.sort(values, axis=1), unsorted=values)


@law("metric", "class", "quantile", when=lambda scheme: bool(scheme.options.proper))
def proper(scheme: Scheme[MetricOptions], kind: str) -> None:
    """The true distribution has the least expected value, worked out exactly."""
    rng = np.random.default_rng(0)
    draw = _class_reports if kind == "class" else _quantile_reports
    for y, chance, true, reports in (draw(rng) for _ in SEEDS):
        target = target_of(kind)
        sign = -1 if scheme.options.direction == "max" else 1
        honest, *others = [_expected_value(scheme, target, y, chance, report) for report in (true, *reports)]
        best = sign * min(sign * other for other in others)
        if sign * best < sign * honest - 1e-12:
            raise LawBrokenError(
                f"its expected value is {honest:.6g} for the truth and {best:.6g} if false: expected no better"
            )


def _expected_value(scheme: Scheme[MetricOptions], target: Target, y: Array, chance: Array, report: Array) -> float:
    """Return Σ_i chance_i × the metric of the report when y_i comes true."""
    prediction = Prediction(target, report[None, :])
    return float(np.dot(chance, [_value_of_metric(scheme, y[i : i + 1].copy(), prediction) for i in range(len(y))]))


def _class_reports(rng: np.random.Generator) -> tuple[Array, Array, Array, list[Array]]:
    """Return classes, their chances, the true report, and false ones: far, near, and overconfident."""
    chance = rng.dirichlet(np.ones(3))
    near = chance + np.array([0.02, -0.01, -0.01]) * chance.min()
    sharp = chance**1.3 / (chance**1.3).sum()
    return np.arange(3), chance, chance, [*rng.dirichlet(np.ones(3), 5), near, sharp, np.eye(3)[chance.argmax()]]


def _quantile_reports(rng: np.random.Generator) -> tuple[Array, Array, Array, list[Array]]:
    """Return outcomes, their chances, the true quantiles, and false ones: moved, wide, narrow."""
    y = np.sort(rng.normal(size=60))
    true = np.quantile(y, target_of("quantile").levels, method="inverted_cdf")
    false = [np.sort(true + 0.3 * rng.normal(size=len(true))) for _ in range(3)]
    return y, np.full(60, 1 / 60), true, [*false, true + 0.1, true - 0.1, 1.3 * true, 0.7 * true]


@law("metric")
def row_order(scheme: Scheme[MetricOptions], kind: str) -> None:
    """The order of the rows is irrelevant."""
    for y, prediction in _draw_predictions(kind, weighted=True):
        order = np.random.default_rng(1).permutation(len(y))
        found = _value_of_metric(scheme, y[order], take_rows(prediction, order))
        _demand_equal(found, _value_of_metric(scheme, y, prediction), "the values with the rows in two orders")


@law("metric", "class")
def class_names(scheme: Scheme[MetricOptions], kind: str) -> None:
    """The order and the names of the classes are irrelevant, also where two have equally many rows."""
    for y, prediction in (*_draw_predictions(kind), _draw_tied(kind)):
        order = np.roll(np.arange(prediction.target.width), 1)
        renamed = replace(
            prediction, target=reorder_target(prediction.target, order), values=prediction.values[:, order]
        )
        found = _value_of_metric(scheme, np.argsort(order)[y], renamed)
        _demand_equal(found, _value_of_metric(scheme, y, prediction), "the values with the classes in two orders")


@law("metric")
def row_weights(scheme: Scheme[MetricOptions], kind: str) -> None:
    """A row of weight three counts like three equal rows, a row of weight zero like none."""
    for y, prediction in _draw_predictions(kind, weighted=True):
        index = np.repeat(np.arange(len(y)), np.asarray(prediction.weight, dtype=int))
        repeated = replace(take_rows(prediction, index), weight=None)
        _demand_equal(
            _value_of_metric(scheme, y, prediction),
            _value_of_metric(scheme, y[index], repeated),
            "weighted and repeated rows",
        )


@law("metric")
def weight_unit(scheme: Scheme[MetricOptions], kind: str) -> None:
    """Only the ratios of the row weights matter."""
    for y, prediction in _draw_predictions(kind, weighted=True):
        other = _value_of_metric(scheme, y, replace(prediction, weight=1e-3 * np.asarray(prediction.weight)))
        _demand_equal(other, _value_of_metric(scheme, y, prediction), "the values with row weights in two units")


@law("metric", "class", when=_labels_matter)
def hears_rule(scheme: Scheme[MetricOptions], kind: str) -> None:
    """A metric of labels uses the decision rule."""
    values = [
        (_value_of_metric(scheme, y, prediction), _value_of_metric(scheme, y, _with_rule(prediction)))
        for y, prediction in _draw_predictions(kind)
    ]
    if all(plain == ruled or np.isnan(plain) for plain, ruled in values):
        raise LawBrokenError("other decisions leave its value as it is, expected a metric of labels to change")


@law("metric", "class", when=lambda scheme: not _labels_matter(scheme))
def ignores_rule(scheme: Scheme[MetricOptions], kind: str) -> None:
    """A metric of probabilities never uses the decision rule."""
    for y, prediction in _draw_predictions(kind):
        plain, ruled = (np.array(_value_of_metric(scheme, y, each)) for each in (prediction, _with_rule(prediction)))
        demand_same_bytes(ruled, plain, "the value of the same probabilities with other decisions")


def _with_rule(prediction: Prediction) -> Prediction:
    return replace(prediction, rule=read_only(4.0 ** np.arange(prediction.target.width)))


@law("metric")
def same_bytes(scheme: Scheme[MetricOptions], kind: str) -> None:
    """The same prediction gets the same value to the last bit, and is not written to."""
    for y, prediction in _draw_predictions(kind, weighted=True):
        before = [y.copy(), prediction.values.copy(), np.array(prediction.weight)]
        with global_randomness(1):
            first = np.array(_value_of_metric(scheme, y, prediction))
        with global_randomness(2):
            demand_same_bytes(
                np.array(_value_of_metric(scheme, y, prediction)), first, "the value of the same prediction"
            )
        demand_same_bytes(
            [y, prediction.values, prediction.weight], before, "the prediction after the metric has used it"
        )


@law("metric")
def one_class(scheme: Scheme[MetricOptions], kind: str) -> None:
    """Rows of one class, or of one value, get a number or NaN, and no error."""
    for y, prediction in _draw_predictions(kind):
        same = np.flatnonzero(y == y[0])
        value = _value_of_metric(scheme, y[same], take_rows(prediction, same))
        if np.isinf(value):
            raise LawBrokenError(f"of rows that are all alike its value is {value}, expected a number or NaN")


def _demand_equal(found: float, expected: float, what: str) -> None:
    demand_close(np.array(found), np.array(expected), what, 1e-9, max(1.0, abs(expected)))
