"""The look that all figures share: sizes in inches, fonts, colours, text that is measured before it is placed.

Figures are laid out by hand in inches from the top left: what is measured neither overlaps nor is clipped, and the same
input gives the same bytes. Nothing here touches pyplot or settings that outlive a call.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.core.nouns import Array
from bench.core.text import figure as figure_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 6.9
"""Width of a figure in inches, that of the text on a page; where names need more, a figure grows."""
NAME = 2.2
"""Names wider than so many inches go on over several lines."""
MARGIN = 0.12
"""Room around all that is drawn, in inches."""
MOST_METHODS = 100
"""Up to so many methods are drawn: a page with more cannot be read."""
TITLE_WIDTH = 0.95
"""Share of the width that a title fills: at few dots an inch bold letters are rounded up to whole dots."""
SIZE, SMALL, TINY = 8.0, 7.0, 5.5
"""Sizes of type in points."""
INK, GREY, ELBOW, RULE = "#1a1a1a", "#5f5f5f", "#8c8c8c", "#d4d4d4"
BLUE, ORANGE, PALE = "#0072B2", "#D55E00", "#C6DDEC"
"""Colours of Okabe and Ito (2008), Color Universal Design: told apart by people who are colour-blind."""
FONTS = ("DejaVu Sans", "STIXGeneral", "DejaVu Sans Mono", "DejaVu Serif")
"""Fonts that come with matplotlib, so that a figure is the same everywhere: each letter is of the first with it."""
STYLE: dict[str, Any] = {
    "font.family": [*FONTS, "sans-serif"],
    "font.size": SIZE,
    "text.color": INK,
    "text.parse_math": False,
    "text.hinting": "no_hinting",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": SIZE,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": SIZE,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
    "pdf.fonttype": 42,
}
OUTLIVES = (
    "backend",
    "interactive",
    "toolbar",
    "timezone",
    "webagg",
    "savefig.directory",
    "date.epoch",
    "figure.hooks",
)
"""Settings of matplotlib that belong to a program, not to a look."""


@contextmanager
def look() -> Iterator[None]:
    """Draw with the settings of this module, whatever the user's own are; also a decorator."""
    import matplotlib as mpl

    settings: dict[Any, Any] = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith(OUTLIVES)} | STYLE
    with mpl.rc_context(settings), warnings.catch_warnings():
        # a warning a letter; `name_undrawable` says it in one sentence
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font|Matplotlib currently does not support")
        yield


@dataclass(frozen=True)
class Page:
    """A figure with a title above and a caption below; its body is placed in inches from the body's top left."""

    figure: Figure
    width: float
    height: float
    top: float

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes at a place of the body, in inches."""
        bottom = self.height - self.top - top - height
        box = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def canvas(self, height: float) -> Axes:
        """Add axes without a frame over the body; their coordinates are inches from its top left."""
        axes = self.axes(0, 0, self.width, height)
        axes.set_xlim(0, self.width)
        axes.set_ylim(height, 0)
        axes.set_axis_off()
        return axes


def page(body: float, title: str, caption: str, width: float = WIDTH) -> Page:
    """Return a figure with room for a body `body` inches high between its title and its caption.

    The first line of `title` is bold; what follows it stands below, small and grey.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    inner = width - 2 * MARGIN
    first, _, rest = title.partition("\n")
    head, below = break_lines(first, inner * TITLE_WIDTH, SIZE + 1, bold=True), break_lines(rest, inner, SMALL)
    foot = break_lines(caption, inner, SMALL)
    under_head = MARGIN + (text_height(head, SIZE + 1) + 0.03 if head else 0)
    top = under_head + (text_height(below, SMALL) if below else 0) + (0.1 if head or below else 0)
    height = top + body + (0.1 + text_height(foot, SMALL) if foot else 0) + MARGIN
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    left = MARGIN / width
    if head:
        figure.text(left, 1 - MARGIN / height, head, size=SIZE + 1, weight="bold", va="top")
    if below:
        figure.text(left, 1 - under_head / height, below, size=SMALL, color=GREY, va="top")
    if foot:
        figure.text(left, MARGIN / height, foot, size=SMALL, color=GREY, va="bottom")
    return Page(figure, width, height, top)


def break_lines(text: object, width: float, size: float, *, bold: bool = False) -> str:
    """Break a text into lines of at most `width` inches: after spaces and joints of names, else anywhere."""
    lines, line = [], ""
    for piece in re.split(r"(?<=[\s,:=_/])|(?=\+)", figure_text(text)):
        rest = piece
        if line and text_width((line + rest).rstrip(), size, bold=bold) > width:
            lines.append(line.rstrip())
            line = ""
        while text_width(rest.rstrip(), size, bold=bold) > width and len(rest) > 1:
            cut = _cut_length(rest, width, size, bold=bold)
            lines.append(rest[:cut])
            rest = rest[cut:]
        line += rest
    return "\n".join([*lines, line.rstrip()])


def _cut_length(text: str, width: float, size: float, *, bold: bool) -> int:
    """Return how many letters of a text that is too wide go on a line: up to a hyphen if one fits, at least one."""
    cut = len(text) - 1
    while cut > 1 and text_width(text[:cut], size, bold=bold) > width:
        cut -= 1
    return text.rfind("-", 0, cut) + 1 or cut


@cache
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text in inches, that of its longest line."""
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family=list(FONTS), size=size, weight="bold" if bold else "normal")
    with look():
        widths = [
            _renderer().get_text_width_height_descent(line or " ", font, ismath=False)[0] for line in text.split("\n")
        ]
    return max(widths) / MEASURE_DPI


MEASURE_DPI = 288
"""Dots an inch at which text is measured."""


@cache
def _renderer() -> Any:
    from matplotlib.backends.backend_agg import RendererAgg

    return RendererAgg(1, 1, MEASURE_DPI)  # type: ignore[no-untyped-call]


def text_height(text: str, size: float) -> float:
    """Return the height of a text in inches, whatever its letters."""
    return (text.count("\n") + 1) * size * 1.2 / 72


def row_middles(labels: Sequence[str], size: float = SIZE, gap: float = 0.045) -> tuple[Array, float]:
    """Return the middles of rows that hold these labels, in inches from the top, and the height of all of them."""
    heights = np.array([text_height(label, size) + gap for label in labels])
    return np.cumsum(heights) - heights / 2, float(heights.sum())


def label_width(labels: Sequence[str], size: float = SIZE) -> float:
    """Return the width of the widest label in inches; none have no width."""
    return max((text_width(label, size) for label in labels), default=0.0)


def ticks(low: float, high: float, most: int = 10) -> Array:
    """Return whole numbers from `low` to `high` in even steps, at most `most` or so."""
    span = max(high - low, 1)
    step = next(
        step for power in range(9) for step in (1 * 10**power, 2 * 10**power, 5 * 10**power) if span / step < most
    )
    first = int(np.ceil(low / step) * step)
    return np.arange(first, high + 1e-9, step)


def even_ticks(low: float, high: float, most: int = 6) -> tuple[Array, list[str]]:
    """Return round numbers inside an interval in even steps, at most `most`, and how they are written."""
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(size for size in (1, 2, 2.5, 5, 10, 20) if size * power >= rough * (1 - 1e-9))
    found = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    return found, [f"{value + 0.0:.10g}".replace("-", "\N{MINUS SIGN}") for value in found]


def join_sentences(parts: Sequence[str]) -> str:
    """Join the sentences of a caption; empty ones are left out."""
    return " ".join(part for part in parts if part)


def name_missing(names: Sequence[str], what: str, shown: int = 5) -> str:
    """Return a sentence that names the methods not drawn because they have no `what`; empty for none."""
    listed = ", ".join(map(figure_text, names[:shown]))
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"Not drawn, without {what}: {listed}{more}." if names else ""


def name_undrawable(names: Iterable[str], shown: int = 5) -> str:
    """Return a sentence that names those with letters that no font of figures has; empty for none."""
    letters = _drawable_letters()
    lacking = [name for name in map(figure_text, dict.fromkeys(names)) if not letters.issuperset(map(ord, name))]
    more = f" and {len(lacking) - shown} more" if len(lacking) > shown else ""
    listed = ", ".join(lacking[:shown])
    return f"No font has all letters of {listed}{more}: PNG and PDF show boxes, SVG keeps the text." if lacking else ""


@cache
def _drawable_letters() -> frozenset[int]:
    """Return the code points of which one of the fonts has a glyph."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset().union(*(get_font(findfont(name)).get_charmap() for name in FONTS))


def name_reference(names: Sequence[str], numbers: Sequence[str]) -> str:
    """Return a sentence with the numbers of methods that are no contenders; empty for none."""
    listed = ", ".join(f"{figure_text(name)} {number}" for name, number in zip(names, numbers, strict=True))
    return f"For reference, not on the axis and in no test: {listed}." if listed else ""


def mask_of(contenders: Array | None, K: int) -> Array:
    """Return a mask (K,) of the methods that compete: all where none is given."""
    return np.ones(K, dtype=bool) if contenders is None else np.asarray(contenders, dtype=bool)


def count_drawn(drawn: int, there: int, what: str) -> str:
    """Return a sentence with how many of many are drawn; empty where all are."""
    return f"The first {drawn} of {there:,} {what}." if drawn < there else ""
