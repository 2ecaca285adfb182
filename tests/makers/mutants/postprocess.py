"""Wrong plug-ins: post-processing."""

from dataclasses import replace

import numpy as np

from makers.mutants import mutant


@mutant("postprocess", "class", "keeps_probabilities")
def moves_probabilities(prediction, y, rng):
    """Declare to tune decisions, and change the probabilities."""
    return lambda other: replace(other, values=0.9 * other.values + 0.1 / other.target.width)


@mutant("postprocess", "class", "test_rows_apart")
def normalises_the_batch(prediction, y, rng):
    """Choose the rule by the rows that are to be predicted."""
    return lambda other: replace(other, rule=1 / other.values.mean(axis=0))


@mutant("postprocess", "class", "row_weights")
def unweighted_rule(prediction, y, rng):
    """Take every row alike."""
    rule = 1 / (1 + np.bincount(y, minlength=prediction.target.width))
    return lambda other: replace(other, rule=rule)


@mutant("postprocess", "class", "class_order")
def favours_the_last_class(prediction, y, rng):
    """Multiply by the number of the class."""
    return lambda other: replace(other, rule=1.0 + np.arange(other.target.width))


@mutant("postprocess", "class", "row_order")
def last_rows_decide(prediction, y, rng):
    """Learn from the last rows, in whatever order they come."""
    rule = 1.0 / (1 + np.bincount(y[-30:], minlength=prediction.target.width))
    return lambda other: replace(other, rule=rule)


@mutant("postprocess", "class", "same_seed_same_bytes")
def random_rule(prediction, y, rng):
    """Draw from the random state that belongs to nobody."""
    rule = np.random.random(prediction.target.width)  # noqa: NPY002
    return lambda other: replace(other, rule=rule)


@mutant("postprocess", "class", "certain_answers")
def divides_by_the_error(prediction, y, rng):
    """Give x/0 where every row is alike."""
    temperature = 1 / np.ptp(prediction.values, axis=0)
    return lambda other: replace(other, rule=temperature)


@mutant("postprocess", "class", "lawful", "two_classes")
def unnormalised(prediction, y, rng):
    """Forget that a row sums to one."""
    return lambda other: replace(other, values=other.values * 1.5)


@mutant("postprocess", "class", "absent_class")
def rule_with_infinity(prediction, y, rng):
    """Give 1/0 where a class has no row."""
    with np.errstate(divide="ignore"):
        rule = 1 / np.bincount(y, minlength=prediction.target.width)
    return lambda other: replace(other, rule=rule)


@mutant("postprocess", "class", "lone_class")
def log_odds_of_the_shares(prediction, y, rng):
    """Give 1/0 where a class has all the rows."""
    share = np.bincount(y, minlength=prediction.target.width) / len(y)
    return lambda other: replace(other, rule=1 / (1 - share))


@mutant("postprocess", "quantile", "known_traits", learns="calibration", protocols=("split", "bag"))
def calibrates_without_calibration(prediction, y, rng):
    """Name a protocol that has no calibration rows."""
    return lambda other: other


@mutant("postprocess", "quantile", "nested")
def forgets_the_sort(prediction, y, rng):
    """Return the prediction before the sort."""
    return lambda other: replace(other, values=other.unsorted)


@mutant("postprocess", "quantile", "scale_and_shift")
def rounds_to_units(prediction, y, rng):
    """Take the unit of the target for granted."""
    return lambda other: replace(other, values=np.sort(np.round(other.values), axis=1))


@mutant("postprocess", "quantile", "upside_down")
def sweeps_from_below(prediction, y, rng):
    """Take the maximum so far, from the lowest level on."""
    return lambda other: replace(other, values=np.maximum.accumulate(other.unsorted, axis=1))


@mutant("postprocess", "quantile", "keeps_median", guarantee="none")
def moves_the_median(prediction, y, rng):
    """Centre the predictions, median and all."""
    bias = np.median(y - prediction.values[:, prediction.target.width // 2])
    return lambda other: replace(other, values=other.values + bias)


def _split_conformal(prediction, y, rank_of):
    """Move both ends of every interval by the miss of a rank, and sort."""
    margins = []
    for lower, upper in prediction.target.intervals.values():
        missed = np.sort(np.maximum(prediction.values[:, lower] - y, y - prediction.values[:, upper]))
        rank = rank_of(prediction.target.levels[upper] - prediction.target.levels[lower], len(y))
        margins.append((lower, upper, missed[min(rank, len(y)) - 1]))

    def change(other):
        values = other.values.copy()
        for lower, upper, margin in margins:
            values[:, lower] -= margin
            values[:, upper] += margin
        return replace(other, values=np.sort(values, axis=1))

    return change


@mutant("postprocess", "quantile", "few_rows", protocols=("split",), learns="calibration", guarantee="none")
def clamps_the_rank(prediction, y, rng):
    """Take the largest miss where the rank is beyond it."""
    return _split_conformal(prediction, y, lambda coverage, n: int(np.ceil(coverage * (n + 1) - 1e-9)))


@mutant("postprocess", "quantile", "covers", protocols=("split",), learns="calibration", guarantee="none")
def forgets_the_row_to_be_predicted(prediction, y, rng):
    """Take the rank among n rows, in place of n + 1."""
    return _split_conformal(prediction, y, lambda coverage, n: int(np.ceil(coverage * n - 1e-9)))
