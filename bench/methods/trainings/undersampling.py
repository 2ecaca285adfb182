"""Under-sampling and cleaning: rows are chosen by position, so that those which stay are as they were, gaps included.

Distances are those of the numeric view of the table: numbers imputed and standardised, a column for each level.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings.fit_context import FitContext
from bench.methods.trainings.numeric_view import View, quiet_libraries
from bench.methods.trainings.sample import Sample, name_of, rows_to_keep

VERY_FEW = 5
"""Rows of a class below which a balanced sample is worth a note to the user."""

Choose = Callable[[Array, Array], Array]
"""Points (n, d) and their classes 0 … K'-1, each with rows, -> positions that stay."""


def undersample(context: FitContext, sample: Sample, choose: Choose) -> Sample:
    """Return the rows of a sample that are chosen; a class that would lose all its rows keeps them."""
    view = View.fit(sample.X)
    present, y = np.unique(sample.y, return_inverse=True)
    if len(present) < 2:
        return sample
    if not view.width:
        return sample.with_notes(("all rows kept, since no column varies", ""))
    with quiet_libraries():
        stays = np.zeros(len(y), dtype=bool)
        stays[choose(view.points(sample.X), y)] = True
    lost = np.flatnonzero(np.bincount(y[stays], minlength=len(present)) == 0)
    stays |= np.isin(y, lost)
    notes = [("all rows kept, since none would stay,", name_of(context, present[k])) for k in lost]
    return sample.rows(np.flatnonzero(stays)).with_notes(*notes)


def sampled_rows(sampler: Any, X: Array, y: Array) -> Array:
    """Return the positions that a sampler of imbalanced-learn keeps."""
    sampler.fit_resample(X, y)
    return np.asarray(sampler.sample_indices_, dtype=int)


def clamp_neighbours(sample: Sample, k: int, most: int) -> tuple[int, Sample]:
    """Return k neighbours, or as many as there are, and the sample with a note where these are fewer."""
    near = max(1, min(k, most))
    return near, sample if near == k else sample.with_notes((f"k clamped to {near}", ""))


def smallest_size(y: Array) -> int:
    """Return the number of rows of the smallest class that has any."""
    counts = np.bincount(y)
    return int(counts[counts > 0].min())


def larger_classes(y: Array) -> list[int]:
    """Return the classes that have more rows than the smallest: those that are cleaned."""
    counts = np.bincount(y)
    return [int(c) for c in np.flatnonzero(counts > smallest_size(y))]


def note_rows_left(context: FitContext, sample: Sample, wanted: dict[int, int]) -> Sample:
    """Note how many rows a class has left where they are not as many as were wanted, or fewer than `VERY_FEW`."""
    left = np.bincount(sample.y, minlength=context.target.width)
    notes = [
        (f"{left[code]} rows left where {most} were wanted", name_of(context, code))
        for code, most in wanted.items()
        if left[code] != most or most < VERY_FEW
    ]
    return sample.with_notes(*notes)


def note_few_rows(sample: Sample, ratio: float) -> Sample:
    """Note where a balanced sample leaves very few rows of a class, fewer than `VERY_FEW`."""
    left = min(rows_to_keep(sample.y, ratio).values(), default=np.inf)
    return sample.with_notes((f"{left} rows a class left", "")) if left < VERY_FEW else sample
