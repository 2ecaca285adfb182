"""The files of leaderboards that a run writes, and what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.core.files import file_name, write_text
from bench.core.hashing import digest
from bench.core.tables import decode_table
from bench.methods.boards import BOARDS, own_metrics
from bench.report.leaderboards.columns import all_columns
from bench.report.leaderboards.ranking import standings
from bench.report.leaderboards.significance import compare_pairs, pairwise
from bench.report.leaderboards.standing import Standing
from bench.report.leaderboards.tables import csv_by, join_boards, join_pairs, score_table, table_of, to_csv

MOST_PAIRS = 300
"""Up to so many pairs, those of 25 methods, a run works out the Bayesian test: 20 ms a pair on 200 tasks."""
SLICED_BOARD, SLICED_BY = "class-weight", ("learner", "imbalance")


def write_leaderboards(root: Path, scores: pd.DataFrame, tasks: pd.DataFrame | None = None) -> list[Standing]:
    """Write `leaderboard.csv`, and of every board and metric one leaderboard and one table of scores by task.

    Each board's own metric has every column, and its pairs in `pairwise.csv`; other metrics lack those that are dear.
    The class-weight board is written by learner and by imbalance as well, since what helps one does not help all.
    Returned are the boards, of all metrics.
    """
    ranked = list(standings(scores, tasks=tasks))
    own = own_metrics(standing.key[:2] for standing in ranked)
    every, cheap = all_columns(), [column for column in all_columns() if not column.options.dear]
    table = join_boards((standing, every if standing.key[:2] in own else cheap) for standing in ranked)
    write_text(root / "leaderboard.csv", to_csv(table))
    for (name, metric), text in csv_by(table, ["board", "metric"]).items():
        write_text(root / "leaderboards" / f"{_stem(name, metric)}.csv", text)
    for (name, metric), boards in _by_metric(ranked).items():
        write_text(root / "leaderboards" / f"{_stem(name, metric)}-tasks.csv", to_csv(score_table(boards)))
    write_text(root / "pairwise.csv", to_csv(join_pairs((one, _compare(one)) for one in ranked if one.key[:2] in own)))
    sliced_board = scores[(scores["board"] == SLICED_BOARD) & (scores["metric"] == BOARDS[SLICED_BOARD].metric)]
    if tasks is None or sliced_board.empty:
        return ranked
    for name in SLICED_BY:
        if name not in tasks or tasks[name].notna().any():  # an empty column of the tasks makes no slices
            parts = table_of(standings(sliced_board, by=[name], tasks=tasks))
            write_text(root / "leaderboards" / f"{SLICED_BOARD}-by-{name}.csv", to_csv(parts))
    return ranked


def _stem(board: str, metric: str) -> str:
    """Return the start of a file's name; a hash keeps apart metrics whose parameters look alike in it."""
    name, plain = f"{board}-{metric}", file_name(board, metric)
    return plain if plain == name else f"{plain}-{digest(name)[:6]}"


def _compare(standing: Standing) -> pd.DataFrame:
    """Return the pairs of a board, those of large boards without the Bayesian test: `--pairs` has it."""
    contenders = int(standing.contenders.sum())
    return pairwise(standing) if contenders * (contenders - 1) // 2 <= MOST_PAIRS else compare_pairs(standing)


def _by_metric(ranked: Sequence[Standing]) -> dict[tuple[str, str], list[Standing]]:
    """Return the boards of each name and metric, without those on which the metric is undefined for all."""
    found: dict[tuple[str, str], list[Standing]] = {}
    for standing in (each for each in ranked if each.grid.methods):
        found.setdefault((standing.key.board, standing.key.metric), []).append(standing)
    return found


def load_tasks(results: Path) -> pd.DataFrame | None:
    """Return the table of tasks of a results directory, names as texts; None where there is none."""
    path = results / "tasks.csv"
    return decode_table(path.read_bytes(), str(path)) if path.is_file() else None
