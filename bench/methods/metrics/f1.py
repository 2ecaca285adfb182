"""The F1 family: one F1 per class, averaged with class weights, or pooled.

All average over the classes that the truth of these rows has; a prediction of an absent class costs its row,
as a miss of the true class. Harbecke, Chen, Hennig and Alt (2022), Why only Micro-F1? Class weighting of
measures for relation classification.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bench.core.nouns import Array, Target
from bench.methods import class_weights
from bench.methods.metrics.confusion import Counts, counts, label_metric

Weighting = Callable[[Array, float], Array]


def _has_class(target: Target, *, without: str) -> bool:
    """Return whether a target has the class that is to be left out, if there is one."""
    return not without or without in map(str, target.outputs)


def f1_average(
    y: Array,
    predicted: Array,
    weighting: Weighting,
    *,
    labels: Sequence[int] | None = None,
    total: float | None = None,
    weight: Array | None = None,
) -> float:
    """Return Σ_c w_c F1_c / Σ_c w_c over the classes in `labels` (default: all) that y has; NaN if w is 0.

    `y` and `predicted` are codes (n,), `weighting` gives w from the counts of these classes and `total`.
    Without `total` it is the weight of all rows, those of classes left out included, as in the authors' code; the
    weighting `entropy:total=listed` takes the rows of the classes in `labels` instead.
    """
    table = _count_labels(y, predicted, weight)
    return float(_average(table, weighting, _chosen_codes(table, labels), total))


def f1_pooled(y: Array, predicted: Array, *, labels: Sequence[int] | None = None, weight: Array | None = None) -> float:
    """Return micro F1, 2 ΣTP_c / Σ(T_c + P_c) over the classes in `labels`; the accuracy, if these are all.

    It is the average of F1_c with weights T_c + P_c, true and predicted rows; NaN if there are none.
    """
    table = _count_labels(y, predicted, weight)
    return float(_pool(table, _chosen_codes(table, labels)))


@label_metric(applies=_has_class)
def micro_f1(table: Counts, *, without: str = "") -> Array:
    """Return F1 of the pooled counts of all classes, equal to the accuracy, or of all but the class `without`.

    Without a negative class such as "no relation" it is the measure of relation extraction: 2 ΣTP_c / Σ(T_c + P_c).
    """
    return _pool(table, _codes_without(table, without))


@label_metric(applies=_has_class)
def macro_f1(table: Counts, *, without: str = "") -> Array:
    """Return the plain mean of the F1 of each class but `without`; not the F1 of mean precision and mean recall."""
    return _average_by_name(table, "macro", without)


@label_metric(applies=_has_class)
def weighted_f1(table: Counts, *, without: str = "") -> Array:
    """Return the mean F1 of the classes but `without`, each weighted by its rows n_c."""
    return _average_by_name(table, "weighted", without)


@label_metric(applies=_has_class)
def dodrans_f1(table: Counts, *, without: str = "") -> Array:
    """Return the mean F1 of the classes but `without`, each weighted by n_c^(3/4). Harbecke et al. (2022)."""
    return _average_by_name(table, "dodrans", without)


@label_metric(applies=_has_class)
def sqrt_f1(table: Counts, *, without: str = "") -> Array:
    """Return the mean F1 of the classes but `without`, weighted by n_c^(1/2): half way from macro to weighted F1."""
    return _average_by_name(table, "sqrt", without)


@label_metric(applies=_has_class)
def entropy_f1(table: Counts, *, without: str = "") -> Array:
    """Return the mean F1 of the classes but `without`, each weighted by -n_c ln(n_c / N); NaN if y has one class only.

    N counts all rows, those of the class `without` included, as in the authors' code.
    """
    return _average_by_name(table, "entropy", without)


@label_metric()
def binary_f1(table: Counts) -> Array:
    """Return the F1 of the positive class of two.

    NaN where y lacks that class, and where the task does not have two classes.
    """
    return table.f1[..., table.target.positive] if len(table.true) == 2 else _undefined_values(table)


@label_metric()
def f2(table: Counts) -> Array:
    """Return F_b with b = 2, to which a miss is worse than a false alarm: 5 TP / (4 T + P).

    Two classes: that of the positive one, NaN where y lacks it. More: the plain mean over the classes that y has. Van
    Rijsbergen (1979), Information retrieval.
    """
    return table.mean_over_classes(table.f_beta(2.0))


@label_metric()
def f_half(table: Counts) -> Array:
    """Return F_b with b = 1/2, to which a false alarm is worse than a miss: 5 TP / (T + 4 P).

    Classes are taken as by `f2`. Van Rijsbergen (1979), Information retrieval.
    """
    return table.mean_over_classes(table.f_beta(0.5))


def _average_by_name(table: Counts, name: str, without: str) -> Array:
    return _average(table, class_weights.registry.scheme(name), _codes_without(table, without), None)


def _codes_without(table: Counts, label: str) -> Array:
    """Return the codes of all classes that are not called so."""
    return np.flatnonzero([str(name) != label for name in table.target.outputs])


def _undefined_values(table: Counts) -> Array:
    return np.full(table.hit.shape[:-1], np.nan)


def _average(table: Counts, weighting: Weighting, chosen: Array, total: float | None) -> Array:
    of_class = table.true[chosen]
    weights = weighting(of_class, float(table.true.sum()) if total is None else total)
    used = (of_class > 0) & (weights > 0)
    if not used.any():
        return _undefined_values(table)
    return np.average(table.f1[..., chosen][..., used], axis=-1, weights=weights[used])


def _pool(table: Counts, chosen: Array) -> Array:
    rows = table.true[chosen].sum() + table.predicted[..., chosen].sum(axis=-1)
    hits = 2 * table.hit[..., chosen].sum(axis=-1)
    return np.divide(hits, rows, out=np.full(np.shape(rows), np.nan), where=rows > 0)


def _count_labels(y: Array, predicted: Array, weight: Array | None) -> Counts:
    width = int(max(y.max(initial=0), predicted.max(initial=0))) + 1
    return counts(y, predicted, Target("class", tuple(range(width))), weight)


def _chosen_codes(table: Counts, labels: Sequence[int] | None) -> Array:
    """Return the codes in `labels` that the table knows; the others have no row, true or predicted."""
    width = len(table.true)
    return np.arange(width) if labels is None else np.array([c for c in labels if c < width], dtype=int)
