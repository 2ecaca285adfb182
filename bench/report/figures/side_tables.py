"""The tables beside the scores of a results directory: seconds and weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.core.tables import decode_table, read_numbers

NUMBERS = ("predict_cost", "value")


def read_side_table(root: Path, name: str) -> pd.DataFrame | None:
    """Return a table of a results directory, names as text, or None where it is not there or empty."""
    file = root / f"{name}.csv"
    if not root.is_dir() or not file.is_file():
        return None
    table = decode_table(file.read_bytes(), str(file))
    numbers = {name: read_numbers(table[name], str(file)) for name in NUMBERS if name in table}
    return table.assign(**numbers) if len(table) else None


def rows_of_board(table: pd.DataFrame, board: str, panel: str) -> pd.DataFrame:
    """Return the rows of one board and panel."""
    return table[(table["board"] == board) & (table["panel"] == panel)]


def prediction_seconds(timing: pd.DataFrame, methods: Sequence[str]) -> Array:
    """Return the seconds of prediction of each method (K,): mean within a task, then geometric mean over tasks.

    Zero where a task costs nothing; NaN without any seconds.
    """
    mean = timing.groupby(["method", "task_id"])["predict_cost"].mean().dropna()
    with np.errstate(divide="ignore"):
        logs = np.log(mean)
    return np.exp(logs.groupby("method").mean()).reindex(list(methods)).to_numpy(dtype=float)
