"""Models on balanced draws that turn from easy rows to hard ones."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.balanced_ensembles import draw_sizes, mean_predictor
from bench.methods.trainings.fit_context import Predictor
from bench.methods.trainings.sample import Sample, note_text, positive_weight_sample, whole_number
from bench.methods.trainings.undersampling import note_few_rows


@register("fit", tags=("extended", "balanced-ensemble"), hook="ensemble")
def self_paced(context: FitContext, *, models: int = 10, bins: int = 5, ratio: float = 1.0) -> FittedModel:
    """Fit each model on a draw in which bins of equal hardness h count alike in every class, later ones by their size.

    Of each class stay as many rows as the smallest has, over `ratio`. The hardness of a row is h = 1 - p_y, by the mean
    of the models so far. The rows of a class fall into `bins` of equal width between its least and its largest
    hardness; bin b gives the share 1 / (h_b + α) of the draw, with its mean hardness h_b, where it has as many rows.
    α = tan(π t / 2 (T - 1)) goes from 0 to infinity over the models t = 0 … T - 1; the first is drawn at random. With
    several classes each is drawn so, by its own hardness. Liu, Cao, Gao, Bian, Chen, Chang and Liu (2020), Self-paced
    ensemble for highly imbalanced massive data classification.

    Raises:
        BenchError: models or bins is below 1, or the ratio not in (0, 1].
    """
    whole_number("models", models)
    whole_number("bins", bins)
    sample = note_few_rows(positive_weight_sample(context), ratio)
    sizes = draw_sizes(sample.y, context.target.width, ratio)
    predictors: list[Predictor] = []
    predictions = np.zeros((len(sample.y), context.target.width))
    for t in range(models):
        odds = np.ones(len(sample.y))
        if t:
            hardness = 1 - predictions[np.arange(len(odds)), sample.y] / t
            odds = draw_odds(hardness, sample.y, bins, float(np.tan(np.pi / 2 * t / (models - 1))))
        draw = sample.rows(_draw_rows(sample, sizes, odds, context.rng("draw", t)))
        predictors.append(context.fit(draw.X, draw.y, draw.weight, part=t))
        predictions += predictors[-1](sample.X) if t < models - 1 else 0.0
    unknown = np.full(context.target.width, np.nan)  # hard rows are drawn more often than easy ones of their class
    return FittedModel(mean_predictor(predictors), unknown, note_text(context, sample.notes))


def draw_odds(hardness: Array, y: Array, bins: int, alpha: float) -> Array:
    """Return the odds of each row to be drawn, among the rows of its class (n,)."""
    odds = np.ones(len(y))
    for code in np.unique(y):
        own = np.flatnonzero(y == code)
        h = hardness[own]
        spread = np.ptp(h)
        place = np.zeros(len(h), dtype=int)
        if spread > 0:
            place = np.minimum((bins * (h - h.min()) / spread).astype(int), bins - 1)
        size = np.bincount(place, minlength=bins)
        mean = np.bincount(place, weights=h, minlength=bins) / np.maximum(size, 1)
        odds[own] = 1 / ((mean + alpha) * size)[place]
    return odds


def _draw_rows(sample: Sample, sizes: Array, odds: Array, rng: np.random.Generator) -> Array:
    """Draw rows of each class, none twice, and return their positions in order."""
    parts = []
    for code in np.flatnonzero(sizes):
        own = np.flatnonzero(sample.y == code)
        probabilities = odds[own] / odds[own].sum()
        parts.append(rng.choice(own, sizes[code], replace=False, p=probabilities))
    return np.sort(np.concatenate(parts))
