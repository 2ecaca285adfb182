"""Ranked boards as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.core.tables import csv_text
from bench.methods.boards import board_order
from bench.report.leaderboards.columns import Column, all_columns
from bench.report.leaderboards.significance import PAIR_COLUMNS, pairwise
from bench.report.leaderboards.slices import slice_order
from bench.report.leaderboards.standing import Standing

TASK_COLUMNS = ("board", "metric", "direction", "panel", "slice", "task_id")
"""Columns of a table of tasks before those of its methods."""


def table_of(standings: Iterable[Standing]) -> pd.DataFrame:
    """Return the leaderboards of some boards as one table, in the order of lists, the best first in each."""
    return join_boards((standing, all_columns()) for standing in standings)


def join_boards(boards: Iterable[tuple[Standing, Sequence[Column]]]) -> pd.DataFrame:
    """Return some boards as one table, each with the given columns filled in and the others empty."""
    columns = all_columns()
    parts: dict[str, list[Any]] = {column.name: [] for column in columns}
    for standing, filled in boards:
        K, names = len(standing.grid.methods), {column.name for column in filled}
        for column in columns:
            parts[column.name].append(_one_each(column.values(standing), K) if column.name in names else [None] * K)
    joined = pd.DataFrame({name: list(chain.from_iterable(values)) for name, values in parts.items()})
    for name in ("position", "position_lo", "position_hi"):
        joined[name] = joined[name].astype("Int64")
    order, part = joined["board"].map(board_order), joined["slice"].map(slice_order)
    sort = ["order", "board", "metric", "panel", "part", "position", "method"]
    sorted_ = joined.assign(order=order, part=part).sort_values(sort, kind="stable", ignore_index=True)
    return sorted_.drop(columns=["order", "part"])


def _one_each(values: Any, K: int) -> list[Any]:
    """Return the values of a column as a list, one value for all being repeated."""
    return [values] * K if np.ndim(values) == 0 else [None if value is pd.NA else value for value in values]


def score_table(standings: Iterable[Standing]) -> pd.DataFrame:
    """Return the mean score of every method on every task, a row a task and a column a method, in the metric's unit.

    Boards, metrics, panels and slices stand one below the other, methods in the order of the first board that has them.
    """
    rows = [row for standing in standings for row in _task_rows(standing)]
    names = dict.fromkeys(chain(TASK_COLUMNS, *rows))
    return pd.DataFrame(rows, columns=list(names))


def _task_rows(standing: Standing) -> list[dict[str, Any]]:
    """Return one row a task, the methods from the best to the worst, as the scores came: without any missing rule."""
    scores, key = standing.scores, standing.key
    order = np.argsort(np.nan_to_num(standing.mean_rank, nan=np.inf), kind="stable")
    place = {scores.methods.index(standing.grid.methods[k]): None for k in order}
    means, tasks = _mean_values(standing), scores.blocks.tasks.keys["task_id"]
    return [
        {
            "board": key.board, "metric": key.metric, "direction": scores.direction, "panel": key.panel,
            "slice": key.slice, "task_id": task, **{scores.methods[k]: mean[k] for k in place},
        }
        for task, mean in zip(tasks, means, strict=True)
    ]  # fmt: skip


def _mean_values(standing: Standing) -> Array:
    """Return the mean score by task (T, K), NaN where a block is missing."""
    scores = standing.scores
    return scores.average(scores.blocks.task, scores.blocks.tasks).value


def pairwise_table(standings: Iterable[Standing], rope: float | None = None) -> pd.DataFrame:
    """Return every pair of contenders of some boards; see `significance.pairwise`."""
    return join_pairs((standing, pairwise(standing, rope)) for standing in standings)


def join_pairs(pairs: Iterable[tuple[Standing, pd.DataFrame]]) -> pd.DataFrame:
    """Return the pairs of some boards as one table; columns that a board lacks are empty."""
    parts = [table.assign(**standing.key._asdict()) for standing, table in pairs if len(table)]
    return (
        pd.concat(parts, ignore_index=True).reindex(columns=list(PAIR_COLUMNS))
        if parts
        else pd.DataFrame(columns=list(PAIR_COLUMNS))
    )


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV text."""
    return csv_text([str(name) for name in table.columns], _rows(table))


def csv_by(table: pd.DataFrame, names: Sequence[str]) -> dict[tuple[str, ...], str]:
    """Return the CSV text of each part of a table that has the same values in some columns; every row is written once.

    The parts stand in the order of their first rows.
    """
    columns = [str(name) for name in table.columns]
    head, parts = csv_text(columns, []), dict[tuple[str, ...], list[str]]()
    for row in _rows(table):
        part = parts.setdefault(tuple(str(row[name]) for name in names), [head])
        part.append(csv_text(columns, [row]).removeprefix(head))
    return {key: "".join(texts) for key, texts in parts.items()}


def _rows(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table by column."""
    names = [str(name) for name in table.columns]
    for row in zip(*(table[name].tolist() for name in table), strict=True):
        yield dict(zip(names, row, strict=True))
