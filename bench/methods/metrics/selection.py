"""From registered functions to the metrics of a target, by the names that tables carry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError, Prediction, Target
from bench.core.scheme import Entry, Scheme
from bench.core.selection import NameFilter, matches, name_filter, suggestion
from bench.core.settings import DEFAULT_LEVELS
from bench.core.tables import OLD_METRICS
from bench.methods.metrics import CountsFunction, Direction, MetricOptions, registry

ROUNDING = 1e-9
"""By how much of the largest value a score may lie beyond what is possible: sums of floats do by less."""
ALIASES = {"f1": "binary_f1", "f0.5": "f_half", **OLD_METRICS}
"""Other names by which metrics may be asked for, with those that tables carry."""
DECIMALS = 12
"""Levels and coverages are rounded to so many: 0.9 - 0.1 is 0.8, and 3 × 0.1 is 0.3."""


def _every_target(target: Target) -> bool:
    return True


@dataclass(frozen=True)
class Metric:
    """A metric as tables know it: name, function (target, y, prediction) -> float, and what it declares.

    `name` holds the parameters that were given, as in `micro_f1:without=other`; `kinds` are the targets that it serves.
    `goal` is the value that a metric of direction `target` should have; other metrics have none. Values lie between
    `low` and `high`. `counts` is its formula on counts of decided labels, None for one that is no such formula.
    `applies` says whether it is for a target of its kinds. `is_foreign`: its code is not ours.
    """

    name: str
    function: Callable[[Target, Array, Prediction], float]
    direction: Direction
    kinds: frozenset[str] = frozenset()
    tags: Collection[str] = ()
    goal: float | None = None
    label: bool = False
    proper: bool = False
    unit: bool = False
    low: float = -np.inf
    high: float = np.inf
    counts: CountsFunction | None = None
    applies: Callable[[Target], bool] = _every_target
    is_foreign: bool = False

    def badness(self, value: float) -> float:
        """Return what is better when lower: the value, its negative, or its distance from the goal."""
        return {"max": -value, "target": abs(value - (self.goal or 0.0))}.get(self.direction, value)


def get_metric(target: Target, name: str) -> Metric:
    """Return one metric of the target's kind, by any of its names.

    Raises:
        BenchError: there is none of that name for this target.
    """
    found = for_target(target) | (for_target(target, [name]) if ":" in name else {})
    if current_name(name) not in found:
        raise BenchError(f"metric {name!r} does not exist for a {target.kind}: choose from {', '.join(found)}")
    return found[current_name(name)]


def metric_info(name: str) -> Metric | None:
    """Return what is known of a metric by one of its names alone, whatever the target; None for an unknown name."""
    name = current_name(name)
    stem, _, suffix = name.rpartition("_")
    for entry in registry.entries().values():
        full, each = entry.name.replace("-", "_"), entry.options.each
        if each is None and full == name:
            return _metric(Scheme(entry))
        member = FAMILIES[each].parse(suffix) if each is not None and full == stem else None
        if member is not None:
            return _metric(Scheme(entry), member)
    return _parse_parameters(name)


def current_name(name: str) -> str:
    """Return the name that tables carry for any name of a metric: parameters in their order, numbers as ids have them.

    Raises:
        BenchError: the metric has no such parameter, or the value has the wrong type.
    """
    stem, colon, given = name.partition(":")
    stem = stem if stem.replace("_", "-") in registry.entries() else ALIASES.get(stem, stem)
    found = _parse_parameters(stem + colon + given) if given else None
    return found.name if found else stem + colon + given


def _parse_parameters(name: str) -> Metric | None:
    """Return the metric behind `name:parameter=value`; None where there is no such name, or none with parameters.

    Raises:
        BenchError: the metric has no such parameter, or the value has the wrong type.
    """
    stem, _, given = name.partition(":")
    entry = registry.entries().get(stem.replace("_", "-"))
    if not given or entry is None or entry.options.each is not None:
        return None
    return _metric(registry.scheme(f"{entry.name}:{given}"))


def chosen_names(known: Sequence[str], texts: Iterable[str]) -> list[str]:
    """Return those of some names of metrics that names, globs, tags or `!name` choose; all of them without any.

    Raises:
        BenchError: a text means none of them.
    """
    tags = {name: info.tags if (info := metric_info(name)) else () for name in known}
    filtered = name_filter(texts, tags)
    for text in filtered.texts:
        if not _names_of(text, tags):
            raise BenchError(f"unknown metric {text!r}: {suggestion(text, known)}")
    return _choose(filtered, tags)


def _names_of(text: str, known: Mapping[str, Collection[str]]) -> list[str]:
    """Return the known names, given with their tags, that a text means: the one that it is, a tag, or a glob."""
    for name in (text, current_name(text)):
        if name in known:
            return [name]
    return [name for name, tags in known.items() if text == "all" or text in tags or matches(name, [text])]


def _choose(filtered: NameFilter, known: Mapping[str, Collection[str]]) -> list[str]:
    wanted, excluded = (
        {name for text in texts for name in _names_of(text, known)}
        for texts in (filtered.wanted or ("all",), filtered.excluded)
    )
    return [name for name in known if name in wanted and name not in excluded]


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


def for_target(target: Target, names: Iterable[str] = ()) -> dict[str, Metric]:
    """Return the metrics of the target's kind by table name, all or those that `names` selects.

    `names` holds names, globs, tags, `all`, comma lists, `name:parameter=value`, and `!name` to exclude. A metric of
    another kind is left out, and so is one that is not for this target, as of a class that it lacks.

    Raises:
        BenchError: no metric of any kind has that name, or a parameter cannot be what it is.
    """
    filtered = name_filter(names)
    given = [metric for text in filtered.texts if ":" in text and (metric := _parse_parameters(current_name(text)))]
    known = {m.name: m.tags for m in given} | {
        name: entry.options.tags for entry in registry.entries().values() for name in _table_names(entry, target)
    }
    for text in filtered.texts:
        # a target without any level cannot list the intervals and levels that others have
        if not _names_of(text, known) and (target.kind == "quantile" or metric_info(text) is None):
            raise BenchError(f"unknown metric {text!r}: {suggestion(text, known)}")
    every = [
        _metric(Scheme(entry), member)
        for entry in registry.entries(target.kind).values()
        for member in ([None] if entry.options.each is None else FAMILIES[entry.options.each].members(target))
    ]
    every += [metric for metric in given if target.kind in metric.kinds and metric.applies(target)]
    found = {metric.name: metric for metric in every}
    return {name: found[name] for name in _choose(filtered, {name: metric.tags for name, metric in found.items()})}


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


def _metric(scheme: Scheme[MetricOptions], member: Member | None = None) -> Metric:
    """Return the metric of a scheme, or of one of its members."""
    about, name = scheme.options, scheme.id.replace(scheme.entry.name, scheme.entry.name.replace("-", "_"), 1)
    every = scheme.entry.parameters | dict(scheme.parameters)
    keywords = dict(scheme.parameters) if member is None else {str(about.each): member.value}
    goal = 0.0 if member is None else member.goal
    return Metric(
        name=name if member is None else f"{name}_{member.suffix}",
        function=partial(_evaluate, partial(scheme.entry.function, **keywords)),
        direction=about.direction,
        kinds=scheme.entry.kinds,
        tags=about.tags,
        goal=goal if about.direction == "target" else None,
        label=about.label,
        proper=about.proper,
        unit=about.unit,
        low=about.low,
        high=about.high,
        counts=None if about.counts is None else partial(about.counts, **keywords),
        applies=_every_target if about.applies is None else partial(about.applies, **every),
        is_foreign=scheme.entry.is_foreign,
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
