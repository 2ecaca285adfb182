"""The laws of base learners: each is fitted on a small table with gaps and categories, encoded as it asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bench.checks.examples import global_randomness, read_only, target_of
from bench.checks.law import LawBrokenError, demand_close, demand_same_bytes, law
from bench.core.losses import proper
from bench.core.nouns import Array, InvalidAnswerError, NotApplicableError, Target, clip_probabilities, validate_values
from bench.core.registry import Scheme
from bench.methods.learners import LearnerOptions
from bench.tasks import encoders

COLOURS = pd.Index(["blue", "green", "red"])


@dataclass(frozen=True)
class FitContext:
    """A table to learn from, and test rows with their truth."""

    target: Target
    X: pd.DataFrame
    y: Array
    X_test: pd.DataFrame
    y_test: Array

    @cached_property
    def constant(self) -> Array:
        """The best answer that knows no column, shape (n_test, K)."""
        if self.target.kind == "class":
            row = np.bincount(self.y, minlength=self.target.width) / len(self.y)
        else:
            row = np.quantile(self.y, self.target.levels) if self.target.outputs else np.array([self.y.mean()])
        return np.tile(row, (len(self.y_test), 1))

    def rows(self, index: Array) -> FitContext:
        """Return the lesson with some of the training rows."""
        return replace(self, X=self.X.iloc[index], y=read_only(self.y[index]))


def context(kind: str, *, n: int = 120, width: int = 3, gaps: float = 0.05) -> FitContext:
    """Draw a lesson: two numbers, one of them with gaps, and a category with gaps; the first number tells most."""
    rng = np.random.default_rng(0)
    target = target_of(kind, width)
    X, signal = _table(rng, n + 40, gaps)
    y = 3 + 2 * signal if kind != "class" else np.digitize(signal, [-0.5, 0.6][3 - width :])
    y = np.asarray(y, dtype=int if kind == "class" else float)
    return FitContext(target, X[:n], read_only(y[:n].copy()), X[n:].reset_index(drop=True), read_only(y[n:].copy()))


def _table(rng: np.random.Generator, n: int, gaps: float) -> tuple[pd.DataFrame, Array]:
    numbers = rng.normal(size=(n, 2))
    colour = rng.integers(0, 3, n)
    signal = numbers[:, 0] + 0.5 * colour - 0.5 + 0.2 * rng.normal(size=n)
    unknown = rng.random((n, 2)) < gaps
    X = pd.DataFrame(
        {
            "size": numbers[:, 0],
            "age": np.where(unknown[:, 0], np.nan, numbers[:, 1]),
            "colour": pd.Categorical.from_codes(np.where(unknown[:, 1], -1, colour), COLOURS),
        }
    )
    return X, signal


def _model(
    scheme: Scheme[LearnerOptions], given: FitContext, weight: Array | None = None, seed: int = 0
) -> tuple[Any, Any]:
    """Return the encoder and the model, both learned on the training rows."""
    encoder = encoders.encoder(scheme.options.encoding).fit(given.X)
    model = scheme(given.target, seed)
    model.fit(encoder.transform(given.X), given.y, weight)
    return encoder, model


def _ask(scheme: Scheme[LearnerOptions], given: FitContext, weight: Array | None = None) -> Array:
    """Return what the learner says of the test rows, shape (n, K), after checking that it is lawful."""
    encoder, model = _model(scheme, given, weight)
    return _predict(encoder, model, given.target, given.X_test)


def _predict(encoder: Any, model: Any, target: Target, X: pd.DataFrame) -> Array:
    try:
        return validate_values(target, model.predict(encoder.transform(X)), len(X))
    except InvalidAnswerError as error:
        raise LawBrokenError(str(error)) from error


@law("learner")
def lawful(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It bears gaps and categories, and answers with K finite columns; class answers are distributions."""
    try:
        _ask(scheme, context(kind))
    except NotApplicableError as error:
        raise LawBrokenError(f"it does not learn from a plain table: {error}") from error


@law("learner")
def learns(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """On an easy table it loses much less than the best constant."""
    given = context(kind)
    loss, constant = (_loss(given, values) for values in (_ask(scheme, given), given.constant))
    if not loss < 0.9 * constant:
        raise LawBrokenError(
            f"its loss is {loss:.4g} on an easy table, expected far less than a constant's {constant:.4g}"
        )


def _loss(given: FitContext, values: Array) -> float:
    if given.target.kind == "class":
        # far from zero: one wrong row that was held impossible is not what is asked here
        values, _ = clip_probabilities(0.98 * values + 0.02 / given.target.width)
    return float(proper(given.target, given.y_test, values).mean())


@law("learner")
def same_seed_same_bytes(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """The same seed gives the same bytes, whatever global random state there is, and asking twice changes nothing."""
    given = context(kind)
    with global_randomness(1):
        encoder, model = _model(scheme, given)
        first = _predict(encoder, model, given.target, given.X_test)
        demand_same_bytes(_predict(encoder, model, given.target, given.X_test), first, "two answers of one model")
    with global_randomness(2):
        demand_same_bytes(_ask(scheme, given), first, "the answer with the same seed")


@law("learner")
def inputs_unchanged(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It writes neither to X nor to y nor to the row weights."""
    given = context(kind)
    encoder = encoders.encoder(scheme.options.encoding).fit(given.X)
    X, X_test = encoder.transform(given.X), encoder.transform(given.X_test)
    weight = read_only(np.linspace(0.5, 1.5, len(given.y))) if scheme.options.weights else None
    before = [X.copy(), given.y.copy(), None if weight is None else weight.copy(), X_test.copy()]
    model = scheme(given.target, 0)
    model.fit(X, given.y, weight)
    model.predict(X_test)
    demand_same_bytes([X, given.y, weight, X_test], before, "the table after the learner has seen it")


@law("learner")
def test_rows_apart(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """What it says of a test row depends on that row alone: not on the order or number of the rows, or other rows."""
    given = context(kind)
    encoder, model = _model(scheme, given)
    whole = _predict(encoder, model, given.target, given.X_test)
    n = len(whole)
    unit = max(1.0, float(np.abs(whole).max()))
    for index, what in ((np.arange(n)[::-1], "in two row orders"), (np.arange(0, n, 7), "for all and for few rows")):
        found = _predict(encoder, model, given.target, given.X_test.iloc[index])
        demand_close(found, whole[index], f"the answers {what}", 1e-9, unit)
    others = given.X[n // 2 : n].assign(size=lambda X: 5 * X["size"], age=7.0)
    other = pd.concat([given.X_test[: n // 2], others])
    found = _predict(encoder, model, given.target, other)[: n // 2]
    demand_close(found, whole[: n // 2], "the answer for a row when other test rows change", 1e-9, unit)


@law("learner", "class")
def absent_class(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """A class without a training row keeps its column, with probability zero."""
    given = context(kind)
    for absent in range(given.target.width):
        predictions = _ask(scheme, given.rows(np.flatnonzero(given.y != absent)))
        if predictions[:, absent].max() > 1e-9:
            raise LawBrokenError(
                f"it gives a class without a training row {predictions[:, absent].max():.3g}, expected 0"
            )


@law("learner", "class")
def two_classes(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It can learn two classes, and tells them apart."""
    learns_of = context(kind, width=2)
    loss, constant = (_loss(learns_of, values) for values in (_ask(scheme, learns_of), learns_of.constant))
    if not loss < 0.9 * constant:
        raise LawBrokenError(
            f"its loss on two classes is {loss:.4g}, expected far less than a constant's {constant:.4g}"
        )


@law("learner")
def few_rows(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It can learn from twelve rows."""
    given = context(kind)
    first = [np.flatnonzero(given.y == k)[:4] for k in range(3)] if kind == "class" else [np.arange(12)]
    _ask(scheme, given.rows(np.concatenate(first)))


@law("learner")
def odd_test_rows(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It bears gaps, categories and numbers in the test rows that the training rows did not have."""
    given = context(kind, gaps=0.0)
    odd = pd.DataFrame(
        {
            "size": [np.nan, 1e9, -1e9, 0.0],
            "age": [np.nan, 0.0, 0.0, np.inf],
            "colour": pd.Categorical([None, "blue", "mauve", "red"]),
        }
    )
    _ask(scheme, replace(given, X_test=odd))


@law("learner")
def constant_columns(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """It bears a table of which no column tells anything."""
    given = context(kind)
    red = pd.Categorical.from_codes(np.full(len(given.X), 2), COLOURS)
    _ask(scheme, replace(given, X=given.X.assign(size=1.0, age=np.nan, colour=red)))


@law("learner", when=lambda scheme: bool(scheme.options.weights))
def equal_weights(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """Row weights of one are like none."""
    given = context(kind)
    found, expected = _ask(scheme, given, read_only(np.ones(len(given.y)))), _ask(scheme, given)
    demand_close(found, expected, "the answers with weights of one and without weights", 1e-6)


@law("learner", when=lambda scheme: bool(scheme.options.weights))
def hears_weights(scheme: Scheme[LearnerOptions], kind: str) -> None:
    """Where rows contradict each other the heavy ones pull the answer their way: towards their class, or up."""
    given, n = context(kind), 120
    other = np.random.default_rng(1).random(n) < 0.5
    y = np.where(other, 2, given.y) if kind == "class" else given.y + 5.0 * other
    told = replace(given, y=read_only(y))
    plain, pulled = _ask(scheme, told), _ask(scheme, told, read_only(np.where(other, 20.0, 0.05)))
    place = 2 if kind == "class" else given.target.width // 2
    before, after = plain[:, place].mean(), pulled[:, place].mean()
    if not after > before + 0.05:
        raise LawBrokenError(f"its mean answer goes from {before:.4g} to {after:.4g}, expected a clear rise")
