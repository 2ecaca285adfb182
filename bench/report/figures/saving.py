"""From figures to files: the same figure always gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.core.files import write_bytes
from bench.core.nouns import BenchError
from bench.report.figures.style import look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 200
"""Dots an inch of a PNG."""
METADATA: Mapping[str, Mapping[str, Any]] = {
    "svg": {"Creator": "bench", "Date": None},
    "png": {"Software": "bench"},
    "pdf": {"Creator": "bench", "CreationDate": None},
}
"""What a file holds about its making, by format: no date, so that the same figure is the same file."""


@look()
def figure_bytes(figure: Figure, kind: str) -> bytes:
    """Return a figure as the bytes of an SVG, PNG or PDF file.

    Raises:
        BenchError: no such format.
    """
    if kind not in METADATA:
        raise BenchError(f"figures cannot be written as {kind!r}: choose from {', '.join(METADATA)}")
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DPI, metadata=dict(METADATA[kind]), facecolor="white")
    return buffer.getvalue()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure atomically, in the format that the file's name ends with.

    Raises:
        BenchError: the name ends with no known format.
    """
    write_bytes(path, figure_bytes(figure, path.suffix.removeprefix(".").lower()))
