"""Whether two results of a cell are the same: bit for bit, within a tolerance, or not."""

from __future__ import annotations

import math
from typing import Any, Literal

from bench.runner.records import CellResult

Verdict = Literal["bit-identical", "within tolerance", "different", "not checked"]


def compare_results(before: CellResult, now: CellResult, tolerance: float) -> tuple[Verdict, str]:
    """Return whether a cell came to the same, and the metric that differs most if it did not.

    A difference is within tolerance if it is that small, or that share of the larger number.
    """
    if before.status != now.status:
        return "different", f"it ended as {now.status} ({now.ending.detail}), and as {before.status} before"
    pairs = {
        f"{metric} ({sample})": (_number(value), _number(now.scores[sample][metric]))
        for sample, scores in before.scores.items()
        for metric, value in scores.items()
        if metric in now.scores.get(sample, {})
    }
    different = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if not different:
        return "bit-identical", ""
    name = max(different, key=lambda each: _distance(*different[each]))
    text = f"{name} is {different[name][1]}, and was {different[name][0]}"
    close = all(_is_close(*pair, tolerance) for pair in different.values())
    return ("within tolerance", f"{text} (tolerance {tolerance:g})") if close else ("different", text)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _is_close(before: float | None, now: float | None, tolerance: float) -> bool:
    if before is None or now is None:
        return False
    return math.isclose(before, now, rel_tol=tolerance, abs_tol=tolerance)


def _distance(before: float | None, now: float | None) -> float:
    if before is None or now is None or not (math.isfinite(before) and math.isfinite(now)):
        return math.inf
    return abs(before - now) / max(abs(before), abs(now), 1.0)
