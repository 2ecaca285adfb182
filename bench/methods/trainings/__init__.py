"""Training schemes, one a file: `scheme(context, *, parameters) -> FittedModel`; how a fit treats unequal classes.

Class weightings (`bench.methods.class_weights`, kind `fit`) are training schemes too, by the same names. Those here do
more than weight rows: they resample them, fit several models, or change the loss.

May import: `core`, `solvers`, `stats`, `tasks`, `class_weights`, `learners` and `metrics`.
Next of its kind: a scheme is one file with a decorated function that calls `context.fit`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar, get_args

from bench.core.contract import held_to_its_keywords
from bench.core.registry import Registry
from bench.core.scheme import PluginOptions
from bench.methods import class_weights
from bench.methods.trainings.fit_context import FitContext, FittedModel, Predictor, fit_training, is_weighting

__all__ = [
    "FitContext",
    "FittedModel",
    "Predictor",
    "TrainingOptions",
    "TrainingScheme",
    "fit_training",
    "is_weighting",
    "register",
    "registry",
]

Hook = Literal["weights", "resample", "ensemble", "loss", "reweigh"]


class TrainingScheme(Protocol):
    """A function that fits a learner in a way of its own, such as on resampled rows, because classes are unequal."""

    def __call__(self, context: FitContext, /) -> FittedModel:
        """Fit the learner of the context on its rows, in the way of the scheme."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(PluginOptions):
    """What a training scheme declares.

    `hook` is what it changes in the fit: `weights` of rows by their class, as class weightings do, `resample`,
    `ensemble`, `loss`, or `reweigh` for weights that it chooses itself. `learners` are those that it is written for
    (any, if none is named). `weights`: it needs a learner that uses row weights. `binary`: it is defined for two
    classes only. `ordered`: it is defined for ordered classes only. `positive`: what it does depends on which class is
    the positive one; another scheme does not see that, and its fits are the same for any. `neutral` are the parameters
    with which it is plain training (`none`), for each of its learners; empty where no parameters make it so.
    """

    hook: Hook = "weights"
    learners: Collection[str] = ()
    weights: bool = False
    binary: bool = False
    ordered: bool = False
    positive: bool = False
    neutral: Mapping[str, Any] = field(default_factory=dict)


registry = Registry(
    "training scheme",
    __name__,
    kinds=get_args(class_weights.WeightKind),
    contract=TrainingScheme,
    options=TrainingOptions,
    below=class_weights.registry,
)

F = TypeVar("F", bound=TrainingScheme)


@held_to_its_keywords
def register(
    *kinds: class_weights.WeightKind,
    hook: Hook,
    tags: Collection[str] = (),
    of_labels: bool = False,
    breaks: Mapping[str, str] | None = None,
    requires: Collection[str] = (),
    libraries: Collection[str] = (),
    code: Collection[str] = (),
    learners: Collection[str] = (),
    weights: bool = False,
    binary: bool = False,
    ordered: bool = False,
    positive: bool = False,
    neutral: Mapping[str, Any] | None = None,
) -> Callable[[F], F]:
    """Return the decorator that enters a training scheme; see `TrainingOptions` for the keywords.

    Raises:
        BenchError: a kind or a keyword is unknown, or the function is no training scheme.
    """

    def enter(scheme: F) -> F:
        options = TrainingOptions(
            tags=tags,
            of_labels=of_labels,
            breaks=breaks or {},
            requires=requires,
            libraries=libraries,
            code=code,
            hook=hook,
            learners=learners,
            weights=weights,
            binary=binary,
            ordered=ordered,
            positive=positive,
            neutral=neutral or {},
        )
        registry.enter(scheme, kinds, options)
        return scheme

    return enter
