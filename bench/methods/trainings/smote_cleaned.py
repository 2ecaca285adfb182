"""SMOTE, and a cleaning of what it leaves."""

from __future__ import annotations

from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.oversampling import oversample, smote_rows
from bench.methods.trainings.sample import fit_chosen_rows, whole_number
from bench.methods.trainings.undersampling import clamp_neighbours, sampled_rows, undersample


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def smote_enn(context: FitContext, *, k: int = 5, clean: int = 3, ratio: float = 1.0) -> FittedModel:
    """Grow by SMOTE, then drop rows of any class that have another class among their `clean` nearest rows.

    Batista, Prati and Monard (2004), A study of the behavior of several methods for balancing machine learning training
    data.

    Raises:
        BenchError: k or clean is below 1, or the ratio not in (0, 1].
    """
    from imblearn.under_sampling import EditedNearestNeighbours

    whole_number("clean", clean)
    sample = oversample(context, smote_rows, k, ratio)
    near, sample = clamp_neighbours(sample, clean, len(sample.y) - 1)
    sampler = EditedNearestNeighbours(sampling_strategy="all", n_neighbors=near)
    return fit_chosen_rows(context, undersample(context, sample, lambda X, y: sampled_rows(sampler, X, y)))


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def smote_tomek(context: FitContext, *, k: int = 5, ratio: float = 1.0) -> FittedModel:
    """Grow by SMOTE, then drop both rows of every Tomek link: rows of two classes that are each other's nearest.

    Batista, Bazzan and Monard (2003), Balancing training data for automated annotation of keywords: a case study.

    Raises:
        BenchError: k is below 1 or the ratio not in (0, 1].
    """
    from imblearn.under_sampling import TomekLinks

    sample = oversample(context, smote_rows, k, ratio)
    return fit_chosen_rows(
        context, undersample(context, sample, lambda X, y: sampled_rows(TomekLinks(sampling_strategy="all"), X, y))
    )
