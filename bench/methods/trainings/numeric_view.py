"""A table as resampling needs it: numbers on one scale, categories as categories, and the way back to the table."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.tasks.encoders import LARGEST_NUMBER, MOST_LEVELS

OTHER = -2
"""Code of a rare level; -1 is pandas' code of a missing one."""

_EXPECTED = (
    r"The number of unique classes is greater than 50%",
    r"The least populated class in y has only",
    r"Number of classes in training fold",
    r"Number of distinct clusters",
    r"The number of the samples to be selected is larger",
)
"""Warnings about small classes and duplicated rows: both are expected here, and counted in the class weights."""


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Ignore warnings about small classes and duplicated rows, and scikit-learn's about its own future.

    Between us and scikit-learn stands imbalanced-learn here, whose calls are not ours to mend. scikit-learn attributes
    such a warning to its own module, so that only this place knows the caller; our own calls of it are covered by the
    laws of learners, which ignore no warning.
    """
    with warnings.catch_warnings():
        for message in _EXPECTED:
            warnings.filterwarnings("ignore", message=message)
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"sklearn\.")
        yield


@dataclass(frozen=True)
class PooledLevels:
    """A category: `pooled` leads from a code of the column (missing is the last) to a pooled code, `raw` leads back."""

    name: Any
    pooled: Array
    raw: Array

    @classmethod
    def fit(cls, X: pd.DataFrame, name: Any) -> PooledLevels:
        """Keep the most frequent levels, a missing one like any other; the rest share one more."""
        codes = _codes(X, name)
        missing = int(codes.max(initial=-1)) + 1
        counts = np.bincount(np.where(codes < 0, missing, codes), minlength=missing + 1)
        codes_of = np.flatnonzero(counts)
        kept = np.sort(codes_of[np.argsort(-counts[codes_of], kind="stable")][:MOST_LEVELS])
        pooled = np.full(len(counts), len(kept))
        pooled[kept] = np.arange(len(kept))
        raw = np.where(kept == missing, -1, kept)
        return cls(name, pooled, np.append(raw, OTHER)[: len(kept) + (len(codes_of) > len(kept))])

    def codes(self, X: pd.DataFrame) -> Array:
        """Return the pooled codes of rows (n,)."""
        pooled: Array = self.pooled[_codes(X, self.name)]
        return pooled


def _codes(X: pd.DataFrame, name: Any) -> Array:
    return np.asarray(X[name].cat.codes, dtype=int)


@dataclass(frozen=True)
class View:
    """The scales and levels of a table; columns that never vary make no distances and are left out.

    Numbers are imputed with the median and standardised. A level of a category is a column of zeros and ones.
    """

    numbers: list[Any]
    median: Array
    mean: Array
    scale: Array
    levels: list[PooledLevels]

    @classmethod
    def fit(cls, X: pd.DataFrame) -> View:
        """Fit the view to training rows."""
        kinds = {name: isinstance(dtype, pd.CategoricalDtype) for name, dtype in X.dtypes.items()}
        plain = [name for name, category in kinds.items() if not category]
        low, high = (extreme.reduce(_read_columns(X, plain), axis=0) for extreme in (np.fmin, np.fmax))
        numbers = [name for name, varies in zip(plain, low < high, strict=True) if varies]
        values = _read_columns(X, numbers)
        median = np.nanmedian(values, axis=0) if numbers else np.zeros(0)
        filled = np.where(np.isnan(values), median, values)
        deviation = filled.std(axis=0)
        levels = [PooledLevels.fit(X, name) for name, category in kinds.items() if category]
        varying = [each for each in levels if len(each.raw) > 1]
        return cls(numbers, median, filled.mean(axis=0), np.where(deviation > 0, deviation, 1.0), varying)

    @property
    def width(self) -> int:
        """Columns of the table that vary."""
        return len(self.numbers) + len(self.levels)

    def scaled(self, X: pd.DataFrame) -> Array:
        """Return the numbers of rows, imputed and standardised (n, numbers)."""
        values = _read_columns(X, self.numbers)
        return np.asarray((np.where(np.isnan(values), self.median, values) - self.mean) / self.scale)

    def codes(self, X: pd.DataFrame) -> Array:
        """Return the pooled codes of the categories of rows (n, categories)."""
        columns = [levels.codes(X) for levels in self.levels]
        return np.column_stack(columns) if columns else np.zeros((len(X), 0), dtype=int)

    def join(self, scaled: Array, codes: Array) -> Array:
        """Return numbers and categories as points of one space (n, d)."""
        hot = [codes[:, [j]] == np.arange(len(levels.raw)) for j, levels in enumerate(self.levels)]
        return np.hstack([scaled, *(columns.astype(float) for columns in hot)])

    def points(self, X: pd.DataFrame) -> Array:
        """Return rows as points (n, d)."""
        return self.join(self.scaled(X), self.codes(X))

    def rows(self, like: pd.DataFrame, scaled: Array | None, codes: Array | None) -> pd.DataFrame:
        """Return synthetic rows: copies of the rows `like`, with other numbers, other levels, or both.

        A value that is missing in the row of `like` stays missing, so that gaps are as frequent as before. A rare level
        is that of the row of `like`.
        """
        columns = {name: like[name].array for name in like.columns}
        if scaled is not None:
            values = self.mean + self.scale * scaled
            for j, name in enumerate(self.numbers):
                before = np.asarray(like[name], dtype=float)
                columns[name] = pd.array(np.where(np.isfinite(before), values[:, j], before), dtype=like[name].dtype)
        if codes is not None:
            for j, levels in enumerate(self.levels):
                raw = levels.raw[codes[:, j]]
                raw = np.where(raw == OTHER, _codes(like, levels.name), raw)
                columns[levels.name] = pd.Categorical.from_codes(raw, dtype=like[levels.name].dtype)
        return pd.DataFrame(columns).reset_index(drop=True)


def _read_columns(X: pd.DataFrame, names: list[Any]) -> Array:
    """Return numbers (n, names), NaN where missing or infinite."""
    values = X[names].to_numpy(dtype=float)
    return np.clip(np.where(np.isfinite(values), values, np.nan), -LARGEST_NUMBER, LARGEST_NUMBER)
