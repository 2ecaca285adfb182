"""Columns of a leaderboard: one registered function a column, `name(standing) -> values (K,)`.

Next of its kind: one function at the end of `built_in`, or a plug-in of a user; printing, exports, docs and the files
read the registry. `leaderboard.csv` is append-only, so the order of definition is the order of its columns.
"""

from __future__ import annotations

from bench.report.leaderboards.columns import built_in  # before any plug-in, whose columns come behind these
from bench.report.leaderboards.columns.registry import (
    Column,
    ColumnFunction,
    ColumnOptions,
    all_columns,
    column_names,
    columns_for_people,
    register,
    registry,
)

__all__ = [
    "Column",
    "ColumnFunction",
    "ColumnOptions",
    "all_columns",
    "built_in",
    "column_names",
    "columns_for_people",
    "register",
    "registry",
]
