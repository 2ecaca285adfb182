"""Margins that are wider for rarer classes, without and with weights late in the training."""

from __future__ import annotations

from bench.core.nouns import Array, BenchError
from bench.methods.trainings import FitContext, FittedModel, networks, objectives, register
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, fit_present_classes


@register("fit", tags=("extended", "loss"), hook="loss", learners=("logistic", "mlp"), neutral={"margin": 0.0})
def ldam(context: FitContext, *, margin: float = 0.5, scale: float = 5.0) -> FittedModel:
    """Train cross-entropy on f - s m_y [k = y] with margins m_c = m n_c^-1/4 / max_j n_j^-1/4; predict softmax(f).

    `margin` is m, the margin of the rarest class; `scale` is s. m = 0 is plain training. The authors' logits are s = 30
    times a cosine, which no penalty holds, and so is their margin. Here f are the logits of the learner, held by its
    penalty and seldom beyond ±5, and take the place of that product: only s m counts. A scale on f as well would merely
    weaken the penalty.
    Cao, Wei, Gaidon, Arechiga and Ma (2019), Learning imbalanced datasets with label-distribution-aware margin loss.

    Raises:
        BenchError: the margin is negative, or the scale is not positive.
    """
    _refuse_unsound(margin, scale)

    def fit(rows: EncodedRows) -> EncodedPredictor:
        loss = objectives.with_margins(objectives.cross_entropy, margins(rows.counts, scale * margin))
        return networks.fit_network(context, rows, networks.mean_of(loss)).predict

    return fit_present_classes(context, fit)


@register(
    "fit",
    tags=("extended", "loss"),
    hook="loss",
    learners=("logistic", "mlp"),
    code=("bench.methods.class_weights.effective_number",),
    neutral={"margin": 0.0, "beta": 0.0},
)
def ldam_drw(context: FitContext, *, margin: float = 0.5, scale: float = 5.0, beta: float = 0.9999) -> FittedModel:
    """Train as `ldam`, and weigh the classes by their effective number of rows in the last fifth of the epochs.

    `beta` is b of `effective-number`; 0 is equal weights. A linear model goes to the optimum of each part, so that the
    weights alone decide: there it is a weighted `ldam`. Cao, Wei, Gaidon, Arechiga and Ma (2019), the same paper
    (deferred re-weighting).

    Raises:
        BenchError: the margin is negative, the scale is not positive, or beta is not in [0, 1).
    """
    _refuse_unsound(margin, scale)

    def fit(rows: EncodedRows) -> EncodedPredictor:
        loss = objectives.with_margins(objectives.cross_entropy, margins(rows.counts, scale * margin))
        late = objectives.with_class_weights(loss, rows.class_weights(f"effective-number:beta={beta}"))
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
