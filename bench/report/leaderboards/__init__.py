"""From a long table of scores to leaderboards: a function from table to table.

Any table with the columns method, metric and value will do; task, board, panel, learner, repeat, fold, sample,
direction and ranked are used where they are there.

May import: what `report` may; not `comparison` or `figures`.
Next of its kind: a column is one entry of `columns`, a way to slice one of `slices`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.core.files import write_text
from bench.core.nouns import Array, BenchError
from bench.core.tables import csv_text
from bench.methods.boards import BOARDS, board_order
from bench.methods.metrics import PROPER
from bench.report.leaderboards.columns import Standing, closed_gap
from bench.report.leaderboards.gains import COLUMNS as GAINS
from bench.report.leaderboards.gains import gains
from bench.report.leaderboards.grid import Grid, IncompleteError, completed, grid
from bench.report.leaderboards.scores import prepared
from bench.report.leaderboards.significance import COLUMNS as PAIRS
from bench.report.leaderboards.significance import pairwise
from bench.report.leaderboards.slices import in_order, sliced

__all__ = [
    "COLUMNS",
    "PAIRS",
    "IncompleteError",
    "leaderboard",
    "of_main_metrics",
    "pairwise_table",
    "read",
    "standings",
    "table_of",
    "to_csv",
    "write",
]  # fmt: skip

COLUMNS = (
    "board", "metric", "panel", "position", "method", "completeness", "mean_rank", "win_rate", "mean_score", "tasks",
    "blocks", "missing_rule", "slice", "position_lo", "position_hi", "elo", "elo_lo", "elo_hi", "borda", "kemeny",
    "copeland", "improvability", "skill", "relative", "headroom", "letters", "median_score", "learners_used",
    "training_gain", "threshold_gain", "imputed",
)  # fmt: skip
"""Columns of a leaderboard; they are only ever appended to."""
PLACE = ["board", "metric", "panel"]
NO_GAINS = pd.DataFrame(columns=list(GAINS), dtype=float)
SLICED_BOARD, SLICED_BY = "class-weight", ("learner", "imbalance")
MISSING_RULE = "common"
"""Blocks that lack a score of any method of a slice are left out for all of them; `completeness` says how many."""


@dataclass(frozen=True)
class Ranked:
    """One board: its key, the scores as they came, and what is worked out of them by the missing rule."""

    key: dict[str, str]
    scores: Grid
    standing: Standing
    gains: pd.DataFrame
    missing: str

    @property
    def board(self) -> Grid:
        """The scores by the missing rule."""
        return self.standing.board

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows of the leaderboard, one a method."""
        answered = ~np.isnan(self.scores.badness)
        methods = self.scores.methods
        base = [name.removesuffix(self._step) for name in methods]
        none = np.full(len(methods), np.nan)
        return pd.DataFrame(
            self.key
            | {
                "method": methods,
                "completeness": answered.mean(axis=0) if len(answered) else none,
                "tasks": self.board.blocks["task_id"].nunique(),
                "blocks": len(self.board.blocks),
                "missing_rule": self.missing,
                "headroom": closed_gap(self.board, self.standing.baseline) if self._has_headroom else none,
                "learners_used": self._learners_used(),
                "imputed": self.board.imputed.sum(axis=0),
            }
            | self.standing.columns()
            | {name: self.gains[name].reindex(base).to_numpy() for name in self.gains}
        )

    def table(self) -> pd.DataFrame:
        """Return the leaderboard, best first."""
        return table_of([self])

    @property
    def _step(self) -> str:
        known = BOARDS.get(self.key["board"])
        return f"+{known.variant_step}" if known and known.variant_step else "+"

    @property
    def _has_headroom(self) -> bool:
        """Whether the oracle bounds this metric: the board's proper loss, or what its threshold maximises."""
        known = BOARDS.get(self.key["board"])
        if known is None:
            return False
        return self.key["metric"] == (known.metric if known.per_learner else PROPER[known.target_kind])

    def _learners_used(self) -> Array:
        """Return the mean number of learners that must be asked (K,)."""
        used = self.board.learners_used
        known = ~np.isnan(used)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(known, used, 0).sum(axis=0) / known.sum(axis=0))


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
    every task counts one. Twins of a scheme (`x+threshold` on a board with twins) are ranked in a slice of their own.
    `missing` is the rule for missing scores (see `grid.completed`). `by` names columns of the scores or of `tasks`, and
    makes a slice of each of their values. `baseline` is the method that `skill`, `relative`, `headroom` and Elo refer
    to; without it, the one that is always on the board.

    Raises:
        BenchError: the table is no table of scores (see `scores.prepared`), or a rule, a method or a column that is
            named is not there.
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
) -> Iterator[Ranked]:
    """Yield every board of a table of scores, in the order of lists; the arguments are those of `leaderboard`."""
    table = prepared(scores)
    imputing = missing.removeprefix("impute:") if missing.startswith("impute:") else None
    for name in {baseline, imputing} - {None}:
        if len(table) and name not in set(table["method"]):
            raise BenchError(f"no method is called {name!r}: choose from {', '.join(sorted(set(table['method'])))}")
    table = sliced(table.assign(step=table["slice"]), by, tasks)
    oracles = dict(list(table[table["is_oracle"]].groupby(PLACE)))
    parts = list(table[~table["is_oracle"]].groupby(PLACE, sort=False))
    for key, part in sorted(parts, key=lambda found: _place(found[0])):
        oracle = oracles.get(key, table[:0])
        yield from _slices(dict(zip(PLACE, map(str, key), strict=True)), part, oracle, missing, baseline, test)


def _place(key: Any) -> tuple[int, str, str, str]:
    """Return what sorts boards by their place."""
    board, metric, panel = key
    return board_order(board), str(board), metric, str(panel)


def _slices(
    key: dict[str, str], part: pd.DataFrame, oracle: pd.DataFrame, missing: str, baseline: str | None, test: str
) -> Iterator[Ranked]:
    """Yield the slices of one board, metric and panel."""
    known = BOARDS.get(key["board"])
    variant_step = f"+{known.variant_step}" if known and known.variant_step else ""
    reference = (baseline or (known.always_present[0] if known else "")).removesuffix(variant_step)
    grids = {str(name): grid(key["metric"], rows, oracle) for name, rows in part.groupby("slice", sort=False)}
    steps = dict(zip(part["slice"], part["step"], strict=True))
    gained: dict[str, pd.DataFrame] = {}
    for name, scores in sorted(grids.items(), key=lambda found: in_order(found[0])):
        rest = name.removeprefix(steps[name]).strip()
        plain, twins = grids.get(rest), grids.get(f"{variant_step} {rest}".strip())
        if variant_step and plain and twins and rest not in gained:
            gained[rest] = gains(plain, twins, variant_step, reference)
        yield Ranked(
            {**key, "slice": name},
            scores,
            Standing(completed(scores, _with_step(missing, steps[name])), reference + steps[name], test),
            gained.get(rest, NO_GAINS),
            missing,
        )


def _with_step(missing: str, step: str) -> str:
    """Let the rule `impute:NAME` mean the twin of NAME among twins."""
    return missing.removesuffix(step) + step if missing.startswith("impute:") else missing


def table_of(boards: Iterable[Ranked]) -> pd.DataFrame:
    """Return the rows of some boards, in the order of lists."""
    parts = [board.rows for board in boards]
    joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    joined["position"] = joined["position"].astype("Int64")
    order, part = joined["board"].map(board_order), joined["slice"].map(in_order)
    sort = ["order", "board", "metric", "panel", "part", "position", "method"]
    return joined.assign(order=order, part=part).sort_values(sort, kind="stable", ignore_index=True)[list(COLUMNS)]


def pairwise_table(boards: Iterable[Ranked], rope: float | None = None) -> pd.DataFrame:
    """Return every pair of methods of some boards."""
    parts = [pairwise(board.standing, rope).assign(**board.key) for board in boards]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True)[list(PAIRS)] if parts else pd.DataFrame(columns=list(PAIRS))


def write(root: Path, scores: pd.DataFrame, tasks: pd.DataFrame | None = None) -> None:
    """Write `leaderboard.csv`, one small file a board and metric, and the pairs of each board's own metric.

    The class-weight board is written by learner and by imbalance as well, since what helps one does not help all.
    """
    boards = list(standings(scores))
    table = table_of(boards)
    write_text(root / "leaderboard.csv", to_csv(table))
    for (name, metric), part in table.groupby(["board", "metric"]):
        write_text(root / "leaderboards" / f"{name}-{metric}.csv", to_csv(part))
    own = [board for board in boards if is_main(board.key["board"], board.key["metric"])]
    write_text(root / "pairwise.csv", to_csv(pairwise_table(own)))
    sliced_board = scores[(scores["board"] == SLICED_BOARD) & (scores["metric"] == BOARDS[SLICED_BOARD].metric)]
    for name in _known(tasks) if len(sliced_board) else ():
        parts = leaderboard(sliced_board, by=[name], tasks=tasks)
        write_text(root / "leaderboards" / f"{SLICED_BOARD}-by-{name}.csv", to_csv(parts))


def _known(tasks: pd.DataFrame | None) -> list[str]:
    """Return by what the class-weight board can be sliced: something must be known of the tasks."""
    return [] if tasks is None else [name for name in SLICED_BY if name not in tasks or tasks[name].notna().any()]


def of_main_metrics(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores in each board's own metric; a board that nobody knows, or that lacks it, keeps all."""
    boards = scores["board"].astype(object) if "board" in scores else pd.Series("", index=scores.index)
    there = set(zip(boards, scores["metric"], strict=True))
    own = {name: board.metric for name, board in BOARDS.items() if (name, board.metric) in there}
    main = boards.map(own).astype(object)
    return scores[main.isna() | (scores["metric"] == main)]


def is_main(board: str, metric: str) -> bool:
    """Say whether a metric is the one that its board shows first; on a board that nobody knows each is."""
    return board not in BOARDS or BOARDS[board].metric == metric


def read(root: Path) -> pd.DataFrame:
    """Return the leaderboards that a run wrote."""
    texts = dict.fromkeys(("board", "metric", "panel", "method", "missing_rule", "slice", "letters"), str)
    table = pd.read_csv(root / "leaderboard.csv", dtype=texts | {"position": "Int64"})
    return table.fillna({"panel": "", "slice": "", "letters": ""})


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV text."""
    names = [str(name) for name in table.columns]
    rows = (dict(zip(names, row, strict=True)) for row in table.itertuples(index=False))
    return csv_text(names, rows)
