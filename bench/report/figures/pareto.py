"""Pareto front: how good a method is against the seconds that its predictions cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GUTTER = 0.45
"""Room between the axes and the names, in inches, in which the leaders spread."""
ADVICE = (
    "Times are those of one machine, and only advise. Line and bold names: no other method is as cheap and as good."
)
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def front(cost: Array, score: Array) -> Array:
    """Mark the methods (K,) that no other one beats in one of cost and score without losing in the other.

    Lower is better in both; equals are both on the front; a method without one of the numbers is not.
    """
    cost, score = np.asarray(cost, dtype=float), np.asarray(score, dtype=float)
    no_worse = (cost[:, None] <= cost) & (score[:, None] <= score)
    better = (cost[:, None] < cost) | (score[:, None] < score)
    return np.isfinite(cost) & np.isfinite(score) & ~(no_worse & better).any(axis=0)


@style.look()
def pareto(
    names: Sequence[str],
    seconds: Array,
    score: Array,
    *,
    contenders: Array | None = None,
    label: str = "mean rank",
    title: str = "",
) -> Figure:
    """Draw a score (K,), lower is better, against the seconds (K,) of prediction on a logarithmic axis.

    A step line joins the methods of the `front`, whose names are bold. Names stand at the right in the order of the
    score, each with a leader to its point. A method that costs nothing stands at the left end, at 0; one without a
    score or seconds, or outside the mask `contenders` (K,), is named in the caption. Seconds depend on the machine:
    they advise, they do not rank.

    Raises:
        BenchError: no contender has both numbers.
    """
    seconds, score = np.asarray(seconds, dtype=float), np.asarray(score, dtype=float)
    known = np.isfinite(seconds) & np.isfinite(score) & (seconds >= 0)
    drawn = known & style.mask_of(contenders, len(names))
    if not drawn.any():
        raise BenchError("no method has both a score and seconds: there is nothing to draw")
    ranked = [int(k) for k in np.argsort(np.where(drawn, score, np.inf), kind="stable") if drawn[k]]
    reference = [int(k) for k in np.flatnonzero(known & ~drawn)]
    order = np.array(ranked[: style.MOST_METHODS])
    best = front(seconds[order], score[order])
    caption = style.join_sentences(
        [
            ADVICE,
            style.name_reference([names[k] for k in reference], [f"{score[k]:.2f}" for k in reference]),
            style.name_missing([names[k] for k in range(len(names)) if not known[k]], "seconds or a score"),
            style.count_drawn(len(order), len(ranked), "methods"),
        ]
    )
    labels = [
        style.break_lines(names[k], style.NAME, style.SIZE, bold=bool(on)) for k, on in zip(order, best, strict=True)
    ]
    middles, height = style.row_middles(labels, gap=0.03)
    rows, height = height, max(height, 2.4)
    room = max(style.text_width(label, style.SIZE, bold=True) for label in labels)
    left = style.MARGIN + 0.45
    width = max(style.WIDTH, left + 2.6 + GUTTER + room + style.MARGIN)
    page = style.page(height + 0.46, title, caption, width)
    axes = page.axes(left, 0, width - left - GUTTER - room - style.MARGIN - 0.05, height)
    x = _cost_axis(axes, seconds[order])
    _points(axes, x, score[order], best)
    _score_axis(axes, score[order], label)
    first, last = axes.get_ylim()[::-1]
    level = (score[order] - first) / (last - first)
    _write_names(axes, labels, (x, level), _spread_labels(level * height, middles, height - rows) / height, best)
    page.figure.draw_without_rendering()
    return page.figure


def _spread_labels(wanted: Array, middles: Array, free: float) -> Array:
    """Return places in the order of rows, as near as can be to those wanted, all in inches from the top.

    `middles` are the places of the rows one under another, `free` is the room left below them: the move of each row,
    which may not fall from row to row, is the isotonic regression of the moves wanted.
    """
    from scipy.optimize import isotonic_regression

    return middles + np.clip(isotonic_regression(wanted - middles).x, 0, free)


def _cost_axis(axes: Axes, seconds: Array) -> Array:
    """Set up the axis of seconds; return the place of every method on it, what costs nothing at the left end."""
    paid = seconds[seconds > 0]
    low, high = (np.log10(paid.min()), np.log10(paid.max())) if len(paid) else (-3.0, -2.0)
    # some room beside the points, and at least one decade
    short, margin = max(1 - (high - low), 0) / 2, 0.06 * max(high - low, 1)
    first, last = low - short - margin, high + short + margin
    ticks = [tick for tick in _decades(first, last) if first <= tick <= last]
    labels = [_write_seconds(tick) for tick in ticks]
    if (seconds == 0).any():
        zero = first - 0.12 * (last - first)
        ticks, labels = [zero, *ticks], ["0", *labels]
        axes.axvline(first - 0.05 * (last - first), color=style.GREY, lw=0.6, ls=":")
        first = zero - 0.05 * (last - first)
    else:
        zero = first
    axes.set_xlim(first, last)
    axes.set_xticks(ticks, labels)
    axes.set_xlabel("time to predict, geometric mean over tasks")
    with np.errstate(divide="ignore"):
        return np.where(seconds > 0, np.log10(seconds), zero)


def _decades(first: float, last: float) -> list[float]:
    """Return where ticks stand: at 1, 2 and 5 of every decade where there are few, else at every decade or so."""
    powers = range(int(np.floor(first)), int(np.ceil(last)) + 1)
    digits = (1, 2, 5) if last - first < 2.5 else (1,)
    step = max(1, round((last - first) / 8))
    return [power + float(np.log10(digit)) for power in powers if power % step == 0 for digit in digits]


def _write_seconds(tick: float) -> str:
    """Write 10^tick seconds in the unit that suits."""
    value = 10.0**tick
    size, unit = next((size, unit) for size, unit in (*UNITS, (0.0, "")) if value >= size * 0.999)
    return f"{value / size:.3g} {unit}" if size else f"{value:.0e} s"


def _score_axis(axes: Axes, score: Array, label: str) -> None:
    """Set up the axis of scores, the best at the top."""
    low, high = float(score.min()), float(score.max())
    margin = 0.06 * (high - low) if high > low else 0.5
    axes.set_ylim(high + margin, low - margin)
    axes.set_yticks(*style.even_ticks(low - margin, high + margin, most=8))
    axes.set_ylabel(f"{label} (better is up)")
    axes.grid(axis="x", color=style.RULE, lw=0.5)
    axes.set_axisbelow(True)


def _points(axes: Axes, x: Array, score: Array, best: Array) -> None:
    """Draw the points and the steps of the front."""
    corner = np.lexsort((score[best], x[best]))
    steps = x[best][corner], score[best][corner]
    axes.step(*steps, where="post", color=style.ORANGE, lw=1.2, gid="front", zorder=3)
    axes.plot(x[~best], score[~best], "o", ms=4, color=style.BLUE, mec="white", mew=0.4, zorder=4)
    axes.plot(x[best], score[best], "D", ms=4.6, color=style.ORANGE, mec="white", mew=0.4, zorder=5)


def _write_names(axes: Axes, labels: Sequence[str], points: tuple[Array, Array], places: Array, best: Array) -> None:
    """Write the names at the right, each with a leader to its point: level inside the axes, slanting in the gutter.

    Heights of points and places of names are shares of the axes' height, from the top.
    """
    inches = axes.bbox.width / axes.figure.dpi
    across = GUTTER / inches
    first, last = axes.get_xlim()
    for label, x, level, place, on in zip(labels, *points, places, best, strict=True):
        start = (x - first) / (last - first)
        axes.plot(
            [start, 1, 1 + 0.85 * across], [1 - level, 1 - level, 1 - place], transform=axes.transAxes, clip_on=False,
            color=style.ORANGE if on else style.GREY, alpha=0.6, lw=0.5, zorder=2,
        )  # fmt: skip
        axes.text(
            1 + across, 1 - place, label, transform=axes.transAxes, va="center", weight="bold" if on else "normal"
        )
