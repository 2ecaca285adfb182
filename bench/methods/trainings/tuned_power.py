"""The exponent of inverse-power weights, chosen by cross-validation inside the fit."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Answer, Array, clip_probabilities
from bench.methods import metrics
from bench.methods.class_weights import fit_weights, raised
from bench.methods.trainings import Lesson, Taught, register

GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
FOLDS = 3


@register(
    "fit",
    tags=("extended",),
    hook="reweigh",
    weights=True,
    code=("bench.methods.class_weights", "bench.methods.metrics"),
    breaks={"zero_weight_rows": "rows without weight have a place in the folds as well, so the folds are others"},
)
def tuned_power(lesson: Lesson, *, metric: str = "macro_f1") -> Taught:
    """Weigh a class by n_c^-g, with the g of 0, 1/4, 1/2, 3/4 and 1 that is best by a metric on inner folds.

    The rows of the fit are cut into three folds, and every g is judged by its answers to the rows of all folds at once:
    16 fits in place of one. Ties go to the least g; 0 is no weights and 1 `balanced`; a g whose metric is undefined
    loses. Labels are those of the largest probability. A proper metric such as `log_loss` judges the probabilities as
    they are, and so speaks for few weights. Own: cross-validation over the exponents of Mahajan et al. (2018),
    Exploring the limits of weakly supervised pretraining.

    Raises:
        BenchError: there is no such metric of classes.
    """
    found = metrics.named(lesson.target, metric)
    folds = [(teach, ask) for teach, ask in lesson.cut(FOLDS) if len(np.unique(_heard(lesson, teach))) > 1]
    badness = [found.badness(_value(lesson, found, folds, power)) for power in GRID] if folds else [0.0]
    power = GRID[int(np.argmin(np.nan_to_num(badness, nan=np.inf)))]
    everything = np.arange(len(lesson.y))
    emphasis = _class_weights(lesson, everything, power)
    return Taught(lesson.teach(weight=_row_weights(lesson, everything, power)), emphasis, f"power {power:g}")


def _value(lesson: Lesson, metric: metrics.Metric, folds: list[tuple[Array, Array]], power: float) -> float:
    """Return the metric of one exponent over the answers of all folds."""
    said = np.concatenate([_answer(lesson, k, *fold, power) for k, fold in enumerate(folds)])
    asked = np.concatenate([ask for _, ask in folds])
    weight = None if lesson.weight is None else lesson.weight[asked]
    values, _ = clip_probabilities(said)
    return metric.function(lesson.target, lesson.y[asked], Answer(lesson.target, values, weight))


def _answer(lesson: Lesson, fold: int, teach: Array, ask: Array, power: float) -> Array:
    """Return what a model of one fold and exponent says of the rows that it is asked (n, K)."""
    weight = _row_weights(lesson, teach, power)
    # the exponents share the seed of a fold, so that they differ by their weights alone
    say = lesson.teach(lesson.X.iloc[teach], lesson.y[teach], weight, part=("fold", fold))
    return say(lesson.X.iloc[ask])


def _heard(lesson: Lesson, rows: Array) -> Array:
    """Return the classes of the rows that have any weight."""
    return lesson.y[rows] if lesson.weight is None else lesson.y[rows][lesson.weight[rows] > 0]


def _class_weights(lesson: Lesson, rows: Array, power: float) -> Array:
    weight = None if lesson.weight is None else lesson.weight[rows]
    counts = np.bincount(lesson.y[rows], weights=weight, minlength=lesson.target.width)
    return fit_weights(lambda counts, _: raised(counts, -power), counts)


def _row_weights(lesson: Lesson, rows: Array, power: float) -> Array | None:
    """Return the row weights of a fit: those of the task times those of the class, None where all are equal."""
    weight = np.ones(len(rows)) if lesson.weight is None else lesson.weight[rows]
    weight = weight * _class_weights(lesson, rows, power)[lesson.y[rows]]
    weight = weight / weight.mean()
    return None if np.ptp(weight) < 1e-12 else weight
