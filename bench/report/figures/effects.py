"""Scores and effects: each method's scores, or by how much it differs from the baseline, task by task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.report.figures import style
from bench.report.leaderboards.headline import mean_and_half_width
from bench.stats.tables import FEWEST_TASKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXIS = 2.6
"""Least length of the axis in inches."""
COLUMN_GAP = 0.2
"""Room before a column of numbers, in inches."""
FENCE = 3.0
"""Dots farther from the quartiles than so many times their distance (Tukey's outer fences) do not stretch the axis,
unless they are as near to the means and intervals as these are to one another."""
AS_PERCENT, AS_FACTOR = np.log(10), np.log(1e4)
"""Logarithms of ratios are written in per cent up to the first, as a factor up to the second, then as its power."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is drawn of one method: dots, their mean with half the width of its interval (NaN for none), and texts."""

    name: str
    dots: Array
    mean: float
    half: float
    texts: Sequence[str]
    contends: bool


@style.look()
def effects(
    names: Sequence[str],
    gaps: Array,
    *,
    are_logs: bool,
    label: str,
    scores: Array | None = None,
    contenders: Array | None = None,
    title: str = "",
) -> Figure:
    """Draw by how much each method differs from the baseline, one row a method, in the order given.

    `gaps` (N, K) are differences by task, of logarithms if `are_logs`: they are read as ratios, their mean as a
    geometric one. A faint dot is a task, the diamond their mean, the line its 95 % t-interval, from six tasks on.
    `label` says of what the differences are and which side is better, `scores` (K,) are mean scores to be written
    beside. Methods outside the mask `contenders` (K,) stand last, grey, and do not stretch the axis.

    Raises:
        BenchError: no contender differs by a number on any task.
    """
    gaps = np.asarray(gaps, dtype=float).reshape(-1, len(names))
    write = _write_ratio if are_logs else partial(_write_number, decimals=_count_decimals(gaps), sign="+")
    heads = ["mean score"] * (scores is not None) + ["difference" + " (95 % interval)" * (len(gaps) >= FEWEST_TASKS)]
    rows = []
    for k, contends in enumerate(style.mask_of(contenders, len(names))):
        mean, half = mean_and_half_width(gaps[~np.isnan(gaps[:, k]), k])
        interval = f" ({write(mean - half)} to {write(mean + half)})" if half > 0 else ""
        size = f"{write(mean) if mean else '0'}{interval}" if np.isfinite(mean) else ""
        texts = [size] if scores is None else [_write_number(scores[k], _count_decimals(scores)), size]
        rows.append(Row(name=names[k], dots=gaps[:, k], mean=mean, half=half, texts=texts, contends=bool(contends)))
    caption = f"Dot: one of {len(gaps)} task{'s' * (len(gaps) != 1)}; diamond: {'geometric ' * are_logs}mean" + (
        "; line: its 95 % t-interval over tasks."
        if len(gaps) >= FEWEST_TASKS
        else f"; no interval under {FEWEST_TASKS} tasks."
    )
    return _draw_rows(rows, heads, label, title=title, caption=caption, are_logs=are_logs, zero=True)


@style.look()
def split_scores(
    names: Sequence[str],
    scores: Array,
    means: Array,
    *,
    label: str,
    contenders: Array | None = None,
    title: str = "",
) -> Figure:
    """Draw the scores of each method on the splits of one task (S, K) as dots, their `means` (K,) as diamonds.

    One row a method, in the order given. Methods outside the mask `contenders` (K,) stand last, grey, and do not
    stretch the axis.

    Raises:
        BenchError: no contender has a score.
    """
    rows = [
        Row(
            name=name,
            dots=dots,
            mean=float(mean),
            half=np.nan,
            texts=[_write_number(mean, _count_decimals(means))],
            contends=bool(contends),
        )
        for name, dots, mean, contends in zip(
            names, np.asarray(scores, dtype=float).T, means, style.mask_of(contenders, len(names)), strict=True
        )
    ]
    caption = f"Dot: one of {len(scores)} split{'s' * (len(scores) != 1)}; diamond: mean."
    return _draw_rows(rows, ["mean score"], label, title=title, caption=caption, are_logs=False, zero=False)


def _write_ratio(log: float) -> str:
    """Write the logarithm of a ratio: in per cent, where it is large as a factor."""
    if abs(log) < AS_PERCENT:
        return _write_sign(f"{100 * np.expm1(log):+.1f} %")
    return f"×{np.exp(log):.3g}" if abs(log) < AS_FACTOR else f"×1e{round(log / np.log(10))}"


def _count_decimals(numbers: Array) -> int:
    """Return the decimals that give the largest of some numbers four digits, at most nine."""
    sizes = np.abs(numbers[np.isfinite(numbers) & (numbers != 0)])
    return int(np.clip(3 - np.floor(np.log10(sizes.max(initial=1e-6))), 0, 9)) if len(sizes) else 0


def _write_number(number: float, decimals: int, sign: str = "-") -> str:
    """Write a number with so many decimals, one of more than eight digits with an exponent; nothing for no number."""
    if not np.isfinite(number):
        return ""
    return _write_sign(f"{number:{sign}.{decimals}f}" if abs(number) < 1e8 else f"{number:{sign}.3e}")


def _write_sign(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")


def _draw_rows(
    rows: Sequence[Row], heads: Sequence[str], label: str, *, title: str, caption: str, are_logs: bool, zero: bool
) -> Figure:
    """Lay out the rows: names at the left, dots, and columns of numbers below `heads` at the right."""
    known = [row for row in rows if np.isfinite(row.dots).any()]
    order = [*(row for row in known if row.contends), *(row for row in known if not row.contends)]
    if not any(row.contends for row in known):
        raise BenchError("no method has a number on any task: there is nothing to draw")
    shown = order[: style.MOST_METHODS]
    span = _find_span([row for row in shown if row.contends], zero=zero)
    is_beyond = any(((row.dots < span[0]) | (row.dots > span[1])).any() for row in shown)
    caption = style.join_sentences(
        [
            caption,
            "Triangle: beyond the axis." if is_beyond else "",
            "Grey: for reference, in no test." if not all(row.contends for row in shown) else "",
            style.name_missing([row.name for row in rows if not np.isfinite(row.dots).any()], "a number"),
            style.count_drawn(len(shown), len(order), "methods"),
        ]
    )
    labels = [style.break_lines(row.name, style.NAME, style.SIZE) for row in shown]
    middles, height = style.row_middles(labels, gap=0.07)
    widths = [
        style.label_width([head, *(row.texts[column] for row in shown)], style.SMALL)
        for column, head in enumerate(heads)
    ]
    left = style.MARGIN + style.label_width(labels) + 0.16
    numbers = sum(widths) + COLUMN_GAP * len(widths)
    width = max(style.WIDTH, left + AXIS + numbers + style.MARGIN)
    top = style.text_height("", style.SMALL) + 0.04
    side = style.break_lines(label, width - left - style.MARGIN, style.SIZE)
    page = style.page(top + height + 0.3 + style.text_height(side, style.SIZE), title, caption, width)
    axes = page.axes(left, top, width - left - numbers - style.MARGIN, height)
    _set_up_axes(axes, labels, middles, height, span)
    axes.set_xticks(*(_ratio_ticks(*span) if are_logs else style.even_ticks(*span, most=5)))
    if zero:
        axes.axvline(0, color=style.GREY, lw=0.7, zorder=1)
    for row, y, name in zip(shown, middles, axes.get_yticklabels(), strict=True):
        name.set_color(style.INK if row.contends else style.GREY)
        _draw_row(axes, row, float(y), span)
    canvas = page.canvas(top + height)
    canvas.set_zorder(-1)
    ends = width - style.MARGIN - np.append(np.cumsum((np.array(widths) + COLUMN_GAP)[::-1])[-2::-1], 0.0)
    for column, end in enumerate(ends):
        canvas.text(end, 0, heads[column], ha="right", va="top", size=style.SMALL, color=style.GREY)
        for row, y in zip(shown, middles, strict=True):
            ink = style.INK if row.contends else style.GREY
            canvas.text(end, top + y, row.texts[column], ha="right", va="center", size=style.SMALL, color=ink)
    page.figure.text(left / width, 1 - (page.top + top + height + 0.25) / page.height, side, va="top")
    page.figure.draw_without_rendering()
    return page.figure


def _find_span(rows: Sequence[Row], *, zero: bool) -> tuple[float, float]:
    """Return the ends of the axis: the dots of these rows inside the fences, means, intervals, and zero if wanted."""
    centres = np.array([[row.mean, row.mean - row.half, row.mean + row.half] for row in rows]).ravel()
    core = np.append(centres[np.isfinite(centres)], [0.0] * zero)
    dots = np.concatenate([row.dots for row in rows])
    dots = dots[np.isfinite(dots)]
    low, high = np.quantile(dots[dots != 0] if zero and dots.any() else dots, [0.25, 0.75])  # the baseline's are zero
    fence, width = FENCE * (high - low), np.ptp(core) if len(core) else 0.0
    least = min(low - fence, core.min(initial=low) - width)
    most = max(high + fence, core.max(initial=high) + width)
    points = np.concatenate([dots[(dots >= least) & (dots <= most)], core])
    low, high = points.min(), points.max()
    room = 0.06 * (high - low) if high > low else 0.05 * abs(high) or 0.5
    return float(low - room), float(high + room)


def _ratio_ticks(low: float, high: float) -> tuple[Array, list[str]]:
    """Return round ratios between two logarithms: in per cent where these are near, else factors."""
    if high - low < np.log(3):
        percents, _ = style.even_ticks(100 * np.expm1(low), 100 * np.expm1(high), most=5)
        return np.log1p(percents / 100), [
            _write_sign(f"{value + 0.0:+.10g} %") if value else "0 %" for value in percents
        ]
    powers, _ = style.even_ticks(low / np.log(10), high / np.log(10), most=5)
    return powers * np.log(10), [f"×{10.0**power:.2g}" if abs(power) <= 4 else f"×1e{power:.3g}" for power in powers]


def _set_up_axes(axes: Axes, labels: Sequence[str], middles: Array, height: float, span: tuple[float, float]) -> None:
    """Set up rows for the labels and an axis of numbers."""
    axes.set_ylim(height, 0)
    axes.set_yticks(middles, labels)
    axes.set_xlim(span)
    axes.tick_params(axis="y", length=0, pad=7)  # room for a triangle
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=style.RULE, lw=0.5)
    axes.set_axisbelow(True)


def _draw_row(axes: Axes, row: Row, y: float, span: tuple[float, float]) -> None:
    """Draw one method: its dots, the interval and the mean; a triangle at an end stands for what is beyond it."""
    inside = row.dots[(row.dots >= span[0]) & (row.dots <= span[1])]
    axes.plot(inside, np.full(len(inside), y), "o", ms=2.8, color=style.INK, alpha=0.45, mew=0, zorder=4.5)
    numbers = np.append(row.dots, row.mean)
    for end, marker, beyond in ((span[0], "<", numbers < span[0]), (span[1], ">", numbers > span[1])):
        if beyond.any():
            axes.plot([end], [y], marker, ms=4, color=style.GREY, mew=0, clip_on=False, gid="beyond", zorder=4)
    colour = style.BLUE if row.contends else style.GREY
    if np.isfinite(row.half):
        ends = np.clip([row.mean - row.half, row.mean + row.half], *span)
        axes.plot(ends, [y, y], color=colour, lw=1.8, alpha=0.75, solid_capstyle="butt", gid="interval", zorder=4)
    if span[0] <= row.mean <= span[1]:
        ink = style.ORANGE if row.contends else style.GREY
        axes.plot([row.mean], [y], "D", ms=4.2, color=ink, mec="white", mew=0.5, gid="mean", zorder=5)
