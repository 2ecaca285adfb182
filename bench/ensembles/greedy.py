"""Greedy ensemble selection with replacement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench import losses, metrics
from bench.core import Answer, Array, Panel, Weights
from bench.ensembles import register
from bench.solvers.simplex_qp import residual_gram

Trial = Callable[[Array], Array]
"""Counts of the learners in the bag (L,) -> badness of the bag with each learner added (L,)."""


@register("point", "class", tags=("core",))
def greedy(
    panel: Panel,
    y: Array,
    rng: np.random.Generator,
    *,
    rounds: int = 50,
    metric: str | None = None,
) -> Weights:
    """Add, again and again, the learner that helps the average most; keep the best prefix of `rounds` picks.

    Weights are counts / picks. The loss is the proper loss of the target's kind, or `metric`. Ties go to a learner that
    is in the bag already, then to the first by name. Caruana, Niculescu-Mizil, Crew and Ksikes (2004), "Ensemble
    selection from libraries of models".
    """
    if metric is not None:
        trial = _metric_trial(panel, y, metric)
    elif panel.target.kind == "point":
        trial = _squared_error_trial(panel, y)
    else:
        trial = _log_loss_trial(panel, y)
    return Weights(_select(trial, panel.learners, rounds))


def _select(trial: Trial, learners: tuple[str, ...], rounds: int) -> Array:
    """Run the rounds and return the weights of the best prefix."""
    by_name = np.argsort(np.argsort(learners))
    counts = np.zeros(len(learners))
    best, best_counts = np.inf, counts
    for _ in range(rounds):
        badness = trial(counts)
        tied = badness <= badness.min() + 1e-12 * abs(badness.min())
        pick = min(np.flatnonzero(tied), key=lambda j: (counts[j] == 0, by_name[j]))
        counts = counts + (np.arange(len(counts)) == pick)
        if badness[pick] < best or not best_counts.any():
            best, best_counts = float(badness[pick]), counts
    return best_counts / best_counts.sum()


def _squared_error_trial(panel: Panel, y: Array) -> Trial:
    """Need only the Gram matrix G of the residuals: with counts c and t picks, (c'Gc + 2 (Gc)_j + G_jj) / (t + 1)²."""
    gram = residual_gram(panel.said[:, :, 0], y, panel.weight)

    def trial(counts: Array) -> Array:
        summed = gram @ counts
        tried = counts @ summed + 2 * summed + np.diag(gram)
        return np.asarray(tried / (counts.sum() + 1) ** 2)

    return trial


def _log_loss_trial(panel: Panel, y: Array) -> Trial:
    """Need only the probability of the true class, (L, n)."""
    said = losses.true_class(y, panel.said)

    def trial(counts: Array) -> Array:
        summed = counts @ said
        return np.array([-losses.mean(np.log(summed + row), panel.weight) for row in said]) + np.log(counts.sum() + 1)

    return trial


def _metric_trial(panel: Panel, y: Array, name: str) -> Trial:
    """Ask any metric, one full evaluation a candidate."""
    found = metrics.named(panel.target, name)

    def trial(counts: Array) -> Array:
        summed = np.tensordot(counts, panel.said, axes=1)
        averages = ((summed + said) / (counts.sum() + 1) for said in panel.said)
        values = [found.function(panel.target, y, Answer(panel.target, a, panel.weight)) for a in averages]
        return np.nan_to_num(np.array([found.badness(value) for value in values]), nan=np.inf)

    return trial
