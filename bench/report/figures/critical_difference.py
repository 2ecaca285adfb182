"""Critical-difference diagram: mean ranks on an axis, bars over methods that cannot be told apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.core.text import figure as figure_text
from bench.report.figures import style
from bench.stats.letters import letters
from bench.stats.tables import too_few

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXIS = 2.9
"""Least length of the axis in inches."""
BAR = 0.11
"""Distance between bars in inches."""
NUMBER = 0.36
"""Room for a mean rank beside its name, in inches."""
Group = Sequence[int]


def alike_groups(alike: Array, mean_rank: Array) -> list[list[int]]:
    """Return the largest sets of methods no two of which can be told apart, those of the letters on the board.

    `alike` (K, K) marks pairs that cannot be told apart; methods without a rank are in no set.
    """
    order = [int(k) for k in np.argsort(mean_rank, kind="stable") if np.isfinite(mean_rank[k])]
    return groups_of_letters(letters(~np.asarray(alike, dtype=bool), np.array(order, dtype=int)), mean_rank)


def groups_of_letters(texts: Sequence[str], mean_rank: Array) -> list[list[int]]:
    """Return the methods that share each letter of a compact letter display (K,), those of one method left out."""
    found: dict[str, list[int]] = {}
    for k in map(int, np.argsort(mean_rank, kind="stable")):
        for letter in re.findall(r"[A-Z][a-z]+|[A-Za-z]", texts[k]):
            found.setdefault(letter, []).append(k)
    return [members for members in found.values() if len(members) > 1]


@style.look()
def critical_difference(
    names: Sequence[str],
    mean_rank: Array,
    groups: Sequence[Group] = (),
    *,
    tasks: int,
    test: str,
    difference: float | None = None,
    contenders: Array | None = None,
    title: str = "",
) -> Figure:
    """Draw mean ranks (K,) of methods on an axis, the best at the left.

    A bar joins each of `groups`, lists of methods that `test` cannot tell apart (see `alike_groups`); its dots are the
    members, so that a method between them that does differ has none. Under six tasks there are no bars. `difference` is
    the critical difference of a test that has one, drawn as a ruler. Methods outside the mask `contenders` (K,) and
    those without a rank are named in the caption. No `test` means that the scores allow none.
    Source: Demšar (2006), Statistical comparisons of classifiers over multiple data sets.

    Raises:
        BenchError: no contender has a rank.
    """
    mean_rank, contends = np.asarray(mean_rank, dtype=float), style.mask_of(contenders, len(names))
    known = [int(k) for k in np.argsort(mean_rank, kind="stable") if np.isfinite(mean_rank[k])]
    ranked = [k for k in known if contends[k]]
    reference = [k for k in known if not contends[k]]
    if not ranked:
        raise BenchError("no method has a mean rank: there is nothing to draw")
    order = ranked[: style.MOST_METHODS]
    few = too_few(tasks) or ("" if test else "the scores allow no test")
    joined = (
        [] if few else [group for group in ([k for k in group if k in order] for group in groups) if len(group) > 1]
    )
    caption = style.join_sentences(
        [
            f"Mean ranks over {tasks} task{'s' * (tasks != 1)}, 1 is best.",
            _verdict(few, test, joined, len(order)),
            style.name_reference([names[k] for k in reference], [f"{mean_rank[k]:.2f}" for k in reference]),
            style.name_missing([names[k] for k in range(len(names)) if k not in known], "a rank"),
            style.count_drawn(len(order), len(ranked), "methods"),
        ]
    )
    return _draw_diagram(
        [figure_text(name) for name in names],
        mean_rank,
        order,
        groups=joined,
        difference=None if few else difference,
        title=title,
        caption=caption,
    )


def _verdict(few: str, test: str, joined: Sequence[Group], K: int) -> str:
    if few:
        return f"No bars: {few}."
    if joined:
        return f"Dots on one bar cannot be told apart ({test})."
    return f"Every two methods differ ({test})." if K > 1 else ""


def _draw_diagram(
    names: Sequence[str],
    mean_rank: Array,
    order: list[int],
    *,
    groups: Sequence[Group],
    difference: float | None,
    title: str,
    caption: str,
) -> Figure:
    """Lay out and draw the diagram; everything is in inches."""
    half = (len(order) + 1) // 2
    sides = order[:half], order[half:][::-1]
    labels = [[style.break_lines(names[k], style.NAME, style.SIZE) for k in side] for side in sides]
    room = [style.label_width(side) + (NUMBER + 0.14 if side else 0.14) for side in labels]
    width = max(style.WIDTH, sum(room) + AXIS + 2 * style.MARGIN)
    start, end = style.MARGIN + room[0], width - style.MARGIN - room[1]
    inset = 0.16
    lowest, highest = _rank_span(mean_rank[order])
    place = {k: start + inset + (mean_rank[k] - lowest) / (highest - lowest) * (end - start - 2 * inset) for k in order}
    line = 0.24 if difference is None else 0.6
    levels = _bar_levels(groups, place)
    below = line + 0.1 + BAR * (max(levels, default=-1) + 1) + 0.06
    middles = [style.row_middles(side) for side in labels]
    body = below + max(height for _, height in middles)
    page = style.page(body, title, caption, width)
    axes = page.canvas(body)
    _axis(axes, (start + inset, end - inset), (lowest, highest), line)
    if difference is not None:
        longest = end - start - 2 * inset
        _ruler(axes, start + inset, difference * longest / (highest - lowest), longest, difference)
    for side, texts, (rows, _), edge, sign in zip(sides, labels, middles, (start, end), (-1, 1), strict=True):
        for k, text, row in zip(side, texts, below + rows, strict=True):
            axes.plot([place[k], place[k], edge], [line, row, row], color=style.ELBOW, lw=0.6, solid_joinstyle="miter")
            anchor = "right" if sign < 0 else "left"
            axes.text(
                edge + sign * 0.05,
                row,
                f"{mean_rank[k]:.2f}",
                ha=anchor,
                va="center",
                size=style.SMALL,
                color=style.GREY,
            )
            axes.text(edge + sign * (0.05 + NUMBER), row, text, ha=anchor, va="center", multialignment=anchor)
    for group, level in zip(groups, levels, strict=True):
        _bar(axes, sorted(place[k] for k in group), line + 0.1 + BAR * (level + 0.5))
    return page.figure


def _rank_span(mean_rank: Array) -> tuple[float, float]:
    """Return the whole ranks between which the axis lies, at least one apart."""
    lowest, highest = float(np.floor(mean_rank.min())), float(np.ceil(mean_rank.max()))
    return lowest, max(highest, lowest + 1)


def _bar_levels(groups: Sequence[Group], place: dict[int, float]) -> list[int]:
    """Return the level of every bar: the first one on which it touches no other."""
    ends: list[float] = []
    levels = []
    for group in groups:
        left, right = min(place[k] for k in group), max(place[k] for k in group)
        level = next((level for level, end in enumerate(ends) if end + 0.12 < left), len(ends))
        ends[level : level + 1] = [right]
        levels.append(level)
    return levels


def _axis(axes: Axes, inches: tuple[float, float], span: tuple[float, float], line: float) -> None:
    axes.plot(inches, [line, line], color=style.INK, lw=0.8, solid_capstyle="projecting")
    for tick in style.ticks(*span, most=13):
        x = inches[0] + (tick - span[0]) / (span[1] - span[0]) * (inches[1] - inches[0])
        axes.plot([x, x], [line - 0.05, line], color=style.INK, lw=0.8)
        axes.text(x, line - 0.07, f"{tick:g}", ha="center", va="bottom", size=style.SMALL)


def _ruler(axes: Axes, start: float, length: float, longest: float, difference: float) -> None:
    """Draw the critical difference as a length above the axis, if it is not longer."""
    axes.text(start, 0, f"critical difference {difference:.2f}", size=style.SMALL, va="top")
    if length <= longest:
        end = start + length
        axes.plot([start, start, start, end, end, end], [0.17, 0.27, 0.22, 0.22, 0.17, 0.27], color=style.INK, lw=0.8)


def _bar(axes: Axes, places: Sequence[float], y: float) -> None:
    axes.plot([places[0], places[-1]], [y, y], color=style.BLUE, lw=1.8, solid_capstyle="round", gid="bar", zorder=3)
    axes.plot(places, [y] * len(places), "o", color=style.BLUE, ms=3.2, mec="white", mew=0.4, zorder=4)
