"""Quantile weights that a gating network draws from the row."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.gating import FORMS, Gate, GatePenalty, train_gate
from bench.solvers import network
from bench.solvers.network import Course, Layers


@register(
    "quantile",
    tags=("extended",),
    requires=("torch",),
    code=("bench.methods.ensembles.gating", "bench.solvers.network"),
    breaks={
        "within_range": "a level uses other levels of the learners, which may lie further out",
        "single_learner": "of one learner, the levels are mixed",
        "row_weights": "batches and the held-out fold are drawn in rows: one row of weight three is one row, not three",
    },
)
def local_network(
    panel: Panel,
    y: Array,
    rng: np.random.Generator,
    *,
    form: str = "fine",
    crossing: float = 1.0,
    margin: float = 1e-3,
    adaptive: float = 0.0,
    hidden: int = 64,
) -> Gate:
    """Train a network of the row whose softmax is the weights of the learners' quantiles, against crossings.

        coarse   q_k(x) = Σ_l w_l(x) ŷ_lk            w(x) = softmax over l
        medium   q_k(x) = Σ_l w_lk(x) ŷ_lk           softmax over l for every k
        fine     q_k(x) = Σ_l Σ_j w_ljk(x) ŷ_lj      softmax over (l, j) for every k
        min mean_n [mean_k ψ_τk(y_n - q_k(x_n)) + crossing × mean_{j<k} (q_j(x_n) - q_k(x_n) + δ_jk)_+]
        δ_jk = margin + adaptive × (Q_k(R) - Q_j(R))_+,   R = y - the median over learners of their medians

    y, and so margin and R, are in deviations of y; Q are the quantiles of R at the levels. The network has two layers
    of `hidden` ELU units, is trained by Adam and stopped by the last inner fold; it starts at the plain average (`fine`
    at nine tenths of each level's own average). With the final sort of the harness, `fine` is the deep quantile
    aggregation of the paper. Needs torch. Fakoor, Kim, Mueller, Smola and Tibshirani (2023), "Flexible model
    aggregation for quantile regression".

    Raises:
        BenchError: torch is missing, the form is unknown, or a number is out of its range.
    """
    torch, layers = network.import_torch("ensemble", "local-network"), Layers(hidden, 2, 0.0)
    if form not in FORMS:
        raise BenchError(f"parameter 'form' of ensemble 'local-network' is {form!r}: choose from {', '.join(FORMS)}")
    course, penalty = Course(weight_decay=1e-7), GatePenalty(crossing, margin, adaptive)
    network.refuse_settings("ensemble", "local-network", layers, course.learning_rate, **vars(penalty))
    seed = int(rng.integers(2**31))
    return train_gate(torch, panel, y, form=FORMS[form], layers=layers, course=course, penalty=penalty, seed=seed)
