"""From a table of scores to ranked boards: every board, metric, panel and slice is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from bench.core.nouns import BenchError
from bench.methods.boards import BOARDS, board_order
from bench.report.leaderboards.gains import Gains, mean_gains, twin_step
from bench.report.leaderboards.grid import Grid
from bench.report.leaderboards.missing import apply_missing_rule
from bench.report.leaderboards.scores import prepare_scores
from bench.report.leaderboards.slices import add_slices, slice_order
from bench.report.leaderboards.spread import Place, spread_scores
from bench.report.leaderboards.standing import TESTS, BoardKey, Replication, Standing, Test
from bench.report.leaderboards.tables import table_of

MISSING_RULE = "common"
"""Blocks that lack a score of any method of a slice are left out for all of them; `completeness` gives their share."""
REPLICATION: Replication = "task"
"""The folds of a task are averaged before anything is ranked, as papers do; tests have the same unit."""
TEST: Test = "max-t"
"""The one test of all pairs that can tell methods apart on few tasks."""


def leaderboard(
    scores: pd.DataFrame,
    *,
    missing: str = MISSING_RULE,
    by: Sequence[str] = (),
    tasks: pd.DataFrame | None = None,
    baseline: str | None = None,
    replication: Replication = REPLICATION,
    test: Test = TEST,
) -> pd.DataFrame:
    """Rank the methods of every board, metric, panel and slice by their mean rank.

    With `replication` "task" the splits of a task are averaged and methods ranked within each task; with "split" they
    are ranked within each block, that is one learner (where rows belong to one), repeat and fold of a task. Ranks are
    averaged so that every data set counts one: `tasks`, the table of tasks of a run, says in its column `dataset` which
    tasks are of one data set. Thresholded variants (`x+threshold` on a board that has them) are ranked in a slice of
    their own. `missing` is the rule for missing scores (see `missing.apply_missing_rule`). `by` names columns of the
    scores or of `tasks`, and makes a slice of each of their values. `baseline` is the method that `skill`, `relative`,
    `headroom` and Elo refer to; without it, the first that is always present on the board. `test` tells methods apart.

    Raises:
        BenchError: the table is no table of scores (see `scores.prepare_scores`), or a rule, a method or a column that
            is named is not there.
        IncompleteError: a score is missing, and the rule is `fail`.
    """
    ranked = standings(
        scores, missing=missing, by=by, tasks=tasks, baseline=baseline, replication=replication, test=test
    )
    return table_of(ranked)


def standings(
    scores: pd.DataFrame,
    *,
    missing: str = MISSING_RULE,
    by: Sequence[str] = (),
    tasks: pd.DataFrame | None = None,
    baseline: str | None = None,
    replication: Replication = REPLICATION,
    test: Test = TEST,
) -> Iterator[Standing]:
    """Yield every board of a table of scores, in the order of lists; the arguments are those of `leaderboard`."""
    if test not in TESTS:
        raise BenchError(f"unknown test {test!r}: choose from {', '.join(TESTS)}")
    table = prepare_scores(scores)
    imputing = missing.removeprefix("impute:") if missing.startswith("impute:") else None
    methods = set(table["method"].unique())
    for name in {baseline, imputing} - {None}:
        if methods and name not in methods:
            raise BenchError(f"no method is called {name!r}: choose from {', '.join(sorted(methods))}")
    table = add_slices(table.assign(step=table["slice"]), by, tasks)
    table = table.assign(dataset=_name_datasets(table["task_id"], tasks))
    slices: dict[tuple[str, str, str], dict[Place, Grid]] = {}
    for place, grid in spread_scores(table):
        slices.setdefault((place.board, grid.metric, place.panel), {})[place] = grid
    for board, metric, panel in sorted(slices, key=lambda found: (board_order(found[0]), *found)):
        grids = slices.pop((board, metric, panel))
        known = BOARDS.get(board)
        variant_step = f"+{known.variant_step}" if known and known.variant_step else ""
        reference = (baseline or (known.always_present[0] if known else "")).removesuffix(variant_step)
        gains = _gains_by_slice(grids, variant_step, reference, metric) if variant_step else {}
        for place, grid in sorted(grids.items(), key=lambda found: slice_order(found[0].slice)):
            # among thresholded variants, `impute:NAME` means the variant of NAME
            rule = missing.removesuffix(place.step) + place.step if missing.startswith("impute:") else missing
            yield Standing(
                key=BoardKey(board, metric, panel, place.slice),
                scores=grid,
                grid=apply_missing_rule(grid, rule),
                baseline=reference + place.step,
                missing=missing,
                replication=replication,
                test=test,
                gains=gains.get(_without_step(place), {}),
            )


def _name_datasets(task: pd.Series, tasks: pd.DataFrame | None) -> pd.Series:
    """Return the data set of each score's task: the task itself where the table of tasks names none."""
    if tasks is None or not {"task_id", "dataset"} <= set(tasks):
        return task
    known = tasks[tasks["dataset"].notna() & (tasks["dataset"] != "")].drop_duplicates("task_id")
    named = known.set_index("task_id")["dataset"].to_dict()
    return task.map({name: named.get(name, name) for name in task.cat.categories})


def _gains_by_slice(
    grids: Mapping[Place, Grid], variant_step: str, reference: str, metric: str
) -> dict[str, dict[str, Gains]]:
    """Return the gains of the methods of each slice that stands with and without the step tuned for the metric.

    Those with the thresholding step of the board have a slice of their own; `x+threshold:metric=f2` stands beside `x`.
    """
    parts = {(_without_step(place), place.step): grid for place, grid in grids.items()}
    twin = twin_step(variant_step, metric)
    slice_of_twin = variant_step if twin == variant_step else ""
    return {
        rest: mean_gains(plain, parts[rest, slice_of_twin], twin, reference)
        for (rest, step), plain in parts.items()
        if not step and (rest, slice_of_twin) in parts
    }


def _without_step(place: Place) -> str:
    """Return the name of a slice without its thresholding step."""
    return place.slice.removeprefix(place.step).strip()
