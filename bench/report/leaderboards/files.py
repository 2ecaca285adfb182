"""The files of leaderboards that a run writes, and what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bench.core.files import write_text
from bench.methods.boards import BOARDS, own_metrics
from bench.report.leaderboards.ranking import leaderboard, standings
from bench.report.leaderboards.tables import pairwise_table, table_of, to_csv

SLICED_BOARD, SLICED_BY = "class-weight", ("learner", "imbalance")


def write_leaderboards(root: Path, scores: pd.DataFrame, tasks: pd.DataFrame | None = None) -> None:
    """Write `leaderboard.csv`, one small file a board and metric, and the pairs of each board's own metric.

    The class-weight board is written by learner and by imbalance as well, since what helps one does not help all.
    """
    ranked = list(standings(scores))
    table = table_of(ranked)
    write_text(root / "leaderboard.csv", to_csv(table))
    for (name, metric), part in table.groupby(["board", "metric"]):
        write_text(root / "leaderboards" / f"{name}-{metric}.csv", to_csv(part))
    own = own_metrics(standing.key[:2] for standing in ranked)
    write_text(root / "pairwise.csv", to_csv(pairwise_table(one for one in ranked if one.key[:2] in own)))
    sliced_board = scores[(scores["board"] == SLICED_BOARD) & (scores["metric"] == BOARDS[SLICED_BOARD].metric)]
    if tasks is None or sliced_board.empty:
        return
    for name in SLICED_BY:
        if name not in tasks or tasks[name].notna().any():  # an empty column of the tasks makes no slices
            parts = leaderboard(sliced_board, by=[name], tasks=tasks)
            write_text(root / "leaderboards" / f"{SLICED_BOARD}-by-{name}.csv", to_csv(parts))


def read_leaderboard(root: Path) -> pd.DataFrame:
    """Return the leaderboards that a run wrote."""
    texts = dict.fromkeys(("board", "metric", "panel", "method", "missing_rule", "slice", "letters"), str)
    # a method may be called `null`: only an empty field is missing
    types: dict[str, Any] = texts | {"position": "Int64"}
    table = pd.read_csv(root / "leaderboard.csv", dtype=types, keep_default_na=False, na_values=[""])
    return table.fillna({"panel": "", "slice": "", "letters": ""})
