"""Margins that are wider for rarer classes, without and with weights late in the training."""

from __future__ import annotations

from bench.core.nouns import Array, BenchError
from bench.methods.trainings import FitContext, FittedModel, networks, objectives, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes

LATE = "effective-number:beta=0.9999"
"""The class weighting of the last epochs, with the beta of the authors."""


@register("fit", tags=("extended", "loss"), hook="loss", learners=("logistic", "mlp"))
def ldam(context: FitContext, *, margin: float = 0.5, scale: float = 30.0) -> FittedModel:
    """Train cross-entropy on s (f - m_y [k = y]) with margins m_c = m n_c^-1/4 / max_j n_j^-1/4; predict softmax(f).

    `margin` is m, the margin of the rarest class; `scale` is s. With m = 0 and s = 1 it is plain training. The logits
    are those of the learner, held by its penalty; the authors take cosines in their place. Cao, Wei, Gaidon, Arechiga
    and Ma (2019), Learning imbalanced datasets with label-distribution-aware margin loss.

    Raises:
        BenchError: the margin is negative, or the scale is not positive.
    """
    _refuse_unsound(margin, scale)

    def fit(rows: EncodedRows) -> EncodedPredictor:
        loss = objectives.with_margins(objectives.cross_entropy, margins(rows.counts, margin), scale)
        return networks.fit_network(context, rows, networks.mean_of(loss)).predict

    return fit_present_classes(context, fit)


@register(
    "fit",
    tags=("extended", "loss"),
    hook="loss",
    learners=("logistic", "mlp"),
    code=("bench.methods.class_weights.effective_number",),
)
def ldam_drw(context: FitContext, *, margin: float = 0.5, scale: float = 30.0) -> FittedModel:
    """Train as `ldam`, and weigh the classes by their effective number of rows in the last fifth of the epochs.

    b = 0.9999. A linear model goes to the optimum of each part, so that the weights alone decide: there it is a
    weighted `ldam`. Cao, Wei, Gaidon, Arechiga and Ma (2019), the same paper (deferred re-weighting).

    Raises:
        BenchError: the margin is negative, or the scale is not positive.
    """
    _refuse_unsound(margin, scale)

    def fit(rows: EncodedRows) -> EncodedPredictor:
        loss = objectives.with_margins(objectives.cross_entropy, margins(rows.counts, margin), scale)
        late = objectives.with_class_weights(loss, rows.class_weights(LATE))
        return networks.fit_network(context, rows, networks.mean_of(loss), networks.mean_of(late)).predict

    return fit_present_classes(context, fit)


def margins(counts: Array, widest: float) -> Array:
    """Return m_c = m n_c^-1/4 / max_j n_j^-1/4 of class counts (K,)."""
    margins: Array = widest * (counts.min() / counts) ** 0.25
    return margins


def _refuse_unsound(margin: float, scale: float) -> None:
    if margin < 0 or scale <= 0:
        raise BenchError(
            f"margin {margin} and scale {scale} make no margin loss: give a margin of 0 or more and a positive scale"
        )
