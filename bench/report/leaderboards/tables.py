"""Ranked boards as tables."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from bench.core.tables import csv_text
from bench.methods.boards import board_order, own_metrics
from bench.report.leaderboards.columns import all_columns, column_names
from bench.report.leaderboards.significance import PAIR_COLUMNS, pairwise
from bench.report.leaderboards.slices import slice_order
from bench.report.leaderboards.standing import Standing


def table_of(standings: Iterable[Standing]) -> pd.DataFrame:
    """Return the leaderboards of some boards as one table, in the order of lists, the best first in each."""
    columns = all_columns()
    parts = [pd.DataFrame({column.name: column.values(standing) for column in columns}) for standing in standings]
    joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(column_names()))
    joined["position"] = joined["position"].astype("Int64")
    order, part = joined["board"].map(board_order), joined["slice"].map(slice_order)
    sort = ["order", "board", "metric", "panel", "part", "position", "method"]
    sorted_ = joined.assign(order=order, part=part).sort_values(sort, kind="stable", ignore_index=True)
    return sorted_[list(column_names())]


def pairwise_table(standings: Iterable[Standing], rope: float | None = None) -> pd.DataFrame:
    """Return every pair of methods of some boards; see `significance.pairwise`."""
    parts = [pairwise(standing, rope).assign(**standing.key._asdict()) for standing in standings]
    parts = [part for part in parts if len(part)]
    columns = list(PAIR_COLUMNS)
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def keep_own_metrics(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that are in the own metric of their board (see `boards.own_metrics`)."""
    boards = table["board"] if "board" in table else [""] * len(table)
    pairs = list(zip(boards, table["metric"], strict=True))
    own = own_metrics(pairs)
    return table[[pair in own for pair in pairs]]


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV text."""
    names = [str(name) for name in table.columns]
    rows = (dict(zip(names, row, strict=True)) for row in table.itertuples(index=False))
    return csv_text(names, rows)
