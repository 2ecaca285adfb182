"""Online weights for groups of rows: learners that are always awake, and copies that sleep outside their group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, BenchError, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.online import ONE_BY_ONE, polynomial, shuffle_rows
from bench.methods.ensembles.rows import lower_quantiles, weights_of_rows
from bench.solvers.row_blocks import by_row_blocks


@dataclass(frozen=True)
class Grouped:
    """Weights `w` (groups, L) of the groups into which the `cuts` divide a column of the encoded matrix."""

    column: str
    cuts: Array
    w: Array

    def group(self, panel: Panel) -> Array:
        """Return the group of every row, shape (n,); a value that is new belongs to the nearest group."""
        return np.searchsorted(self.cuts, panel.X[self.column].to_numpy(dtype=float))

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        group = self.group(panel)
        return by_row_blocks(
            lambda rows: np.einsum("nl,lnk->nk", self.w[group[rows]], panel.predictions[:, rows]), len(group)
        )


@register("point", "class", "quantile", tags=("extended",), breaks=ONE_BY_ONE)
def sleeping_experts(panel: Panel, y: Array, rng: np.random.Generator, *, column: str = "", levels: int = 5) -> Grouped:
    """Learn weights for each group of rows, from the group's own rows and from all; their mean in the group is frozen.

    `column` names a column of the encoded matrix (the first, if empty); its groups are its values, or where there are
    more than `levels`, as many ranges of about equal weight. Every learner has a copy that is always awake and one for
    each group, awake on its rows alone; a row's weights come from the copies awake, by the rule of `ml-poly`. The rows
    come in an order drawn from `rng`, and the mean over a group's rows stays, for the reasons stated at `hedge`.
    Freund, Schapire, Singer and Warmuth (1997), "Using and combining predictors that specialize"; Blum and Mansour
    (2007), "From external to internal regret"; the rule: Gaillard, Stoltz and van Erven (2014), "A second-order bound
    with excess losses", section on experts that report their confidences.

    Raises:
        BenchError: there is no such column, or `levels` is less than one.
    """
    names = [str(name) for name in panel.X.columns]
    if column and column not in names:
        raise BenchError(f"column {column!r} of sleeping-experts does not exist: choose from {', '.join(names)}")
    name = column or names[0]
    if levels < 1:
        raise BenchError(f"levels of sleeping-experts cannot be {levels!r}: give a whole number from 1")
    cuts = _group_edges(panel, name, levels)
    groups, L = len(cuts) + 1, len(panel.learners)
    group = Grouped(name, cuts, np.empty(0)).group(panel)
    stream = shuffle_rows(panel, y, rng)
    regret, squares, total, largest = np.zeros((groups + 1, L)), np.zeros((groups + 1, L)), np.zeros((groups, L)), 0.0
    for block in stream.blocks():
        for t, (here, weight) in enumerate(zip(group[block.row].tolist(), block.weight.tolist(), strict=True)):
            awake = [here, groups]
            w = polynomial(regret[awake].ravel(), squares[awake].ravel(), largest).reshape(2, L).sum(axis=0)
            total[here] += weight * w
            r = block.excess(t, w)
            largest = max(largest, float((r**2).max()))
            regret[awake] += r
            squares[awake] += r**2
    mass = total.sum(axis=1, keepdims=True)
    return Grouped(name, cuts, np.where(mass > 0, total / np.where(mass > 0, mass, 1), 1 / L))


def _group_edges(panel: Panel, column: str, levels: int) -> Array:
    """Return what divides the groups: the middles between values, or quantiles where there are many values."""
    values = panel.X[column].to_numpy(dtype=float)
    weight = weights_of_rows(panel)
    distinct = np.unique(values[weight > 0])
    if len(distinct) <= levels:
        return np.asarray((distinct[1:] + distinct[:-1]) / 2)
    at = np.arange(1, levels) / levels
    edges = np.unique(lower_quantiles(values, weight, at))
    return edges[edges < distinct[-1]]
