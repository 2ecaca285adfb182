"""The laws of base learners: each is fitted on a small table with gaps and categories, in its own encoding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bench.checks.examples import global_randomness, target_of
from bench.checks.law import LawBrokenError, demand_close, demand_same_bytes, law
from bench.core.losses import proper_loss
from bench.core.nouns import (
    Array,
    InvalidPredictionError,
    NotApplicableError,
    Target,
    clip_probabilities,
    read_only,
    validate_values,
)
from bench.core.scheme import Scheme
from bench.methods.learners import LearnerOptions
from bench.tasks import encoders

COLOUR_LEVELS = pd.Index(["blue", "green", "red"])

MUCH_LESS = 0.9
"""Share of a constant's loss that every learner stays below on an easy table."""


@dataclass(frozen=True)
class ExampleTable:
    """Training rows, and test rows with their true values."""

    target: Target
    X: pd.DataFrame
    y: Array
    X_test: pd.DataFrame
    y_test: Array

    @cached_property
    def constant(self) -> Array:
        """The best prediction that uses no column, shape (n_test, K)."""
        if self.target.kind == "class":
            row = np.bincount(self.y, minlength=self.target.width) / len(self.y)
        else:
            row = np.quantile(self.y, self.target.levels) if self.target.outputs else np.array([self.y.mean()])
        return np.tile(row, (len(self.y_test), 1))

    def rows(self, index: Array) -> ExampleTable:
        """Return the table with some of the training rows."""
        return replace(self, X=self.X.iloc[index], y=read_only(self.y[index]))


def example_table(kind: str, *, n: int = 120, width: int = 3, gaps: float = 0.05) -> ExampleTable:
    """Draw a table: two numbers, one of them with gaps, and a category with gaps; the first number matters most."""
    rng = np.random.default_rng(0)
    target = target_of(kind, width)
    X, signal = _draw_table(rng, n + 40, gaps)
    y = 3 + 2 * signal if kind != "class" else np.digitize(signal, [-0.5, 0.6][3 - width :])
    y = np.asarray(y, dtype=int if kind == "class" else float)
    return ExampleTable(target, X[:n], read_only(y[:n].copy()), X[n:].reset_index(drop=True), read_only(y[n:].copy()))


def _draw_table(rng: np.random.Generator, n: int, gaps: float) -> tuple[pd.DataFrame, Array]:
    numbers = rng.normal(size=(n, 2))
    colour = rng.integers(0, 3, n)
    signal = numbers[:, 0] + 0.5 * colour - 0.5 + 0.2 * rng.normal(size=n)
    unknown = rng.random((n, 2)) < gaps
    X = pd.DataFrame(
        {
            "size": numbers[:, 0],
            "age": np.where(unknown[:, 0], np.nan, numbers[:, 1]),
            "colour": pd.Categorical.from_codes(np.where(unknown[:, 1], -1, colour), COLOUR_LEVELS),
        }
    )
    return X, signal


def _fit_model(
    scheme: Scheme[LearnerOptions], table: ExampleTable, weight: Array | None = None, seed: int = 0
) -> tuple[Any, Any]:
    """Return the encoder and the model, both fitted on the training rows."""
    encoder = encoders.encoder(scheme.options.encoding).fit(table.X)
    model = scheme(table.target, seed)
    model.fit(encoder.transform(table.X), table.y, weight)
    return encoder, model


def _test_predictions(scheme: Scheme[LearnerOptions], table: ExampleTable, weight: Array | None = None) -> Array:
    """Return the learner's predictions for the test rows, shape (n, K), after validating them."""
    encoder, model = _fit_model(scheme, table, weight)
    return _predict(encoder, model, table.target, table.X_test)


def _predict(encoder: Any, model: Any, target: Target, X: pd.DataFrame) -> Array:
    try:
        return validate_values(target, model.predict(encoder.transform(X)), len(X))
    except InvalidPredictionError as error:
        raise LawBrokenError(str(error)) from error


@law("learner")
def lawful(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It takes gaps and categories, and predicts K finite columns; those of classes are distributions."""
    try:
        _test_predictions(scheme, example_table(kind))
    except NotApplicableError as error:
        raise LawBrokenError(f"it cannot be fitted on a plain table: {error}") from error


@law("learner")
def learns(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """On an easy table it loses much less than the best constant."""
    table = example_table(kind)
    loss, constant = (_mean_loss(table, values) for values in (_test_predictions(scheme, table), table.constant))
    if not loss < MUCH_LESS * constant:
        raise LawBrokenError(
            f"its loss is {loss:.4g} on an easy table, expected far less than a constant's {constant:.4g}"
        )


def _mean_loss(table: ExampleTable, values: Array) -> float:
    if table.target.kind == "class":
        # far from zero: a single row with probability 0 for its class must not decide the law
        values, _ = clip_probabilities(0.98 * values + 0.02 / table.target.width)
    return float(proper_loss(table.target, table.y_test, values).mean())


@law("learner")
def same_seed_same_bytes(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """The same seed gives the same bytes, whatever the global random state, and predicting twice changes nothing."""
    table = example_table(kind)
    with global_randomness(1):
        encoder, model = _fit_model(scheme, table)
        first = _predict(encoder, model, table.target, table.X_test)
        again = _predict(encoder, model, table.target, table.X_test)
        demand_same_bytes(again, first, "two predictions of one model")
    with global_randomness(2):
        demand_same_bytes(_test_predictions(scheme, table), first, "the prediction with the same seed")


@law("learner")
def inputs_unchanged(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It writes neither to X nor to y nor to the row weights."""
    table = example_table(kind)
    encoder = encoders.encoder(scheme.options.encoding).fit(table.X)
    X, X_test = encoder.transform(table.X), encoder.transform(table.X_test)
    weight = read_only(np.linspace(0.5, 1.5, len(table.y))) if scheme.options.weights else None
    before = [X.copy(), table.y.copy(), None if weight is None else weight.copy(), X_test.copy()]
    model = scheme(table.target, 0)
    model.fit(X, table.y, weight)
    model.predict(X_test)
    demand_same_bytes([X, table.y, weight, X_test], before, "the table after the fit")


@law("learner")
def test_rows_apart(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """The prediction for a test row depends on that row alone: not on the order or number of the rows, or others."""
    table = example_table(kind)
    encoder, model = _fit_model(scheme, table)
    whole = _predict(encoder, model, table.target, table.X_test)
    n = len(whole)
    unit = max(1.0, float(np.abs(whole).max()))
    for index, what in ((np.arange(n)[::-1], "in two row orders"), (np.arange(0, n, 7), "for all and for few rows")):
        found = _predict(encoder, model, table.target, table.X_test.iloc[index])
        demand_close(found, whole[index], f"the predictions {what}", 1e-9, unit)
    others = table.X[n // 2 : n].assign(size=lambda X: 5 * X["size"], age=7.0)
    other = pd.concat([table.X_test[: n // 2], others])
    found = _predict(encoder, model, table.target, other)[: n // 2]
    demand_close(found, whole[: n // 2], "the prediction for a row when other test rows change", 1e-9, unit)


@law("learner", "class")
def absent_class(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """A class without a training row keeps its column, with probability zero."""
    table = example_table(kind)
    for absent in range(table.target.width):
        predictions = _test_predictions(scheme, table.rows(np.flatnonzero(table.y != absent)))
        if predictions[:, absent].max() > 1e-9:
            raise LawBrokenError(
                f"it gives a class without a training row {predictions[:, absent].max():.3g}, expected 0"
            )


@law("learner", "class")
def two_classes(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It can be fitted on two classes, and separates them."""
    table = example_table(kind, width=2)
    loss, constant = (_mean_loss(table, values) for values in (_test_predictions(scheme, table), table.constant))
    if not loss < MUCH_LESS * constant:
        raise LawBrokenError(
            f"its loss on two classes is {loss:.4g}, expected far less than a constant's {constant:.4g}"
        )


@law("learner")
def few_rows(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It can be fitted on twelve rows."""
    table = example_table(kind)
    first = [np.flatnonzero(table.y == k)[:4] for k in range(3)] if kind == "class" else [np.arange(12)]
    _test_predictions(scheme, table.rows(np.concatenate(first)))


@law("learner")
def odd_test_rows(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It takes gaps, categories and numbers in the test rows that the training rows did not have."""
    table = example_table(kind, gaps=0.0)
    odd = pd.DataFrame(
        {
            "size": [np.nan, 1e9, -1e9, 0.0],
            "age": [np.nan, 0.0, 0.0, np.inf],
            "colour": pd.Categorical([None, "blue", "mauve", "red"]),
        }
    )
    _test_predictions(scheme, replace(table, X_test=odd))


@law("learner")
def constant_columns(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It can be fitted on a table whose columns never vary."""
    table = example_table(kind)
    red = pd.Categorical.from_codes(np.full(len(table.X), 2), COLOUR_LEVELS)
    _test_predictions(scheme, replace(table, X=table.X.assign(size=1.0, age=np.nan, colour=red)))


@law("learner", when=lambda scheme: bool(scheme.options.weights))
def equal_weights(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """Row weights of one are like none."""
    table = example_table(kind)
    found, expected = (
        _test_predictions(scheme, table, read_only(np.ones(len(table.y)))),
        _test_predictions(scheme, table),
    )
    demand_close(found, expected, "the predictions with weights of one and without weights", 1e-6)


@law("learner", when=lambda scheme: bool(scheme.options.weights))
def uses_row_weights(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """Where rows contradict each other the heavy ones pull the predictions their way: towards their class, or up."""
    table, n = example_table(kind), 120
    other = np.random.default_rng(1).random(n) < 0.5
    y = np.where(other, 2, table.y) if kind == "class" else table.y + 5.0 * other
    contradictory, weight = replace(table, y=read_only(y)), read_only(np.where(other, 20.0, 0.05))
    plain, pulled = _test_predictions(scheme, contradictory), _test_predictions(scheme, contradictory, weight)
    place = 2 if kind == "class" else table.target.width // 2
    before, after = plain[:, place].mean(), pulled[:, place].mean()
    if not after > before + 0.05:  # the other rows lie 5 higher, or are all of one class: far more than 0.05
        raise LawBrokenError(f"its mean prediction goes from {before:.4g} to {after:.4g}, expected a clear rise")
