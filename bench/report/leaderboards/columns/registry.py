"""The registry of leaderboard columns: the options of a column, and in which order columns stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import pandas as pd

from bench.core.contract import held_to_its_keywords, place_of
from bench.core.nouns import BenchError
from bench.core.registry import Registry
from bench.core.scheme import Entry, PluginOptions
from bench.core.selection import suggestion
from bench.report.leaderboards.standing import Standing

PACKAGE = "bench.report.leaderboards.columns"
KIND = "method"
"""What a row of a leaderboard is; the registry needs a kind, and there is no other."""
Better = Literal["low", "high", "metric"]


class ColumnFunction(Protocol):
    """The function of a leaderboard column."""

    def __call__(self, standing: Standing, /) -> Any:
        """Return one value for each method, shape (K,) in the order of `standing.grid.methods`, or one for all."""


@dataclass(frozen=True, kw_only=True)
class ColumnOptions(PluginOptions):
    """The options of a leaderboard column.

    `better` are the values that are better: `low`, `high`, those that its `metric` prefers, or None. `decimals` are the
    digits after the point on a terminal, None for values that are written as they are; files hold all digits. `shown`:
    people see it in printed tables, Markdown and LaTeX, behind the column `after`, else behind those before it.
    `drop_order`: a narrow terminal leaves out the columns with the smallest number first, None stays always. `dear`:
    it takes bootstraps or searches, so that the files of a run have it for each board's own metric alone.
    """

    better: Better | None = None
    decimals: int | None = None
    shown: bool = False
    after: str | None = None
    drop_order: int | None = None
    dear: bool = False


registry = Registry("leaderboard column", PACKAGE, kinds=(KIND,), contract=ColumnFunction, options=ColumnOptions)
F = TypeVar("F", bound=Callable[..., Any])


@held_to_its_keywords
def register(
    *,
    better: Better | None = None,
    decimals: int | None = None,
    shown: bool = False,
    after: str | None = None,
    drop_order: int | None = None,
    dear: bool = False,
) -> Callable[[F], F]:
    """Return the decorator that enters a leaderboard column; see `ColumnOptions` for the keywords.

    Raises:
        BenchError: a keyword is unknown, `after` is no column that people see, or the function is no column.
    """

    def enter(column: F) -> F:
        # a column of bench may stand behind one that is defined below it, and so is not known yet
        if after is not None and not column.__module__.startswith(f"{PACKAGE}.") and after not in columns_for_people():
            choice = suggestion(after, columns_for_people())
            raise BenchError(
                f"{registry.noun} {place_of(column)}: after is {after!r}, which people do not see: {choice}"
            )
        options = ColumnOptions(
            better=better, decimals=decimals, shown=shown, after=after, drop_order=drop_order, dear=dear
        )
        registry.enter(column, (KIND,), options)
        return column

    return enter


@dataclass(frozen=True)
class Column:
    """One column of a leaderboard: its name in tables, and the entry behind it."""

    entry: Entry[ColumnOptions]

    @property
    def name(self) -> str:
        """The name in tables, in snake_case."""
        return self.entry.name.replace("-", "_")

    @property
    def options(self) -> ColumnOptions:
        """Its options."""
        return self.entry.options

    @property
    def help(self) -> str:
        """What it means, in one line."""
        return self.entry.summary

    def values(self, standing: Standing) -> Any:
        """Return the values of a board, shape (K,), or one value for all methods.

        Raises:
            BenchError: the function gives another number of values.
        """
        found = self.entry.function(standing)
        K, shape = len(standing.grid.methods), np.shape(found)
        if shape not in {(), (K,)}:
            raise BenchError(
                f"{registry.noun} {place_of(self.entry.function)} gives values of shape {shape}: "
                f"return one for each of the {K} methods"
            )
        return found.array if isinstance(found, pd.Series) else found  # a frame would align its index


def all_columns() -> list[Column]:
    """Return the columns in the order of `leaderboard.csv`: those of bench, then those of plug-ins as they came."""
    return [Column(entry) for entry in registry.in_order_of_entry()]


def column_names() -> tuple[str, ...]:
    """Return the names of the columns in the order of `leaderboard.csv`."""
    return tuple(column.name for column in all_columns())


def columns_for_people() -> dict[str, Column]:
    """Return the columns that people see, by name, in the order in which they see them."""
    columns = {column.name: column for column in all_columns() if column.options.shown}
    names = [name for name, column in columns.items() if column.options.after is None]
    waiting = [name for name in columns if name not in names]
    while ready := [name for name in waiting if columns[name].options.after in names]:
        for name in ready:  # of two behind the same column, the one that was registered last stands nearest
            names.insert(names.index(str(columns[name].options.after)) + 1, name)
        waiting = [name for name in waiting if name not in ready]
    return {name: columns[name] for name in names}
