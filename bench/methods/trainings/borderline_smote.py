"""SMOTE from rows near the border of a class."""

from __future__ import annotations

from typing import Any

from bench.core.nouns import BenchError
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.oversampling import Growth, by_sampler, oversample
from bench.methods.trainings.sample import fit_chosen_rows, whole_number


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def borderline_smote(context: FitContext, *, k: int = 5, m: int = 10, kind: int = 1, ratio: float = 1.0) -> FittedModel:
    """Grow a class from those of its rows that have at least half, but not all, of their m neighbours in other classes.

    `kind` 1 draws towards rows of the class, 2 towards rows of any class, half as far to those of others. A class
    without such rows grows by plain SMOTE. A category is that of the nearest row of the class. Han, Wang and Mao
    (2005), Borderline-SMOTE: a new over-sampling method in imbalanced data sets learning.

    Raises:
        BenchError: k or m is below 1, the kind neither 1 nor 2, or the ratio not in (0, 1].
    """
    if kind not in {1, 2}:
        raise BenchError(f"parameter 'kind' of borderline-smote is {kind}: give 1 or 2")
    whole_number("m", m)

    def sampler(growth: Growth) -> Any:
        from imblearn.over_sampling import BorderlineSMOTE

        near = min(m, len(growth.y) - 1)
        return BorderlineSMOTE(
            k_neighbors=growth.k, m_neighbors=near, kind=f"borderline-{kind}", random_state=growth.seed
        )

    return fit_chosen_rows(context, oversample(context, by_sampler(sampler, {}), k, ratio))
