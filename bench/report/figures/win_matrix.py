"""Win matrix: on which share of the tasks one method beats another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.core.text import figure as figure_text
from bench.report.figures import style
from bench.report.leaderboards.standing import Replication

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

LEAST_CELL, MOST_CELL = 0.155, 0.4
"""Side of a cell in inches."""
COLOURS = ("#B35806", "#FDB863", "#F7F7F7", "#92C5DE", "#0B5A94")
"""From none won to all won, light in the middle: orange and blue are told apart by people who are colour-blind."""
LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in the brightness of a colour (ITU-R BT.709)."""

SHARES: Mapping[Replication, str] = {
    "task": "Percent of tasks on which the row beats the column, ties half.",
    "split": "Percent of splits on which the row beats the column, every task counted once, ties half.",
}
"""What the numbers are, by what is ranked."""


@style.look()
def win_matrix(
    names: Sequence[str],
    share: Array,
    mean_rank: Array | None = None,
    *,
    contenders: Array | None = None,
    replication: Replication = "task",
    title: str = "",
) -> Figure:
    """Draw the share of tasks (K, K) on which the row beats the column, ties half, in percent where there is room.

    Methods stand in the order of `mean_rank`, of the mean share without it, and have the same number in rows and
    columns; those outside the mask `contenders` (K,) stand last. A pair that never met is grey. Where splits are ranked
    (`replication`) shares are of splits, every task counted once.

    Raises:
        BenchError: there is no method.
    """
    share = np.array(share, dtype=float).reshape(len(names), len(names))
    np.fill_diagonal(share, np.nan)
    if not names:
        raise BenchError("there is no method: there is nothing to draw")
    contends = style.mask_of(contenders, len(names))
    ranked = _order_methods(share, mean_rank)
    order = np.concatenate([ranked[contends[ranked]], ranked[~contends[ranked]]])[: style.MOST_METHODS]
    shown = share[np.ix_(order, order)]
    labels = [style.break_lines(names[k], style.NAME, style.SMALL) for k in order]
    K, left = len(order), style.MARGIN + style.label_width(labels, style.SMALL) + 0.34
    side = max(min((style.WIDTH - left - style.MARGIN) / K, MOST_CELL), LEAST_CELL)
    width = max(style.WIDTH, left + K * side + style.MARGIN)
    edges = np.cumsum([0.0, *(max(side, style.text_height(label, style.SMALL) + 0.03) for label in labels)])
    caption = style.join_sentences(
        [
            SHARES[replication],
            # the diagonal is NaN
            f"Grey: never on the same {replication}." if np.isnan(shown).sum() > len(shown) else "",
            _name_last([names[k] for k in order if not contends[k]]),
            style.count_drawn(K, len(names), "methods"),
        ]
    )
    page = style.page(0.22 + edges[-1] + 0.5, title, caption, width)
    axes = page.axes(left, 0.22, K * side, edges[-1])
    middles = (edges[1:] + edges[:-1]) / 2
    _cells(axes, shown, edges)
    _write_percents(axes, shown, middles, side)
    _name_rows(axes, labels, middles, side)
    _draw_colour_scale(page.axes(left, 0.22 + edges[-1] + 0.16, min(2.0, width - left - 4 * style.MARGIN), 0.1))
    page.figure.draw_without_rendering()
    return page.figure


def _name_last(reference: Sequence[str]) -> str:
    """Return a sentence that names the methods that are no contenders; empty for none."""
    return f"Last, for reference and in no test: {', '.join(map(figure_text, reference))}." * bool(reference)


def _order_methods(share: Array, mean_rank: Array | None) -> Array:
    """Return the methods from the best on; those without a rank last."""
    known = np.isfinite(share)
    won = np.where(known, share, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    key = -won if mean_rank is None else np.asarray(mean_rank, dtype=float)
    return np.argsort(np.where(np.isfinite(key), key, np.inf), kind="stable")


def _colours() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("wins", COLOURS)


def _cells(axes: Axes, share: Array, edges: Array) -> None:
    """Colour the cells; those without a number are grey."""
    K = len(share)
    axes.set_facecolor("#E4E4E4")
    shown = np.ma.masked_invalid(share)
    axes.pcolormesh(np.arange(K + 1), edges, shown, cmap=_colours(), vmin=0, vmax=1, ec="white", lw=0.4)
    axes.set_xlim(0, K)
    axes.set_ylim(edges[-1], 0)


def _write_percents(axes: Axes, share: Array, middles: Array, side: float) -> None:
    """Write the percents into the cells, where the longest fits: white on what is dark."""
    texts = {(i, j): f"{100 * share[i, j]:.0f}" for i, j in zip(*np.nonzero(np.isfinite(share)), strict=True)}
    sizes = [
        size for size in (style.SMALL, 6.0, style.TINY) if style.label_width(list(texts.values()), size) < 0.9 * side
    ]
    colours = _colours()
    for (i, j), text in texts.items() if sizes else ():
        light = np.dot(colours(share[i, j])[:3], LUMINANCE)
        ink = "white" if light < 0.5 else style.INK
        axes.text(j + 0.5, middles[i], text, ha="center", va="center_baseline", size=sizes[0], color=ink)


def _name_rows(axes: Axes, labels: Sequence[str], middles: Array, side: float) -> None:
    """Name the rows, and number rows and columns."""
    numbers = [str(k + 1) for k in range(len(labels))]
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(len(labels)) + 0.5, numbers, fontsize=style.SMALL if side > 0.2 else style.TINY)
    axes.set_yticks(middles, numbers, fontsize=style.SMALL)
    axes.tick_params(length=0, pad=2)
    _hide_frame(axes)
    for label, y in zip(labels, middles, strict=True):
        axes.annotate(
            label, (0, y), (-0.28 * 72, 0), textcoords="offset points", ha="right", va="center", size=style.SMALL
        )


def _draw_colour_scale(axes: Axes) -> None:
    """Draw what the colours mean."""
    shades = np.linspace(0.01, 0.99, 50)[None]
    axes.pcolormesh(np.linspace(0, 1, 51), [0, 1], shades, cmap=_colours(), vmin=0, vmax=1, ec="face", lw=0.3)
    axes.set_yticks([])
    axes.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    _hide_frame(axes)


def _hide_frame(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
