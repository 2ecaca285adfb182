"""Weights by learner: how much each scheme trusts whom, and how much that changes from split to split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError
from bench.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SCHEMES, MOST_LEARNERS = 24, 40
"""Up to so many are drawn: the first schemes, and the learners with the largest mean weight."""
PANEL = 1.15
"""Least width of a scheme's panel in inches."""
BETWEEN = 0.14
"""Room between panels in inches."""
SPLIT = ["task_id", "repeat", "fold"]


def weight_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return `mean`, `low` and `high` of the weight of each learner (`of`) in each scheme (`method`).

    `table` has the columns of `weights.csv`; only the role `weight` counts. Weights that differ by output are averaged
    first. The mean counts every task one; `low` and `high` are the 10 % and 90 % quantiles over splits.
    """
    mine = table[table["role"] == "weight"].copy()
    split = [name for name in SPLIT if name in mine]
    mine[split] = mine[split].astype(object).where(mine[split].notna(), "")
    pair = ["method", "of"]
    each = mine.groupby([*pair, *split], sort=False)["value"].mean()
    task = [name for name in split if name == "task_id"]
    means = each.groupby([*pair, *task], sort=False).mean().groupby(pair, sort=False).mean()
    groups = each.groupby(pair, sort=False)
    found = {"mean": means, "low": groups.quantile(0.1), "high": groups.quantile(0.9)}
    return pd.DataFrame(found).reset_index()


@style.look()
def weights(summary: pd.DataFrame, order: Sequence[str] = (), *, title: str = "") -> Figure:
    """Draw the mean weight of every learner as a dot with its spread over splits as a line, one panel a scheme.

    `summary` has the columns method, of, mean, low, high (see `weight_summary`). Schemes stand in the order of `order`,
    the others behind; learners in the order of their mean weight over all schemes.

    Raises:
        BenchError: there is no weight.
    """
    known = summary[np.isfinite(summary["mean"].to_numpy(dtype=float))]
    if known.empty:
        raise BenchError("no scheme has weights by learner: there is nothing to draw")
    there = list(
        dict.fromkeys([*(name for name in order if name in set(known["method"])), *sorted(set(known["method"]))])
    )
    everybody = list(known.groupby("of")["mean"].mean().sort_values(ascending=False, kind="stable").index)
    schemes, learners = there[:MOST_SCHEMES], everybody[:MOST_LEARNERS]
    known = known[known["method"].isin(schemes) & known["of"].isin(learners)]
    caption = style.join_sentences(
        [
            "Dot: mean weight, every task counted once; line: from the 10 % to the 90 % quantile over splits.",
            style.count_drawn(len(schemes), len(there), "schemes"),
            style.count_drawn(len(learners), len(everybody), "learners"),
        ]
    )
    return _draw_schemes(known, schemes, learners, title, caption)


def _draw_schemes(known: pd.DataFrame, schemes: list[str], learners: list[str], title: str, caption: str) -> Figure:
    """Lay out the panels in bands that share the learners' names at the left."""
    labels = [style.break_lines(name, style.NAME, style.SIZE) for name in learners]
    middles, height = style.row_middles(labels, gap=0.05)
    left = style.MARGIN + style.label_width(labels) + 0.08
    across = max(1, min(len(schemes), int((style.WIDTH - left - style.MARGIN + BETWEEN) / (PANEL + BETWEEN))))
    width = max(style.WIDTH, left + PANEL + style.MARGIN)
    panel = min((width - left - style.MARGIN + BETWEEN) / across - BETWEEN, 2.4)
    heads = [style.break_lines(name, panel, style.SMALL, bold=True) for name in schemes]
    bands = [range(start, min(start + across, len(schemes))) for start in range(0, len(schemes), across)]
    tops = [max(style.text_height(heads[k], style.SMALL) for k in band) + 0.06 for band in bands]
    foot = 0.27
    page = style.page(sum(tops) + len(bands) * (height + foot) + 0.16, title, caption, width)
    span = _weight_span(known)
    y = 0.0
    for band, top in zip(bands, tops, strict=True):
        for column, k in enumerate(band):
            axes = page.axes(left + column * (panel + BETWEEN), y + top, panel, height)
            part = known[known["method"] == schemes[k]].set_index("of").reindex(learners)
            _draw_scheme(axes, part, middles, span, height)
            axes.set_yticks(middles, labels if column == 0 else [""] * len(labels))
            axes.annotate(
                heads[k], (0, 1), (0, 3), "axes fraction", "offset points", size=style.SMALL, weight="bold", va="bottom"
            )
        y += top + height + foot
    page.figure.text(
        (left + panel / 2) / width, 1 - (page.top + y + 0.03) / page.height, "weight", ha="center", va="center"
    )
    page.figure.draw_without_rendering()
    return page.figure


def _weight_span(known: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of all axes: zero is on them, with some room."""
    low = float(min(known["low"].min(), known["mean"].min(), 0))
    high = float(max(known["high"].max(), known["mean"].max(), 0))
    room = 0.06 * (high - low or 1)
    return low - room, high + room


def _draw_scheme(axes: Axes, part: pd.DataFrame, middles: Array, span: tuple[float, float], height: float) -> None:
    """Draw one scheme."""
    axes.set_xlim(span)
    axes.set_ylim(height, 0)
    axes.set_xticks(*style.even_ticks(*span, most=3))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=style.RULE, lw=0.5)
    axes.set_axisbelow(True)
    axes.axvline(0, color=style.GREY, lw=0.6)
    axes.hlines(middles, part["low"], part["high"], color=style.BLUE, lw=1.6, alpha=0.5)
    axes.plot(part["mean"], middles, "o", ms=4, color=style.BLUE, mec="white", mew=0.4, zorder=4)
