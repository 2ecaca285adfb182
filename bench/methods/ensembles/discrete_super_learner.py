"""The scheme that chooses a scheme."""

from __future__ import annotations

import numpy as np

from bench.core.hashing import generator
from bench.core.nouns import Array, BenchError, Combiner, NotApplicableError, Panel
from bench.core.scheme import Scheme
from bench.methods.ensembles import EnsembleOptions, register, registry
from bench.methods.ensembles.cross_validation import fold_rows, pick_first_best, predict_rows, restrict
from bench.methods.ensembles.objective import judge_of_predictions
from bench.methods.ensembles.rows import drop_unused_rows

CHOSEN = "it may choose a scheme that breaks it"


@register(
    "point",
    "class",
    "quantile",
    tags=("extended",),
    code=("bench.methods.ensembles", "bench.solvers"),
    chooses="of",
    breaks=dict.fromkeys(("within_range", "single_learner", "row_weights", "equal_learners"), CHOSEN),
)
def discrete_super_learner(
    panel: Panel, y: Array, rng: np.random.Generator, *, of: str = "core", metric: str | None = None
) -> Combiner:
    """Choose the scheme whose predictions of held-out rows are best, and fit it on all rows.

    `of` lists schemes, globs, tags or `!name`, separated by `|`; this scheme itself is left out. Each is fitted without
    one inner fold at a time and predicts its rows, and is evaluated by the proper loss of the target's kind, or by
    `metric`. The predictions are the chosen scheme's own, ties go to the first by name. After the cross-validation
    selector of van der Laan, Polley and Hubbard (2007), "Super Learner", which their R package calls the discrete super
    learner.

    Raises:
        BenchError: a name or the metric does not exist, or no scheme serves the target's kind.
        NotApplicableError: no candidate applies to this panel.
    """
    found = registry.select(of.split("|"), panel.target.kind)
    candidates = sorted((s for s in found if s.entry.function is not discrete_super_learner), key=lambda s: s.id)
    if not candidates:
        raise BenchError(f"of={of!r} of discrete-super-learner names no other {panel.target.kind} scheme: name one")
    seed, folds = int(rng.integers(2**62)), fold_rows(panel)
    if folds:
        badness = [_held_out_badness(scheme, panel, y, folds=folds, metric=metric, seed=seed) for scheme in candidates]
        if np.isnan(badness).all():
            raise NotApplicableError(f"no scheme of {of!r} applies to this panel")
        candidates = [candidates[pick_first_best(np.where(np.isnan(badness), np.inf, badness))]]
    combiner: Combiner = candidates[0](panel, y, generator(seed, candidates[0].id))
    return combiner


def _held_out_badness(
    scheme: Scheme[EnsembleOptions], panel: Panel, y: Array, *, folds: list[Array], metric: str | None, seed: int
) -> float:
    """Return the badness of a scheme's predictions of held-out rows; NaN where it does not apply."""
    used, values = np.sort(np.concatenate(folds)), np.empty(panel.predictions.shape[1:])
    try:
        for k, rows in enumerate(folds):
            others = np.setdiff1d(used, rows, assume_unique=True)
            # a scheme of others may not know that a row of weight zero is none: it never gets the rows held out
            kept = (panel.rows(others), y[others]) if scheme.entry.is_foreign else restrict(panel, y, others)
            combiner = scheme(*kept, generator(seed, scheme.id, k))
            values[rows] = predict_rows(combiner, panel, rows)
    except NotApplicableError:
        return np.nan
    return judge_of_predictions(*drop_unused_rows(panel, y), metric)(values[used])
