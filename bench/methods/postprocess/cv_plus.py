"""Conformal intervals from the models of the inner folds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, NotApplicableError, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.intervals import RANK_SLACK, central, mass_of, misses, nest, smallest_sums, sort_scores


@register(
    "quantile",
    tags=("core",),
    protocols=("bag", "nested"),
    guarantee="coverage >= 1-2a-sqrt(2/n) (exchangeable rows; protocol nested, or no learned weights)",
)
def cv_plus(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Build every central interval from what each fold's models predict and how far off they were on that fold.

    Row i of the n training rows was predicted by models that had not seen its fold k(i), and missed by
    E_i = max(lo_i - y_i, y_i - hi_i). At a test row x the ends of the interval with coverage 1 - a are

        lower = the floor(a (n + 1))-th smallest of lo^{-k(i)}(x) - E_i, minus infinity at rank 0
        upper = the ceil((1 - a)(n + 1))-th smallest of hi^{-k(i)}(x) + E_i, infinity above rank n

    The median stays, and a wider interval is widened to hold the narrower ones. With K folds the coverage on
    exchangeable rows is >= 1 - 2a - min{2 (1 - 1/K) / (n/K + 1), (1 - K/n) / (K + 1)} >= 1 - 2a - √(2/n), and about
    1 - a in practice; K = n is jackknife+. The proof requires that all that predicts fold k was learned without it:
    the weights of an ensemble too, which protocol `nested` sees to. Under `bag` they were learned from models that had
    seen fold k, so there it holds for schemes without learned weights alone. Row weights count as in `cqr`, but nothing
    is proven with them. Known rows stay as they are. Barber, Candès, Ramdas and Tibshirani (2021), "Predictive
    inference with the jackknife+".

    Raises:
        NotApplicableError: the levels do not lie in pairs around the median, or nothing was predicted by fold.
    """
    intervals = central(prediction.target)
    if prediction.inner_fold is None:
        raise NotApplicableError("cv-plus must know which inner fold predicted each row")
    names, mass = np.unique(prediction.inner_fold), mass_of(prediction)
    parts = {f: (prediction.inner_fold == name) & (mass > 0) for f, name in enumerate(names)}
    used = [f for f, part in parts.items() if part.any()]
    missed = [misses(prediction, y, lower, upper) for _, lower, upper in intervals]
    known = [[sort_scores(scores[parts[f]], mass[parts[f]]) for f in used] for scores in missed]

    def change(other: Prediction) -> Prediction:
        if other.inner_fold is not None:  # known rows, for a later step: only one model has not seen them
            return other
        if other.by_fold is None or len(other.by_fold) != len(names):
            raise NotApplicableError("cv-plus needs what the models of each inner fold predict for the test rows")
        predictions, values = np.sort(other.by_fold[used], axis=2), other.values.copy()
        wanted = (mass.sum() + mass_of(other)) * (1 - RANK_SLACK)
        for (coverage, lower, upper), scores in zip(intervals, known, strict=True):
            values[:, lower] = -smallest_sums(-predictions[:, :, lower].T, scores, coverage * wanted)
            values[:, upper] = smallest_sums(predictions[:, :, upper].T, scores, coverage * wanted)
        return nest(other, values)

    return change
