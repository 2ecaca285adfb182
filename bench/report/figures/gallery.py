"""All the figures of a results directory, or those that a table of scores allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench.core.files import file_name
from bench.core.tables import read_scores
from bench.core.text import figure as figure_text
from bench.report.exports import choose_scores, number_repeats
from bench.report.figures import titles
from bench.report.figures.critical_difference import critical_difference, groups_of_letters
from bench.report.figures.effects import effects, split_scores
from bench.report.figures.pareto import pareto
from bench.report.figures.rank_distribution import rank_distribution
from bench.report.figures.side_tables import prediction_seconds, read_side_table, rows_of_board
from bench.report.figures.weights import weight_summary, weights
from bench.report.figures.win_matrix import win_matrix
from bench.report.leaderboards import BoardKey, Standing, load_tasks, standings
from bench.report.leaderboards.scores import goal, has_unit
from bench.report.leaderboards.standing import SIGNIFICANT, Test
from bench.stats.tables import differences

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEST_NAMES: Mapping[Test, str] = {
    "max-t": "step-down max-|t| over sign flips of whole tasks",
    "signed-rank": "step-down signed-rank test over sign flips of whole tasks",
    "nemenyi": "Nemenyi's test of mean ranks",
}
"""The tests behind the letters of a board, and so behind the bars of its diagram."""
NO_RANKS = (
    "no contender has a rank: there is no split that all methods answered, or there are only methods for reference"
)


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
    scores = choose_scores(read_scores(source), boards, metrics)
    yield from pictures(standings(scores, tasks=load_tasks(source)), source)


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
    """Yield the six figures of a board; their names are still empty."""
    has_ranks = bool((np.isfinite(board.mean_rank) & board.contenders).any())
    for kind, draw in BY_RANK.items():
        yield Picture("", kind, partial(draw, board)) if has_ranks else Picture("", kind, None, NO_RANKS)
    yield Picture("", "win-matrix", partial(_win_matrix, board))
    yield _pareto(board, timing)
    yield _weights(board, weight_table)


def _entitle(board: Standing, sentence: str) -> str:
    """Put the sentence of a figure above the name of its board."""
    return f"{figure_text(sentence)}\n{titles.subtitle(board)}"


def _effects(board: Standing) -> Figure:
    """Draw the effects against the baseline, against the best where there is none; for one task the scores."""
    grid, order = board.grid, np.argsort(board.mean_rank, kind="stable")
    names, contenders = [grid.methods[k] for k in order], board.contenders[order]
    title = _entitle(board, titles.effects_title(board))
    side = "better is right" if grid.direction == "max" else "better is left"
    if len(grid.blocks.tasks) == 1:
        nearer = f"nearer to {goal(grid.metric):g} is better"
        label = f"{grid.metric} on {grid.blocks.keys['task_id'].iloc[0]}"
        return split_scores(
            names,
            grid.value[:, order],
            (grid.weight @ grid.value)[order],
            label=f"{label} ({nearer if grid.direction == 'target' else side})",
            contenders=contenders,
            title=title,
        )
    base = board.baseline_column
    if base is None:
        base = int(np.nanargmin(np.where(board.contenders, board.mean_rank, np.nan)))
    gaps = differences(board.task_errors, board.task_errors[:, [base]])
    measure = f"distance of {grid.metric} from its goal" if grid.direction == "target" else grid.metric
    return effects(
        names,
        gaps[:, order] * (-1 if grid.direction == "max" else 1),
        are_logs=has_unit(grid.metric),
        label=f"{measure} against {grid.methods[base]} ({side})",
        scores=board.mean_score[order] if np.isfinite(board.mean_score).any() else None,
        contenders=contenders,
        title=title,
    )


def _critical_difference(board: Standing) -> Figure:
    has_test = not np.isnan(board.p_values[np.triu_indices(len(board.p_values), 1)]).all()
    return critical_difference(
        board.grid.methods,
        board.mean_rank,
        groups_of_letters(board.letters, board.mean_rank),
        tasks=board.n_tasks,
        test=f"{TEST_NAMES[board.test]}, level {SIGNIFICANT:g} for all pairs together" if has_test else "",
        contenders=board.contenders,
        title=_entitle(board, titles.critical_difference_title(board)),
    )


def _rank_distribution(board: Standing) -> Figure:
    return rank_distribution(
        board.grid.methods,
        board.task_ranks,
        contenders=board.contenders,
        replication=board.replication,
        title=_entitle(board, titles.rank_distribution_title(board)),
    )


BY_RANK: Mapping[str, Callable[[Standing], Figure]] = {
    "effects": _effects,
    "critical-difference": _critical_difference,
    "rank-distribution": _rank_distribution,
}
"""Figures that need the rank of a contender."""


def _win_matrix(board: Standing) -> Figure:
    won, met = (part.sum(axis=0) for part in board.games)
    share = np.divide(won, met, out=np.full_like(met, np.nan), where=met > 0)
    return win_matrix(
        board.grid.methods,
        share,
        board.mean_rank,
        contenders=board.contenders,
        replication=board.replication,
        title=_entitle(board, titles.win_matrix_title(board, share)),
    )


def _pareto(board: Standing, timing: pd.DataFrame | None) -> Picture:
    """Return the Pareto front, or why there is none."""
    if timing is None or "predict_cost" not in timing:
        return Picture("", "pareto", None, "there are no seconds: timing.csv with predict_cost is missing")
    mine = rows_of_board(timing, board.key.board, board.key.panel)
    methods, mean_rank = board.grid.methods, board.mean_rank
    cost = prediction_seconds(mine, methods)
    if not (np.isfinite(cost) & np.isfinite(mean_rank) & board.contenders).any():
        return Picture("", "pareto", None, "no method has both seconds and a mean rank")
    title = _entitle(board, titles.pareto_title(board, cost))
    draw = partial(pareto, methods, cost, mean_rank, contenders=board.contenders, title=title)
    return Picture("", "pareto", draw)


def _weights(board: Standing, weight_table: pd.DataFrame | None) -> Picture:
    """Return the weights by learner, or why there are none."""
    if weight_table is None:
        return Picture("", "weights", None, "there are no weights: weights.csv is missing or empty")
    order = [board.grid.methods[k] for k in np.argsort(board.mean_rank, kind="stable")]
    mine = rows_of_board(weight_table, board.key.board, board.key.panel)
    mine = mine[mine["method"].isin(order) & mine["role"].eq("weight") & mine["value"].notna()]
    if mine.empty:
        return Picture("", "weights", None, "no method here has one weight a learner")
    summary = weight_summary(mine)
    title = _entitle(board, titles.weights_title(summary))
    return Picture("", "weights", partial(weights, summary, order, title=title))
