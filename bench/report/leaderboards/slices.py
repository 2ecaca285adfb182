"""Parts of a board that are ranked by themselves: by learner, by suite, by what is known of the tasks.

The thresholded variants are such a part from the start: `prepare_scores` of `scores` marks them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from bench.core.nouns import BenchError
from bench.tasks.suites import catalogue

EDGES: dict[str, tuple[float, ...]] = {
    "n_rows": (500, 1000, 10_000, 100_000),
    "n_columns": (10, 50, 200),
    "n_classes": (3, 10),
    "imbalance": (5, 10, 50),
    "missing_share": (1e-9, 0.1),  # none at all, some, many
}
"""Where columns of numbers are cut; a value on an edge belongs to the upper part."""


def add_slices(table: pd.DataFrame, by: Sequence[str], tasks: pd.DataFrame | None) -> pd.DataFrame:
    """Return the scores with the parts that `by` cuts them into added to `slice`, `learner=knn imbalance=5-10`.

    A column of the scores or of `tasks` is taken by its values, one with `EDGES` by ranges; `suite` means the suites of
    `datasets.yaml` (the first that holds the task).

    Raises:
        BenchError: there is no such column, or it is empty for every score.
    """
    for name in by:
        values = _values(table, name, tasks).astype(object)
        part = _name_ranges(name, values) if name in EDGES else values.map(_slice_text).astype(object)
        if len(table) and (part == "").all():
            raise BenchError(f"no score has a {name!r} to slice by: choose other boards or another column")
        text = (table["slice"].astype(object) + " " + name + "=" + part).str.strip()
        table = table[part != ""].assign(slice=text[part != ""])
    return table


def slice_order(name: str) -> str:
    """Return what sorts the slice of this name: thresholded variants after the plain methods, numbers by size."""
    step, _, rest = name.partition(" ") if name.startswith("+") else ("", "", name)
    # zeros in front of a number let the order of texts be that of numbers
    return re.sub(r"\d+", lambda number: number[0].zfill(12), f"{rest}{step}".replace("=<", "= "))


def _values(table: pd.DataFrame, name: str, tasks: pd.DataFrame | None) -> pd.Series:
    """Return the values of a column, one a score."""
    if name == "suite":
        members = [(task.full, suite.name) for suite in catalogue().suites.values() for task in suite.tasks]
        return table["task_id"].map(dict(reversed(members)))
    if tasks is not None and {"task_id", name} <= set(tasks) and name != "task_id":
        return table["task_id"].map(tasks.drop_duplicates("task_id").set_index("task_id")[name].to_dict())
    column = "task_id" if name == "task" and name not in table else name
    if column in table:
        return table[column]
    known = sorted({"learner", "suite", "protocol", *(tasks.columns if tasks is not None else ())} - {"task_id"})
    raise BenchError(f"there is no column {name!r} to slice by: choose from {', '.join(known)}")


def _slice_text(value: object) -> str:
    return "" if pd.isna(value) else str(value)  # type: ignore[call-overload]


def _name_ranges(name: str, values: pd.Series) -> pd.Series:
    """Name the range that each number lies in; what is missing lies in none."""
    edges = EDGES[name]
    low = [f"<{edges[0]:g}", *(f"{a:g}-{b:g}" for a, b in pairwise(edges)), f">={edges[-1]:g}"]
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    names = np.array(low)[np.digitize(np.where(np.isnan(numbers), 0.0, numbers), edges)]
    return pd.Series(np.where(np.isnan(numbers), "", names), index=values.index)
