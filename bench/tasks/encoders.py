"""Encoders: from a table of numbers and categories to the matrix that a learner reads.

A table has float64 columns and `category` columns of strings; NaN is missing in both. `encoder(name)` gives
an object with `fit(X)` and `transform(X)`. It is fitted on training rows only, and the encoding of a row depends
on them and on that row alone.

    scaled   float64: numbers imputed and standardised, categories one-hot (linear, neighbours, networks)
    ordinal  float64: numbers imputed, categories as codes (forests)
    native   numbers as they are, categories as `category` with the levels of the training rows (LightGBM)

The arithmetic is numpy, not scikit-learn's ColumnTransformer: on the small tables of a suite the bookkeeping
of the latter takes eight times as long, more than a ridge regression.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError

Encoding = Literal["scaled", "ordinal", "native"]

MOST_LEVELS = 30
"""One-hot columns a category gets at most, unless another number is asked for; its other levels share one more."""

RARE = 3
"""A level with fewer training rows than this shares the column of the other levels."""

LARGEST_NUMBER = 1e38
"""Numbers are cut to this size: forests compute in float32."""

MISSING = -1
UNKNOWN = -2
"""Codes of a missing level, and of one that no training row had."""


class Encoder(Protocol):
    """An encoding that is fitted on training rows and applied to any rows."""

    def fit(self, X: pd.DataFrame) -> Encoder:
        """Fit the encoding on the training rows and return the encoder."""

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Encode rows of the same columns; the result keeps their index."""


def encoder(encoding: Encoding, max_levels: int = MOST_LEVELS) -> Encoder:
    """Return a fresh encoder: `scaled`, with at most so many one-hot columns a category, `ordinal` or `native`.

    Raises:
        BenchError: there is no such encoding.
    """
    if encoding not in ENCODERS:
        raise BenchError(f"unknown encoding {encoding!r}: choose from {', '.join(ENCODERS)}")
    fresh: Encoder = Scaled(max_levels) if encoding == "scaled" else ENCODERS[encoding]()
    return fresh


@dataclass
class Scaled:
    """Numbers: median, an indicator where training rows had gaps, mean 0, deviation 1. Categories: one-hot.

    A missing category is a level of its own. Rare levels, and those beyond the most frequent, share the
    column "other", and so do unknown ones; without any such level, an unknown one is all zeros.
    """

    max_levels: int = MOST_LEVELS

    def fit(self, X: pd.DataFrame) -> Scaled:
        """Find medians, means, deviations and levels."""
        self._numbers = _Numbers.fit(X)
        filled, _ = self._numbers.fill(X)
        self._mean = filled.mean(axis=0)
        deviation = filled.std(axis=0)
        self._scale = np.where(deviation > 0, deviation, 1.0)
        self._groups = [group for name in _categories(X) if (group := _Groups.fit(X, name, self.max_levels)).width > 1]
        names = [name for group in self._groups for name in group.names]
        self._names = _column_names([*self._numbers.names, *names])
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a float64 frame (n, d)."""
        filled, gaps = self._numbers.fill(X)
        hot = [group.one_hot(X) for group in self._groups]
        # a column of tiny spread can make a number that float32 cannot hold
        scaled = np.clip((filled - self._mean) / self._scale, -LARGEST_NUMBER, LARGEST_NUMBER)
        return _frame([scaled, gaps, *hot], self._names, X.index)


class Ordinal:
    """Numbers: median, and an indicator where training rows had gaps. Categories: codes.

    Codes follow the order of an ordered category, else of the alphabet. Missing is -1 and unknown is -2.
    """

    def fit(self, X: pd.DataFrame) -> Ordinal:
        """Find medians and levels."""
        self._numbers = _Numbers.fit(X)
        found = [_Levels.fit(X, name) for name in _categories(X)]
        self._levels = [levels for levels in found if levels.vary]
        self._names = _column_names([*self._numbers.names, *(levels.name for levels in self._levels)])
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a float64 frame (n, d)."""
        codes = [levels.codes(X)[:, None].astype(float) for levels in self._levels]
        return _frame([*self._numbers.fill(X), *codes], self._names, X.index)


class Native:
    """Numbers as they are; categories with the levels of the training rows, others missing; safe names."""

    def fit(self, X: pd.DataFrame) -> Native:
        """Find the levels."""
        self._levels = {name: _Levels.fit(X, name) for name in _categories(X)}
        self._names = _column_names(re.sub(r"\W", "_", str(name)) for name in X.columns)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a frame of float64 and `category` columns, as many and in the same order as in X."""
        numbers = iter(_read_numbers(X, _numeric_columns(X)).T)
        columns = [self._levels[name].column(X) if name in self._levels else next(numbers) for name in X.columns]
        return pd.DataFrame(dict(zip(self._names, columns, strict=True)), index=X.index, copy=False)


ENCODERS: dict[str, Any] = {"scaled": Scaled, "ordinal": Ordinal, "native": Native}


@dataclass(frozen=True)
class _Numbers:
    """The numeric columns of the training rows: those that vary, their medians, and those that had gaps."""

    columns: list[Any]
    median: Array
    vary: Array
    gaps: Array

    @classmethod
    def fit(cls, X: pd.DataFrame) -> _Numbers:
        columns = _numeric_columns(X)
        values = _read_numbers(X, columns)
        missing = np.isnan(values)
        seen = ~missing.all(axis=0)
        median = np.zeros(len(columns))
        median[seen] = np.nanmedian(values[:, seen], axis=0) if missing.any() else np.median(values, axis=0)
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        return cls(columns, median, np.flatnonzero(low < high), _columns_with_gaps(missing, seen))

    @property
    def names(self) -> list[str]:
        kept = [str(self.columns[position]) for position in self.vary]
        return kept + [f"{self.columns[position]} is missing" for position in self.gaps]

    def fill(self, X: pd.DataFrame) -> tuple[Array, Array]:
        """Return the imputed values (n, varying columns) and the indicators (n, columns with gaps)."""
        values = _read_numbers(X, self.columns)
        missing = np.isnan(values)
        filled = np.where(missing, self.median, values)
        return filled[:, self.vary], missing[:, self.gaps].astype(float)


def _columns_with_gaps(missing: Any, seen: Any) -> Array:
    """Return the columns with gaps, one of those that are missing together: their indicators are equal."""
    first: dict[bytes, int] = {}
    for position in np.flatnonzero(missing.any(axis=0) & seen):
        first.setdefault(missing[:, position].tobytes(), int(position))
    return np.array(list(first.values()), dtype=int)


@dataclass(frozen=True)
class _Levels:
    """The levels of one category in the training rows, in order; `counts` has the missing rows at the end."""

    name: Any
    levels: list[str]
    counts: Array

    @classmethod
    def fit(cls, X: pd.DataFrame, name: Any) -> _Levels:
        values = _categories_of(X, name)
        counts = np.bincount(values.codes + 1, minlength=len(values.categories) + 1)
        texts = [str(level) for level in values.categories]
        present = [position for position in range(len(texts)) if counts[position + 1]]
        if not values.ordered:  # the order of the file may depend on rows outside the training part
            present.sort(key=texts.__getitem__)
        order = [position + 1 for position in present]
        return cls(name, [texts[position] for position in present], counts[[*order, 0]])

    @property
    def vary(self) -> bool:
        return int(np.count_nonzero(self.counts)) > 1

    def codes(self, X: pd.DataFrame) -> Array:
        """Return the codes (n,) of the rows: 0 … levels - 1, MISSING or UNKNOWN."""
        values = _categories_of(X, self.name)
        known = {level: code for code, level in enumerate(self.levels)}
        table = [known.get(str(level), UNKNOWN) for level in values.categories]
        return np.array([*table, MISSING])[values.codes]

    def column(self, X: pd.DataFrame) -> pd.Categorical[str]:
        """Return the rows as a categorical of these levels, unknown ones missing."""
        return pd.Categorical.from_codes(np.maximum(self.codes(X), MISSING), categories=pd.Index(self.levels))


@dataclass(frozen=True)
class _Groups:
    """The one-hot columns of one category: frequent levels, then "other" and "missing" if there are any."""

    levels: _Levels
    column: Array
    names: list[str]

    @classmethod
    def fit(cls, X: pd.DataFrame, name: Any, max_levels: int) -> _Groups:
        levels = _Levels.fit(X, name)
        counts, missing = levels.counts[:-1], levels.counts[-1] > 0
        frequent = np.argsort(-counts, kind="stable")[:max_levels]
        kept = np.sort(frequent[counts[frequent] >= RARE])
        names = [f"{name}={levels.levels[position]}" for position in kept]
        other = len(kept) if len(kept) < len(counts) else -1
        # one entry a level, then those of UNKNOWN (-2) and MISSING (-1), which index from the end
        column = np.full(len(counts) + 2, other)
        column[kept] = np.arange(len(kept))
        names += [f"{name} is other"] * (other >= 0)
        column[MISSING] = len(names) if missing else other
        return cls(levels, column, names + [f"{name} is missing"] * bool(missing))

    @property
    def width(self) -> int:
        return len(self.names)

    def one_hot(self, X: pd.DataFrame) -> Array:
        """Return the indicators (n, width)."""
        column = self.column[self.levels.codes(X)]
        return (column[:, None] == np.arange(self.width)).astype(float)


def _numeric_columns(X: pd.DataFrame) -> list[Any]:
    return [name for name, dtype in X.dtypes.items() if not isinstance(dtype, pd.CategoricalDtype)]


def _categories(X: pd.DataFrame) -> list[Any]:
    return [name for name, dtype in X.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)]


def _categories_of(X: pd.DataFrame, name: Any) -> pd.Categorical:
    return cast("pd.Categorical", X[name].array)


def _read_numbers(X: pd.DataFrame, columns: list[Any]) -> Array:
    """Return numbers (n, columns), NaN where missing or infinite, clipped to ±`LARGEST_NUMBER`."""
    table = X if len(columns) == X.shape[1] else X[columns]
    values = table.to_numpy(dtype=float)
    values = np.where(np.isfinite(values), values, np.nan)
    return np.clip(values, -LARGEST_NUMBER, LARGEST_NUMBER)


def _column_names(names: Iterable[str]) -> list[str]:
    """Return the names, with underscores added where two are alike."""
    unique: dict[str, None] = {}
    for name in names:
        fresh = name
        while fresh in unique:
            fresh += "_"
        unique[fresh] = None
    return list(unique)


def _frame(blocks: list[Array], names: list[str], index: pd.Index[Any]) -> pd.DataFrame:
    """Return the blocks side by side; a table without a column that varies becomes one column of zeros."""
    if not names:
        return pd.DataFrame({"nothing": np.zeros(len(index))}, index=index)
    return pd.DataFrame(np.hstack(blocks), index=index, columns=names, copy=False)
