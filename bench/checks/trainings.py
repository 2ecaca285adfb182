"""The laws of training schemes, class weightings among them: each fits a quick learner on a small, unequal table."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bench.checks.examples import global_randomness, target_of
from bench.checks.law import LawBrokenError, demand_close, demand_same_bytes, law
from bench.checks.learners import COLOUR_LEVELS, ExampleTable, example_table
from bench.core.hashing import digest
from bench.core.nouns import Array, InvalidPredictionError, NotApplicableError, Target, read_only, validate_values
from bench.core.scheme import Scheme
from bench.methods import trainings
from bench.methods.learners import learner_scheme
from bench.methods.trainings import FitContext, FittedModel, TrainingOptions, fit_training
from bench.tasks import encoders

QUICK = {"forest": "forest:n_estimators=10", "extra-trees": "extra-trees:n_estimators=10", "mlp": "mlp:epochs=15"}
"""Learners that are fitted smaller than by default, since a law needs one fit after the other."""


def unequal_table(scheme: Scheme[TrainingOptions], counts: Sequence[int] = (70, 24, 9), **options: Any) -> ExampleTable:
    """Return the easy table of the learners' laws with so many rows of each class, of two classes for some schemes."""
    width = 2 if scheme.options.binary else min(len(counts), 3)
    table = example_table("class", n=400, width=width, **options)
    rows = [np.flatnonzero(table.y == k)[: counts[k]] for k in range(width)]
    return _with_order(scheme, table.rows(np.sort(np.concatenate(rows))))


def _with_order(scheme: Scheme[TrainingOptions], table: ExampleTable) -> ExampleTable:
    """Return the table with its classes in order, where the scheme is for such."""
    return replace(table, target=replace(table.target, ordered=scheme.options.ordered))


def context_of(
    scheme: Scheme[TrainingOptions], table: ExampleTable, weight: Array | None = None, learner: str = ""
) -> FitContext:
    """Return the context of a table for a learner, by its id, or for the first that the scheme is written for."""
    written_for = next(iter(scheme.options.learners), "logistic")
    chosen = learner_scheme(learner or QUICK.get(written_for, written_for))
    encoder = encoders.encoder(chosen.options.encoding).fit(table.X)

    def cut(folds: int) -> list[tuple[Array, Array]]:
        place = np.empty(len(table.y), dtype=int)
        place[np.argsort(table.y, kind="stable")] = np.arange(len(table.y)) % folds
        return [(np.flatnonzero(place != k), np.flatnonzero(place == k)) for k in np.unique(place)]

    return FitContext(
        X=table.X,
        y=table.y,
        weight=weight,
        target=table.target,
        learner=chosen,
        encoder=encoder,
        seed=0,
        cut=cut,
    )


def _test_predictions(
    scheme: Scheme[TrainingOptions], table: ExampleTable, weight: Array | None = None, learner: str = ""
) -> Array:
    """Return the predictions of a fitted scheme for the test rows, after validating them and its class weights."""
    context = context_of(scheme, table, weight, learner)
    fitted = fit_training(context, scheme, weight)
    _demand_valid_weights(fitted, context)
    return _predict_fitted(fitted, table.target, table.X_test)


def _predict_fitted(fitted: FittedModel, target: Target, X: pd.DataFrame) -> Array:
    try:
        return validate_values(target, fitted.predict(X), len(X))
    except InvalidPredictionError as error:
        raise LawBrokenError(str(error)) from error


def _demand_valid_weights(fitted: FittedModel, context: FitContext) -> None:
    """Break the law unless the class weights in effect are unknown, or fit the classes and have the mean one."""
    w, counts = fitted.effective_class_weights, context.counts
    if w is None or (np.shape(w) == counts.shape and np.isnan(w).all()):
        return
    if np.shape(w) != counts.shape or not np.isfinite(w).all() or ((w > 0) != (counts > 0)).any():
        raise LawBrokenError(
            f"for {counts.tolist()} rows its effective class weights are {np.asarray(w).tolist()}, expected finite "
            "numbers, positive where a class has rows and 0 where it has none"
        )
    if not abs(w @ counts / counts.sum() - 1) < 1e-6:
        raise LawBrokenError(f"the mean class weight of a row is {w @ counts / counts.sum():.6g}, expected 1")


@law("training", "fit")
def lawful(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """It predicts a distribution over the classes, and its class weights fit them."""
    try:
        _test_predictions(scheme, unequal_table(scheme))
    except NotApplicableError as error:
        raise LawBrokenError(f"it cannot be fitted on a plain table: {error}") from error


@law("training", "fit")
def learns(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """On an easy table it finds most rows of every class."""
    table = unequal_table(scheme, (90, 45, 25))
    labels = _test_predictions(scheme, table).argmax(axis=1)
    recall = np.mean([np.mean(labels[table.y_test == k] == k) for k in np.unique(table.y_test)])
    if not recall > 0.5:
        raise LawBrokenError(f"its mean recall is {recall:.3g} on an easy table, expected more than 0.5")


@law("training", "fit")
def same_seed_same_bytes(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """The same seed gives the same bytes, whatever the global random state, and that state is left alone."""
    table = unequal_table(scheme)
    with global_randomness(1):
        before = _global_state()
        first = _test_predictions(scheme, table)
        if _global_state() != before:
            raise LawBrokenError("it draws from the global random state, expected a generator of its own")
    with global_randomness(2):
        demand_same_bytes(_test_predictions(scheme, table), first, "the prediction with the same seed")


def _global_state() -> str:
    _, keys, *rest = np.random.get_state()  # noqa: NPY002 - this is what must not matter
    return digest(np.asarray(keys), repr(rest), repr(random.getstate()))


@law("training", "fit")
def inputs_unchanged(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """It writes neither to the rows nor to y."""
    table = unequal_table(scheme)
    before = [table.X.copy(), table.y.copy(), table.X_test.copy()]
    _test_predictions(scheme, table)
    demand_same_bytes([table.X, table.y, table.X_test], before, "the table after the fit")


@law("training", "fit")
def test_rows_apart(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """The prediction for a test row depends on that row alone, and not on the others or on their order."""
    table = unequal_table(scheme)
    fitted = fit_training(context_of(scheme, table), scheme, None)
    predictions = _predict_fitted(fitted, table.target, table.X_test)
    for index in (np.arange(len(predictions))[::-1], np.arange(0, len(predictions), 7)):
        found = _predict_fitted(fitted, table.target, table.X_test.iloc[index])
        demand_close(found, predictions[index], "the predictions for other test rows", 1e-9)


@law("training", "fit")
def absent_class(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """A class without a row keeps its column, with probability and class weight zero; a lone class is certain."""
    table = unequal_table(scheme)
    for there in (np.arange(1, table.target.width), np.arange(1)):
        predictions = _test_predictions(scheme, table.rows(np.flatnonzero(np.isin(table.y, there))))
        if predictions[:, np.setdiff1d(np.arange(table.target.width), there)].max() > 1e-9:
            raise LawBrokenError(f"it gives a class without a row {predictions.min(axis=1).max():.3g}, expected 0")


@law("training", "fit")
def rare_classes(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """It can be fitted on classes of one row and of two, beside one that is much larger."""
    for counts in ((130, 1, 2), (12, 1, 1)):
        _test_predictions(scheme, unequal_table(scheme, counts))


@law("training", "fit")
def two_classes(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """It can be fitted on two classes, the second the larger one, or both of one size."""
    if scheme.options.ordered:
        return
    for counts in ((8, 60), (30, 30)):
        table = example_table("class", n=400, width=2)
        rows = np.concatenate([np.flatnonzero(table.y == k)[: counts[k]] for k in (0, 1)])
        _test_predictions(scheme, table.rows(rows))


@law("training", "fit", when=lambda scheme: not scheme.options.binary)
def many_classes(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """It can be fitted on eight classes, the largest with forty times the rows of the smallest."""
    rng = np.random.default_rng(0)
    target = target_of("class", 8)
    y = np.repeat(np.arange(8), [40, 30, 20, 12, 6, 3, 2, 1])
    X = pd.DataFrame({"size": y + rng.normal(size=len(y)), "age": rng.normal(size=len(y))})
    _test_predictions(
        scheme, _with_order(scheme, ExampleTable(target, X, read_only(y), X[::4].reset_index(drop=True), y[::4]))
    )


@law("training", "fit")
def gaps(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """It can be fitted on a table of which every third value is missing, and predicts odd test rows."""
    table = unequal_table(scheme, gaps=0.35)
    odd = pd.DataFrame(
        {
            "size": [np.nan, 1e9, -1e9, 0.0],
            "age": [np.nan, 0.0, 0.0, np.inf],
            "colour": pd.Categorical([None, "blue", "mauve", "red"]),
        }
    )
    _test_predictions(scheme, replace(table, X_test=odd))


@law("training", "fit")
def categories_alone(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """It can be fitted on a table of categories, and on a table of numbers."""
    table = unequal_table(scheme)
    marked = [X.assign(large=pd.Categorical(np.where(X["size"] > 0, "yes", "no"))) for X in (table.X, table.X_test)]
    for columns in (["colour", "large"], ["size", "age"]):
        X, X_test = (each[columns] for each in marked)
        _test_predictions(scheme, replace(table, X=X, X_test=X_test))


@law("training", "fit")
def constant_columns(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """It can be fitted on a table whose columns never vary, and then no class is certain."""
    table = unequal_table(scheme)
    red = pd.Categorical.from_codes(np.full(len(table.X), 2), COLOUR_LEVELS)
    predictions = _test_predictions(scheme, replace(table, X=table.X.assign(size=1.0, age=np.nan, colour=red)))
    if predictions.max() > 1 - 1e-6:
        raise LawBrokenError(
            f"it gives a class {predictions.max():.6g} from columns that never vary, expected less than 1"
        )


@law("training", "fit")
def repeated_rows(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """It can be fitted on a table whose rows each come four times, some of them with two classes."""
    table = unequal_table(scheme, (20, 8, 4))
    index = np.tile(np.arange(len(table.y)), 4)
    y = table.y[index]
    y[-3:] = 0
    _test_predictions(scheme, replace(table, X=table.X.iloc[index].reset_index(drop=True), y=read_only(y)))


@law("training", "fit")
def equal_weights(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """Row weights of one are like none."""
    table = unequal_table(scheme)
    ones = read_only(np.ones(len(table.y)))
    found, expected = _test_predictions(scheme, table, ones), _test_predictions(scheme, table)
    demand_close(found, expected, "the predictions with weights of one and without weights", 1e-6)


@law("training", "fit")
def zero_weight_rows(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """Rows of weight zero are as if they were not there."""
    table = unequal_table(scheme)
    used = np.random.default_rng(3).random(len(table.y)) < 0.8
    whole = context_of(scheme, table, read_only(used.astype(float)))
    part = replace(whole, X=table.X[used], y=read_only(table.y[used]), weight=None)
    found, expected = (
        _predict_fitted(fit_training(context, scheme, context.weight), table.target, table.X_test)
        for context in (whole, part)
    )
    demand_close(found, expected, "the predictions with rows of weight zero and without them", 1e-6)


@law("training", "fit")
def uses_row_weights(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """Where rows contradict each other the heavy ones pull the predictions their way."""
    table = unequal_table(scheme, (60, 60, 60))
    last = table.target.width - 1
    X = pd.concat([table.X, table.X], ignore_index=True)
    y = read_only(np.append(table.y, (table.y + 1) % (last + 1)))
    contradictory = replace(table, X=X, y=y)
    truth = np.repeat([1.0, 0.0], len(table.y))
    right, wrong = (
        _test_predictions(scheme, contradictory, read_only(0.2 + 1.6 * heavy)) for heavy in (truth, 1 - truth)
    )
    row = np.arange(len(right))
    better = float(np.mean(right[row, table.y_test] > wrong[row, table.y_test]))
    if not better > 0.7:
        raise LawBrokenError(f"{better:.0%} of its predictions move to the classes of the heavy rows, expected most")


@law("training", "fit")
def class_weights_undone(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """Where no column is informative, its prediction over its class weights gives each class its share of the rows."""
    rng = np.random.default_rng(5)
    n, width = 360, 2 if scheme.options.binary else 3
    y = np.repeat(np.arange(width), [240, 120] if width == 2 else [220, 90, 50])
    X, X_test = (pd.DataFrame({"size": rng.normal(size=rows), "age": rng.normal(size=rows)}) for rows in (n, 200))
    table = _with_order(
        scheme, ExampleTable(target_of("class", width), X, read_only(y), X_test, np.zeros(200, dtype=int))
    )
    fitted = fit_training(context_of(scheme, table), scheme, None)
    if fitted.effective_class_weights is None or np.isnan(fitted.effective_class_weights).any():
        return
    odds = _predict_fitted(fitted, table.target, X_test) / fitted.effective_class_weights
    found = np.mean(odds / odds.sum(axis=1, keepdims=True), axis=0)
    # the columns are noise, which every learner fits a little
    demand_close(found, np.bincount(y) / n, "the shares of the classes", 0.12)


@law("training", "fit", when=lambda scheme: bool(scheme.options.neutral))
def neutral_parameters(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """At its neutral parameters it predicts what plain training does, for every learner that it is written for."""
    neutral, none = replace(scheme, parameters=tuple(scheme.options.neutral.items())), trainings.registry.scheme("none")
    for counts in ((70, 24, 9), (60, 25)):
        if len(counts) == 2 and scheme.options.ordered:
            continue
        table = unequal_table(scheme, counts)
        weight = read_only(np.random.default_rng(3).uniform(0.5, 2, len(table.y)))
        weight = weight / weight.mean()
        for learner in scheme.options.learners or ("logistic",):
            found, expected = (
                _test_predictions(each, table, weight, QUICK.get(learner, learner)) for each in (neutral, none)
            )
            # logistic regression is solved by two optimisers, each to its own tolerance
            demand_close(found, expected, f"the predictions of {neutral.id} and of none with {learner}", 1e-3)


@law("training", "fit", when=lambda scheme: not scheme.options.learners)
def uses_learner(scheme: Scheme[TrainingOptions], kind: str) -> None:
    """It predicts something else with another learner: nothing stands twice in a table."""
    table = unequal_table(scheme)
    first, second = (_test_predictions(scheme, table, learner=name) for name in ("logistic", QUICK["forest"]))
    if np.abs(first - second).max() < 1e-6:
        raise LawBrokenError("two learners give the same prediction, expected each its own, or the option `learners`")
