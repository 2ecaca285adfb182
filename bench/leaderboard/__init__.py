"""From a long table of scores to leaderboards: a function from table to table.

Any table with the columns method, metric and value will do; task, board, panel, learner, repeat, fold, sample,
direction and ranked are used where they are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import metrics
from bench.boards import BOARDS
from bench.core import BenchError
from bench.files import write_text
from bench.results import board_order, csv_text
from bench.stats import ranks

COLUMNS = (
    "board", "metric", "panel", "position", "method", "completeness", "mean_rank", "win_rate", "mean_score", "tasks",
    "blocks", "missing_rule", "slice",
)  # fmt: skip
BLOCK = ["task_id", "learner", "repeat", "fold"]
DEFAULTS = {
    "board": "",
    "panel": "",
    "task_id": "",
    "learner": "",
    "repeat": 0,
    "fold": 0,
    "sample": "test",
    "n_rows": np.nan,
}
MISSING_RULE = "common"
"""Blocks that lack a score of any method of a slice are left out for all of them; `completeness` says how many."""


def leaderboard(scores: pd.DataFrame) -> pd.DataFrame:
    """Rank the methods of every board, metric, panel and slice by their mean rank.

    A block is one learner (where rows belong to one), repeat and fold of a task; ranks are averaged over blocks so that
    every task counts one. Twins of a scheme (`x+threshold` on a board with twins) are ranked in a slice of their own.

    Raises:
        BenchError: a metric's direction is not known.
    """
    table = _prepared(scores)
    keys = ["board", "metric", "panel", "slice"]
    boards = [_rank(dict(zip(keys, map(str, key), strict=True)), part) for key, part in table.groupby(keys, sort=False)]
    joined = pd.concat(boards, ignore_index=True) if boards else pd.DataFrame(columns=list(COLUMNS))
    joined["position"] = joined["position"].astype("Int64")
    order = joined["board"].map(board_order)
    sort = ["order", "board", "metric", "panel", "slice", "position", "method"]
    return joined.assign(order=order).sort_values(sort, kind="stable", ignore_index=True)[list(COLUMNS)]


def write(root: Path, board: pd.DataFrame) -> None:
    """Write `leaderboard.csv` and one small file a board and metric."""
    write_text(root / "leaderboard.csv", to_csv(board))
    for (name, metric), part in board.groupby(["board", "metric"]):
        write_text(root / "leaderboards" / f"{name}-{metric}.csv", to_csv(part))


def read(root: Path) -> pd.DataFrame:
    """Return the leaderboards that a run wrote."""
    texts = dict.fromkeys(("board", "metric", "panel", "method", "missing_rule", "slice"), str)
    return pd.read_csv(root / "leaderboard.csv", dtype=texts | {"position": "Int64"}).fillna({"panel": "", "slice": ""})


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV text."""
    names = [str(name) for name in table.columns]
    rows = (dict(zip(names, row, strict=True)) for row in table.itertuples(index=False))
    return csv_text(names, rows)


def _prepared(scores: pd.DataFrame) -> pd.DataFrame:
    """Fill in absent columns, keep what is ranked, and turn values into badness."""
    table = scores.rename(columns={"task": "task_id"}) if "task_id" not in scores else scores
    absent: dict[str, Any] = {name: value for name, value in DEFAULTS.items() if name not in table}
    table = table.assign(**absent)
    for name in (name for name in DEFAULTS if name != "n_rows" and table[name].isna().any()):
        table[name] = table[name].astype(object).where(table[name].notna(), DEFAULTS[name])
    if "ranked" in table:
        table = table[table["ranked"].astype(str).str.lower() == "true"]
    table = table[table["sample"] == "test"]
    if "direction" not in table:
        table = table.assign(direction=table["metric"].map(_direction))
    unknown = sorted(set(table["direction"].astype(str)) - {"min", "max", "target", "none"})
    if unknown:
        raise BenchError(f"direction {unknown[0]!r} is not known: write min, max, target or none")
    table = table[table["direction"] != "none"]
    try:
        value = pd.to_numeric(table["value"]).to_numpy(dtype=float)
    except (ValueError, TypeError) as error:
        raise BenchError(f"column 'value' holds a text ({error}): scores are numbers, empty where missing") from error
    return table.assign(value=value, badness=_badness(table, value), slice=_slices(table))


def _direction(metric: str) -> str:
    found = metrics.traits(metric)
    if found is None:
        raise BenchError(f"nothing says whether metric {metric!r} is better high or low: add a column 'direction'")
    return found.direction


def _badness(table: pd.DataFrame, value: np.ndarray) -> np.ndarray:
    """Return what is better when lower: the value, its negative, or its distance from the goal."""
    direction = table["direction"].to_numpy()
    goal = table["metric"].map(_goal).to_numpy(dtype=float)
    return np.select([direction == "max", direction == "target"], [-value, np.abs(value - goal)], value)


def _goal(metric: str) -> float:
    found = metrics.traits(metric)
    return np.nan if found is None or found.goal is None else found.goal


def _slices(table: pd.DataFrame) -> pd.Series:
    """Name the slice of a row: the twin's step, or nothing."""
    twins = {name: f"+{board.twin}" for name, board in BOARDS.items() if board.twin}
    twin = table["board"].map(twins).fillna("").astype(str)
    is_twin = [bool(step) and str(name).endswith(step) for name, step in zip(table["method"], twin, strict=True)]
    return twin.where(pd.Series(is_twin, index=table.index), "")


def _rank(key: dict[str, str], part: pd.DataFrame) -> pd.DataFrame:
    """Rank the methods of one board, metric, panel and slice."""
    part = part[~_undefined(part)]
    block = part.groupby(BLOCK, sort=False).ngroup().to_numpy()
    column, names = pd.factorize(part["method"], sort=True)
    badness = _spread(block, column, part["badness"].to_numpy())
    answered = ~np.isnan(badness)
    ever = answered.any(axis=0)  # a method without a single score has no rank, and takes none from the others
    complete = answered[:, ever].all(axis=1) & ever.any()
    blocks = part.iloc[np.unique(block, return_index=True)[1]][BLOCK][complete]
    weight = ranks.block_weights(blocks)
    mean_rank = np.full(len(names), np.nan)
    if len(blocks):
        mean_rank[ever] = weight @ ranks.average_ranks(badness[complete][:, ever])
    known = metrics.traits(key["metric"])
    averaged = len(blocks) and known is not None and not known.unit
    score = weight @ _spread(block, column, part["value"].to_numpy())[complete] if averaged else np.nan
    return pd.DataFrame(
        key
        | {
            "position": ranks.positions(mean_rank),
            "method": names,
            "completeness": answered.mean(axis=0) if len(badness) else np.nan,
            "mean_rank": mean_rank,
            "win_rate": ranks.win_rate(mean_rank, int(ever.sum())),
            "mean_score": score,
            "tasks": blocks["task_id"].nunique(),
            "blocks": len(blocks),
            "missing_rule": MISSING_RULE,
        }
    )


def _undefined(part: pd.DataFrame) -> np.ndarray:
    """Mark the blocks on which the metric has no value for anybody, though the cells are there: it is undefined."""
    there, known = part["n_rows"].notna(), part["badness"].notna()
    block = [part[name] for name in BLOCK]
    nobody = ~known.groupby(block, sort=False).transform("any")
    return (nobody & there.groupby(block, sort=False).transform("any")).to_numpy(dtype=bool)


def _spread(block: np.ndarray, column: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return a table (blocks, methods) of the mean value of each pair, NaN where there is none."""
    shape = (block.max(initial=-1) + 1, column.max(initial=-1) + 1)
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (block, column), values)
    np.add.at(count, (block, column), 1)
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)


def main_boards(board: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield, for every board, its name, the metric shown first, and its rows."""
    for name in dict.fromkeys(board["board"]):
        part = board[board["board"] == name]
        metric = BOARDS[name].metric if name in BOARDS else part["metric"].iloc[0]
        yield name, metric, part[part["metric"] == metric]
