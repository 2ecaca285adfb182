"""Compare two sources by the options of the user: one report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bench.core.exit_codes import CANNOT_COMPARE, FINE, NOTHING_SELECTED, REGRESSION
from bench.core.nouns import BenchError
from bench.core.selection import chosen_from
from bench.core.tables import spell_out
from bench.methods.boards import own_metrics
from bench.methods.metrics import chosen_names, refuse_impossible
from bench.report.comparison import pairs, verdict_rules
from bench.report.comparison.formats import describe_failure, describe_unclear
from bench.report.comparison.report import RefusedError, Report
from bench.report.comparison.rules import Rule, assign_rules, find_meant
from bench.report.comparison.side import ComparedSide
from bench.report.comparison.sides import find_difference, find_row_difference, source
from bench.report.comparison.tables import is_any_pair
from bench.report.comparison.timing import timing
from bench.report.comparison.verdict_rules import Unclear
from bench.stats.tables import FEWEST_TASKS

PAIR = ["board", "metric"]


@dataclass(frozen=True)
class ComparisonOptions:
    """Options of a comparison: rules of the gate, what is selected, and how sure it has to be.

    `task_rules` hold for any one task, `rules` for the mean over tasks. `unclear` is what a mean does that is beyond
    its limit and that the test cannot tell from noise: it fails, or is a warning. `noise` is how much the seed alone
    changes a score; names and globs select boards, metrics and methods. A group is tested on `min_pairs` paired tasks
    at least. `by_task` asks for the table of every paired task.
    """

    rules: Sequence[Rule] = ()
    task_rules: Sequence[Rule] = ()
    unclear: Unclear = "fail"
    noise: Sequence[Rule] = ()
    boards: Sequence[str] = ()
    metrics: Sequence[str] = ()
    methods: Sequence[str] = ()
    min_pairs: int = FEWEST_TASKS
    confidence: float = 0.95
    allow_different_data: bool = False
    timing: bool = False
    by_task: bool = False


def compare(base: str | ComparedSide, new: str | ComparedSide, options: ComparisonOptions) -> Report:
    """Compare NEW with BASE; the code of the report is 0, 3, 4 or 5.

    Raises:
        BenchError: a file cannot be read, or a rule or an option makes no sense for these tables.
    """
    if not 0 < options.confidence < 1:
        raise BenchError(f"confidence {options.confidence:g} is no share: write a number between 0 and 1, like 0.95")
    was, now = (side if isinstance(side, str) else side.name for side in (base, new))
    rules = tuple(dict.fromkeys(rule.text for rule in (*options.rules, *options.task_rules)))
    report = Report(was, now, FINE, rules=rules, confidence=options.confidence, min_pairs=options.min_pairs)
    try:
        sides = [source(side) if isinstance(side, str) else side for side in (base, new)]
        _refuse_describing(sides[0], sides[1], (*options.rules, *options.task_rules))
        return _compare_sources(sides[0], sides[1], options, report)
    except RefusedError as refusal:
        return replace(report, code=refusal.code, reason=refusal.reason)


def _refuse_describing(base: ComparedSide, new: ComparedSide, rules: Sequence[Rule]) -> None:
    directions = {**base.table.direction, **new.table.direction}
    for metric in (metric for metric, way in directions.items() if way == "none"):
        for rule in rules:
            if rule.is_named(metric):
                raise BenchError(f"rule {rule.text!r}: metric {metric!r} only describes, no value of it is better")


def _compare_sources(base: ComparedSide, new: ComparedSide, options: ComparisonOptions, report: Report) -> Report:
    left, right, notes = pairs.fill_absent_keys(base.table, new.table)
    left, right = _select_rows(left, right, options)
    for rows in (left, right):
        refuse_impossible(rows["metric"], rows["value"].to_numpy())
    direction = _directions_of_metrics(base, new, set(left["metric"]) | set(right["metric"]))
    _refuse_other_units(base, new, set(left["metric"]) & set(right["metric"]))
    if not options.allow_different_data:
        _refuse(find_difference(base, new, set(left["task_id"]) & set(right["task_id"])))
    found = pairs.match_cells(left, right, pairs.baseline_splits(base, new))
    if not options.allow_different_data:
        _refuse(find_row_difference(found.cells))
    seeded = pd.concat([left.assign(side="base"), right.assign(side="new")], ignore_index=True)
    known = set(seeded[PAIR].itertuples(index=False, name=None))
    demand = verdict_rules.Demand(
        rules=assign_rules(options.rules, known),
        task_rules=assign_rules(options.task_rules, known),
        unclear=options.unclear,
        noise=assign_rules(options.noise, known),
        min_pairs=options.min_pairs,
        confidence=options.confidence,
    )
    unanswered = pairs.find_unanswered(found, right)
    judgement = verdict_rules.judge_all(found.cells, seeded, unanswered=unanswered, direction=direction, demand=demand)
    tripped = judgement.tasks[judgement.tasks["rule"] != ""].reset_index(drop=True)
    code, reason = _outcome(judgement, tripped, left)
    table, advice = timing(base, new) if options.timing else (report.timing, [])
    unmet = judgement.blocked if code == REGRESSION else []
    return replace(
        report,
        base=base.name,
        new=new.name,
        code=code,
        reason=reason,
        verdicts=judgement.verdicts,
        moved=judgement.moved,
        tripped=tripped,
        tasks=judgement.tasks if options.by_task else report.tasks,
        warnings=tuple(_list_unclear(judgement.verdicts)) if code == FINE else (),
        lost=pairs.summarise_lost(found, left, right),
        notes=(
            *notes,
            *_note_repeats(base, new),
            *sorted(_note_units(base, new, set(direction))),
            *judgement.notes,
            *unmet,
            *advice,
        ),
        timing=table,
    )


def _refuse(difference: str) -> None:
    if difference:
        raise RefusedError(CANNOT_COMPARE, f"{difference}: --allow-different-data compares all the same")


def _note_repeats(base: ComparedSide, new: ComparedSide) -> Iterator[str]:
    for name, side in (("BASE", base), ("NEW", new)):
        if side.table.repeated:
            yield f"{name}: {side.table.repeated} rows stand there twice, and count once"


def _directions_of_metrics(base: ComparedSide, new: ComparedSide, metrics: set[str]) -> dict[str, str]:
    """Return the direction of every metric, that of the side which has one.

    Raises:
        RefusedError: the two sides disagree.
    """
    found = {}
    for metric in sorted(metrics):
        ways = [side.table.direction.get(metric, "") for side in (base, new)]
        if all(ways) and ways[0] != ways[1]:
            raise RefusedError(CANNOT_COMPARE, f"{metric} is {ways[0]} in BASE and {ways[1]} in NEW: mend a direction")
        found[metric] = ways[0] or ways[1]
    return found


def _refuse_other_units(base: ComparedSide, new: ComparedSide, metrics: set[str]) -> None:
    """Refuse a metric whose column `unit` differs on a task that both sides have.

    Raises:
        RefusedError: it does.
    """
    units = base.table.unit, new.table.unit
    for task, metric in sorted(units[0].keys() & units[1].keys()):
        left, right = (unit[task, metric] for unit in units)
        if metric in metrics and left != right:
            where = f"{metric} of {task}" if task else metric
            raise RefusedError(
                CANNOT_COMPARE, f"{where} is in {left} in BASE and in {right} in NEW: convert one of them"
            )


def _note_units(base: ComparedSide, new: ComparedSide, metrics: set[str]) -> Iterator[str]:
    """Yield the metrics whose unit one side alone names."""
    named = [{metric for _, metric in side.table.unit} & metrics for side in (base, new)]
    for name, metric in [("NEW", one) for one in named[0] - named[1]] + [("BASE", one) for one in named[1] - named[0]]:
        yield f"{name} names no unit of {metric}: taken as that of the other side"


def _select_rows(
    left: pd.DataFrame, right: pd.DataFrame, options: ComparisonOptions
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the boards, metrics and methods that are requested, by name or by a rule; names are texts from here on.

    Without either, every board is compared in its own metric (see `boards.own_metrics`).

    Raises:
        RefusedError: a name is on neither side, nothing is left, or a rule covers nothing.
    """
    sides = [left, right]
    for column, texts in (("board", options.boards), ("metric", options.metrics), ("method", options.methods)):
        if texts:
            known = pd.concat([side[column].drop_duplicates().astype(object) for side in sides])
            chosen = _choose_names(known, texts)
            sides = [side[side[column].isin(chosen)] for side in sides]
    every = {pair for side in sides for pair in side[PAIR].drop_duplicates().itertuples(index=False, name=None)}
    if not every:
        raise RefusedError(NOTHING_SELECTED, "neither BASE nor NEW holds ranked scores that are selected")
    gate = (*options.rules, *options.task_rules)
    meant = {rule.text: find_meant(rule, every) for rule in gate}
    for text in (text for text, found in meant.items() if not found):
        raise RefusedError(NOTHING_SELECTED, f"rule {text!r} selects nothing: no such board and metric is there")
    wanted = every
    if not options.metrics and gate:
        wanted = set().union(*meant.values())
    elif not options.metrics:
        wanted = own_metrics(every)
    kept = [spell_out(side[is_any_pair(side[PAIR], wanted)]) for side in sides]
    return kept[0], kept[1]


def _choose_names(column: pd.Series[str], texts: Sequence[str]) -> list[str]:
    """Return the names of a column that names, globs or `!name` choose.

    Raises:
        RefusedError: a name is not there; a misspelt selection exits with the code of an empty one.
    """
    try:
        known = list(column.unique())
        return chosen_names(known, texts) if column.name == "metric" else chosen_from(known, texts, str(column.name))
    except BenchError as error:
        raise RefusedError(NOTHING_SELECTED, str(error)) from error


def _outcome(judgement: verdict_rules.Judgement, tripped: pd.DataFrame, left: pd.DataFrame) -> tuple[int, str]:
    """Return exit code and sentence: a regression goes before what could not be compared."""
    verdicts = judgement.verdicts
    failed = verdicts[verdicts["fails"]] if len(verdicts) else verdicts
    if len(failed):
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        return REGRESSION, f"{describe_failure(failed.iloc[0].to_dict(), tripped)}{more}"
    blocked = judgement.blocked
    if blocked:
        more = f" (and {len(blocked) - 1} more)" if len(blocked) > 1 else ""
        return CANNOT_COMPARE, f"{blocked[0]}{more}"
    if not np.any(verdicts["tasks"] > 0):
        side = "BASE has no scores" if left["value"].notna().sum() == 0 else "no score of BASE has a partner in NEW"
        return CANNOT_COMPARE, f"{side}: check that board, panel, learner, task, repeat, fold and method agree"
    return FINE, ""


def _list_unclear(verdicts: pd.DataFrame) -> Iterator[str]:
    """Yield what a gate that only warns lets pass: means beyond their limit that the test cannot tell from noise."""
    for one in verdicts[verdicts["beyond"] & (verdicts["verdict"] == "unclear")].to_dict("records"):
        yield describe_unclear(one)
