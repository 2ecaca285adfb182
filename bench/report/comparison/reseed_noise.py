"""How much scores change by the seed alone: what no gate may call a regression."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.report.comparison.tables import GROUP
from bench.report.comparison.verdicts import Measure


def group_noise(how: Measure, rows: pd.DataFrame) -> pd.Series[float]:
    """Return the standard deviation over seeds of one task's score, in the unit of harm, by panel and method.

        sigma² = mean over tasks of the variance over seeds, n - 1 below

    `rows` are those of one board and metric, of either side or both (`side`). Folds are averaged within a seed,
    learners after that; a seed that lacks folds of a task is left out. Empty where no task has two seeds.
    """
    who = ["side", *GROUP, "learner", "task_id"]
    by = rows[rows["value"].notna()].groupby([*who, "seed"], sort=False)["value"]
    seeds = by.agg(["mean", "size"]).reset_index()
    whole = seeds["size"] == seeds.groupby(who, sort=False)["size"].transform("max")
    seeds = seeds[whole].assign(score=lambda table: _score_values(how, table["mean"].to_numpy(dtype=float)))
    tasks = seeds.groupby(["side", *GROUP, "task_id", "seed"], sort=False)["score"].mean().reset_index()
    variance = tasks.groupby(["side", *GROUP, "task_id"], sort=False)["score"].var(ddof=1).dropna()
    sigma: pd.Series[float] = variance.groupby(["panel", "method"]).mean() ** 0.5
    return sigma[np.isfinite(sigma)]


def _score_values(how: Measure, values: Array) -> Array:
    """Return what differs by the harm: the logarithm, or the badness."""
    if not how.ratio:
        return how.badness(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return how.sign * np.log(values)
