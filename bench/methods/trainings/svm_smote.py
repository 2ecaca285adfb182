"""SMOTE from the support vectors of a class."""

from __future__ import annotations

from typing import Any

from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.oversampling import Growth, by_sampler, oversample
from bench.methods.trainings.sample import fit_chosen_rows, whole_number

REFUSALS = {"considered as noise": "all of its support vectors are noise"}


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def svm_smote(context: FitContext, *, k: int = 5, m: int = 10, ratio: float = 1.0) -> FittedModel:
    """Grow a class from its support vectors: inwards where its rows are few among m neighbours, else half a step out.

    The support vectors are those of a machine with a radial kernel, one for each class that grows. A class of which all
    are surrounded by others grows by plain SMOTE. A category is that of the nearest row of the class. Nguyen, Cooper
    and Kamei (2011), Borderline over-sampling for imbalanced data classification.

    Raises:
        BenchError: k or m is below 1, or the ratio not in (0, 1].
    """
    whole_number("m", m)

    def sampler(growth: Growth) -> Any:
        from imblearn.over_sampling import SVMSMOTE

        near = min(m, len(growth.y) - 1)
        return SVMSMOTE(k_neighbors=growth.k, m_neighbors=near, random_state=growth.seed)

    return fit_chosen_rows(context, oversample(context, by_sampler(sampler, REFUSALS), k, ratio))
