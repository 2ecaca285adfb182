"""Base learners, one family a file: `learner(target, seed, *, parameters) -> Model`.

May import: `core`, `solvers`, `stats`, `tasks`.
Next of its kind: a learner is a decorated function in the file of its family, most often around one of `adapters`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar, get_args

from bench.core.nouns import Array, Kind, Target
from bench.core.registry import PluginOptions, Registry, Scheme, held_to_its_keywords
from bench.tasks.encoders import Encoding

_IMPORT_PATH = re.compile(r"(?P<path>[A-Za-z_][\w.]*:[A-Za-z_]\w*)(?::(?P<given>.*))?")


class Model(Protocol):
    """A learner that can be fitted and then predicts."""

    def fit(self, X: Any, y: Array, weight: Array | None) -> object:
        """Fit the model on the encoded matrix X (n, d), y (n,) and row weights (n,) or None."""

    def predict(self, X: Any) -> Array:
        """Return predictions (n, K): points, quantiles at the target's levels, or class probabilities."""


class Learner(Protocol):
    """A function from a target and a seed to a fresh model, which is fitted on encoded rows and predicts."""

    def __call__(self, target: Target, seed: int, /) -> Model:
        """Return a fresh model of a target; all its random numbers come from the seed."""


@dataclass(frozen=True, kw_only=True)
class LearnerOptions(PluginOptions):
    """What a learner declares.

    `encoding` names the encoder of `bench.tasks.encoders` for its rows. `weights`: its fit uses row weights. `ordered`:
    it is for ordered classes only. `space` holds the bounds between which a portfolio draws parameters.
    """

    encoding: Encoding = "scaled"
    weights: bool = False
    ordered: bool = False
    space: Mapping[str, tuple[float, float]] = field(default_factory=dict)


registry = Registry("learner", __name__, kinds=get_args(Kind), contract=Learner, options=LearnerOptions)

F = TypeVar("F", bound=Learner)


@held_to_its_keywords
def register(
    *kinds: Kind,
    encoding: Encoding,
    weights: bool = False,
    ordered: bool = False,
    space: Mapping[str, tuple[float, float]] | None = None,
    tags: Collection[str] = (),
    breaks: Mapping[str, str] | None = None,
    requires: Collection[str] = (),
    libraries: Collection[str] = (),
    code: Collection[str] = (),
) -> Callable[[F], F]:
    """Return the decorator that enters a learner; see `LearnerOptions` for the keywords.

    Raises:
        BenchError: a kind or a keyword is unknown, or the function is no learner.
    """

    def enter(learner: F) -> F:
        options = LearnerOptions(
            tags=tags,
            breaks=breaks or {},
            requires=requires,
            libraries=libraries,
            code=code,
            encoding=encoding,
            weights=weights,
            ordered=ordered,
            space=space or {},
        )
        registry.enter(learner, kinds, options)
        return learner

    return enter


def learner_scheme(text: str) -> Scheme[LearnerOptions]:
    """Parse a registered `name:parameters`, or `module:Estimator:parameters` of any scikit-learn estimator.

    Raises:
        BenchError: the learner or a parameter is unknown, or the estimator is no classifier or regressor.
    """
    found = _IMPORT_PATH.fullmatch(text)
    head = text.partition(":")[0]
    # a head that is no module is a misspelt learner: the registry suggests the nearest names
    if not found or head in registry.entries() or ("." not in head and find_spec(head) is None):
        return registry.scheme(text)
    from bench.methods.learners.imported import imported_scheme

    return imported_scheme(found["path"], found["given"] or "")
