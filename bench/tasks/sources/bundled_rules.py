"""The stated rules that turn some bundled tables into tasks: decode, derive a target, thin out classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import pandas as pd

from bench.core.hashing import digest

TableRule = Callable[[pd.DataFrame], pd.DataFrame]


def unchanged(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is."""
    return table


def each(*rules: TableRule) -> TableRule:
    """Return the rule that applies the given rules in order."""
    return lambda table: reduce(lambda so_far, rule: rule(so_far), rules, table)


def decode(**codes: Mapping[int, str]) -> TableRule:
    """Return the rule that turns number codes into names, column by column."""

    def apply(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{column: table[column].map(names) for column, names in codes.items()})

    return apply


def read_as_whole(column: str) -> TableRule:
    """Return the rule that reads a text column as whole numbers."""
    return lambda table: table.assign(**{column: table[column].astype(int)})


def drop_missing(column: str) -> TableRule:
    """Return the rule that keeps the rows in which the column has a value."""
    return lambda table: table[table[column].notna()].reset_index(drop=True)


def one_against_rest(target: str, name: str) -> TableRule:
    """Return the rule that keeps one class under its name and calls all others `rest`."""
    return lambda table: table.assign(**{target: table[target].where(table[target] == name, "rest")})


def thin(target: str, name: str, ratio: float) -> TableRule:
    """Return the rule that thins out one class until the largest class has `ratio` times its rows.

    Kept are the rows whose position hashes lowest: an arbitrary choice, the same everywhere for ever.
    """

    def apply(table: pd.DataFrame) -> pd.DataFrame:
        counts = table[target].value_counts()
        return _keep(table, target, {name: round(counts.max() / ratio)})

    return apply


def long_tail(target: str, ratio: float) -> TableRule:
    """Return the rule that thins out K classes to a tail: class k keeps n_1 ratio^(-k / (K - 1)) rows.

    Classes in sorted order, k = 0 … K - 1; n_1 is the smallest class of the full table. Rows as in `thin`.
    Source: Cui et al. (2019), Class-balanced loss based on effective number of samples.
    """

    def apply(table: pd.DataFrame) -> pd.DataFrame:
        counts = table[target].value_counts().sort_index()
        steps = len(counts) - 1
        rows = {name: round(counts.min() * ratio ** (-k / steps)) for k, name in enumerate(counts.index)}
        return _keep(table, target, rows)

    return apply


def _keep(table: pd.DataFrame, target: str, rows: Mapping[str, int]) -> pd.DataFrame:
    """Keep so many rows of the named classes and all of the others, in the order of the table."""
    chosen = ~table[target].isin(list(rows)).to_numpy(dtype=bool, copy=True)
    for name, count in rows.items():
        positions = [int(i) for i in (table[target] == name).to_numpy().nonzero()[0]]
        chosen[sorted(positions, key=lambda i: digest("bundled rows", i))[:count]] = True
    return table[chosen].reset_index(drop=True)


def share_above_median(table: pd.DataFrame) -> pd.DataFrame:
    """Add `share`, the per cent of a district's pupils above the national median in mathematics."""
    return table.assign(share=100 * table["PR50M"] / table["MATHTOT"])


def any_affair(table: pd.DataFrame) -> pd.DataFrame:
    """Turn the number of affairs into `affair`: `some` or `none`."""
    return table.assign(affair=(table["naffairs"] > 0).map({True: "some", False: "none"}))


def next_inflation(table: pd.DataFrame) -> pd.DataFrame:
    """Add `next_infl`, the inflation one quarter later, and `date`; the last quarter is left out."""
    later = table.assign(next_infl=table["infl"].shift(-1), date=table["year"] + (table["quarter"] - 1) / 4)
    return later.iloc[:-1]


def low_birth_weight(table: pd.DataFrame) -> pd.DataFrame:
    """Name the classes of `lbweight`: below 2,500 g is `low`."""
    return decode(lbweight={0: "normal", 1: "low"})(table)


def sex_unknown(table: pd.DataFrame) -> pd.DataFrame:
    """Take the sign `_` in `sex` as missing."""
    return table.assign(sex=table["sex"].where(table["sex"] != "_"))
