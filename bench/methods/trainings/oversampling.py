"""Over-sampling: classes get synthetic rows until they have the wanted share of the largest.

Each class grows by itself, so that k can be as small as a rare class needs. Where a method cannot make rows of a class,
plain SMOTE makes them; where a class has one row, or no column of the table varies, its rows are copied. Both are
noted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings.fit_context import FitContext
from bench.methods.trainings.numeric_view import View, quiet_libraries
from bench.methods.trainings.sample import Sample, name_of, positive_weight_sample, rows_to_add, whole_number

SAMPLER_RUNS = 5
"""How often a sampler runs: one that finds only half of what it looks for makes half of the rows."""


class SamplerRefusedError(Exception):
    """A method cannot make rows of a class; the text is one phrase with the reason."""


@dataclass(frozen=True)
class Growth:
    """One class that is to get `n_new` rows: the table as numbers and codes, its classes, and k neighbours at most."""

    view: View
    scaled: Array
    codes: Array
    y: Array
    code: int
    n_new: int
    k: int
    seed: int

    @property
    def own(self) -> Array:
        """Positions of the rows of the class."""
        return np.flatnonzero(self.y == self.code)

    def new_rows(self, sampler: Any, X: Array, y: Array) -> Array:
        """Return the rows that a sampler of imbalanced-learn adds to X for the class."""
        strategy = {self.code: int(np.count_nonzero(y == self.code)) + self.n_new}
        sampler.set_params(sampling_strategy=strategy)
        with quiet_libraries():
            return np.asarray(sampler.fit_resample(X, y)[0][len(X) :])


MakeRows = Callable[[Growth], tuple[Array, Array | None]]
"""Makes rows of a class: points (m, d) of the view, and the codes of their categories if it has chosen any."""


def oversample(context: FitContext, make: MakeRows, k: int, ratio: float) -> Sample:
    """Return the training rows, and behind them those that `make` makes.

    Raises:
        BenchError: k is below 1 or the ratio not in (0, 1].
    """
    whole_number("k", k)
    sample = positive_weight_sample(context)
    return grow_sample(context, sample, make, k, rows_to_add(sample.y, ratio), ("resample",))


def grow_sample(
    context: FitContext, sample: Sample, make: MakeRows, k: int, wanted: Mapping[int, int], part: tuple[object, ...]
) -> Sample:
    """Return a sample with as many new rows of each class behind it as are `wanted`; `part` names its random draws."""
    view = View.fit(sample.X)
    scaled, codes, y = view.scaled(sample.X), view.codes(sample.X), sample.y
    for code, n_new in wanted.items():
        n_own = int(np.count_nonzero(y == code))
        seed = context.seed_of(*part, code)
        growth = Growth(
            view=view, scaled=scaled, codes=codes, y=y, code=code, n_new=n_new, k=min(k, n_own - 1), seed=seed
        )
        if 0 < growth.k < k and view.width:
            sample = sample.with_notes((f"k clamped to {growth.k}", name_of(context, code)))
        sample = _grow(sample, growth, make, name_of(context, code))
    return sample


def _grow(sample: Sample, growth: Growth, make: MakeRows, name: str) -> Sample:
    """Add the rows of one class, or copies of its rows, which keep their weights."""
    from sklearn.metrics import pairwise_distances_argmin

    if growth.k < 1 or not growth.view.width:
        why = "no column varies" if growth.k else "it has one row"
        drawn = np.random.default_rng(growth.seed).choice(growth.own, growth.n_new)
        copied = sample.rows(np.append(np.arange(len(sample.y)), drawn))
        return copied.with_notes((f"rows copied, since {why},", name))
    try:
        points, codes = make(growth)
    except SamplerRefusedError as refusal:
        sample = sample.with_notes((f"plain SMOTE, since {refusal},", name))
        points, codes = smote_rows(growth)
    if len(points) != growth.n_new:  # samplers round cluster by cluster, or row by row
        sample = sample.with_notes((f"made {len(points)} rows where {growth.n_new} were wanted", name))
    if len(points) > growth.n_new:  # no class outgrows the size that was asked for
        kept = np.sort(np.random.default_rng(growth.seed).choice(len(points), growth.n_new, replace=False))
        points, codes = points[kept], codes if codes is None else codes[kept]
    own = growth.own
    nearest = pairwise_distances_argmin(points, growth.view.join(growth.scaled, growth.codes)[own])
    like = sample.X.iloc[own[np.asarray(nearest)]]
    synthetic = growth.view.rows(like, points[:, : len(growth.view.numbers)], codes)
    return sample.with_synthetic(synthetic, growth.code)


def smote_rows(growth: Growth) -> tuple[Array, Array | None]:
    """Make rows between neighbours of a class: SMOTE of numbers, SMOTE-N of categories, SMOTE-NC of both."""
    from imblearn.over_sampling import SMOTE, SMOTEN

    if not growth.view.levels:
        X, y = _add_one_other(growth, growth.scaled)
        return growth.new_rows(SMOTE(k_neighbors=growth.k, random_state=growth.seed), X, y), None
    if growth.view.numbers:
        scaled, codes = _smote_mixed(growth)
    else:
        # distances between levels compare their shares of the classes: the rows of all classes count
        sampler = SMOTEN(k_neighbors=growth.k, random_state=growth.seed)
        scaled, codes = np.zeros((growth.n_new, 0)), growth.new_rows(sampler, growth.codes, growth.y).astype(int)
    return growth.view.join(scaled, codes), codes


def _smote_mixed(growth: Growth) -> tuple[Array, Array]:
    from imblearn.over_sampling import SMOTENC

    n_numbers, n_categories = len(growth.view.numbers), len(growth.view.levels)
    places = list(range(n_numbers, n_numbers + n_categories))  # an array would be compared with a text
    X, y = _add_one_other(growth, np.hstack([growth.scaled, growth.codes]))
    made = growth.new_rows(SMOTENC(places, k_neighbors=growth.k, random_state=growth.seed), X, y)
    return made[:, :n_numbers].astype(float), made[:, n_numbers:].astype(int)


def _add_one_other(growth: Growth, X: Array) -> tuple[Array, Array]:
    """Return the rows of the class and one of another, without which a sampler has no class to grow towards."""
    other = np.flatnonzero(growth.y != growth.code)[:1]
    index = np.append(growth.own, other)
    return X[index], growth.y[index]


def by_sampler(sampler: Callable[[Growth], Any], refusals: dict[str, str]) -> MakeRows:
    """Return the maker around a sampler of imbalanced-learn that takes numbers alone.

    Categories of a new row are those of the nearest row of its class. `refusals` leads from parts of the messages with
    which the sampler gives up to the reason for the user.
    """

    def make(growth: Growth) -> tuple[Array, Array | None]:
        made = _run(sampler, refusals, growth)
        if not len(made):
            raise SamplerRefusedError("no row of it lies at the border")
        return _make_missing(sampler, refusals, growth, made), None

    return make


def _make_missing(sampler: Callable[[Growth], Any], refusals: dict[str, str], growth: Growth, made: Array) -> Array:
    """Run the sampler again for the rows that are missing, until none is or the sampler gives up."""
    for again in range(1, SAMPLER_RUNS):
        lack = growth.n_new - len(made)
        if lack <= 0:
            break
        rest = replace(growth, n_new=lack, seed=growth.seed + again)
        try:
            made = np.vstack([made, _run(sampler, refusals, rest)])
        except SamplerRefusedError:
            break
    return made


def _run(sampler: Callable[[Growth], Any], refusals: dict[str, str], growth: Growth) -> Array:
    points = growth.view.join(growth.scaled, growth.codes)
    try:
        with np.errstate(invalid="ignore"):  # a cluster of equal rows has no spread
            return growth.new_rows(sampler(growth), points, growth.y)
    except (ValueError, RuntimeError) as error:
        why = [reason for part, reason in refusals.items() if part in str(error)]
        if not why:
            raise
        raise SamplerRefusedError(why[0]) from error
