"""Greedy ensemble selection with replacement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.objective import CHUNK, hinges_of, judge_of_predictions
from bench.solvers.simplex_qp import residual_gram

Trial = Callable[[Array, Array], Array]
"""Counts of the learners in the bag (L,), candidates (C,) -> badness of the bag with each candidate added (C,)."""


@register("point", "class", "quantile", tags=("core",))
def greedy(
    panel: Panel,
    y: Array,
    rng: np.random.Generator,
    *,
    rounds: int = 50,
    metric: str | None = None,
    bagging: int = 0,
) -> Weights:
    """Add, again and again, the learner that helps the average most; keep the best prefix of `rounds` picks.

    Weights are counts / picks. The loss is the proper loss of the target's kind, or `metric`. Ties go to a learner that
    is in the bag already, then to the first by name. With `bagging` the weights are the mean over so many selections,
    each from a random half of the learners. Caruana, Niculescu-Mizil, Crew and Ksikes (2004), "Ensemble selection from
    libraries of models"; Caruana, Munson and Niculescu-Mizil (2006), "Getting the most out of ensemble selection".

    Raises:
        BenchError: `rounds` is less than one, `bagging` is negative, or the metric does not exist.
    """
    if rounds < 1 or bagging < 0:
        raise BenchError(f"greedy cannot have rounds={rounds}, bagging={bagging}: give at least 1 and 0")
    proper_trial = {"point": _squared_error_trial, "class": _log_loss_trial, "quantile": _pinball_trial}
    trial = proper_trial[panel.target.kind](panel, y) if metric is None else _metric_trial(panel, y, metric)
    # halves are drawn from the names in their order, so that the order of the learners is irrelevant
    by_name, half = np.argsort(panel.learners), (len(panel.learners) + 1) // 2
    bags = [rng.permutation(by_name)[:half] for _ in range(bagging)] or [np.arange(len(panel.learners))]
    return Weights(np.mean([_select(trial, among, panel.learners, rounds) for among in bags], axis=0))


def _select(trial: Trial, among: Array, learners: tuple[str, ...], rounds: int) -> Array:
    """Run the rounds and return the weights of the best prefix."""
    counts = np.zeros(len(learners))
    best, best_counts = np.inf, counts
    for _ in range(rounds):
        badness = trial(counts, among)
        tied = badness <= badness.min() + 1e-12 * abs(badness.min())  # equal but for rounding
        pick = min(among[tied], key=lambda j: (counts[j] == 0, learners[j]))
        counts = counts + (np.arange(len(counts)) == pick)
        if badness.min() < best or not best_counts.any():
            best, best_counts = float(badness.min()), counts
    return best_counts / best_counts.sum()


def _squared_error_trial(panel: Panel, y: Array) -> Trial:
    """Need only the Gram matrix G of the residuals: with counts c and t picks, (c'Gc + 2 (Gc)_j + G_jj) / (t + 1)²."""
    gram = residual_gram(panel.predictions[:, :, 0], y, panel.weight)

    def trial(counts: Array, among: Array) -> Array:
        summed = gram @ counts
        tried = counts @ summed + 2 * summed + np.diag(gram)
        return np.asarray(tried[among] / (counts.sum() + 1) ** 2)

    return trial


def _log_loss_trial(panel: Panel, y: Array) -> Trial:
    """Need only the probability of the true class, (L, n)."""
    predictions = losses.true_class(y, panel.predictions)

    def trial(counts: Array, among: Array) -> Array:
        summed = counts @ predictions
        tried = np.array([-losses.mean(np.log(summed + predictions[j]), panel.weight) for j in among])
        return tried + np.log(counts.sum() + 1)

    return trial


def _pinball_trial(panel: Panel, y: Array) -> Trial:
    """Look only at the pairs of a row and a level where the sum of the errors may change its sign with the next pick.

    The larger the bag, the fewer they are: all other pairs are linear in the candidate.
    """
    hinges = hinges_of(panel, y)

    def trial(counts: Array, among: Array) -> Array:
        slope, constant, bent = hinges.linear, 0.0, []
        for pairs in hinges.parts():
            summed = counts @ pairs.error
            above = pairs.share * (summed + pairs.low >= 0)
            slope, constant = slope + pairs.error @ above, constant + float(summed @ above)
            unsure = np.flatnonzero((summed + pairs.low < 0) & (summed + pairs.high > 0))
            for start in range(0, len(unsure), CHUNK):
                part = unsure[start : start + CHUNK]
                error = pairs.error[among[:, None], part] + summed[part]
                bent.append(np.maximum(error, 0, out=error) @ pairs.share[part])
        tried = slope[among] + counts @ hinges.linear + constant
        for each in bent:
            tried += each
        return np.asarray(tried / (counts.sum() + 1))

    return trial


def _metric_trial(panel: Panel, y: Array, name: str) -> Trial:
    """Use any metric, one full evaluation a candidate."""
    judge = judge_of_predictions(panel, y, name)

    def trial(counts: Array, among: Array) -> Array:
        summed = np.tensordot(counts, panel.predictions, axes=1)
        return np.array([judge((summed + panel.predictions[j]) / (counts.sum() + 1)) for j in among])

    return trial
