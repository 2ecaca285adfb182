"""The exact logarithmic opinion pool for log loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, clip_probabilities
from bench.methods.ensembles import register
from bench.solvers.log_pool import log_pool_weights
from bench.solvers.row_blocks import by_row_blocks


@dataclass(frozen=True)
class LogPool:
    """Weighted products of probabilities, scaled to sum to one: `w` (L,), and the certificate of the fit."""

    w: Array
    gap: float | None = None

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        from scipy.special import softmax

        log_p = ClippedLogs(panel.predictions)
        return by_row_blocks(
            lambda rows: np.asarray(softmax(np.tensordot(self.w, log_p[:, rows], axes=1), axis=1)), log_p.shape[1]
        )


@dataclass(frozen=True)
class ClippedLogs:
    """The logarithms of the clipped probabilities, (L, n, K), worked out for the rows that are read."""

    predictions: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """L, n and K."""
        return self.predictions.shape

    def __getitem__(self, key: tuple[slice, slice | Array], /) -> Array:
        """Return the logarithms of some rows, (L, m, K)."""
        return np.log(np.stack([clip_probabilities(each)[0] for each in self.predictions[key]]))


@register(
    "class",
    tags=("extended",),
    breaks={
        "within_range": "weights that sum to more than one sharpen",
        "single_learner": "a power of one learner's odds recalibrates it",
    },
)
def log_pool(panel: Panel, y: Array, rng: np.random.Generator, *, cap: float = 10.0) -> LogPool:
    """Minimise the log loss of a weighted product of probabilities, with a certificate.

        p_nk ∝ Π_l p_lnk^w_l;  min_w mean_n -ln p_n,y_n over w ≥ 0, Σ w ≤ cap × L

    Only learners that separate the classes of all training rows reach the cap; else Σ w is free. The gap, in nats,
    bounds the excess of the mean log loss over that of the best such w. Genest and Zidek (1986), "Combining probability
    distributions: a critique and an annotated bibliography"; Heskes (1998), "Selecting weighting factors in logarithmic
    opinion pools".

    Raises:
        BenchError: `cap` is not above zero.
    """
    if not 0 < cap < np.inf:
        raise BenchError(f"cap of log-pool cannot be {cap!r}: give the largest mean weight, a number above 0")
    solution = log_pool_weights(ClippedLogs(panel.predictions), y, panel.weight, cap * len(panel.learners))
    return LogPool(solution.w, gap=solution.gap)
