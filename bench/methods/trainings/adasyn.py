"""SMOTE, most of it where a class is surrounded by others."""

from __future__ import annotations

from typing import Any

from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.oversampling import Growth, by_sampler, oversample
from bench.methods.trainings.sample import fit_chosen_rows

REFUSALS = {
    "Not any neigbours": "no other class is near it",  # the library's own spelling
    "No samples will be generated": "it would get no row",
}


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def adasyn(context: FitContext, *, k: int = 5, ratio: float = 1.0) -> FittedModel:
    """Grow a class from each of its rows in proportion to the share of other classes among its k neighbours.

    Numbers of rows are rounded, so that a class may miss its size by a few, which is noted; what is too much is left
    out by chance. A class with no other class near it grows by plain SMOTE. A category is that of the nearest row of
    the class. He, Bai, Garcia and Li (2008), ADASYN: adaptive synthetic sampling approach for imbalanced learning.

    Raises:
        BenchError: k is below 1 or the ratio not in (0, 1].
    """

    def sampler(growth: Growth) -> Any:
        from imblearn.over_sampling import ADASYN

        return ADASYN(n_neighbors=growth.k, random_state=growth.seed)

    return fit_chosen_rows(context, oversample(context, by_sampler(sampler, REFUSALS), k, ratio))
