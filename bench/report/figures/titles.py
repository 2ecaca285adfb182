"""The sentence above each figure of a board: what it shows, and below it of which board that is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.report.figures.pareto import front
from bench.report.leaderboards import Standing, headline
from bench.stats import tables


def subtitle(standing: Standing) -> str:
    """Name a board by its metric, panel and slice."""
    key = standing.key
    return " · ".join(part for part in (key.board, key.metric, key.panel and f"panel {key.panel}", key.slice) if part)


def critical_difference_title(standing: Standing) -> str:
    """Say who ranks best, and how many contenders cannot be told from it."""
    order, first = _order_contenders(standing), _name_first(standing)
    if tables.too_few(standing.n_tasks):
        return f"{first}; {standing.n_tasks} task{'s' * (standing.n_tasks != 1)} cannot tell methods apart"
    mine = set(standing.letters[order[0]])
    if len(order) == 1 or not mine:
        return first
    alike = sum(bool(mine & set(standing.letters[k])) for k in order[1:])
    others = f"the {len(order) - 1} other contenders" if len(order) > 2 else "the other contender"
    if alike == len(order) - 1:
        return f"{first}; it cannot be told apart from {others}"
    return (
        f"{first}; it differs from {len(order) - 1 - alike} of {others}" if alike else f"{first}, apart from {others}"
    )


def rank_distribution_title(standing: Standing) -> str:
    """Say who ranks best, and between which ranks it ends on single tasks."""
    mine = standing.task_ranks[:, _order_contenders(standing)[0]]
    first = _name_first(standing)
    return f"{first}, from {np.nanmin(mine):.3g} to {np.nanmax(mine):.3g} on single tasks" if len(mine) > 1 else first


def win_matrix_title(standing: Standing, share: Array) -> str:
    """Say how often the best by rank beats the other contenders; `share` (K, K) is what the row wins of the column."""
    order = _order_contenders(standing)
    if len(order) < 2 or np.isnan(share[order[0], order[1:]]).all():
        return "Who beats whom"
    won = 100 * np.nanmean(share[order[0], order[1:]])
    return f"{standing.grid.methods[order[0]]} wins {won:.0f} % of its comparisons with the other contenders"


def pareto_title(standing: Standing, seconds: Array) -> str:
    """Say which contenders no other one beats in both rank and `seconds` (K,)."""
    kept = standing.contenders
    names = [name for name, keep in zip(standing.grid.methods, kept, strict=True) if keep]
    best = [names[k] for k in np.flatnonzero(front(seconds[kept], standing.mean_rank[kept]))]
    return f"No other method is as cheap and as good as {_join_names(best)}"


def weights_title(summary: pd.DataFrame) -> str:
    """Say which learner gets most weight, over all schemes of a `weight_summary`."""
    means = summary.groupby("of")["mean"].mean()
    return f"{means.idxmax()} gets the largest weight, {means.max():.2f} on average over the schemes"


def effects_title(standing: Standing) -> str:
    """Say who leads and by how much: the sentence that opens the board."""
    return headline(standing) or "Scores and effects"


def _order_contenders(standing: Standing) -> list[int]:
    """Return the contenders that have a rank, the best first."""
    ranks = np.where(standing.contenders, standing.mean_rank, np.nan)
    return [int(k) for k in np.argsort(ranks, kind="stable") if np.isfinite(ranks[k])]


def _name_first(standing: Standing) -> str:
    """Say which contenders have the best mean rank."""
    order = _order_contenders(standing)
    best = standing.mean_rank[order[0]]
    # nine decimals: sums in another order are a tie (as `stats.ranks.RANK_DECIMALS`)
    names = [standing.grid.methods[k] for k in order if round(standing.mean_rank[k] - best, 9) == 0]
    return (
        f"{_join_names(names)} rank{'s' * (len(names) == 1)} best{f' ({best:.2f} on average)' * (standing.n_tasks > 1)}"
    )


def _join_names(names: Sequence[str]) -> str:
    """Join names, of many only their number."""
    if len(names) > 3:
        return f"{len(names)} methods"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
