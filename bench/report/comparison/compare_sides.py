"""Two sources and the wishes of the user in, one report out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError
from bench.core.selection import matches, split_list
from bench.methods.boards import BOARDS
from bench.report.comparison import pairs, verdict_rules
from bench.report.comparison.report import CANNOT_COMPARE, FINE, NOTHING_SELECTED, REGRESSION, RefusedError, Report
from bench.report.comparison.rules import Rule, deciding, idle
from bench.report.comparison.sides import Source, different, rows_differ, source
from bench.report.comparison.timing import timing
from bench.stats.tables import FEWEST_TASKS

PAIR = ["board", "metric"]


@dataclass(frozen=True)
class ComparisonOptions:
    """What a comparison is asked: rules of the gate, what is selected, and how sure it has to be.

    `noise` says how much the seed alone changes a score; names and globs select boards, metrics and methods. A group is
    tested on `min_pairs` paired tasks at least.
    """

    rules: Sequence[Rule] = ()
    noise: Sequence[Rule] = ()
    boards: Sequence[str] = ()
    metrics: Sequence[str] = ()
    methods: Sequence[str] = ()
    min_pairs: int = FEWEST_TASKS
    confidence: float = 0.95
    allow_different_data: bool = False
    timing: bool = False


def compare(base: str | Source, new: str | Source, options: ComparisonOptions) -> Report:
    """Compare NEW with BASE and say with which code to exit: 0, 3, 4 or 5.

    Raises:
        BenchError: a file cannot be read, or a rule or an option makes no sense for these tables.
    """
    if not 0 < options.confidence < 1:
        raise BenchError(f"confidence {options.confidence:g} is no share: write a number between 0 and 1, like 0.95")
    was, now = (side if isinstance(side, str) else side.name for side in (base, new))
    rules = tuple(rule.text for rule in options.rules)
    report = Report(was, now, FINE, "", rules, options.confidence, options.min_pairs)
    try:
        sides = [source(side) if isinstance(side, str) else side for side in (base, new)]
        _refuse_describing(sides[0], sides[1], options.rules)
        return _compared(sides[0], sides[1], options, report)
    except RefusedError as refusal:
        return replace(report, code=refusal.code, reason=refusal.reason)


def _refuse_describing(base: Source, new: Source, rules: Sequence[Rule]) -> None:
    directions = {**base.table.direction, **new.table.direction}
    for rule in rules:
        if directions.get(rule.metric) == "none":
            raise BenchError(f"rule {rule.text!r}: metric {rule.metric!r} only describes, no value of it is better")


def _compared(base: Source, new: Source, options: ComparisonOptions, report: Report) -> Report:
    left, right, notes = pairs.aligned(base.table, new.table)
    left, right = _selected(left, right, options)
    direction = _direction(base, new, set(left["metric"]) | set(right["metric"]))
    if not options.allow_different_data:
        _refuse(different(base, new, set(left["task_id"]) & set(right["task_id"])))
    found = pairs.pairs(left, right, pairs.baseline_splits(base, new))
    if not options.allow_different_data:
        _refuse(rows_differ(found.cells))
    seeded = pd.concat([left.assign(side="base"), right.assign(side="new")], ignore_index=True)
    demand = verdict_rules.Demand(options.rules, options.noise, options.min_pairs, options.confidence)
    judged = verdict_rules.judged(found.cells, seeded, direction, demand)
    code, reason = _outcome(judged, left)
    table, advice = timing(base, new) if options.timing else (report.timing, [])
    unmet = judged.blocked if code == REGRESSION else []
    return replace(
        report,
        base=base.name,
        new=new.name,
        code=code,
        reason=reason,
        verdicts=judged.verdicts,
        moved=judged.moved,
        lost=pairs.summary(found, left, right),
        notes=(*notes, *_repeats(base, new), *judged.notes, *unmet, *advice),
        timing=table,
    )


def _refuse(difference: str) -> None:
    if difference:
        raise RefusedError(CANNOT_COMPARE, f"{difference}: --allow-different-data compares all the same")


def _repeats(base: Source, new: Source) -> Iterator[str]:
    for name, side in (("BASE", base), ("NEW", new)):
        if side.table.repeated:
            yield f"{name}: {side.table.repeated} rows stand there twice, and count once"


def _direction(base: Source, new: Source, metrics: set[str]) -> dict[str, str]:
    """Return the direction of every metric, that of the side which says one.

    Raises:
        RefusedError: the two sides disagree.
    """
    found = {}
    for metric in sorted(metrics):
        said = [side.table.direction.get(metric, "") for side in (base, new)]
        if all(said) and said[0] != said[1]:
            raise RefusedError(CANNOT_COMPARE, f"{metric} is {said[0]} in BASE and {said[1]} in NEW: mend a direction")
        found[metric] = said[0] or said[1]
    return found


def _selected(left: pd.DataFrame, right: pd.DataFrame, options: ComparisonOptions) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the boards, metrics and methods that are asked for, by name or by a rule.

    Raises:
        RefusedError: nothing is left, or a rule covers nothing.
    """
    sides = [left, right]
    for column, texts in (("board", options.boards), ("metric", options.metrics), ("method", options.methods)):
        sides = [side[_chosen(side[column], texts)] if texts else side for side in sides]
        if texts and not any(map(len, sides)):
            raise RefusedError(NOTHING_SELECTED, f"no {column} matches {', '.join(texts)} in BASE or NEW")
    every = list(pd.concat(sides)[PAIR].drop_duplicates().itertuples(index=False, name=None))
    if not every:
        raise RefusedError(NOTHING_SELECTED, "neither BASE nor NEW holds ranked scores")
    for rule in idle(options.rules, every):
        raise RefusedError(NOTHING_SELECTED, f"rule {rule.text!r} selects nothing: no such board and metric is there")
    wanted = set(every if options.metrics else _usual(every, options.rules))
    kept = [side[pd.MultiIndex.from_frame(side[PAIR]).isin(list(wanted))] for side in sides]
    return kept[0], kept[1]


def _chosen(column: pd.Series[str], texts: Sequence[str]) -> Array:
    parts = split_list(texts)
    wanted = [text for text in parts if not text.startswith("!")] or ["*"]
    dropped = [text[1:] for text in parts if text.startswith("!")]
    known = [name for name in column.unique() if matches(name, wanted) and not matches(name, dropped)]
    return column.isin(known).to_numpy()


def _usual(every: Sequence[tuple[str, str]], rules: Sequence[Rule]) -> list[tuple[str, str]]:
    """Return what is compared if no metric is named: what a rule covers, else the metric that each board shows first.

    A board that bench does not know, or that lacks this metric, is compared in all of its metrics.
    """
    if rules:
        return [(board, metric) for board, metric in every if deciding(rules, board, metric)]
    first = [(board, metric) for board, metric in every if board in BOARDS and BOARDS[board].metric == metric]
    shown = {board for board, _ in first}
    return first + [(board, metric) for board, metric in every if board not in shown]


def _outcome(judged: verdict_rules.Judgement, left: pd.DataFrame) -> tuple[int, str]:
    """Return exit code and sentence: a regression goes before what could not be compared."""
    verdicts = judged.verdicts
    failed = verdicts[verdicts["fails"]] if len(verdicts) else verdicts
    if len(failed):
        first = failed.iloc[0]
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        who = " ".join(part for part in (first["board"], first["method"]) if part)
        return REGRESSION, f"{who} is worse in {first['metric']} by more than rule {first['rule']!r} allows{more}"
    blocked = judged.blocked
    if blocked:
        more = f" (and {len(blocked) - 1} more)" if len(blocked) > 1 else ""
        return CANNOT_COMPARE, f"{blocked[0]}{more}"
    if not np.any(verdicts["tasks"] > 0):
        side = "BASE has no scores" if left["value"].notna().sum() == 0 else "no score of BASE has a partner in NEW"
        return CANNOT_COMPARE, f"{side}: check that board, panel, learner, task, repeat, fold and method agree"
    return FINE, ""
