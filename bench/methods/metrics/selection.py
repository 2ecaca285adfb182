"""From registered functions to the metrics of a target, by the names that tables carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError, Prediction, Target
from bench.core.registry import Entry
from bench.core.selection import matches, name_filter, refuse_unknown
from bench.core.settings import DEFAULT_LEVELS
from bench.methods.metrics import Direction, MetricOptions, registry

ROUNDING = 1e-9
"""By how much of the largest value a score may lie beyond what is possible: sums of floats do by less."""
DECIMALS = 12
"""Levels and coverages are rounded to so many: 0.9 - 0.1 is 0.8, and 3 × 0.1 is 0.3."""


@dataclass(frozen=True)
class Metric:
    """A metric as tables know it: name, function (target, y, prediction) -> float, and what it declares.

    `goal` is the value that a metric of direction `target` should have; other metrics have none. Values lie between
    `low` and `high`.
    """

    name: str
    function: Callable[[Target, Array, Prediction], float]
    direction: Direction
    goal: float | None = None
    label: bool = False
    proper: bool = False
    unit: bool = False
    low: float = -np.inf
    high: float = np.inf

    def badness(self, value: float) -> float:
        """Return what is better when lower: the value, its negative, or its distance from the goal."""
        return {"max": -value, "target": abs(value - (self.goal or 0.0))}.get(self.direction, value)


def get_metric(target: Target, name: str) -> Metric:
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
    stem, _, suffix = name.rpartition("_")
    for entry in registry.entries().values():
        full, each = entry.name.replace("-", "_"), entry.options.each
        if each is None and full == name:
            return _metric(entry)
        member = FAMILIES[each].parse(suffix) if each is not None and full == stem else None
        if member is not None:
            return _metric(entry, member)
    return None


def refuse_impossible(names: pd.Series, values: Array) -> None:
    """Refuse scores (n,) that no metric of their name can have: errors with their sign turned, shares in per cent.

    AutoGluon, the AutoML Benchmark and scikit-learn's scorers turn the sign of errors. Metrics that bench does not know
    may have any value.

    Raises:
        BenchError: a score is impossible.
    """
    for name, found in pd.Series(values).groupby(names.to_numpy()).agg(["min", "max"]).iterrows():
        metric = metric_info(str(name))
        if metric is None:
            continue
        least, largest = float(found["min"]), float(found["max"])
        finite = [abs(value) for value in (least, largest) if np.isfinite(value)]
        slack = ROUNDING * max(finite, default=0.0)
        if least < metric.low - slack:
            raise BenchError(
                f"{name} is {least:.4g} somewhere, and it is never below {metric.low:g}: give it without the sign that "
                f"was turned, or call it neg_{name}, with direction max"
            )
        if largest > metric.high + slack:
            raise BenchError(
                f"{name} is {largest:.4g} somewhere, and it is never above {metric.high:g}: give shares, not per cent, "
                "or another name to another metric, with a direction"
            )


def for_target(target: Target, names: Iterable[str] | None = None) -> dict[str, Metric]:
    """Return the metrics of the target's kind by table name, all or those that `names` selects.

    `names` holds names, globs, `all`, comma lists, and `!name` to exclude. A metric of another kind is left
    out.

    Raises:
        BenchError: no metric of any kind has that name.
    """
    metrics: list[Metric] = []
    for entry in registry.entries(target.kind).values():
        each = entry.options.each
        members = [None] if each is None else FAMILIES[each].members(target)
        metrics += [_metric(entry, member) for member in members]
    known = [name for entry in registry.entries().values() for name in _table_names(entry, target)]

    def belongs_to_other_targets(name: str) -> bool:
        """A target without any level cannot list the intervals and levels that others have."""
        return target.kind != "quantile" and metric_info(name) is not None

    wanted = name_filter("*" if text == "all" else text for text in names or ())
    refuse_unknown(wanted, known, "metric", elsewhere=belongs_to_other_targets)
    return {m.name: m for m in metrics if matches(m.name, wanted.wanted or ["*"]) and not wanted.excludes(m.name)}


class Member(NamedTuple):
    """An interval or a level: the suffix of its names, the value that metrics are called with, and the nominal goal."""

    suffix: str
    value: float
    goal: float


@dataclass(frozen=True)
class Family:
    """What there is one metric for each of: those of a target, the one that a suffix names, and the usual ones."""

    members: Callable[[Target], list[Member]]
    parse: Callable[[str], Member | None]
    usual: list[Member]


def _intervals(target: Target) -> list[Member]:
    found = target.intervals.items() if target.kind == "quantile" else ()
    levels = target.levels if found else np.zeros(0)
    return [Member(str(name), name, round(float(levels[hi] - levels[lo]), DECIMALS)) for name, (lo, hi) in found]


def _parse_interval(suffix: str) -> Member | None:
    if not _is_number(suffix) or not 0 < float(suffix) <= 100:
        return None
    return Member(suffix, float(suffix), float(suffix) / 100)


def _levels(target: Target) -> list[Member]:
    return [_level(level) for level in target.levels] if target.kind == "quantile" else []


def _parse_level(suffix: str) -> Member | None:
    if not _is_number(suffix) or not 0 < float(suffix) < 1:
        return None
    return Member(suffix, float(suffix), float(suffix))


def _level(level: float) -> Member:
    """Return a level, named without float noise: 0.3, not 0.30000000000000004."""
    rounded = round(float(level), DECIMALS)
    return Member(np.format_float_positional(rounded, trim="-"), rounded, rounded)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


FAMILIES = {
    "interval": Family(_intervals, _parse_interval, [Member(str(k), k, k / 100) for k in range(1, 101)]),
    "level": Family(
        _levels, _parse_level, [_level(level) for level in sorted({*DEFAULT_LEVELS, *np.arange(1, 100) / 100})]
    ),
}
"""The families of metrics, by the value of the option `each`."""


def _metric(entry: Entry[MetricOptions], member: Member | None = None) -> Metric:
    """Return the metric of an entry, or of one of its members."""
    about, name = entry.options, entry.name.replace("-", "_")
    keywords = {} if member is None else {str(about.each): member.value}
    goal = 0.0 if member is None else member.goal
    return Metric(
        name=name if member is None else f"{name}_{member.suffix}",
        function=partial(_evaluate, partial(entry.function, **keywords)),
        direction=about.direction,
        goal=goal if about.direction == "target" else None,
        label=about.label,
        proper=about.proper,
        unit=about.unit,
        low=about.low,
        high=about.high,
    )


def _evaluate(function: Callable[..., Any], target: Target, y: Array, prediction: Prediction) -> float:
    """Return the value of a metric, NaN where no row has any weight."""
    mass = len(y) if prediction.weight is None else prediction.weight.sum()
    return float(function(target, y, prediction)) if mass > 0 else float("nan")


def _table_names(entry: Entry[MetricOptions], target: Target) -> list[str]:
    """Return every name of an entry; where the target has no intervals or levels, those of others."""
    name, each = entry.name.replace("-", "_"), entry.options.each
    if each is None:
        return [name]
    return [f"{name}_{member.suffix}" for member in FAMILIES[each].members(target) or FAMILIES[each].usual]
