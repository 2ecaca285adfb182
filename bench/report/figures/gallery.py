"""All the figures of a results directory, or those that a table of scores allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench.core.tables import load_scores
from bench.report.exports import choose_scores, file_name, number_repeats
from bench.report.figures.critical_difference import critical_difference, groups_of_letters
from bench.report.figures.pareto import pareto
from bench.report.figures.rank_distribution import rank_distribution
from bench.report.figures.side_tables import prediction_seconds, read_side_table, rows_of_board
from bench.report.figures.weights import weight_summary, weights
from bench.report.figures.win_matrix import win_matrix
from bench.report.leaderboards import BoardKey, Standing, standings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEST = "Wilcoxon's signed-rank test of all pairs, corrected by Holm, level 0.05"
"""The test behind the letters of a board, and so behind the bars of its diagram."""
NO_RANKS = "there is no split that all methods answered, so that there are no ranks"


@dataclass(frozen=True)
class Picture:
    """One figure of a board: `draw` makes it; where it cannot be made `draw` is None and `reason` is why.

    `name` is the name of its file, without the ending.
    """

    name: str
    kind: str
    draw: Callable[[], Figure] | None = None
    reason: str = ""


def figures(source: Path, boards: Sequence[str] = (), metrics: Sequence[str] = ()) -> Iterator[Picture]:
    """Yield every figure of each board's own metric, or of `metrics`, and those that cannot be drawn with the reason.

    `source` is a results directory, or a file of scores: that has neither seconds nor weights. `boards` and `metrics`
    are names or globs.

    Raises:
        BenchError: the scores cannot be read, or a name matches nothing.
    """
    yield from pictures(standings(choose_scores(load_scores(source), boards, metrics)), source)


def pictures(boards: Iterable[Standing], source: Path) -> Iterator[Picture]:
    """Yield the figures of some boards, and those that cannot be drawn; seconds and weights come from `source`."""
    timing, weight_table = read_side_table(source, "timing"), read_side_table(source, "weights")
    ranked = list(boards)
    for name, board in zip(_name_boards([board.key for board in ranked]), ranked, strict=True):
        for picture in _board_pictures(board, timing, weight_table):
            yield replace(picture, name=f"{name}-{picture.kind}")


def _name_boards(keys: Sequence[BoardKey]) -> list[str]:
    """Name every board by its metric and slice, and by its panel where a board has several."""
    panels = {key.board: {other.panel for other in keys if other.board == key.board} for key in keys}
    shown = [key.panel if len(panels[key.board]) > 1 else "" for key in keys]
    return number_repeats(
        [file_name(key.board, key.metric, panel, key.slice) for key, panel in zip(keys, shown, strict=True)]
    )


def _board_pictures(
    board: Standing, timing: pd.DataFrame | None, weight_table: pd.DataFrame | None
) -> Iterator[Picture]:
    """Yield the five figures of a board; their names are still empty."""
    key, methods, ranks = board.key, board.grid.methods, board.task_ranks
    title = " · ".join(part for part in (key.board, key.metric, key.panel and f"panel {key.panel}", key.slice) if part)
    if len(ranks):
        yield Picture("", "critical-difference", partial(_critical_difference, board, title))
        yield Picture("", "rank-distribution", partial(rank_distribution, methods, ranks, title=title))
    else:
        yield Picture("", "critical-difference", None, NO_RANKS)
        yield Picture("", "rank-distribution", None, NO_RANKS)
    yield Picture("", "win-matrix", partial(_win_matrix, board, title))
    yield _pareto(board, timing, title)
    yield _weights(board, weight_table, title)


def _critical_difference(board: Standing, title: str) -> Figure:
    groups = groups_of_letters(board.letters, board.mean_rank)
    return critical_difference(board.grid.methods, board.mean_rank, groups, tasks=board.n_tasks, test=TEST, title=title)


def _win_matrix(board: Standing, title: str) -> Figure:
    won, met = (part.sum(axis=0) for part in board.games)
    share = np.divide(won, met, out=np.full_like(met, np.nan), where=met > 0)
    return win_matrix(board.grid.methods, share, board.mean_rank, title=title)


def _pareto(board: Standing, timing: pd.DataFrame | None, title: str) -> Picture:
    """Return the Pareto front, or why there is none."""
    if timing is None or "predict_cost" not in timing:
        return Picture("", "pareto", None, "there are no seconds: timing.csv with predict_cost is missing")
    mine = rows_of_board(timing, board.key.board, board.key.panel)
    methods, mean_rank = board.grid.methods, board.mean_rank
    cost = prediction_seconds(mine, methods)
    if not (np.isfinite(cost) & np.isfinite(mean_rank)).any():
        return Picture("", "pareto", None, "no method has both seconds and a mean rank")
    return Picture("", "pareto", partial(pareto, methods, cost, mean_rank, title=title))


def _weights(board: Standing, weight_table: pd.DataFrame | None, title: str) -> Picture:
    """Return the weights by learner, or why there are none."""
    if weight_table is None:
        return Picture("", "weights", None, "there are no weights: weights.csv is missing or empty")
    order = [board.grid.methods[k] for k in np.argsort(board.mean_rank, kind="stable")]
    mine = rows_of_board(weight_table, board.key.board, board.key.panel)
    mine = mine[mine["method"].isin(order) & mine["role"].eq("weight") & mine["value"].notna()]
    if mine.empty:
        return Picture("", "weights", None, "no method here has one weight a learner")
    return Picture("", "weights", partial(weights, weight_summary(mine), order, title=title))
