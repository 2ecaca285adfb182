"""Seconds of BASE and NEW side by side: advice, never a verdict."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bench.core.tables import read_numbers, texts
from bench.report.comparison.report import TIMING, empty_table
from bench.report.comparison.side import ComparedSide

SECONDS = ("fit_seconds", "weigh_seconds", "predict_seconds")
CELL = ["board", "task_id", "panel", "repeat", "fold", "learner", "method"]


def timing(base: ComparedSide, new: ComparedSide) -> tuple[pd.DataFrame, list[str]]:
    """Return the seconds of every board over the cells that both sides timed, and what to keep in mind about them."""
    if base.timing is None or new.timing is None:
        side = "BASE" if base.timing is None else "NEW"
        return empty_table(TIMING), [f"timing: {side} has no timing.csv beside its scores"]
    table = pd.DataFrame(list(_rows(base.timing, new.timing)), columns=list(TIMING))
    notes = ["timing is advice alone: it never changes the exit code"]
    if base.cpu != new.cpu:
        notes.append(f"timing: the CPUs differ, {base.cpu or 'unknown'} and {new.cpu or 'unknown'}")
    return table, notes


def _rows(base: pd.DataFrame, new: pd.DataFrame) -> Iterator[tuple[str, str, int, float, float, float]]:
    for seconds in SECONDS:
        left, right = (_seconds_by_cell(side, seconds) for side in (base, new))
        both = left.merge(right, on=CELL, suffixes=("_base", "_new")).dropna()
        for board, part in both.groupby("board"):
            total = [float(part[f"seconds_{side}"].sum()) for side in ("base", "new")]
            ratio = total[1] / total[0] if total[0] > 0 else float("nan")
            yield str(board), seconds, len(part), total[0], total[1], ratio


def _seconds_by_cell(table: pd.DataFrame, column: str) -> pd.DataFrame:
    keys = {key: texts(table[key]) if key in table else "" for key in CELL}
    values = read_numbers(table[column], "timing.csv") if column in table else np.nan
    found = pd.DataFrame({**keys, "seconds": values}, index=pd.RangeIndex(len(table)))
    return found.drop_duplicates(CELL)
