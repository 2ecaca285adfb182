"""How bad weighted averages of learners are, many at once, as searches need them; nothing is registered here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Panel, Prediction, clip_probabilities
from bench.methods import metrics
from bench.methods.ensembles.rows import shares_of
from bench.solvers.row_blocks import by_row_blocks, is_one_block, row_blocks
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

        def loss_of_rows(values: Array, rows: slice) -> Array:
            return losses.proper_loss(panel.target, y[rows], finish_values(panel, values[rows]))

        return lambda values: float(
            losses.mean(by_row_blocks(partial(loss_of_rows, values), len(values)), panel.weight)
        )
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
        for pairs in hinges.parts():
            for start in range(0, len(pairs.share), CHUNK):
                part = slice(start, start + CHUNK)
                total += np.maximum(w @ pairs.error[:, part], 0) @ pairs.share[part]
        return np.asarray(total)

    return badness


@dataclass(frozen=True)
class Pairs:
    """Pairs of a row and a level: the learners' `error` (L, N), prediction - y, and `share` (N,) of the loss."""

    error: Array
    share: Array

    @cached_property
    def low(self) -> Array:
        """The least error on each pair, (N,)."""
        return np.asarray(self.error.min(axis=0))

    @cached_property
    def high(self) -> Array:
        """The largest error on each pair, (N,)."""
        return np.asarray(self.error.max(axis=0))


@dataclass(frozen=True)
class Hinges:
    """WIS of convex weights w as linear'w + Σ share max(w'error, 0), the sum over the pairs of all `parts`.

    The loss of an error R = prediction - y is ψ_τ(-R) = max(R, 0) - τ R. Only pairs on which learners err to both sides
    need a hinge; all others are linear in w, and a panel of one block keeps them in `linear` (L,) alone. Of more rows
    every pair has a hinge, and the errors are worked out whenever they are read: to keep them would be another panel.
    """

    linear: Array
    parts: Callable[[], Iterable[Pairs]]


def hinges_of(panel: Panel, y: Array) -> Hinges:
    """Read all rows once, and divide the pairs of a row and a level into linear ones and hinges."""
    L, n, K = panel.predictions.shape
    shares, linear = 2 * shares_of(panel) / K, np.zeros(L)
    if not is_one_block(n):
        for pairs in _read_pairs(panel, y, shares):
            linear -= pairs.error @ (pairs.share * np.tile(panel.target.levels, len(pairs.share) // K))
        return Hinges(linear, partial(_read_pairs, panel, y, shares))
    columns, kept = [], []
    for start in range(0, n, CHUNK):
        rows = slice(start, start + CHUNK)
        error = (panel.predictions[:, rows] - y[rows, None]).reshape(L, -1)
        low, high, share = error.min(axis=0), error.max(axis=0), np.repeat(shares[rows], K)
        bent = (low < 0) & (high > 0)
        slope = (low >= 0) * ~bent - np.tile(panel.target.levels, len(share) // K)
        linear += error @ (share * slope)
        columns.append(error[:, bent])
        kept.append(share[bent])
    bent_pairs = Pairs(np.concatenate(columns, axis=1), np.concatenate(kept))
    return Hinges(linear, lambda: (bent_pairs,))


def _read_pairs(panel: Panel, y: Array, shares: Array) -> Iterator[Pairs]:
    """Yield all pairs, a block of rows at a time."""
    L, n, K = panel.predictions.shape
    for rows in row_blocks(n):
        error = (panel.predictions[:, rows] - y[rows, None]).reshape(L, -1)
        yield Pairs(error, np.repeat(shares[rows], K))
