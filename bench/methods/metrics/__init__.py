"""Metrics, one family a file: `metric(target, y, answer, *, parameters) -> number`; NaN where undefined.

`y` holds numbers (point, quantile) or class codes 0 … K-1, shape (n,). Row weights (`answer.weight`) are
honoured: a weight of two counts like two equal rows, a weight of zero like no row.

A table calls a metric by its name in snake_case; `for_target` lists them all.

May import: `core`, `solvers`, `stats`, `tasks` and `class_weights`, for averages over classes.
Next of its kind: a metric is a decorated function in the file of its family.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, get_args

import numpy as np

from bench.core.nouns import Array, BenchError, Kind, Prediction, Target
from bench.core.registry import Entry, PluginOptions, Registry, held_to_its_keywords
from bench.core.selection import matches, name_filter, refuse_unknown
from bench.core.settings import DEFAULT_LEVELS

Direction = Literal["min", "max", "target", "none"]
Function = Callable[[Target, Array, Prediction], float]

PROPER = {"point": "rmse", "quantile": "wis", "class": "log_loss"}
"""The metric that stands for the proper loss of each kind of target."""

Counts = Callable[[Any], Array]
"""Decided labels as counts -> the values that a metric is made of."""


class MetricFunction(Protocol):
    """The function of a metric."""

    def __call__(self, target: Target, y: Array, prediction: Prediction, /) -> float:
        """Return the value of a prediction, NaN where it is undefined."""


@dataclass(frozen=True, kw_only=True)
class MetricOptions(PluginOptions):
    """What a metric may say of itself.

    `direction` is `min` or `max` (that is better), `target` (best at its goal, zero unless each member has its own) or
    `none` (it describes only). `proper`: the true distribution minimises its expected value. `label`: it sees decided
    labels, so the decision rule matters; other class metrics see probabilities alone. `unit`: it is in units of the
    target, so it is never averaged over tasks. `each="interval"`: one metric `name_80` for every central interval of
    the target, called with the keyword `interval=80`, and `each="level"`: one metric `name_0.1` for every quantile
    level, called with the keyword `level=0.1`; if the direction is `target`, the nominal coverage or the level is the
    goal. `counts` is the formula on counts of decided labels that the metric is made of.
    """

    direction: Direction = "none"
    proper: bool = False
    label: bool = False
    unit: bool = False
    each: Literal["interval", "level"] | None = None
    counts: Counts | None = None


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
    counts: Counts | None = None,
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
            counts=counts,
        )
        registry.enter(metric, kinds, options)
        return metric

    return enter


@dataclass(frozen=True)
class Metric:
    """A metric as tables know it: name, function (target, y, answer) -> float, and traits.

    `goal` is the value that a metric of direction `target` should have; other metrics have none.
    """

    name: str
    function: Function
    direction: Direction
    goal: float | None = None
    label: bool = False
    proper: bool = False
    unit: bool = False

    def badness(self, value: float) -> float:
        """Return what is better when lower: the value, its negative, or its distance from the goal."""
        return {"max": -value, "target": abs(value - (self.goal or 0.0))}.get(self.direction, value)


class Member(NamedTuple):
    """An interval or a level: how names end, what the metric is called with, and what its goal would be."""

    tail: str
    value: float
    goal: float


@dataclass(frozen=True)
class Each:
    """What there is one metric for each of: those of a target, the one that a name ends with, and the usual ones."""

    of: Callable[[Target], list[Member]]
    named: Callable[[str], Member | None]
    usual: list[Member]


def _intervals(target: Target) -> list[Member]:
    found = target.intervals.items() if target.kind == "quantile" else ()
    levels = target.levels if found else np.zeros(0)
    return [Member(str(name), name, round(float(levels[hi] - levels[lo]), 12)) for name, (lo, hi) in found]


def _interval(tail: str) -> Member | None:
    return Member(tail, float(tail), float(tail) / 100) if _is_number(tail) and 0 < float(tail) <= 100 else None


def _levels(target: Target) -> list[Member]:
    return [_member(level) for level in target.levels] if target.kind == "quantile" else []


def _level(tail: str) -> Member | None:
    return Member(tail, float(tail), float(tail)) if _is_number(tail) and 0 < float(tail) < 1 else None


def _member(level: float) -> Member:
    """Return a level, named without float noise: 0.3, not 0.30000000000000004."""
    rounded = round(float(level), 12)
    return Member(np.format_float_positional(rounded, trim="-"), rounded, rounded)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


EACH = {
    "interval": Each(_intervals, _interval, [Member(str(k), k, k / 100) for k in range(1, 101)]),
    "level": Each(_levels, _level, [_member(level) for level in sorted({*DEFAULT_LEVELS, *np.arange(1, 100) / 100})]),
}
"""The values of the trait `each`."""


def named(target: Target, name: str) -> Metric:
    """Return one metric of the target's kind.

    Raises:
        BenchError: there is none of that name for this target.
    """
    found = for_target(target)
    if name not in found:
        raise BenchError(f"metric {name!r} does not exist for a {target.kind}: choose from {', '.join(found)}")
    return found[name]


def metric_info(name: str) -> Metric | None:
    """Return what is known of a metric by its table name alone, whatever the target; None for an unknown name."""
    stem, _, tail = name.rpartition("_")
    for entry in registry.entries().values():
        full, each = entry.name.replace("-", "_"), entry.options.each
        if each is None and full == name:
            return _metric(entry)
        member = EACH[each].named(tail) if each is not None and full == stem else None
        if member is not None:
            return _metric(entry, member)
    return None


def for_target(target: Target, names: Iterable[str] | None = None) -> dict[str, Metric]:
    """Return the metrics of the target's kind by table name, all or those that `names` selects.

    `names` holds names, globs, `all`, comma lists, and `!name` to exclude. A metric of another kind is left
    out.

    Raises:
        BenchError: no metric of any kind has that name.
    """
    metrics = [m for entry in registry.entries(target.kind).values() for m in _metrics(entry, target)]
    known = [name for entry in registry.entries().values() for name in _table_names(entry, target)]
    wanted = name_filter("*" if text == "all" else text for text in names or ())
    refuse_unknown(wanted, known, "metric", elsewhere=lambda text: _of_other_targets(text, target))
    return {m.name: m for m in metrics if matches(m.name, wanted.wanted or ["*"]) and not wanted.excludes(m.name)}


def _metrics(entry: Entry[MetricOptions], target: Target) -> list[Metric]:
    """Return the metrics that one entry stands for: itself, or one for every interval or level of the target."""
    each = entry.options.each
    return [_metric(entry)] if each is None else [_metric(entry, member) for member in EACH[each].of(target)]


def _metric(entry: Entry[MetricOptions], member: Member | None = None) -> Metric:
    """Return the metric of an entry, or of one of its members."""
    about, name = entry.options, entry.name.replace("-", "_")
    keywords = {} if member is None else {str(about.each): member.value}
    goal = 0.0 if member is None else member.goal
    return Metric(
        name if member is None else f"{name}_{member.tail}",
        partial(_score, partial(entry.function, **keywords)),
        about.direction,
        goal=goal if about.direction == "target" else None,
        label=about.label,
        proper=about.proper,
        unit=about.unit,
    )


def _score(function: Callable[..., Any], target: Target, y: Array, prediction: Prediction) -> float:
    """Return the value of a metric, NaN where no row has any weight."""
    mass = len(y) if prediction.weight is None else prediction.weight.sum()
    return float(function(target, y, prediction)) if mass > 0 else float("nan")


def _of_other_targets(name: str, target: Target) -> bool:
    """Say whether a metric exists for an interval or level that this target cannot have, for it has none at all."""
    return target.kind != "quantile" and metric_info(name) is not None


def _table_names(entry: Entry[MetricOptions], target: Target) -> list[str]:
    """Return every name of an entry; where the target has no intervals or levels, those of others."""
    name, each = entry.name.replace("-", "_"), entry.options.each
    if each is None:
        return [name]
    return [f"{name}_{member.tail}" for member in EACH[each].of(target) or EACH[each].usual]
