"""Readers of the values that stand in a flag or in a suite: names, durations, sizes, quantile levels.

Nothing heavy is imported here: the fields that are flags name their readers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

MOST_LEVELS = 1000
"""Quantile levels at most: a step near zero would fill the memory."""


def read_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of comma lists."""
    from bench.core.selection import split_list

    return tuple(split_list(texts))


def read_seconds(text: str) -> float:
    """Read a duration such as 90s, 10m, 2h, or a number of seconds.

    Raises:
        BenchError: the text is no duration.
    """
    return _read_amount(text, {"": 1, "s": 1, "m": 60, "h": 3600}, "duration", "90s, 10m or 2h")


def read_bytes(text: str) -> int:
    """Read a size such as 500MB or 4GB, or a number of bytes; a kB is 1024 bytes.

    Raises:
        BenchError: the text is no size.
    """
    units = {"": 1, "b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}
    return int(_read_amount(text, units, "size", "500MB or 4GB"))


def _read_amount(text: str, units: Mapping[str, int], what: str, example: str) -> float:
    """Read a positive number with one of the units behind it."""
    from bench.core.nouns import BenchError

    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if not found or found[2] not in units or float(found[1]) == 0:
        raise BenchError(f"{text!r} is no {what}: write it like {example}")
    return float(found[1]) * units[found[2]]


def read_levels(text: str) -> tuple[float, ...]:
    """Read quantile levels: a comma list, or first:last:step.

    Raises:
        BenchError: a level is no number between 0 and 1, or they do not increase.
    """
    from bench.core.nouns import BenchError

    try:
        numbers = [float(part) for part in re.split("[:,]", text)]
        if ":" in text:
            first, last, step = numbers
            # 0.1:0.9:0.1 means 0.3, and not the 0.30000000000000004 that floats add up to
            steps = min(round((last - first) / step), MOST_LEVELS)
            numbers = [round(first + j * step, 10) for j in range(steps + 1)]
    except (ValueError, ZeroDivisionError, OverflowError):
        numbers = []
    if len(numbers) > MOST_LEVELS:
        raise BenchError(f"levels {text[:50]!r} are more than {MOST_LEVELS}: write fewer")
    inside = all(0 < level < 1 for level in numbers)
    if not numbers or not inside or any(a >= b for a, b in pairwise(numbers)):
        raise BenchError(
            f"levels {text!r} cannot be read: write 0.1,0.5,0.9 or 0.1:0.9:0.1, increasing, inside 0 and 1"
        )
    return tuple(numbers)
