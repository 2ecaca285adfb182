"""Predictions of each kind, with the truth, and what a metric makes of them."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from bench.core.nouns import Prediction, Target
from bench.core.settings import DEFAULT_LEVELS
from bench.methods.metrics import for_target

POINT = Target("point")
QUANTILE = Target("quantile", DEFAULT_LEVELS)
TWO = Target("class", ("no", "yes"))
FOUR = Target("class", ("a", "b", "c", "d"))
ORDERED = Target("class", ("low", "mid", "high", "top"), ordered=True)
ORDINAL = {"ordinal_mae", "ma_mae", "quadratic_kappa", "rps"}
"""Metrics that are NaN where the classes have no order."""


def prediction_of(values, weight=None, effective_class_weights=None, **more):
    """Return a prediction of classes c0, c1, …."""
    values = np.asarray(values, dtype=float)
    target = Target("class", tuple(f"c{k}" for k in range(values.shape[1])))
    return Prediction(target, values, weight, effective_class_weights=effective_class_weights, **more)


def sample(target, seed, n=40, *, weighted=False, coarse=False):
    """Draw y and a prediction; coarse predictions have many ties."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 4, n).astype(float) if weighted else None
    if target.kind != "class":
        y = rng.normal(size=n)
        values = rng.normal(size=(n, target.width))
        unsorted = np.round(values, 1 if coarse else 8)
        return y, Prediction(target, np.sort(unsorted, axis=1), weight=weight, unsorted=unsorted)
    y = np.where(rng.random(n) < 0.4, 0, rng.integers(0, target.width, n))
    values = rng.integers(1, 5, (n, target.width)) if coarse else rng.random((n, target.width))
    values = values + 1.0 * (np.arange(target.width) == y[:, None])
    return y, Prediction(target, values / values.sum(axis=1, keepdims=True), weight=weight)


def labelled(target, y, predicted, weight=None):
    """Return y and a prediction that is certain of its labels."""
    return y, Prediction(target, np.eye(target.width)[predicted], weight=weight)


def golden():
    """The vector of the reference: counts 1394, 407, 157, 42."""
    rng = np.random.default_rng(0)
    y = rng.choice(4, 2000, p=[0.7, 0.2, 0.08, 0.02])
    return y, np.where(rng.random(2000) < 0.7, y, rng.choice(4, 2000))


def rows(y, prediction, index):
    """Take the rows of an index, in its order."""
    take = {
        name: None if getattr(prediction, name) is None else getattr(prediction, name)[index]
        for name in ("values", "weight", "unsorted")
    }
    return y[index], replace(prediction, **take)


@functools.cache
def listed(target):
    """Return the metrics of a target by name; the list is made once."""
    return for_target(target)


def value(name, y, prediction):
    return listed(prediction.target)[name].function(prediction.target, np.asarray(y), prediction)
