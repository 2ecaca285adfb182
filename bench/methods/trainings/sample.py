"""Resampled rows: samples, how many rows of each class are wanted, and the class weights in effect for a sample.

Row weights of the task: rows are counted, not their weights. A row of weight zero is left out; copies keep the weight
of their row; a synthetic row has the mean weight of its class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError
from bench.methods.trainings.fit_context import FitContext, FittedModel

Note = tuple[str, str]
"""What had to be changed, and for which class."""


@dataclass(frozen=True)
class Sample:
    """Training rows in the form of the table, with their classes and weights; `notes` hold what had to be changed."""

    X: pd.DataFrame
    y: Array
    weight: Array | None
    notes: tuple[Note, ...] = ()

    def rows(self, index: Array) -> Sample:
        """Return the rows at these positions, which may repeat."""
        weight = None if self.weight is None else self.weight[index]
        return replace(self, X=self.X.iloc[index].reset_index(drop=True), y=self.y[index], weight=weight)

    def with_notes(self, *notes: Note) -> Sample:
        """Return the sample with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def with_synthetic(self, X: pd.DataFrame, code: int) -> Sample:
        """Return the sample with synthetic rows of one class, of the mean weight of the class."""
        weight = self.weight
        if weight is not None:
            weight = np.append(weight, np.full(len(X), weight[self.y == code].mean()))
        y = np.append(self.y, np.full(len(X), code))
        return replace(self, X=pd.concat([self.X, X], ignore_index=True), y=y, weight=weight)

    def with_tail(self, n: int, X: pd.DataFrame) -> Sample:
        """Return the sample with the rows behind the first n replaced by as many others."""
        return replace(self, X=pd.concat([self.X.iloc[:n], X], ignore_index=True))


def positive_weight_sample(context: FitContext) -> Sample:
    """Return the training rows of positive weight."""
    sample = Sample(context.X, context.y, context.weight)
    if context.weight is None or context.weight.min() > 0:
        return sample.rows(np.arange(len(context.y)))
    return sample.rows(np.flatnonzero(context.weight > 0))


def fit_sample(context: FitContext, sample: Sample) -> FittedModel:
    """Fit the learner on a sample."""
    predict = context.fit(sample.X, sample.y, sample.weight)
    after = np.bincount(sample.y, weights=sample.weight, minlength=context.target.width).astype(float)
    return FittedModel(predict, resampling_weights(context.counts, after), note_text(context, sample.notes))


def fit_chosen_rows(context: FitContext, sample: Sample) -> FittedModel:
    """Fit the learner on a sample whose rows were chosen, or made, by where they lie.

    Within a class they are distributed otherwise than before: no class weights amount to that, and none are known.
    """
    return replace(fit_sample(context, sample), effective_class_weights=np.full(context.target.width, np.nan))


def resampling_weights(before: Array, after: Array) -> Array:
    """Return the class weights (K,) that a resampling amounts to: rows after over rows before, Σ n_c w_c = Σ n_c.

    `before` and `after` are the rows of each class, or the sums of their row weights.
    """
    share = np.divide(after, before, out=np.zeros(len(before)), where=before > 0)
    scaled: Array = share * (before.sum() / (share @ before))
    return scaled


def note_text(context: FitContext, notes: tuple[Note, ...]) -> str:
    """Return the notes as one line, the classes of each note together."""
    classes: dict[str, list[str]] = {}
    for change, name in notes:
        classes.setdefault(change, []).extend([name] if name else [])
    return "; ".join(f"{change} for class {', '.join(names)}" if names else change for change, names in classes.items())


def name_of(context: FitContext, code: int) -> str:
    """Return the name of a class."""
    return str(context.target.outputs[code])


def rows_to_add(y: Array, ratio: float) -> dict[int, int]:
    """Return, by class, the rows that it lacks to the share `ratio` of the largest class; those that lack none are out.

    Raises:
        BenchError: the ratio is not above 0 and at most 1.
    """
    counts = np.bincount(y)
    wanted = round(_check_ratio(ratio) * int(counts.max()))
    return {int(c): wanted - int(counts[c]) for c in np.flatnonzero(counts) if counts[c] < wanted}


def rows_to_keep(y: Array, ratio: float) -> dict[int, int]:
    """Return, by class, how many rows are kept: the size of the smallest over `ratio`; classes that keep all are out.

    Raises:
        BenchError: the ratio is not above 0 and at most 1.
    """
    counts = np.bincount(y)
    most = round(int(counts[counts > 0].min()) / _check_ratio(ratio))
    return {int(c): most for c in np.flatnonzero(counts > most)}


def _check_ratio(ratio: float) -> float:
    if not 0 < ratio <= 1:
        raise BenchError(f"parameter 'ratio' of a resampling is {ratio}: give a number above 0 and at most 1")
    return ratio


def whole_number(name: str, value: int, least: int = 1) -> int:
    """Return a parameter that counts something.

    Raises:
        BenchError: it is too small.
    """
    if value < least:
        raise BenchError(f"parameter {name!r} of a training scheme is {value}: give {least} or more")
    return value
