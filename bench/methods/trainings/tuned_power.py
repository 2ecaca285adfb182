"""The exponent of inverse-power weights, chosen by cross-validation inside the fit."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Prediction, clip_probabilities
from bench.methods import metrics
from bench.methods.class_weights import fit_weights
from bench.methods.class_weights.ratios import power_of_counts
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.fit_context import Predictor, combined_row_weights

POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
POWER_FOLDS = 3
"""Each fold costs a fit for every exponent: three keep the scheme at 16 fits."""


@register(
    "fit",
    tags=("extended",),
    hook="reweigh",
    weights=True,
    positive=True,
    code=("bench.methods.class_weights", "bench.methods.metrics"),
    breaks={"zero_weight_rows": "rows without weight have a place in the folds as well, so the folds are others"},
)
def tuned_power(context: FitContext, *, metric: str = "macro_f1") -> FittedModel:
    """Weigh a class by n_c^-g, with the g of 0, 1/4, 1/2, 3/4 and 1 that is best by a metric on inner folds.

    The training rows are cut into three folds, and every g is judged by its predictions for the rows of all folds at
    once: 16 fits in place of one. Ties go to the least g; 0 is no weights and 1 `balanced`; a g whose metric is
    undefined loses. Labels are those of the largest probability. A proper metric such as `log_loss` judges the
    probabilities as they are, and so favours small exponents. Own: cross-validation over the exponents of Mahajan et
    al. (2018), Exploring the limits of weakly supervised pretraining.

    Raises:
        BenchError: there is no such metric of classes.
    """
    judge = metrics.get_metric(context.target, metric)
    folds = [fold for fold in context.cut(POWER_FOLDS) if _has_two_classes(context, fold[0])]
    badness = [judge.badness(_out_of_fold_value(context, judge, folds, power)) for power in POWERS] if folds else [0.0]
    power = POWERS[int(np.argmin(np.nan_to_num(badness, nan=np.inf)))]
    all_rows = np.arange(len(context.y))
    effective = _class_weights(context, all_rows, power)
    return FittedModel(_fit_with_power(context, all_rows, power, part=None), effective, f"power {power:g}")


def _out_of_fold_value(
    context: FitContext, metric: metrics.Metric, folds: list[tuple[Array, Array]], power: float
) -> float:
    """Return the metric of one exponent over the predictions of all folds."""
    # the exponents share the seed of a fold, so that they differ by their weights alone
    predictors = [_fit_with_power(context, fit_rows, power, ("fold", k)) for k, (fit_rows, _) in enumerate(folds)]
    predictions = [predict(context.X.iloc[held]) for predict, (_, held) in zip(predictors, folds, strict=True)]
    rows = np.concatenate([held for _, held in folds])
    weight = None if context.weight is None else context.weight[rows]
    values, _ = clip_probabilities(np.concatenate(predictions))
    return metric.function(context.target, context.y[rows], Prediction(context.target, values, weight))


def _fit_with_power(context: FitContext, rows: Array, power: float, part: object) -> Predictor:
    """Fit the learner on some rows, with the class weights of one exponent."""
    weight = None if context.weight is None else context.weight[rows]
    of_rows = combined_row_weights(context.y[rows], weight, _class_weights(context, rows, power))
    return context.fit(context.X.iloc[rows], context.y[rows], of_rows, part)


def _has_two_classes(context: FitContext, rows: Array) -> bool:
    """Return whether rows of positive weight hold two classes at least: a learner needs them."""
    y = context.y[rows] if context.weight is None else context.y[rows][context.weight[rows] > 0]
    return len(np.unique(y)) > 1


def _class_weights(context: FitContext, rows: Array, power: float) -> Array:
    weight = None if context.weight is None else context.weight[rows]
    counts = np.bincount(context.y[rows], weights=weight, minlength=context.target.width)
    return fit_weights(lambda counts, _: power_of_counts(counts, -power), counts)
