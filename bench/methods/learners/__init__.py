"""Base learners, one family a file: `learner(target, seed, *, parameters) -> Model`.

May import: `core`, `solvers`, `stats`, `tasks`.
Next of its kind: a learner is a decorated function in the file of its family, most often around one of `adapters`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, get_args

from bench.core.contract import held_to_its_keywords
from bench.core.nouns import Array, BenchError, Kind, Target
from bench.core.registry import Registry
from bench.core.scheme import PluginOptions, Scheme
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


def import_path(text: str) -> str | None:
    """Return the `module:Estimator` that an id names, None for a learner of the registry."""
    found = _IMPORT_PATH.fullmatch(text)
    return found["path"] if found and text.partition(":")[0] not in registry.entries() else None


def learner_scheme(text: str) -> Scheme[LearnerOptions]:
    """Parse a registered `name:parameters`, or `module:Estimator:parameters` of an estimator that was imported.

    Nothing is imported here: ids come from records and files of others, too. What a user names goes through
    `imported.import_learners` first.

    Raises:
        BenchError: the learner or a parameter is unknown, or the estimator was not imported.
    """
    path = import_path(text)
    if path is None:
        return registry.scheme(text)
    from bench.methods.learners.imported import imported_scheme

    scheme = imported_scheme(path, text[len(path) + 1 :])
    if scheme is None and "." not in path.partition(":")[0]:
        return registry.scheme(text)  # most likely misspelt: it suggests the nearest names
    if scheme is None:
        raise BenchError(
            f"learner {path!r} is none of the registry, and others are imported where the command line names them: "
            f"give -l {path}"
        )
    return scheme
