"""What becomes of cells without a score, before anything is ranked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.exit_codes import CANNOT_COMPARE
from bench.core.nouns import BenchError
from bench.report.leaderboards.grid import Grid
from bench.stats.tables import common_blocks

SELDOM = 0.5
"""A method with a smaller share of the blocks than this is not ranked by the rule `common`."""


class IncompleteError(BenchError):
    """A board lacks scores, and the rule was to refuse it."""

    code = CANNOT_COMPARE


def apply_missing_rule(grid: Grid, rule: str) -> Grid:
    """Return a grid whose methods have a score in every block, by a rule for what is missing.

    `common` keeps the blocks in which every method has a score, and does not rank a method that has one in fewer than
    half: it would take the blocks from all others, as a scheme does that is made for one learner; `worst` ranks a
    missing cell behind all others, with the worst score of its block; `impute:NAME` gives it the score of a method;
    `fail` refuses. A cell to which its method does not apply is not missing: no rule fills it in or refuses it, and its
    block is left out as by `common`. Methods without any score stay without, and blocks without any do not count.

    Raises:
        IncompleteError: a score is missing and the rule is `fail`.
        BenchError: the rule is unknown, or no method is called NAME.
    """
    name, _, rest = rule.partition(":")
    if name not in RULES or (rest and name != "impute"):
        raise BenchError(f"unknown missing rule {rule!r}: write {', '.join(RULES)} (as impute:NAME)")
    return RULES[name](grid, rest)


def _drop_empty_blocks(grid: Grid) -> Grid:
    """Return the blocks in which any method has a score."""
    return grid.rows(np.asarray((~np.isnan(grid.badness)).any(axis=1)))


def _keep_common(grid: Grid, _: str) -> Grid:
    grid = _drop_empty_blocks(grid)
    known = ~np.isnan(grid.badness)
    if known.all():
        return grid
    seldom = known.mean(axis=0) < SELDOM if len(known) else grid.has_scores
    badness, value = (np.where(seldom, np.nan, table) for table in (grid.badness, grid.value))
    return replace(grid, badness=badness, value=value, imputed=grid.imputed & ~seldom).rows(common_blocks(badness)[0])


def _rank_last(grid: Grid, _: str) -> Grid:
    grid = _drop_empty_blocks(grid)
    gaps = grid.missing & grid.has_scores
    if not gaps.any():
        return _keep_common(grid, "")
    worst = np.argmax(np.where(np.isnan(grid.badness), -np.inf, grid.badness), axis=1)[:, None]
    value = np.where(gaps, np.take_along_axis(grid.value, worst, axis=1), grid.value)
    return _keep_common(replace(grid, badness=np.where(gaps, np.inf, grid.badness), value=value, imputed=gaps), "")


def _impute(grid: Grid, name: str) -> Grid:
    gaps = grid.missing & grid.has_scores
    if not gaps.any():
        return _keep_common(grid, "")
    if name not in grid.methods:
        raise BenchError(
            f"missing scores of {grid.metric} cannot be those of {name!r}, which is no method of that board: "
            "name another, or choose boards with -b"
        )
    at = grid.methods.index(name)
    gaps &= ~np.isnan(grid.badness[:, [at]])
    badness = np.where(gaps, grid.badness[:, [at]], grid.badness)
    value = np.where(gaps, grid.value[:, [at]], grid.value)
    return _keep_common(replace(grid, badness=badness, value=value, imputed=gaps), "")


def _refuse_missing(grid: Grid, _: str) -> Grid:
    if grid.missing.any():
        raise IncompleteError(
            f"{int(grid.missing.sum())} of {grid.missing.size} scores of {grid.metric} are missing: "
            "use another --missing rule, or run what is missing"
        )
    return _keep_common(grid, "")


RULES: dict[str, Callable[[Grid, str], Grid]] = {
    "common": _keep_common,
    "worst": _rank_last,
    "impute": _impute,
    "fail": _refuse_missing,
}
