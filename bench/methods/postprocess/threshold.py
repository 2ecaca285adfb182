"""Tuned decisions: class multipliers that maximise a label metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, BenchError, Prediction, Target
from bench.methods import metrics
from bench.methods.metrics.confusion import Counts, Formula, counts
from bench.methods.postprocess import register

SWEEPS = 10
"""Rounds over the classes at most."""

MOST_STARTS = 24
"""Rows from which a search for three or more classes starts: on 100 rows, 16 found all that 100 found."""

START_BUDGET = 200_000
"""Rows times classes over all starts: large tables have fewer starts, so that a search takes a second, not a minute."""

GAIN = 1e-12
"""A metric must rise by more than this: less is rounding."""


@register("class", tags=("core",), of_labels=True)
def threshold(
    prediction: Prediction, y: Array, rng: np.random.Generator, *, metric: str = "macro_f1"
) -> Callable[[Prediction], Prediction]:
    """Choose class multipliers g so that the labels argmax_k g_k p_k maximise a label metric.

    One multiplier is swept exactly at a time, over every cut that changes a label, O(n log n). Two classes have one
    sweep, which is exact. More classes are swept in turn until nothing improves, a local search, from several starts:
    no multipliers, the inverse class shares, and g = 1 / p_i of rows i, where all classes are tied. It finds nearly all
    optima of small tables, and no proof that they are. Probabilities stay as they are. Lipton, Elkan and
    Narayanaswamy (2014), "Optimal thresholding of classifiers to maximize F1 measure"; Fan and Lin (2007), "A study on
    threshold selection for multi-label classification", for the sweeps in turn.
    """
    formula = _formula(prediction.target, metric)
    if prediction.weight is not None:  # a cut lies between two rows that count: leave out those of weight zero
        used = prediction.weight > 0
        prediction = replace(prediction, values=prediction.values[used], weight=prediction.weight[used])
        y = y[used]
    starts = [np.ones(prediction.target.width)]
    if prediction.target.width > 2:
        starts += _further_starts(prediction, y)
    found = [_climb(formula, prediction, y, start) for start in starts]
    best = max(score for _, score in found)
    rule = next(rule for rule, score in found if score >= best - GAIN)
    return lambda other: replace(other, rule=rule / rule[0])


def _further_starts(prediction: Prediction, y: Array) -> list[Array]:
    """Return multipliers (K,) from which to search: the inverse class shares, and 1 / p_i of evenly spread rows."""
    width = prediction.target.width
    size = np.bincount(y, weights=prediction.weight, minlength=width)
    shares = np.where(size > 0, size, size.sum()) / size.sum()
    # in order of their sorted probabilities: neither the order of rows nor that of classes matters
    rows = np.unique(prediction.values, axis=0)
    rows = rows[np.lexsort(np.sort(rows, axis=1).T)]
    n_starts = min(MOST_STARTS, len(rows), START_BUDGET // (len(y) * width))
    return [1 / shares, *(1 / rows[np.linspace(0, len(rows) - 1, n_starts).astype(int)])]


def _climb(formula: Formula, prediction: Prediction, y: Array, start: Array) -> tuple[Array, float]:
    """Sweep one multiplier after the other from a start (K,) until nothing improves, and return rule and score."""
    rule, best = start.copy(), _score_rule(formula, prediction, y, start)
    for _ in range(SWEEPS):
        before = best
        for k in range(1 if len(rule) == 2 else 0, len(rule)):
            rule[k], best = _sweep(formula, prediction, y, rule, k, best)
        if not best > before + GAIN:
            break
    return rule, best


def _formula(target: Target, name: str) -> Formula:
    formula = metrics.get_metric(target, name).counts
    if formula is None:
        known = [metric.name for metric in metrics.for_target(target).values() if metric.counts]
        raise BenchError(f"a threshold cannot be tuned for metric {name!r}: choose from {', '.join(known)}")
    return formula


def _score_rule(formula: Formula, prediction: Prediction, y: Array, rule: Array) -> float:
    labels = replace(prediction, rule=rule).labels
    return _nan_is_worst(formula(counts(y, labels, prediction.target, prediction.weight))).item()


def _nan_is_worst(values: Array) -> Array:
    return np.nan_to_num(np.asarray(values, dtype=float), nan=-np.inf)


def _sweep(formula: Formula, prediction: Prediction, y: Array, rule: Array, k: int, now: float) -> tuple[float, float]:
    """Return the best multiplier of class k, the others held, and the metric there; what is as good as `now` stays."""
    rivals = prediction.values * rule
    rivals[:, k] = -np.inf
    rival = np.argmax(rivals, axis=1)
    switch = np.max(rivals, axis=1) / prediction.values[:, k]
    order = np.argsort(switch, kind="stable")
    switch = switch[order]
    path = _counts_on_the_way(prediction, y, rival, order, k)
    is_cut = np.concatenate([[True], np.diff(switch) > 0, [True]])
    values = _nan_is_worst(formula(replace(path, hit=path.hit[is_cut], predicted=path.predicted[is_cut])))
    if not values.max() > now + GAIN:
        return float(rule[k]), now
    # a multiplier for each number of switched rows: between two switching points, or beyond the last
    middle = np.sqrt(switch[:-1] * switch[1:])
    cuts = np.concatenate([[switch[0] / 2], middle, [switch[-1] * 2]])[is_cut]
    ties = np.flatnonzero(values >= values.max() - GAIN)
    nearest = ties[np.argmin(np.abs(np.log(cuts[ties] / rule[k])))]
    return float(cuts[nearest]), float(values[nearest])


def _counts_on_the_way(prediction: Prediction, y: Array, rival: Array, order: Array, k: int) -> Counts:
    """Return the counts after 0, 1, …, n rows have switched from their rival class to class k, in `order`."""
    n, width = prediction.values.shape
    weight = np.ones(n) if prediction.weight is None else prediction.weight
    start = counts(y, rival, prediction.target, prediction.weight)
    hit, predicted = np.zeros((2, n + 1, width))
    hit[0], predicted[0] = start.hit, start.predicted
    step, w, left = np.arange(1, n + 1), weight[order], rival[order]
    hit[step, k] += w * (y[order] == k)
    hit[step, left] -= w * (y[order] == left)
    predicted[step, k] += w
    predicted[step, left] -= w
    return replace(start, hit=np.cumsum(hit, axis=0), predicted=np.cumsum(predicted, axis=0))
