"""Exponential weights with a learning rate that tunes itself."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.online import ONE_BY_ONE, shuffle_rows

SMALLEST_TEMPERATURE = 1e-300
"""Below this a temperature is too small to divide by."""


@register("point", "class", "quantile", tags=("extended",), breaks=ONE_BY_ONE)
def hedge(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Weigh learners by exp(-η × loss so far), row after row; the mean of the weights on the way is frozen.

        w_l ∝ exp(-η Λ_l), η = ln L / Δ, Δ = Σ_t (w'ℓ_t - m_t), m_t = -1/η ln Σ_l w_l exp(-η ℓ_tl)

    Λ are the learners' own proper losses so far, Δ what mixing lost against its ideal. The rows come in an order drawn
    from `rng`, as out-of-fold rows have none, and then the mean of the weights loses on new rows no more than the
    weights did on the way, in expectation: Cesa-Bianchi, Conconi and Gentile (2004), "On the generalization ability of
    on-line learning algorithms". Freund and Schapire (1997), "A decision-theoretic generalization of on-line learning";
    the rate: de Rooij, van Erven, Grünwald and Koolen (2014), "Follow the leader if you can, hedge if you must".
    """
    stream = shuffle_rows(panel, y, rng)
    before, gap, total = np.zeros(len(panel.learners)), 0.0, np.zeros(len(panel.learners))
    for block in stream.blocks():
        for loss, weight in zip(block.losses(), block.weight.tolist(), strict=True):
            odds, at_first = _odds(before, gap)
            w = odds / at_first
            total += weight * w
            after = before + loss
            gap += max(float(w @ loss) - _mix_loss(before, after, gap, at_first), 0.0)
            before = after
    return Weights(total / total.sum())


def _odds(loss: Array, gap: float) -> tuple[Array, float]:
    """Return exp(-η (loss - least)) and its sum; without a gap the rate is infinite, and only the least counts."""
    above = loss - loss.min()
    odds = np.exp(-above / _temperature(loss, gap)) if gap > 0 else (above == 0).astype(float)
    return odds, float(odds.sum())


def _temperature(loss: Array, gap: float) -> float:
    """Return 1/η; a lone learner has any."""
    return max(gap / float(np.log(max(len(loss), 2))), SMALLEST_TEMPERATURE)


def _mix_loss(before: Array, after: Array, gap: float, at_first: float) -> float:
    """Return the mix loss m_t of `hedge`, written with sums over learners that are never below one."""
    step = float(after.min() - before.min())
    if gap <= 0:
        return step
    return step - _temperature(before, gap) * float(np.log(_odds(after, gap)[1] / at_first))
