"""Rank distribution: on which places a method ends, task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.report.figures import style
from bench.report.leaderboards.standing import Replication
from bench.stats.tables import FEWEST_TASKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANKS: Mapping[Replication, str] = {"task": "rank on", "split": "mean rank over the splits of"}
"""What a dot is, by what is ranked."""


@style.look()
def rank_distribution(
    names: Sequence[str],
    ranks: Array,
    *,
    contenders: Array | None = None,
    replication: Replication = "task",
    title: str = "",
) -> Figure:
    """Draw the rank on every task (N, K) as a dot, one row a method, the best mean over tasks first.

    From six tasks on a box holds the middle half of the tasks, a line in it is the median; a diamond is the mean. A
    task without a rank has no dot; methods without any and those outside the mask `contenders` (K,) are named in the
    caption. Where splits are ranked (`replication`) the rank on a task is the mean over its splits.

    Raises:
        BenchError: no contender has a rank.
    """
    ranks = np.asarray(ranks, dtype=float).reshape(-1, len(names))
    there = np.isfinite(ranks)
    mean = _mean_ranks(ranks, there)
    contends = style.mask_of(contenders, len(names))
    known = [int(k) for k in np.argsort(mean, kind="stable") if np.isfinite(mean[k])]
    ranked = [k for k in known if contends[k]]
    reference = [k for k in known if not contends[k]]
    if not ranked:
        raise BenchError("no method has a rank: there is nothing to draw")
    order = ranked[: style.MOST_METHODS]
    boxes = len(ranks) >= FEWEST_TASKS
    caption = style.join_sentences(
        [
            f"Each dot is the {RANKS[replication]} {f'one of {len(ranks)} tasks' if len(ranks) > 1 else 'the task'},",
            "1 is best,",
            "darker where several are; diamond: mean.",
            "Box: middle half of the tasks, line: median." if boxes else f"No boxes under {FEWEST_TASKS} tasks.",
            style.name_reference([names[k] for k in reference], [f"{mean[k]:.2f} on average" for k in reference]),
            style.name_missing([names[k] for k in range(len(names)) if k not in known], "a rank"),
            style.count_drawn(len(order), len(ranked), "methods"),
        ]
    )
    labels = [style.break_lines(names[k], style.NAME, style.SIZE) for k in order]
    middles, height = style.row_middles(labels, gap=0.07)
    left = style.MARGIN + style.label_width(labels) + 0.08
    page = style.page(height + 0.42, title, caption)
    axes = page.axes(left, 0, page.width - left - style.MARGIN - 0.05, height)
    _set_up_axes(axes, labels, middles, height, float(max(np.nanmax(ranks[:, order]), 2)))
    for k, y in zip(order, middles, strict=True):
        _row(axes, ranks[there[:, k], k], float(mean[k]), float(y), box=boxes)
    page.figure.draw_without_rendering()
    return page.figure


def _mean_ranks(ranks: Array, there: Array) -> Array:
    """Return the mean of each column over what is there, NaN where nothing is."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, ranks, 0.0).sum(axis=0) / there.sum(axis=0))


def _set_up_axes(axes: Axes, labels: Sequence[str], middles: Array, height: float, worst: float) -> None:
    """Set up rows for the labels and an axis of ranks."""
    axes.set_ylim(height, 0)
    axes.set_yticks(middles, labels)
    axes.set_xlim(1 - 0.03 * (worst - 1), worst + 0.03 * (worst - 1))
    axes.set_xticks(sorted({1.0, *map(float, style.ticks(1, worst, most=12))} - ({0.0})))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=style.RULE, lw=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel("rank on a task")


def _row(axes: Axes, ranks: Array, mean: float, y: float, *, box: bool) -> None:
    """Draw one method: box, dots and mean."""
    if box:
        low, middle, high = np.quantile(ranks, [0.25, 0.5, 0.75])
        axes.barh(y, high - low, left=low, height=0.13, color=style.PALE, ec=style.BLUE, lw=0.6, gid="box", zorder=2)
        axes.plot([middle, middle], [y - 0.065, y + 0.065], color=style.BLUE, lw=1.4, zorder=3, solid_capstyle="butt")
    axes.plot(ranks, np.full(len(ranks), y), "o", ms=2.6, color=style.INK, alpha=0.45, mew=0, zorder=4)
    axes.plot([mean], [y], "D", ms=4, color=style.ORANGE, mec="white", mew=0.5, zorder=5)
