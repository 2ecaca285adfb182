"""Post-processing steps, one a file: `step(prediction, y, rng, *, parameters) -> (prediction -> prediction)`.

A step learns from predictions whose true values are known, and changes test predictions alike.

May import: `core`, `solvers`, `stats`, `tasks`, `class_weights` and `metrics`.
Next of its kind: a step is one file with a decorated function.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, get_args

import numpy as np

from bench.core.contract import held_to_its_keywords
from bench.core.nouns import Array, Kind, Prediction
from bench.core.registry import Registry
from bench.core.scheme import PluginOptions
from bench.core.settings import ProtocolName

Change = Callable[[Prediction], Prediction]
"""What a step has learned: it changes the predictions of any rows alike."""


Learns = Literal["folds", "calibration", "nothing"]


class Step(Protocol):
    """A function that learns from predictions with known true values how to change others; it stands behind a `+`."""

    def __call__(self, prediction: Prediction, y: Array, rng: np.random.Generator, /) -> Change:
        """Learn from predictions whose true values (n,) are known."""


@dataclass(frozen=True, kw_only=True)
class StepOptions(PluginOptions):
    """What a post-processing step declares.

    `learns` is what it learns from: `folds`, the cross-fitted out-of-fold predictions of the training rows, with the
    inner fold of each; `calibration`, the predictions of rows from which nothing has learned, on tasks with time in its
    order; `nothing`. `protocols` are those under which it can keep its promise (all, if none is named): a step that
    names `bag` or `nested` finds in `by_fold` of a test prediction what the models of each inner fold predict, in the
    order of their folds. `guarantee` is what it promises and under which assumption, in one short phrase that the
    tables carry. A `binary` step is defined for two classes only.
    """

    learns: Learns = "folds"
    protocols: tuple[ProtocolName, ...] = ()
    guarantee: str = ""
    binary: bool = False


registry = Registry("post-processing step", __name__, kinds=get_args(Kind), contract=Step, options=StepOptions)

F = TypeVar("F", bound=Step)


@held_to_its_keywords
def register(
    *kinds: Kind,
    tags: Collection[str] = (),
    of_labels: bool = False,
    breaks: Mapping[str, str] | None = None,
    code: Collection[str] = (),
    learns: Learns = "folds",
    protocols: tuple[ProtocolName, ...] = (),
    guarantee: str = "",
    binary: bool = False,
) -> Callable[[F], F]:
    """Return the decorator that enters a post-processing step; see `StepOptions` for the keywords.

    Raises:
        BenchError: a kind or a keyword is unknown, or the function is no post-processing step.
    """

    def enter(step: F) -> F:
        options = StepOptions(
            tags=tags,
            of_labels=of_labels,
            breaks=breaks or {},
            code=code,
            learns=learns,
            protocols=protocols,
            guarantee=guarantee,
            binary=binary,
        )
        registry.enter(step, kinds, options)
        return step

    return enter
