"""Figures: one a file, from plain tables to a matplotlib figure; `figures` draws all that a directory allows.

May import: what `report` may, `leaderboards` and `exports` among it.
Next of its kind: a figure is one file with a function from table to figure, entered in `gallery`.
"""

from __future__ import annotations

from bench.report.figures.critical_difference import alike_groups, critical_difference, groups_of_letters
from bench.report.figures.effects import effects, split_scores
from bench.report.figures.gallery import Picture, figures, pictures
from bench.report.figures.pareto import front, pareto
from bench.report.figures.rank_distribution import rank_distribution
from bench.report.figures.saving import figure_bytes, save_figure
from bench.report.figures.weights import weight_summary, weights
from bench.report.figures.win_matrix import win_matrix

__all__ = [
    "Picture",
    "alike_groups",
    "critical_difference",
    "effects",
    "figure_bytes",
    "figures",
    "front",
    "groups_of_letters",
    "pareto",
    "pictures",
    "rank_distribution",
    "save_figure",
    "split_scores",
    "weight_summary",
    "weights",
    "win_matrix",
]
