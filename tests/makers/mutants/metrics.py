"""Wrong plug-ins: metrics."""

import numpy as np

from bench.core import losses
from makers.mutants import mutant


@mutant("metric", "class", "truth_is_best", direction="max", label=True)
def reversed_accuracy(target, y, prediction):
    """Count the errors, and call more of them better."""
    return np.average(prediction.labels != y, weights=prediction.weight)


@mutant("metric", "point", "truth_is_best", direction="min")
def always_zero(target, y, prediction):
    """Find everything perfect."""
    return 0.0


@mutant("metric", "class", "row_weights", direction="max", label=True)
@mutant("metric", "class", "row_weights", direction="min", label=True)
def deaf_to_weights(target, y, prediction):
    """Take every row alike."""
    return (prediction.labels == y).mean()


@mutant("metric", "point", "weight_unit", direction="min")
def weighted_sum(target, y, prediction):
    """Forget to divide by the weights."""
    weight = 1.0 if prediction.weight is None else prediction.weight
    return (weight * np.abs(prediction.values[:, 0] - y)).sum()


@mutant("metric", "class", "ignores_rule", direction="max", label=False)
def probability_metric_with_labels(target, y, prediction):
    """Read the rule where only probabilities count."""
    return np.average(prediction.labels == y, weights=prediction.weight)


@mutant("metric", "class", "hears_rule", direction="max", label=True)
def label_metric_with_probabilities(target, y, prediction):
    """Decide by the largest probability, whatever the rule."""
    return np.average(prediction.values.argmax(axis=1) == y, weights=prediction.weight)


@mutant("metric", "class", "class_names", direction="max", label=True)
def first_class_only(target, y, prediction):
    """Score the recall of one class."""
    return np.average(
        (prediction.labels == y)[y == 0], weights=None if prediction.weight is None else prediction.weight[y == 0]
    )


@mutant("metric", "class", "proper", direction="min", proper=True)
def linear_score(target, y, prediction):
    """Claim to be proper: 1 - p of the true class rewards overconfidence."""
    return 1 - np.average(losses.true_class(y, prediction.values), weights=prediction.weight)


@mutant("metric", "quantile", "proper", direction="min", proper=True)
def squared_quantile_error(target, y, prediction):
    """Claim to be proper: every quantile is drawn to the mean."""
    return np.average(np.square(prediction.values - y[:, None]).mean(axis=1), weights=prediction.weight)


@mutant("metric", "point", "row_order", direction="min")
def first_half_only(target, y, prediction):
    """Score the rows that come first."""
    return np.abs(prediction.values[: len(y) // 2, 0] - y[: len(y) // 2]).mean()


@mutant("metric", "point", "one_class", direction="max")
def divides_by_the_spread(target, y, prediction):
    """Give x/0 where y is constant."""
    return 1 - np.square(prediction.values[:, 0] - y).mean() / np.var(y)


@mutant("metric", "point", "same_bytes", direction="min")
def subtracts_in_place(target, y, prediction):
    """Work in the prediction's own memory."""
    prediction.values[:, 0] -= y
    return np.abs(prediction.values).mean()
