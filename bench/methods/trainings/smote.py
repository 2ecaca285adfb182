"""SMOTE."""

from __future__ import annotations

from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.oversampling import oversample, smote_rows
from bench.methods.trainings.sample import fit_sample


@register("fit", tags=("extended", "resampling"), hook="resample", libraries=("imbalanced-learn",))
def smote(context: FitContext, *, k: int = 5, ratio: float = 1.0) -> FittedModel:
    """Add rows between a row and one of its k nearest of the same class: x = x_i + u (x_j - x_i), u uniform in [0, 1).

    A category is the most frequent of the neighbours (SMOTE-NC, SMOTE-N). Every class grows to `ratio` of the largest.
    Chawla, Bowyer, Hall and Kegelmeyer (2002), SMOTE: synthetic minority over-sampling technique.

    Raises:
        BenchError: k is below 1 or the ratio not in (0, 1].
    """
    return fit_sample(context, oversample(context, smote_rows, k, ratio))
