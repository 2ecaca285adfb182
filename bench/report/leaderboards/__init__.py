"""From a long table of scores to leaderboards: functions from table to table.

Any table with the columns method, metric and value will do; task, board, panel, learner, repeat, fold, sample,
direction and ranked are used where they are there. The way of a score: `scores` (the table is checked), `slices`,
`grid` (blocks × methods, missing scores), `ranking`, `standing` (what is worked out of one board), `columns` (what of
it stands in a leaderboard), `tables`, `files`.

May import: what `report` may; not `comparison` or `figures`.
Next of its kind: a column is one function of `columns/built_in`, a way to slice one of `slices`.
"""

from __future__ import annotations

from bench.report.leaderboards.columns import column_names
from bench.report.leaderboards.files import load_tasks, write_leaderboards
from bench.report.leaderboards.headline import headline
from bench.report.leaderboards.missing import IncompleteError
from bench.report.leaderboards.ranking import leaderboard, standings
from bench.report.leaderboards.significance import PAIR_COLUMNS
from bench.report.leaderboards.standing import BoardKey, Standing
from bench.report.leaderboards.tables import pairwise_table, score_table, table_of, to_csv

__all__ = [
    "PAIR_COLUMNS",
    "BoardKey",
    "IncompleteError",
    "Standing",
    "column_names",
    "headline",
    "leaderboard",
    "load_tasks",
    "pairwise_table",
    "score_table",
    "standings",
    "table_of",
    "to_csv",
    "write_leaderboards",
]
