"""From paired tasks to verdicts: better, worse, equivalent or unclear.

The harm of a task is how much worse NEW is than BASE: for metrics in the units of the target the log ratio of the
errors, else the difference in badness. Tasks are the units of replication; folds and learners are averaged within them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError
from bench.methods import metrics
from bench.report.comparison.rules import Rule
from bench.report.comparison.tables import HUGE, mean_by
from bench.stats.split_means import split_mean
from bench.stats.student import central_quantile, two_sided_p
from bench.stats.tables import differences

FLOAT_NOISE = 1e-12
"""Numbers that differ by less than this share are equal: float noise is neither harm nor spread."""
LARGEST_HARM = 1000.0
"""A zero or infinite error counts as a change by this factor, so that one task cannot make the mean infinite."""


class Measure(NamedTuple):
    """How the harm of a metric is counted: as a log `ratio` or as a difference; `sign` is -1 where high is better.

    `goal` is the value to be near, NaN for other metrics; `unit` marks a metric in the units of the target.
    """

    ratio: bool
    sign: float
    goal: float
    unit: bool

    def badness(self, values: Array) -> Array:
        """Return what is better when lower."""
        return self.sign * values if np.isnan(self.goal) else np.abs(values - self.goal)


class HarmTest(NamedTuple):
    """Statistics of harm, each with one number a group: tasks `n`, `mean`, interval `lo` to `hi`, and `p`."""

    n: Array
    mean: Array
    lo: Array
    hi: Array
    p: Array


def measure(metric: str, direction: str, values: Array, rule: Rule | None) -> Measure:
    """Choose how the harm of a metric is counted.

    A metric that bench knows is a ratio if it has the units of the target. Another one is a ratio
    where all values are above zero, unless the rule gives an absolute amount.

    Raises:
        BenchError: the direction is not known, or an absolute amount is given for a metric in units of the target.
    """
    known = metrics.metric_info(metric)
    goal = known.goal if known is not None and known.goal is not None else np.nan
    if direction == "" or (direction == "target" and np.isnan(goal)):
        raise BenchError(f"nothing says what is better for metric {metric!r}: add a column 'direction' with min or max")
    absolute = rule is not None and not rule.relative and rule.amount > 0
    unit = known is not None and known.unit
    ratio = unit if known is not None else not absolute and bool((values > 0).all())
    sign = -1.0 if direction == "max" else 1.0
    return Measure(ratio, sign, goal if direction == "target" else np.nan, unit or ratio)


def harm(how: Measure, base: Array, new: Array, scale: Array) -> Array:
    """Return how much worse each new value is than its base, 0 where both agree to twelve digits.

    ratio:       sign log(new / base), between ±log LARGEST_HARM
    difference:  badness(new) - badness(base), ±LARGEST_HARM max(scale, 1) where it is infinite, ±HUGE at most there
    """
    left, right = how.badness(base), how.badness(new)
    gap = differences(right, left)
    if not how.ratio:
        largest = LARGEST_HARM * np.clip(scale, 1.0, HUGE / LARGEST_HARM)
        return np.where(np.isinf(gap), np.copysign(largest, gap), gap)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = how.sign * (np.log(np.abs(new)) - np.log(np.abs(base)))
    has_ratio = (base >= 0) & (new >= 0)
    ratio = np.where(gap == 0, 0.0, np.where(has_ratio | np.isnan(gap), ratio, np.copysign(np.inf, gap)))
    return np.clip(ratio, -np.log(LARGEST_HARM), np.log(LARGEST_HARM))


def margin(how: Measure, metric: str, rule: Rule | None, scale: Array) -> Array:
    """Return a rule's amount in the unit of harm (G,), for groups whose mean base is `scale`; 0 without a rule.

    A share of a ratio metric is log(1 + share), or -log(1 - share) where high is better; of another metric it is that
    share of the mean base, or of the goal.

    Raises:
        BenchError: an absolute amount is given for a metric in units of the target.
    """
    if rule is None:
        return np.zeros(len(scale))
    if how.ratio and not rule.relative and rule.amount:
        raise BenchError(
            f"{rule.text!r} gives {metric} an amount in units of the target, which differ by task: write a per cent"
        )
    if not how.ratio:
        return rule.amount * scale if rule.relative else np.full(len(scale), rule.amount)
    kept = max(1 - rule.amount, 1 / LARGEST_HARM)  # nothing is worse than to lose all
    return np.full(len(scale), np.log1p(rule.amount) if how.sign > 0 else -np.log(kept))


def judge(values: Array, group: Array, bound: Array, confidence: float) -> HarmTest:
    """Test, group by group, whether mean harm lies beyond ±bound: the paired t-test over tasks.

        p = 2 P(t_{n-1} > (|mean| - bound) / (s / sqrt(n))), at most 1

    `values` (V,) with their `group` 0 … G-1, `bound` (G,). Where all harms of a group are equal, p is 0 or 1; with one
    task p is NaN and the interval has no ends.
    """
    n = np.bincount(group, minlength=len(bound)).astype(float)
    largest = np.zeros(len(bound))
    np.maximum.at(largest, group, np.abs(values))
    unit = np.ldexp(1.0, np.frexp(largest)[1] - 1)  # a power of two changes no digit, and squares stay finite
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        shares = values / unit[group]
        mean = np.bincount(group, shares, minlength=len(bound)) / n
        off = shares - mean[group]
        off = np.where(np.abs(off) <= FLOAT_NOISE * np.abs(mean[group]), 0.0, off)
        error = unit * np.sqrt(np.bincount(group, off**2, minlength=len(bound)) / (n - 1) / n)
        mean = unit * mean
        beyond = np.abs(mean) - bound
        beyond = np.where(np.abs(beyond) <= FLOAT_NOISE * np.abs(bound), 0.0, beyond)
        t = np.where(error > 0, beyond / error, np.where(beyond > 0, np.inf, -np.inf))
        df = np.maximum(n - 1, 1).astype(int)
        p = np.where(n > 1, np.where(t > 0, two_sided_p(t, df), 1.0), np.nan)
        half = np.array([central_quantile(confidence, one) for one in df.tolist()]) * error
        half = np.where(n > 1, half, np.nan)
        return HarmTest(n.astype(int), mean, mean - half, mean + half, p)


def judge_splits(
    found: HarmTest, values: Array, shares: Array, group: Array, *, bound: Array, confidence: float
) -> HarmTest:
    """Return statistics whose groups of one task are tested over its splits: the correlated t-test.

    `values` (V,) are the harms of splits with their `group`; rho is the mean of `shares`, n_test / (n_train + n_test)
    of each split. The error is that of `split_mean`. A task of one split keeps no p.
    """
    p, lo, hi = found.p.copy(), found.lo.copy(), found.hi.copy()
    for one in np.unique(group):
        mine = values[group == one]
        if len(mine) > 1:
            error = float(split_mean(mine, float(shares[group == one].mean())).error)
            beyond = abs(found.mean[one]) - bound[one]
            t = beyond / error if error > 0 else np.copysign(np.inf, beyond)
            p[one] = float(two_sided_p(np.array(t), np.array(len(mine) - 1))) if t > 0 else 1.0
            half = central_quantile(confidence, len(mine) - 1) * error
            lo[one], hi[one] = found.mean[one] - half, found.mean[one] + half
    return HarmTest(found.n, found.mean, lo, hi, p)


def verdict_words(found: HarmTest, p: Array, bound: Array, confidence: float) -> Array:
    """Return the verdict of every group, given its corrected p.

    Worse or better: the mean is beyond the bound, and p is at most 1 - confidence. Equivalent: the interval lies within
    the bound on both sides, or there is no harm or gain on any task. Unclear: the rest, and what was not tested.
    """
    with np.errstate(invalid="ignore"):
        shown = p <= 1 - confidence + FLOAT_NOISE
        limit = bound * (1 + FLOAT_NOISE)
        inside = (found.lo >= -limit) & (found.hi <= limit) & ~np.isnan(p)
    cases = [shown & (found.mean > bound), shown & (found.mean < -bound), inside]
    return np.select(cases, ["worse", "better", "equivalent"], "unclear").astype(object)


def scales(group: Array, base: Array, goal: float, groups: int) -> Array:
    """Return the mean size of the finite base values of every group, or the goal: what a share is a share of."""
    if not np.isnan(goal):
        return np.full(groups, max(abs(goal), np.finfo(float).tiny))
    size = np.abs(np.where(np.isfinite(base), base, 0.0))
    count = np.maximum(np.bincount(group, np.isfinite(base), minlength=groups), 1)
    # divided before they are summed: the sum of two errors near the largest float would be infinite
    return np.maximum(np.bincount(group, size / count[group], minlength=groups), np.finfo(float).tiny)


def task_frame(how: Measure, tasks: pd.DataFrame, group: Array, scale: Array) -> pd.DataFrame:
    """Return one row a group and task: harm, base and new, averaged over the learners of the task."""
    harms = harm(how, tasks["base"].to_numpy(dtype=float), tasks["new"].to_numpy(dtype=float), scale[group])
    return mean_by(
        tasks.assign(group=group, harm=harms), ["group", "task_id"], ["harm", "base", "new"], blocks=("blocks", "sum")
    )
