"""Boosting that leans to rare classes a little in every round."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError
from bench.methods.trainings import FitContext, FittedModel, register
from bench.methods.trainings.boost import all_rows, boost, equal_start, samme
from bench.methods.trainings.sample import positive_weight_sample, whole_number


@register("fit", tags=("extended", "balanced-ensemble"), hook="ensemble", learners=("forest",))
def asym_boost(context: FitContext, *, rounds: int = 50, depth: int = 4, power: float = 1.0) -> FittedModel:
    """Boost small trees by AdaBoost, and multiply the weight of each row by C_y^(1/T) before each of the T rounds.

        C_c = (n_max / n_c)^power

    A cost that is put on the rows once is spent by the first tree; spread over all rounds it stays. `power` 0 is
    AdaBoost. It brings trees of its own, and therefore stands beside one learner alone: the forest, whose encoding it
    uses. Viola and Jones (2002), Fast and robust classification using asymmetric AdaBoost and a detector cascade, for
    several classes, with the costs of `balanced`.

    Raises:
        BenchError: rounds or depth is below 1, or the power is not finite.
    """
    whole_number("rounds", rounds)
    whole_number("depth", depth)
    if not np.isfinite(power):
        raise BenchError(f"parameter 'power' of asym-boost is {power}: give a number such as 1")
    sample = positive_weight_sample(context)
    counts = np.bincount(sample.y, weights=sample.weight)
    lean = (counts.max() / counts[sample.y]) ** (power / rounds)
    plain = samme(len(np.unique(sample.y)))

    def reweigh(D: Array, right: Array) -> tuple[float, Array] | None:
        found = plain(D, right)
        return None if found is None else (found[0], found[1] * lean)

    return boost(
        context,
        sample,
        rounds=rounds,
        depth=depth,
        start=equal_start(sample) * lean,
        draw=all_rows(sample),
        reweigh=reweigh,
    )
