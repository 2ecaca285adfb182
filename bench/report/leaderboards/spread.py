"""From rows of scores to grids: all metrics of a board and slice are spread in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.report.leaderboards.certificates import tie_certified
from bench.report.leaderboards.grid import LEVELS, Blocks, Grid

DOES_NOT_APPLY = "skipped"
"""Status of a cell whose method does not apply to its task or learner."""


class Place(NamedTuple):
    """Where methods are ranked among themselves: a board, a panel, a slice, and the slice's decision step."""

    board: str
    panel: str
    slice: str
    step: str


@dataclass(frozen=True)
class Rows:
    """Rows of scores (n,) in the order of place, metric, block and method, by their codes.

    `known` marks rows of cells that ran. `directions` are those of `metrics`; `blocks` are all that there are.
    """

    place: Array
    metric: Array
    block: Array
    method: Array
    value: Array
    badness: Array
    known: Array
    applies: Array
    learners_used: Array
    gap: Array
    places: list[Place]
    metrics: list[str]
    methods: list[str]
    directions: list[str]
    blocks: Blocks

    def part(self, start: int, end: int) -> Rows:
        """Return the rows from one to another."""
        return Rows(**{name: part[start:end] if name in PER_ROW else part for name, part in vars(self).items()})


PER_ROW = frozenset(
    ("place", "metric", "block", "method", "value", "badness", "known", "applies", "learners_used", "gap")
)


def spread_scores(table: pd.DataFrame) -> Iterator[tuple[Place, Grid]]:
    """Spread the rows of `scores.prepare_scores` into one grid a place and metric.

    Rows that differ in nothing but their value are averaged. A metric that is undefined for all methods of a block
    leaves the block out.
    """
    if table.empty:
        return
    is_oracle = table["is_oracle"].to_numpy(dtype=bool)
    rows, oracle = _code_rows(table, is_oracle)
    ends = np.flatnonzero(np.diff(rows.place, append=-1)) + 1
    for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        yield from _spread_place(rows.part(start, end), oracle)


def _code_rows(table: pd.DataFrame, is_oracle: Array) -> tuple[Rows, pd.Series[float]]:
    """Turn names into codes that sort as they do; return the sorted rows, and the oracle's badness by its key."""
    metric, metrics = pd.factorize(table["metric"], sort=True)
    method, methods = pd.factorize(table["method"], sort=True)
    place, first_of_place = _join_codes(table, Place._fields)
    block, first_of_block = _join_codes(table, LEVELS)
    reseed = pd.factorize(table["reseed"], sort=True)[0]
    blocks = Blocks(
        keys=table[LEVELS].iloc[first_of_block].astype(object).reset_index(drop=True),
        reseed=reseed[first_of_block],
        test_share=table["test_share"].to_numpy(dtype=float)[first_of_block],
    )
    badness = table["badness"].to_numpy(dtype=float)
    first_of_metric = np.unique(metric, return_index=True)[1]
    places = [Place(*map(str, names)) for names in table[list(Place._fields)].iloc[first_of_place].to_numpy()]
    key = ((place * len(metrics) + metric) * len(first_of_block) + block) * len(methods) + method
    order = np.argsort(np.where(is_oracle, key.max(initial=0) + 1, key), kind="stable")[: int((~is_oracle).sum())]
    if (np.diff(key[order]) == 0).any():
        # equal rows stand in the order of their seed and value: their sum does not depend on the order of the table
        order = order[np.lexsort([table["value"].to_numpy(dtype=float)[order], reseed[order], key[order]])]
    numbers = {
        name: table[name].to_numpy(dtype=float, na_value=np.nan)[order] for name in ("value", "learners_used", "gap")
    }
    rows = Rows(
        place=place[order],
        metric=metric[order],
        block=block[order],
        method=method[order],
        badness=badness[order],
        known=table["known"].to_numpy(dtype=bool)[order],
        applies=(table["status"] != DOES_NOT_APPLY).to_numpy(dtype=bool)[order],
        **numbers,
        places=places,
        metrics=[str(name) for name in metrics],
        methods=[str(name) for name in methods],
        directions=[str(direction) for direction in table["direction"].iloc[first_of_metric]],
        blocks=blocks,
    )
    bound = pd.DataFrame({"key": _bound_key(rows, place, metric, block)[is_oracle], "badness": badness[is_oracle]})
    return rows, bound.groupby("key")["badness"].mean()


def _bound_key(rows: Rows, place: Array, metric: Array, block: Array) -> Array:
    """Return the key of an oracle's score: it bounds all slices of its board and panel."""
    panels = {names[:2]: code for code, names in enumerate(rows.places)}
    panel = np.array([panels[names[:2]] for names in rows.places], dtype=np.int64)[place]
    return np.asarray((panel * len(rows.metrics) + metric) * len(rows.blocks) + block)


def _join_codes(table: pd.DataFrame, names: Sequence[str]) -> tuple[Array, Array]:
    """Return one code a row for what stands in some columns, in their order, and the first row of each code."""
    joined = np.zeros(len(table), dtype=np.int64)
    for name in names:
        codes, values = pd.factorize(table[name], sort=True)
        joined = joined * max(len(values), 1) + codes
    _, first, code = np.unique(joined, return_index=True, return_inverse=True)
    return code.reshape(-1), first


def _spread_place(rows: Rows, oracle: pd.Series[float]) -> Iterator[tuple[Place, Grid]]:
    """Yield the grid of each metric of one place."""
    place = rows.places[rows.place[0]]
    metrics, m = np.unique(rows.metric, return_inverse=True)
    blocks, b = np.unique(rows.block, return_inverse=True)
    methods, k = np.unique(rows.method, return_inverse=True)
    shape = len(metrics), len(blocks), len(methods)
    cell = np.ravel_multi_index((m, b, k), shape)
    there = np.bincount(cell, minlength=np.prod(shape)).reshape(shape)
    badness, value = (_mean(cell, values, there) for values in (rows.badness, rows.value))
    known = np.bincount(cell, rows.known, minlength=np.prod(shape)).reshape(shape) > 0
    # what belongs to a cell and not to its metrics is read from those that have the cell
    per_cell = np.ravel_multi_index((b, k), shape[1:])
    cells = np.bincount(per_cell, minlength=np.prod(shape[1:])).reshape(shape[1:])
    used, gap = (_mean(per_cell, values, cells) for values in (rows.learners_used, rows.gap))
    applies = np.bincount(per_cell, ~rows.applies, minlength=np.prod(shape[1:])).reshape(shape[1:]) == 0
    keys = _bound_key(rows, rows.place[0], metrics[:, None], blocks[None, :])
    bounds = oracle.reindex(keys.ravel()).to_numpy(dtype=float).reshape(keys.shape)
    for at, code in enumerate(metrics):
        has_rows = there[at] > 0
        undefined = np.isnan(badness[at]).all(axis=1) & known[at].any(axis=1)
        kept, ranked = has_rows.any(axis=1) & ~undefined, has_rows[~undefined].any(axis=0)
        inside = np.ix_(kept, ranked)
        yield place, tie_certified(Grid(
            metric=rows.metrics[code],
            direction=rows.directions[code],
            methods=[rows.methods[method] for method in methods[ranked]],
            blocks=rows.blocks.at(blocks[kept]),
            badness=badness[at][inside],
            value=value[at][inside],
            applies=applies[inside],
            imputed=np.zeros((int(kept.sum()), int(ranked.sum())), dtype=bool),
            oracle=bounds[at][kept],
            learners_used=used[inside],
        ), gap[inside])  # fmt: skip


def _mean(cell: Array, values: Array, count: Array) -> Array:
    """Return the mean of the values of each cell, in the shape of their counts; NaN where there is none."""
    total = np.bincount(cell, values, minlength=count.size).reshape(count.shape)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
