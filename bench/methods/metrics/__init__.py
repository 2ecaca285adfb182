"""Metrics, one family a file: `metric(target, y, prediction, *, parameters) -> number`; NaN where undefined.

`y` holds numbers (point, quantile) or class codes 0 … K-1, shape (n,). Metrics use row weights (`prediction.weight`):
a weight of two counts like two equal rows, a weight of zero like no row.

A table calls a metric by its name in snake_case; `for_target` lists them all.

May import: `core`, `solvers`, `stats`, `tasks` and `class_weights`, for averages over classes.
Next of its kind: a metric is a decorated function in the file of its family.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, get_args

from bench.core.contract import held_to_its_keywords
from bench.core.nouns import Array, Kind, Prediction, Target
from bench.core.registry import Registry
from bench.core.scheme import PluginOptions

Direction = Literal["min", "max", "target", "none"]

PROPER = {"point": "rmse", "quantile": "wis", "class": "log_loss"}
"""The metric that stands for the proper loss of each kind of target."""

CountsFunction = Callable[..., Array]
"""Decided labels as counts, and the parameters by keyword -> the values that a metric is made of."""

Applies = Callable[..., bool]
"""Target, and the parameters by keyword -> whether a metric is for it."""


class MetricFunction(Protocol):
    """A function from true values and a prediction to a number; NaN where undefined."""

    def __call__(self, target: Target, y: Array, prediction: Prediction, /) -> float:
        """Return the value of a prediction, NaN where it is undefined."""


@dataclass(frozen=True, kw_only=True)
class MetricOptions(PluginOptions):
    """What a metric declares.

    `direction` is `min` or `max` (that is better), `target` (best at its goal, zero unless each member has its own) or
    `none` (it describes only). `proper`: the true distribution minimises its expected value. `label`: it sees decided
    labels, so the decision rule matters; other class metrics see probabilities alone. `unit`: it is in units of the
    target, so it is never averaged over tasks. `each="interval"`: one metric `name_80` for every central interval of
    the target, called with the keyword `interval=80`, and `each="level"`: one metric `name_0.1` for every quantile
    level, called with the keyword `level=0.1`; if the direction is `target`, the nominal coverage or the level is the
    goal. `low` and `high` are the least and the largest value that can occur; a table with another one is refused, as
    of errors with their sign turned. `counts` is the formula on counts of decided labels that the metric is made of.
    `applies` says of a target, and of the parameters by keyword, whether the metric is for it, and refuses impossible
    parameters; without it the metric is for every target of its kinds. The tag `core` puts a metric into every run that
    names none.
    """

    direction: Direction = "none"
    proper: bool = False
    label: bool = False
    unit: bool = False
    each: Literal["interval", "level"] | None = None
    low: float = -math.inf
    high: float = math.inf
    counts: CountsFunction | None = None
    applies: Applies | None = None


registry = Registry("metric", __name__, kinds=get_args(Kind), contract=MetricFunction, options=MetricOptions)

F = TypeVar("F", bound=Callable[..., Any])


@held_to_its_keywords
def register(
    *kinds: Kind,
    direction: Direction,
    proper: bool = False,
    label: bool = False,
    unit: bool = False,
    each: Literal["interval", "level"] | None = None,
    low: float = -math.inf,
    high: float = math.inf,
    counts: CountsFunction | None = None,
    applies: Applies | None = None,
    tags: Collection[str] = (),
    breaks: Mapping[str, str] | None = None,
    code: Collection[str] = (),
) -> Callable[[F], F]:
    """Return the decorator that enters a metric; see `MetricOptions` for the keywords.

    Raises:
        BenchError: a kind or a keyword is unknown, or the function is no metric.
    """

    def enter(metric: F) -> F:
        options = MetricOptions(
            tags=tags,
            breaks=breaks or {},
            code=code,
            direction=direction,
            proper=proper,
            label=label,
            unit=unit,
            each=each,
            low=low,
            high=high,
            counts=counts,
            applies=applies,
        )
        registry.enter(metric, kinds, options)
        return metric

    return enter


# at the end: the modules below need the registry
from bench.methods.metrics.selection import (  # noqa: E402
    Metric,
    chosen_names,
    current_name,
    for_target,
    get_metric,
    metric_info,
    refuse_impossible,
)

__all__ = [
    "PROPER",
    "Applies",
    "CountsFunction",
    "Metric",
    "MetricFunction",
    "MetricOptions",
    "chosen_names",
    "current_name",
    "for_target",
    "get_metric",
    "metric_info",
    "refuse_impossible",
    "register",
    "registry",
]
