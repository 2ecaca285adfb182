"""The one sentence that opens a board: who leads, by how much, on how many tasks, and whether that is chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from bench.core.nouns import Array
from bench.report.leaderboards.scores import has_unit
from bench.report.leaderboards.standing import SIGNIFICANT, Standing
from bench.stats import ranks, tables
from bench.stats.bootstrap import LEVEL

SMALLEST_P = 1e-4
"""Below this a p-value is an inequality: no more flips are drawn than can tell."""


@dataclass(frozen=True)
class Lead:
    """How far a leader is ahead of a rival on the N tasks that both have.

    `gap` is the mean over tasks of the rival's error minus the leader's, in logarithms where the metric has the unit of
    the target; `lo` and `hi` are the ends of its 95 % t-interval, NaN under six tasks. `wins` counts the tasks on which
    the leader is better, `p` is that of the board's test, NaN where it has none.
    """

    leaders: tuple[str, ...]
    rival: str
    N: int
    gap: float
    lo: float
    hi: float
    wins: int
    p: float


def find_lead(standing: Standing) -> Lead | None:
    """Return the lead of the best contender over the baseline, over the next if it leads itself; None without a rival.

    Of leaders with equal ranks the first by name stands for all.
    """
    contest = standing.contest
    places = ranks.positions(contest.mean_rank).to_numpy(dtype=float, na_value=np.inf)
    leaders = np.flatnonzero(places == 1)
    others = [k for k in np.argsort(places, kind="stable") if np.isfinite(places[k]) and k not in leaders]
    if not len(leaders) or not others:
        return None
    base = contest.baseline_column
    first, rival = int(leaders[0]), int(base if base is not None and base not in leaders else others[0])
    gaps = tables.differences(contest.task_errors[:, rival], contest.task_errors[:, first])
    gaps = gaps[~np.isnan(gaps)]
    mean, half = mean_and_half_width(gaps)
    return Lead(
        leaders=tuple(contest.grid.methods[k] for k in leaders),
        rival=contest.grid.methods[rival],
        N=len(gaps),
        gap=mean,
        lo=mean - half,
        hi=mean + half,
        wins=int((gaps > 0).sum()),
        p=float(contest.p_values[first, rival]),
    )


def mean_and_half_width(gaps: Array) -> tuple[float, float]:
    """Return the mean of gaps by task (N,) and half the width of its 95 % t-interval; NaN for what cannot be had."""
    N = len(gaps)
    if not N or not np.isfinite(gaps).all():
        return math.nan, math.nan
    if tables.too_few(N):
        return float(gaps.mean()), math.nan
    return float(gaps.mean()), float(stdtrit(N - 1, (1 + LEVEL) / 2) * gaps.std(ddof=1) / math.sqrt(N))


def headline(standing: Standing) -> str:
    """Say in one sentence who leads a board, by how much, on how many tasks, and whether chance could do that.

    Empty where fewer than two contenders are ranked.
    """
    lead = find_lead(standing)
    if lead is None:
        level = int(standing.contest.grid.has_scores.sum())
        return f"All {level} methods are level: no rank tells them apart." if level > 1 else ""
    who = " and ".join(lead.leaders) if len(lead.leaders) < 4 else f"{len(lead.leaders)} methods"
    verb = "leads" if len(lead.leaders) == 1 else "lead together"
    rival = lead.rival if lead.rival == standing.baseline else f"{lead.rival} (the next)"
    is_baseline = " (the baseline)" if standing.baseline in lead.leaders else ""
    only = lead.N == 1
    size = _describe_size(standing, lead)
    typical = "" if only else " on a typical task"
    ahead = f"{size} that of {rival}{typical}{_describe_interval(standing, lead)}" if size else f"against {rival}"
    on = "" if only else f", better on {lead.wins} of {lead.N} tasks"
    return f"{who}{is_baseline} {verb}: {ahead}{on}. {_describe_chance(lead)}"


def _describe_size(standing: Standing, lead: Lead) -> str:
    """Return how the leader's metric compares with the rival's, `rmse 4.1 % below`; empty where no number tells."""
    if math.isnan(lead.gap):
        return ""
    metric, direction = standing.grid.metric, standing.grid.direction
    better, worse = ("above", "below") if direction == "max" else ("below", "above")
    if direction == "target":
        better, worse = "nearer to its goal than", "farther from its goal than"
    return f"{metric} {_describe_gap(standing, abs(lead.gap))} {better if lead.gap >= 0 else worse}"


def _describe_gap(standing: Standing, gap: float) -> str:
    """Write a difference of errors: in per cent where it is one of logarithms, else in the metric's own numbers."""
    return f"{-100 * math.expm1(-gap):.1f} %" if has_unit(standing.grid.metric) else f"{gap:.4f}"


def _describe_interval(standing: Standing, lead: Lead) -> str:
    """Write the interval in the direction of the lead: a negative end says that it may be the other way round."""
    if math.isnan(lead.lo):
        return ""
    ends = (lead.lo, lead.hi) if lead.gap >= 0 else (-lead.hi, -lead.lo)
    low, high = (_describe_gap(standing, end) for end in ends)
    return f" (95 % interval {low} to {high})"


def _describe_chance(lead: Lead) -> str:
    if tables.too_few(lead.N):
        number = "one task" if lead.N == 1 else f"{lead.N} tasks"
        return f"Whether that is chance cannot be told from {number}: it takes {tables.FEWEST_TASKS}."
    if math.isnan(lead.p):
        return "Whether that is chance cannot be told: the scores allow no test."
    p = f"p = {lead.p:.2g}" if lead.p >= SMALLEST_P else f"p < {SMALLEST_P:g}"
    return f"That is more than chance ({p})." if lead.p < SIGNIFICANT else f"That may be chance ({p})."
