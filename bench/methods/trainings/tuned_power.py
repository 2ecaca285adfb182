"""The exponent of inverse-power weights, chosen by cross-validation inside the fit."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Prediction, clip_probabilities
from bench.methods import metrics
from bench.methods.class_weights import fit_weights, row_weights
from bench.methods.class_weights.ratios import power_of_counts
from bench.methods.trainings import FitContext, FittedModel, register

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
def tuned_power(context: FitContext, *, metric: str = "macro_f1") -> FittedModel:
    """Weigh a class by n_c^-g, with the g of 0, 1/4, 1/2, 3/4 and 1 that is best by a metric on inner folds.

    The rows of the fit are cut into three folds, and every g is judged by its answers to the rows of all folds at once:
    16 fits in place of one. Ties go to the least g; 0 is no weights and 1 `balanced`; a g whose metric is undefined
    loses. Labels are those of the largest probability. A proper metric such as `log_loss` judges the probabilities as
    they are, and so speaks for few weights. Own: cross-validation over the exponents of Mahajan et al. (2018),
    Exploring the limits of weakly supervised pretraining.

    Raises:
        BenchError: there is no such metric of classes.
    """
    found = metrics.get_metric(context.target, metric)
    folds = [(fit_rows, ask) for fit_rows, ask in context.cut(FOLDS) if len(np.unique(_heard(context, fit_rows))) > 1]
    badness = [found.badness(_value(context, found, folds, power)) for power in GRID] if folds else [0.0]
    power = GRID[int(np.argmin(np.nan_to_num(badness, nan=np.inf)))]
    everything = np.arange(len(context.y))
    effective_class_weights = _class_weights(context, everything, power)
    return FittedModel(
        context.fit(weight=_row_weights(context, everything, power)), effective_class_weights, f"power {power:g}"
    )


def _value(context: FitContext, metric: metrics.Metric, folds: list[tuple[Array, Array]], power: float) -> float:
    """Return the metric of one exponent over the answers of all folds."""
    predictions = np.concatenate([_answer(context, k, *fold, power) for k, fold in enumerate(folds)])
    requested = np.concatenate([ask for _, ask in folds])
    weight = None if context.weight is None else context.weight[requested]
    values, _ = clip_probabilities(predictions)
    return metric.function(context.target, context.y[requested], Prediction(context.target, values, weight))


def _answer(context: FitContext, fold: int, fit_rows: Array, ask: Array, power: float) -> Array:
    """Return what a model of one fold and exponent says of the rows that it is asked (n, K)."""
    weight = _row_weights(context, fit_rows, power)
    # the exponents share the seed of a fold, so that they differ by their weights alone
    predict = context.fit(context.X.iloc[fit_rows], context.y[fit_rows], weight, part=("fold", fold))
    return predict(context.X.iloc[ask])


def _heard(context: FitContext, rows: Array) -> Array:
    """Return the classes of the rows that have any weight."""
    return context.y[rows] if context.weight is None else context.y[rows][context.weight[rows] > 0]


def _class_weights(context: FitContext, rows: Array, power: float) -> Array:
    weight = None if context.weight is None else context.weight[rows]
    counts = np.bincount(context.y[rows], weights=weight, minlength=context.target.width)
    return fit_weights(lambda counts, _: power_of_counts(counts, -power), counts)


def _row_weights(context: FitContext, rows: Array, power: float) -> Array | None:
    weight = None if context.weight is None else context.weight[rows]
    return row_weights(weight, context.y[rows], _class_weights(context, rows, power))
