"""From a table of scores to ranked boards: every board, metric, panel and slice is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bench.core.nouns import BenchError
from bench.methods.boards import BOARDS, board_order
from bench.report.leaderboards.gains import GAINS, mean_gains
from bench.report.leaderboards.grid import apply_missing_rule, spread_scores
from bench.report.leaderboards.scores import prepare_scores
from bench.report.leaderboards.slices import add_slices, slice_order
from bench.report.leaderboards.standing import BoardKey, Standing
from bench.report.leaderboards.tables import table_of

BOARD_KEYS = ["board", "metric", "panel"]
NO_GAINS = pd.DataFrame(columns=list(GAINS), dtype=float)
MISSING_RULE = "common"
"""Blocks that lack a score of any method of a slice are left out for all of them; `completeness` gives their share."""


def leaderboard(
    scores: pd.DataFrame,
    *,
    missing: str = MISSING_RULE,
    by: Sequence[str] = (),
    tasks: pd.DataFrame | None = None,
    baseline: str | None = None,
    test: str = "wilcoxon",
) -> pd.DataFrame:
    """Rank the methods of every board, metric, panel and slice by their mean rank.

    A block is one learner (where rows belong to one), repeat and fold of a task; ranks are averaged over blocks so that
    every task counts one. Thresholded variants (`x+threshold` on a board that has them) are ranked in a slice of their
    own. `missing` is the rule for missing scores (see `grid.apply_missing_rule`). `by` names columns of the scores or
    of `tasks`, and makes a slice of each of their values. `baseline` is the method that `skill`, `relative`, `headroom`
    and Elo refer to; without it, the first that is always present on the board.

    Raises:
        BenchError: the table is no table of scores (see `scores.prepare_scores`), or a rule, a method or a column that
            is named is not there.
        IncompleteError: a score is missing, and the rule is `fail`.
    """
    return table_of(standings(scores, missing=missing, by=by, tasks=tasks, baseline=baseline, test=test))


def standings(
    scores: pd.DataFrame,
    *,
    missing: str = MISSING_RULE,
    by: Sequence[str] = (),
    tasks: pd.DataFrame | None = None,
    baseline: str | None = None,
    test: str = "wilcoxon",
) -> Iterator[Standing]:
    """Yield every board of a table of scores, in the order of lists; the arguments are those of `leaderboard`."""
    table = prepare_scores(scores)
    imputing = missing.removeprefix("impute:") if missing.startswith("impute:") else None
    for name in {baseline, imputing} - {None}:
        if len(table) and name not in set(table["method"]):
            raise BenchError(f"no method is called {name!r}: choose from {', '.join(sorted(set(table['method'])))}")
    table = add_slices(table.assign(step=table["slice"]), by, tasks)
    oracles = dict(list(table[table["is_oracle"]].groupby(BOARD_KEYS)))
    parts = list(table[~table["is_oracle"]].groupby(BOARD_KEYS, sort=False))
    for place, part in sorted(parts, key=lambda found: _place_order(found[0])):
        yield from _rank_slices(part, oracles.get(place, table[:0]), missing, baseline, test)


def _place_order(place: Any) -> tuple[int, str, str, str]:
    """Return what sorts boards by their place."""
    board, metric, panel = place
    return board_order(board), str(board), metric, str(panel)


def _rank_slices(
    part: pd.DataFrame, oracle: pd.DataFrame, missing: str, baseline: str | None, test: str
) -> Iterator[Standing]:
    """Yield the slices of one board, metric and panel."""
    board, metric, panel = (str(part[name].iloc[0]) for name in BOARD_KEYS)
    known = BOARDS.get(board)
    variant_step = f"+{known.variant_step}" if known and known.variant_step else ""
    reference = (baseline or (known.always_present[0] if known else "")).removesuffix(variant_step)
    grids = {str(name): spread_scores(metric, rows, oracle) for name, rows in part.groupby("slice", sort=False)}
    steps = dict(zip(part["slice"], part["step"], strict=True))
    gains: dict[str, pd.DataFrame] = {}
    for name, scores in sorted(grids.items(), key=lambda found: slice_order(found[0])):
        step = steps[name]
        rest = name.removeprefix(step).strip()
        plain, thresholded = grids.get(rest), grids.get(f"{variant_step} {rest}".strip())
        if variant_step and plain and thresholded and rest not in gains:
            gains[rest] = mean_gains(plain, thresholded, variant_step, reference)
        # among thresholded variants, `impute:NAME` means the variant of NAME
        rule = missing.removesuffix(step) + step if missing.startswith("impute:") else missing
        yield Standing(
            key=BoardKey(board, metric, panel, name),
            scores=scores,
            grid=apply_missing_rule(scores, rule),
            baseline=reference + step,
            missing=missing,
            test=test,
            gains=gains.get(rest, NO_GAINS),
        )
