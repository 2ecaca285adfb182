"""What a comparison found: its verdicts, what moved, what had no partner, and the exit code that follows."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from bench.core.exit_codes import CANNOT_COMPARE, FINE, NOTHING_SELECTED, REGRESSION
from bench.stats.tables import FEWEST_TASKS

WORDS = {
    FINE: "no regression",
    REGRESSION: "regression found",
    CANNOT_COMPARE: "cannot compare",
    NOTHING_SELECTED: "nothing selected",
}

UNCLEAR = "unclear, nothing fails"
"""The outcome where a mean is beyond its limit, the test cannot tell it from noise, and the gate only warns."""
VERDICTS = (
    "board", "metric", "panel", "method", "rule", "verdict", "tasks", "blocks", "base", "new", "change", "lo", "hi",
    "margin", "relative", "p", "p_holm", "fails", "reason", "task_rule", "tripped", "beyond", "unmet",
)  # fmt: skip
MOVED = ("task_id", "board", "metric", "panel", "change", "harm", "methods", "most", "most_change", "base", "new")
TASKS = ("task_id", "board", "metric", "panel", "method", "base", "new", "change", "rule")
LOST_COLUMNS = ("missing_in", "board", "panel", "what", "name", "cells", "tasks")
TIMING = ("board", "seconds", "cells", "base", "new", "ratio")


def empty_table(columns: tuple[str, ...]) -> pd.DataFrame:
    """Return a table with these columns and no row."""
    return pd.DataFrame(columns=list(columns))


@dataclass(frozen=True)
class Report:
    """One comparison; tables have the columns that this file names.

    `code` is the exit code, `reason` the sentence behind 3, 4 or 5. `verdicts` has one row a board, metric, panel and
    method: `base` and `new` are means over the paired tasks (empty where the unit is the target's), `change` with `lo`
    and `hi` is that of the value, a share where `relative`, `margin` how much worse is allowed. `beyond` marks means
    that are worse by more than that, `tripped` counts the tasks that are worse by more than `task_rule` allows: they
    stand in the table `tripped`, each with its change as a share of its base. `unmet` is what a rule needs of a row and
    cannot have. `tasks` has every paired task, where that is asked for. `warnings` are what a gate lets pass that only
    warns. `lost` holds what one side has and the other has not. `moved` is sorted, the task that moved most first.
    `timing` is advice alone.
    """

    base: str
    new: str
    code: int
    reason: str = ""
    rules: tuple[str, ...] = ()
    confidence: float = 0.95
    min_pairs: int = FEWEST_TASKS
    verdicts: pd.DataFrame = field(default_factory=lambda: empty_table(VERDICTS))
    moved: pd.DataFrame = field(default_factory=lambda: empty_table(MOVED))
    tripped: pd.DataFrame = field(default_factory=lambda: empty_table(TASKS))
    tasks: pd.DataFrame = field(default_factory=lambda: empty_table(TASKS))
    lost: pd.DataFrame = field(default_factory=lambda: empty_table(LOST_COLUMNS))
    timing: pd.DataFrame = field(default_factory=lambda: empty_table(TIMING))
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The outcome in words; another one without a rule, where nothing is judged, and one for warnings."""
        if self.warnings:
            return UNCLEAR
        return WORDS[self.code] if self.code != FINE or self.rules else "compared, nothing gated"

    @property
    def counts(self) -> dict[str, int]:
        """How many verdicts of each kind there are."""
        found = self.verdicts["verdict"].value_counts()
        return {name: int(found.get(name, 0)) for name in ("worse", "better", "equivalent", "unclear")}


class RefusedError(Exception):
    """Two tables that cannot be compared, or from which nothing is selected: one sentence and an exit code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
