"""How bad weighted averages of learners are, many at once, as searches need them; nothing is registered here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Panel, Prediction, clip_probabilities
from bench.methods import metrics
from bench.methods.ensembles.rows import shares_of
from bench.solvers.simplex_qp import residual_gram

Badness = Callable[[Array], Array]
"""Rows of weights (P, L), each of sum one -> what is better when lower, (P,)."""

CHUNK = 4096
"""Rows of the panel that are read at once."""


def badness_of_weights(panel: Panel, y: Array, metric: str | None = None) -> Badness:
    """Return the mean proper loss of convex weights as a function of them, or their badness by a metric.

    Squared error needs the Gram matrix of the residuals alone, log loss the probabilities of the true class, and WIS
    the positive parts of the errors.

    Raises:
        BenchError: there is no such metric for the panel's target.
    """
    if metric is not None:
        judge = judge_of_predictions(panel, y, metric)
        return lambda w: np.array([judge(np.tensordot(row, panel.predictions, axes=1)) for row in w])
    return {"point": _squared_error, "class": _log_loss, "quantile": _wis}[panel.target.kind](panel, y)


def judge_of_predictions(panel: Panel, y: Array, metric: str | None = None) -> Callable[[Array], float]:
    """Return the badness of values (n, K) by a metric (undefined is infinite), or their mean proper loss.

    Values are finished first: quantiles are sorted, what is below zero is no probability.

    Raises:
        BenchError: there is no such metric for the panel's target.
    """
    if metric is None:

        def mean_loss(values: Array) -> float:
            return float(losses.mean(losses.proper_loss(panel.target, y, finish_values(panel, values)), panel.weight))

        return mean_loss
    found = metrics.get_metric(panel.target, metric)

    def judge(values: Array) -> float:
        prediction = Prediction(panel.target, finish_values(panel, values), panel.weight)
        value = found.badness(found.function(panel.target, y, prediction))
        return float(np.nan_to_num(value, nan=np.inf))

    return judge


def finish_values(panel: Panel, values: Array) -> Array:
    """Return values (n, K) as they would stand on a board: probabilities clipped to be lawful, quantiles sorted."""
    if panel.target.kind == "class":
        return clip_probabilities(values)[0]
    return np.sort(values, axis=1) if panel.target.kind == "quantile" else values


def _squared_error(panel: Panel, y: Array) -> Badness:
    gram = residual_gram(panel.predictions[:, :, 0], y, panel.weight)
    return lambda w: np.asarray(np.einsum("pl,pl->p", w @ gram, w))


def _log_loss(panel: Panel, y: Array) -> Badness:
    predictions, share = losses.true_class(y, panel.predictions), shares_of(panel)

    def badness(w: Array) -> Array:
        parts = (slice(start, start + CHUNK) for start in range(0, len(share), CHUNK))
        return -np.sum([np.log(w @ predictions[:, rows]) @ share[rows] for rows in parts], axis=0)

    return badness


def _wis(panel: Panel, y: Array) -> Badness:
    hinges = hinges_of(panel, y)

    def badness(w: Array) -> Array:
        total = w @ hinges.linear
        for start in range(0, len(hinges.share), CHUNK):
            part = slice(start, start + CHUNK)
            total += np.maximum(w @ hinges.error[:, part], 0) @ hinges.share[part]
        return np.asarray(total)

    return badness


@dataclass(frozen=True)
class Hinges:
    """WIS of convex weights w as linear'w + Σ share max(w'error, 0): `linear` (L,), `error` (L, N), `share` (N,).

    The loss of an error R = prediction - y is ψ_τ(-R) = max(R, 0) - τ R. Of the pairs of a row and a level, only the N
    on which learners err to both sides have a hinge; all others are linear in w.
    """

    linear: Array
    error: Array
    share: Array


def hinges_of(panel: Panel, y: Array) -> Hinges:
    """Read all rows once and divide the pairs of a row and a level into linear ones and hinges."""
    L, n, K = panel.predictions.shape
    shares, linear, columns, kept = 2 * shares_of(panel) / K, np.zeros(L), [], []
    for start in range(0, n, CHUNK):
        rows = slice(start, start + CHUNK)
        error = (panel.predictions[:, rows] - y[rows, None]).reshape(L, -1)
        low, high, share = error.min(axis=0), error.max(axis=0), np.repeat(shares[rows], K)
        bent = (low < 0) & (high > 0)
        slope = (low >= 0) * ~bent - np.tile(panel.target.levels, len(share) // K)
        linear += error @ (share * slope)
        columns.append(error[:, bent])
        kept.append(share[bent])
    return Hinges(linear, np.concatenate(columns, axis=1), np.concatenate(kept))
