"""LightGBM on any loss of logits with a gradient and a positive curvature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from bench.core.nouns import Array
from bench.methods.learners import boosting
from bench.methods.trainings import networks
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows
from bench.methods.trainings.fit_context import FitContext
from bench.methods.trainings.objectives import RowLoss, softmax

FLATTEST = 1e-16
"""Curvature of a row at least: sums of it divide."""


def fit_trees(context: FitContext, rows: EncodedRows, loss: RowLoss, start: Array) -> EncodedPredictor:
    """Grow the trees of learner lightgbm on a loss, from logits `start` (K,), and return their predictor.

    Two classes have one tree a round, for the difference of their logits.
    """
    learner = context.learner_parameters
    growth = boosting.TreeParameters(**{field.name: learner[field.name] for field in fields(boosting.TreeParameters)})
    tree = boosting.tree_settings(context.seed, growth, len(rows.y))
    data = boosting.bin_rows(boosting.native_rows(rows.X), rows.y, rows.weight, tree)
    several = len(start) > 2
    objective = _multiclass_objective(rows, loss, start) if several else _binary_objective(rows, loss, start)
    settings = {**tree, "objective": objective, "num_class": len(start) if several else 1}
    predict = boosting.grow(settings, data, learner["n_estimators"])
    return lambda X: softmax(start + _columns(predict(boosting.native_rows(X))))


def train_any(context: FitContext, rows: EncodedRows, loss: RowLoss, start: Array) -> EncodedPredictor:
    """Train the learner of the context on a row loss: a network, or trees from logits `start` (K,)."""
    if context.learner.entry.name == "lightgbm":
        return fit_trees(context, rows, loss, start)
    return networks.fit_network(context, rows, networks.mean_of(loss)).predict


def _columns(raw: Array) -> Array:
    return np.column_stack([np.zeros_like(raw), raw]) if raw.ndim == 1 else raw


def _multiclass_objective(
    rows: EncodedRows, loss: RowLoss, start: Array
) -> Callable[[Array, Any], tuple[Array, Array]]:
    # The diagonal understates how logits of several classes move together: LightGBM corrects it by this factor.
    factor = len(start) / (len(start) - 1)
    weight = rows.weight[:, None]

    def objective(raw: Array, _: Any) -> tuple[Array, Array]:
        _value, gradient, curvature = loss(start + raw, rows.y)
        return weight * gradient, weight * np.maximum(factor * curvature(), FLATTEST)

    return objective


def _binary_objective(rows: EncodedRows, loss: RowLoss, start: Array) -> Callable[[Array, Any], tuple[Array, Array]]:
    def objective(raw: Array, _: Any) -> tuple[Array, Array]:
        _value, gradient, curvature = loss(start + _columns(raw), rows.y)
        return rows.weight * gradient[:, 1], rows.weight * np.maximum(curvature()[:, 1], FLATTEST)

    return objective
