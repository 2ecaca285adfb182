"""Ensemble-weighting schemes, one a file: `scheme(panel, y, rng, *, parameters) -> combiner`.

May import: `core`, `solvers`, `stats`, `tasks` and `metrics`.
Next of its kind: a scheme is one file with a decorated function; what several share is a module without a scheme.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar, get_args

import numpy as np

from bench.core.contract import held_to_its_keywords
from bench.core.nouns import Array, Combiner, Kind, Panel
from bench.core.registry import Registry
from bench.core.scheme import PluginOptions


class EnsembleScheme(Protocol):
    """A function from out-of-fold predictions and true values to a combiner of the learners."""

    def __call__(self, panel: Panel, y: Array, rng: np.random.Generator, /) -> Combiner:
        """Learn from out-of-fold predictions (L, n, K) and the true values (n,) how to combine the learners."""


@dataclass(frozen=True, kw_only=True)
class EnsembleOptions(PluginOptions):
    """What an ensemble scheme declares.

    `wraps` names the parameter through which it takes another scheme: `x+bootstrap` is then `bootstrap:of=x`. `chooses`
    names the parameter that lists schemes which it calls, separated by `|`.
    """

    wraps: str | None = None
    chooses: str | None = None


registry = Registry("ensemble", __name__, kinds=get_args(Kind), contract=EnsembleScheme, options=EnsembleOptions)

F = TypeVar("F", bound=EnsembleScheme)


@held_to_its_keywords
def register(
    *kinds: Kind,
    tags: Collection[str] = (),
    breaks: Mapping[str, str] | None = None,
    requires: Collection[str] = (),
    code: Collection[str] = (),
    wraps: str | None = None,
    chooses: str | None = None,
) -> Callable[[F], F]:
    """Return the decorator that enters an ensemble scheme; see `EnsembleOptions` for the keywords.

    Raises:
        BenchError: a kind or a keyword is unknown, or the function is no ensemble scheme.
    """

    def enter(scheme: F) -> F:
        options = EnsembleOptions(
            tags=tags, breaks=breaks or {}, requires=requires, code=code, wraps=wraps, chooses=chooses
        )
        registry.enter(scheme, kinds, options)
        return scheme

    return enter
