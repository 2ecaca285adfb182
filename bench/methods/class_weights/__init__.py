"""Class weightings, one a file: `weighting(counts, total, *, parameters) -> weights`, of shape (K,).

Kind `fit` weights the classes in training, kind `average` weights per-class measures such as F1. `counts` (K,)
are the rows of each class, or the sums of their row weights; `total` is the number of all rows (larger than
the sum of the counts where classes were left out). A class without rows has weight zero. Only the ratios of
the weights matter.

May import: `core`.
Next of its kind: a weighting is one file with a decorated function, its formula in the docstring.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Literal, Protocol, TypeVar, get_args

from bench.core.contract import held_to_its_keywords
from bench.core.nouns import Array
from bench.core.registry import Registry
from bench.core.scheme import PluginOptions
from bench.methods.class_weights.scaling import class_weights_of_rows, fit_weights

__all__ = ["ClassWeighting", "Kind", "class_weights_of_rows", "fit_weights", "register", "registry"]

WeightKind = Literal["fit", "average"]


class ClassWeighting(Protocol):
    """A function from the rows of each class to how much each counts, in training or in a metric."""

    def __call__(self, counts: Array, total: float, /) -> Array:
        """Return the weight of each class (K,) from the rows of each class (K,) and the number of all rows."""


registry = Registry(
    "class weighting", __name__, kinds=get_args(WeightKind), contract=ClassWeighting, options=PluginOptions
)

F = TypeVar("F", bound=ClassWeighting)


@held_to_its_keywords
def register(
    *kinds: WeightKind,
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
