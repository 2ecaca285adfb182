"""Class weightings, one a file: `weighting(counts, total, *, parameters) -> weights`, of shape (K,).

Kind `fit` weighs the classes in training, kind `average` weighs per-class measures such as F1. `counts` (K,)
are the rows of each class, or the sums of their row weights; `total` is the number of all rows (larger than
the sum of the counts where classes were left out). A class without rows has weight zero. Only the ratios of
the weights matter.

May import: `core`.
Next of its kind: a weighting is one file with a decorated function, its formula in the docstring.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Literal, Protocol, TypeVar, get_args

import numpy as np

from bench.core.nouns import Array, InvalidAnswerError, Task
from bench.core.registry import PluginOptions, Registry, held_to_its_keywords

Kind = Literal["fit", "average"]


class ClassWeighting(Protocol):
    """The function of a class weighting."""

    def __call__(self, counts: Array, total: float, /) -> Array:
        """Return the weight of each class (K,) from the rows of each class (K,) and the number of all rows."""


registry = Registry("class weighting", __name__, kinds=get_args(Kind), contract=ClassWeighting, options=PluginOptions)

F = TypeVar("F", bound=ClassWeighting)


@held_to_its_keywords
def register(
    *kinds: Kind,
    tags: Collection[str] = (),
    breaks: Mapping[str, str] | None = None,
    code: Collection[str] = (),
) -> Callable[[F], F]:
    """Return the decorator that enters a class weighting; see `PluginOptions` for the keywords.

    Raises:
        BenchError: a kind or a keyword is unknown, or the function is no class weighting.
    """

    def enter(weighting: F) -> F:
        registry.enter(weighting, kinds, PluginOptions(tags=tags, breaks=breaks or {}, code=code))
        return weighting

    return enter


def fit_weights(weighting: Callable[[Array, float], Array], counts: Array) -> Array:
    """Return the class weights (K,), scaled so that the mean row weight is one: Σ_c n_c w_c = Σ_c n_c.

    `weighting` is a scheme of this registry, or any function of (counts, total).

    Raises:
        InvalidAnswerError: a weight is negative or not finite, or all rows together have no weight.
    """
    counts = np.asarray(counts, dtype=float)
    weights = np.asarray(weighting(counts, counts.sum()), dtype=float)
    sound = weights.shape == counts.shape and np.all(np.isfinite(weights) & (weights >= 0))
    if not sound or not weights @ counts > 0:
        raise InvalidAnswerError(
            f"the class weights are {weights.tolist()} for {counts.tolist()} rows: "
            "each must be finite and not negative, and not all may be zero"
        )
    scaled: Array = weights * (counts.sum() / (weights @ counts))
    return scaled


def of_rows(task: Task, rows: Array, weighting: Callable[[Array, float], Array]) -> Array:
    """Return the class weights (K,) that a weighting gives to some rows of a task, its row weights counted in."""
    weight = None if task.weight is None else task.weight[rows]
    counts = np.bincount(task.y[rows], weights=weight, minlength=len(task.classes))
    return fit_weights(weighting, counts)


def raised(counts: Array, exponent: float) -> Array:
    """Return n_c to a power (K,), 0 for a class without rows: what most schemes are made of."""
    counts = np.asarray(counts, dtype=float)
    return np.power(counts, exponent, out=np.zeros_like(counts), where=counts > 0)


def imbalance(counts: Array) -> Array:
    """Return n_max / n_c (K,), from 1 for the largest class upwards, 0 for a class without rows."""
    counts = np.asarray(counts, dtype=float)
    return np.divide(counts.max(), counts, out=np.zeros_like(counts), where=counts > 0)
