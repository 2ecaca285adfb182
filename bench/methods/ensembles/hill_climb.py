"""Hill climbing in the weights, the habit of Kaggle competitors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.objective import badness_of_weights

LineLoss = Callable[[Array, Array], Array]
"""Learners (P,), positions in the list of steps (P,) -> badness after such a step towards such a learner (P,)."""


@register("point", "class", "quantile", tags=("extended",))
def hill_climb(
    panel: Panel,
    y: Array,
    rng: np.random.Generator,
    *,
    precision: float = 0.01,
    rounds: int = 100,
    metric: str | None = None,
) -> Weights:
    """Start at the best learner, and step towards the learner and by the length that help most until nothing helps.

        w ← (1 - a) w + a e_l, a in precision, 2 precision, …, 1/2

    The loss is the proper loss of the target's kind, or `metric`. Proper losses are convex in a: halving finds the best
    step of each learner; for a metric all are tried. Ties go to the first by name. Steps are positive, so the weights
    are convex. Like the `hillclimbers` package (Matt-OP, 2023), which walks so over columns of predictions; the idea
    is Caruana et al. (2004), "Ensemble selection from libraries of models", with a free step.

    Raises:
        BenchError: `precision` is not in (0, 0.5], or the metric does not exist.
    """
    if not 0 < precision <= 0.5:
        raise BenchError(f"precision of hill-climb cannot be {precision!r}: give a step above 0, up to 0.5")
    steps = precision * np.arange(1, int(0.5 / precision + 1e-9) + 1)  # 0.5 / precision may round below a whole number
    badness, corners = badness_of_weights(panel, y, metric), np.eye(len(panel.learners))
    best_step = _by_halving if metric is None else _by_trying_all
    singles = badness(corners)
    pick = _pick_first_best(singles, panel.learners)
    w, reached = corners[pick], float(singles[pick])
    for _ in range(rounds):
        here = w

        def line(learners: Array, positions: Array, here: Array = here) -> Array:
            a = steps[positions, None]
            return badness((1 - a) * here + a * corners[learners])

        chosen, values = best_step(line, len(corners), len(steps), reached)
        pick = _pick_first_best(values, panel.learners)
        if not values[pick] < reached - 1e-12 * abs(reached):  # a gain by rounding alone is none
            break
        a, reached = steps[chosen[pick]], float(values[pick])
        w = (1 - a) * w + a * corners[pick]
    return Weights(w / w.sum())


def _pick_first_best(values: Array, learners: tuple[str, ...]) -> int:
    tied = np.flatnonzero(values <= values.min() + 1e-12 * abs(values.min()))
    return int(min(tied, key=lambda j: learners[j]))


def _by_halving(line: LineLoss, learners: int, steps: int, reached: float) -> tuple[Array, Array]:
    """Return the best position of each learner and its badness, where badness is convex in the step.

    A learner is left alone when the smallest step does not help, or when the line through two neighbouring steps, which
    is a lower bound outside of them, cannot come below what another learner reaches.
    """
    chosen, low, high = np.zeros((3, learners), dtype=int)
    high += steps - 1
    values = line(np.arange(learners), chosen)
    active = np.flatnonzero(values < reached)
    while len(active):
        middle = (low[active] + high[active]) // 2
        neighbour = np.minimum(middle + 1, steps - 1)
        here, right = line(active, middle), line(active, neighbour)
        falls = right < here
        low[active], high[active] = np.where(falls, neighbour, low[active]), np.where(falls, high[active], middle)
        better = np.minimum(here, right) < values[active]
        chosen[active] = np.where(better, np.where(falls, neighbour, middle), chosen[active])
        values[active] = np.where(better, np.minimum(here, right), values[active])
        bound = here - np.abs(right - here) * np.where(falls, high[active] - middle, middle - low[active])
        active = active[(low[active] < high[active]) & (bound <= values.min())]
    return chosen, values


def _by_trying_all(line: LineLoss, learners: int, steps: int, reached: float) -> tuple[Array, Array]:
    """Return the first best position of each learner and its badness."""
    values = np.array([line(np.full(steps, j), np.arange(steps)) for j in range(learners)])
    chosen = np.argmin(values, axis=1)
    return chosen, values[np.arange(learners), chosen]
