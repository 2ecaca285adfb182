"""Every board, metric, panel and method gets its verdict; what a rule needs and cannot have is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.report.comparison.formats import count_tasks, name_some
from bench.report.comparison.pairs import task_values
from bench.report.comparison.report import MOVED, TASKS, VERDICTS
from bench.report.comparison.reseed_noise import group_noise
from bench.report.comparison.rules import Pair, Rule
from bench.report.comparison.tables import GROUP
from bench.report.comparison.verdicts import (
    FLOAT_NOISE,
    HarmTest,
    Measure,
    harm,
    judge,
    judge_splits,
    margin,
    measure,
    scales,
    task_frame,
    verdict_words,
)
from bench.stats.holm import holm

WHO = ["panel", "method"]


LEAST_BASE = 0.1
"""A task's base below this share of the median over tasks counts as that share: a loss of nearly nothing may double.

The median, and not the mean, since one task that diverged in BASE would allow all others anything.
"""

Unclear = Literal["fail", "warn"]


class Demand(NamedTuple):
    """What a verdict rests on: the rules, the stated noise, the fewest pairs, and how sure it has to be.

    `rules` are for means over tasks, `task_rules` for any one task, each by the board and metric that it decides on;
    `unclear` is what a mean beyond its limit does that
    the test cannot tell from noise.
    """

    rules: Mapping[Pair, Rule]
    task_rules: Mapping[Pair, Rule]
    unclear: Unclear
    noise: Mapping[Pair, Rule]
    min_pairs: int
    confidence: float


class Judgement(NamedTuple):
    """Tables as in `report`, sentences on what a rule needs and cannot have, and notes."""

    verdicts: pd.DataFrame
    moved: pd.DataFrame
    tasks: pd.DataFrame
    blocked: list[str]
    notes: list[str]


class MeasuredPart(NamedTuple):
    """One board and metric: the rules that decide, its groups with statistics, and its tasks."""

    rule: Rule | None
    task_rule: Rule | None
    groups: pd.DataFrame
    tasks: pd.DataFrame


@np.errstate(over="ignore", invalid="ignore")  # scores near the largest float: what overflows is infinitely worse
def judge_all(
    cells: pd.DataFrame,
    sides: pd.DataFrame,
    *,
    unanswered: pd.DataFrame,
    direction: Mapping[str, str],
    demand: Demand,
) -> Judgement:
    """Judge every board, metric, panel and method that BASE has; `sides` are the rows of both, told apart by `side`.

    `unanswered` are GROUP and task of what NEW ran without a score.
    """
    every = task_values(cells)
    values = dict(iter(every.groupby(["board", "metric"], sort=False)))
    of_splits = dict(iter(cells.groupby(["board", "metric"], sort=False)))
    parts = []
    for (board, metric), rows in sides.groupby(["board", "metric"], sort=False):
        here = values.get((board, metric), every[:0])
        way = direction[str(metric)]
        splits = of_splits.get((board, metric), cells[:0])
        parts.append(
            _measure_part(str(board), str(metric), rows, values=here, splits=splits, direction=way, demand=demand)
        )
    verdicts = pd.concat([part.groups for part in parts], ignore_index=True)
    verdicts = _add_unmet(_add_verdicts(verdicts, demand), unanswered, parts, demand)
    blocked = [*verdicts.loc[verdicts["unmet"] != "", "unmet"], *_list_untested(verdicts, parts, demand)]
    notes = list(_list_passed_over(verdicts, demand))
    return Judgement(verdicts[list(VERDICTS)], _rank_tasks(parts), _list_tasks(parts), blocked, notes)


def _measure_part(
    board: str,
    metric: str,
    rows: pd.DataFrame,
    *,
    values: pd.DataFrame,
    splits: pd.DataFrame,
    direction: str,
    demand: Demand,
) -> MeasuredPart:
    """Measure one board and metric, up to the p-values."""
    rule, of_task, stated = (rules.get((board, metric)) for rules in (demand.rules, demand.task_rules, demand.noise))
    how = measure(metric, direction, rows["value"].dropna().to_numpy(dtype=float), rule or of_task)
    groups = _groups_of_base(rows)
    index = pd.MultiIndex.from_frame(groups[WHO])
    group = index.get_indexer(pd.MultiIndex.from_frame(values[WHO]))
    scale = scales(group, values["base"].to_numpy(dtype=float), how.goal, len(groups))
    tasks = task_frame(how, values, group, scale)
    bound = margin(how, metric, rule, scale)
    noise = margin(how, metric, stated, scale) if stated else _measured_noise(how, rows, index)
    bound = np.maximum(bound, noise)
    found = judge(tasks["harm"].to_numpy(dtype=float), tasks["group"].to_numpy(dtype=int), bound, demand.confidence)
    if demand.min_pairs == 1:
        found = _judge_single_tasks(how, found, splits, index, scale=scale, bound=bound, confidence=demand.confidence)
    tasks = tasks.assign(trips=_trips(how, metric, of_task, tasks, scale=scale, noise=noise))
    shares = how.ratio or (rule is not None and rule.relative)
    statistics = _statistics(how, groups, tasks, found=found, bound=bound, scale=scale, shares=shares)
    described: dict[str, Any] = {
        "board": board,
        "metric": metric,
        "rule": rule.text if rule else "",
        "task_rule": of_task.text if of_task else "",
        "relative": shares,
    }
    return MeasuredPart(rule, of_task, statistics.assign(**described), tasks.assign(
        board=board, metric=metric, panel=groups["panel"].to_numpy()[tasks["group"].to_numpy(dtype=int)],
        method=groups["method"].to_numpy()[tasks["group"].to_numpy(dtype=int)],
        rule=np.where(tasks["trips"], described["task_rule"], ""),
        size=_relative_change(how, tasks["harm"].to_numpy(dtype=float), _own_scale(how, tasks, scale)),
    ))  # fmt: skip


def _trips(how: Measure, metric: str, rule: Rule | None, tasks: pd.DataFrame, *, scale: Array, noise: Array) -> Array:
    """Return which rows of a frame of tasks are worse by more than the rule for any one task allows.

    A share is one of `_own_scale`.
    """
    if rule is None:
        return np.zeros(len(tasks), dtype=bool)
    limit = np.maximum(
        margin(how, metric, rule, _own_scale(how, tasks, scale)), noise[tasks["group"].to_numpy(dtype=int)]
    )
    return np.asarray(tasks["harm"].to_numpy(dtype=float) > limit * (1 + FLOAT_NOISE))


def _own_scale(how: Measure, tasks: pd.DataFrame, scale: Array) -> Array:
    """Return by task, of what a share is one: its own base, `LEAST_BASE` of the median that is not 0, or the goal."""
    of_group = scale[tasks["group"].to_numpy(dtype=int)]
    if not np.isnan(how.goal):
        return of_group
    size = tasks["base"].abs()
    typical = size.where(np.isfinite(size) & (size > 0)).groupby(tasks["group"]).transform("median")
    least = LEAST_BASE * typical.fillna(0.0).to_numpy(dtype=float)
    return np.maximum(np.maximum(size.to_numpy(dtype=float), least), np.finfo(float).tiny)


def _judge_single_tasks(
    how: Measure,
    found: HarmTest,
    splits: pd.DataFrame,
    index: pd.MultiIndex,
    *,
    scale: Array,
    bound: Array,
    confidence: float,
) -> HarmTest:
    """Return the statistics with those of groups of one task taken from its splits, learners averaged within each."""
    group = index.get_indexer(pd.MultiIndex.from_frame(splits[WHO]))
    mine = splits.assign(group=group)[found.n[group] == 1]
    by = mine.groupby(["group", "repeat", "fold"], sort=False)
    means = by.agg(base=("base", "mean"), new=("new", "mean"), share=("test_share", "mean")).reset_index()
    place = means["group"].to_numpy(dtype=int)
    harms = harm(how, means["base"].to_numpy(dtype=float), means["new"].to_numpy(dtype=float), scale[place])
    folds = means.groupby("group")["fold"].transform("nunique").to_numpy(dtype=float)
    shares = means["share"].to_numpy(dtype=float)
    shares = np.where(np.isnan(shares), 1 / np.maximum(folds, 2), shares)
    return judge_splits(found, harms, shares, place, bound=bound, confidence=confidence)


def _groups_of_base(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the panels and methods of which BASE has a score, and on how many tasks (`had`)."""
    known = rows[(rows["side"] == "base") & rows["value"].notna()]
    return known.groupby(WHO, sort=False)["task_id"].nunique().rename("had").reset_index()


def _measured_noise(how: Measure, rows: pd.DataFrame, index: pd.MultiIndex) -> Array:
    """Return the reseed noise of every group where the tables carry seeds, else 0."""
    if (rows["seed"] == "").all():
        return np.zeros(len(index))
    return group_noise(how, rows).reindex(index).fillna(0.0).to_numpy(dtype=float)


def _relative_change(how: Measure, harm: Array, scale: Array) -> Array:
    """Return the change of the value as a share: of the base for ratios, else of the mean base."""
    return (np.expm1(how.sign * harm) if how.ratio else how.sign * harm / scale) + 0.0


def _statistics(
    how: Measure,
    groups: pd.DataFrame,
    tasks: pd.DataFrame,
    *,
    found: HarmTest,
    bound: Array,
    scale: Array,
    shares: bool,
) -> pd.DataFrame:
    """Return the groups with their statistics, turned from harm into change of the value."""
    by = tasks.groupby("group")
    means = by[["base", "new"]].mean().reindex(range(len(groups)))
    unit = scale if shares else np.ones(len(scale))
    ends = [_relative_change(how, harm, unit) for harm in (found.mean, found.lo, found.hi)]
    allowed = np.abs(_relative_change(how, bound, unit))
    moved = np.bincount(tasks["group"].to_numpy(dtype=int), tasks["harm"] != 0, minlength=len(groups))
    return groups.assign(
        tasks=found.n,
        blocks=by["blocks"].sum().reindex(range(len(groups)), fill_value=0).to_numpy(dtype=int),
        base=np.nan if how.unit else means["base"].to_numpy(),
        new=np.nan if how.unit else means["new"].to_numpy(),
        change=ends[0], lo=np.minimum(ends[1], ends[2]), hi=np.maximum(ends[1], ends[2]), margin=allowed,
        p=found.p, still=(found.n > 0) & (moved == 0),
        tripped=np.bincount(tasks["group"].to_numpy(dtype=int), tasks["trips"], minlength=len(groups)).astype(int),
        harm=found.mean, harm_lo=found.lo, harm_hi=found.hi, bound=bound,
    )  # fmt: skip


def _add_verdicts(table: pd.DataFrame, demand: Demand) -> pd.DataFrame:
    """Add the corrected p-values, the verdicts, and why a group has none."""
    tested = (table["tasks"] >= demand.min_pairs).to_numpy(dtype=bool)
    for name in ("p", "lo", "hi"):
        table[name] = table[name].where(tested)
    gated = (table["rule"] != "").to_numpy(dtype=bool)
    by_limit = tested & table["p"].isna().to_numpy()  # one task of one split: there is nothing to test
    family = np.where(gated, "gate", table["board"] + "\n" + table["metric"] + "\n" + table["panel"])
    table["p_holm"] = table.groupby(family, sort=False)["p"].transform(lambda p: holm(p.to_numpy(dtype=float)))
    found = HarmTest(*(table[name].to_numpy(dtype=float) for name in ("tasks", "harm", "harm_lo", "harm_hi", "p")))
    words = verdict_words(
        found, table["p_holm"].to_numpy(dtype=float), table["bound"].to_numpy(dtype=float), demand.confidence
    )
    worse = found.mean > table["bound"].to_numpy(dtype=float) * (1 + FLOAT_NOISE)
    better = -found.mean > table["bound"].to_numpy(dtype=float) * (1 + FLOAT_NOISE)
    words = np.where(by_limit, np.select([worse, better], ["worse", "better"], "equivalent"), words)
    table["verdict"] = np.where(table["still"] & (words == "unclear"), "equivalent", words)
    table["beyond"] = gated & tested & worse
    fails = ["worse", "unclear"] if demand.unclear == "fail" else ["worse"]
    table["fails"] = (table["beyond"] & table["verdict"].isin(fails)) | (table["tripped"] > 0)
    table["reason"] = [
        "" if enough else "no pair" if n == 0 else f"too few tasks: {n}, needed {demand.min_pairs}"
        for n, enough in zip(table["tasks"], tested, strict=True)
    ]
    return table


def _add_unmet(
    table: pd.DataFrame, unanswered: pd.DataFrame, parts: Sequence[MeasuredPart], demand: Demand
) -> pd.DataFrame:
    """Add what a rule needs and cannot have (`unmet`), and which a broad rule passes `over`: BASE has too few tasks."""
    is_named = [part.rule is None or part.rule.is_named(metric) for part in parts for metric in part.groups["metric"]]
    short = ((table["rule"] != "") & (table["tasks"] < demand.min_pairs)).to_numpy(dtype=bool)
    over = short & (table["had"] < demand.min_pairs).to_numpy(dtype=bool) & ~np.array(is_named, dtype=bool)
    silent = unanswered.groupby(GROUP, sort=False)["task_id"].agg(list).to_dict()
    unmet, reasons = [], []
    for row, lacks_pairs in zip(table.to_dict("records"), short & ~over, strict=True):
        without = silent.get(tuple(row[name] for name in GROUP), [])
        blind = (row["rule"] or row["task_rule"]) and row["tasks"] and np.isnan(row["harm"])
        unmet.append(
            _lack_of_pairs(row, demand.min_pairs) if lacks_pairs
            else f"{_where(row)} of method {row['method']} has no mean: it is infinite both ways" if blind
            else _lack_of_scores(row, without)
        )  # fmt: skip
        reasons.append(row["reason"] or (f"no score in NEW on {count_tasks(without)}" if without else ""))
    return table.assign(unmet=unmet, reason=reasons, over=over)


def _lack_of_pairs(row: Mapping[Any, Any], needed: int) -> str:
    return (
        f"rule {row['rule']!r} needs {needed} paired tasks of {_where(row)} of method {row['method']}: "
        f"there are {row['tasks']}, BASE has {row['had']}; --min-pairs sets how many it takes"
    )


def _lack_of_scores(row: Mapping[Any, Any], without: Sequence[str]) -> str:
    """Say why a rule for any one task cannot be held: NEW is `without` a score on some, or there is no pair at all."""
    who = f"{_where(row)} of method {row['method']}"
    if row["task_rule"] and without:
        return (
            f"NEW ran {count_tasks(without)} and has no score of {who} there, which BASE has ({name_some(without)}): "
            "mend the run, or lift the rules for any one task with --fail-any none"
        )
    if row["task_rule"] and not row["rule"] and not row["tasks"]:
        return f"rule {row['task_rule']!r} has no paired task of {who}: check that both sides have it on the same tasks"
    return ""


def _where(row: Mapping[Any, Any]) -> str:
    return f"{row['board']}/{row['metric']}" if row["board"] else str(row["metric"])


def _list_passed_over(verdicts: pd.DataFrame, demand: Demand) -> Iterator[str]:
    """Yield what broad rules pass over because BASE has too few tasks of it."""
    for row in verdicts[verdicts["over"]].drop_duplicates(["board", "metric", "rule"]).to_dict("records"):
        tasks = f"{row['had']} tasks, needed {demand.min_pairs}"
        yield f"rule {row['rule']!r} passes over {_where(row)}: BASE has it on {tasks}"


def _list_untested(verdicts: pd.DataFrame, parts: Sequence[MeasuredPart], demand: Demand) -> Iterator[str]:
    """Yield the rules that decide on something of which not one group could be tested."""
    for text in dict.fromkeys(part.rule.text for part in parts if part.rule):
        here = verdicts[verdicts["rule"] == text]
        if here.empty:
            yield f"rule {text!r} could test nothing: BASE has no scores"
        elif here["over"].any() and (here["had"] < demand.min_pairs).all():
            yield f"rule {text!r} could test nothing: BASE has too few tasks"
    for text in dict.fromkeys(part.task_rule.text for part in parts if part.task_rule and not part.rule):
        if (verdicts["task_rule"] != text).all():
            yield f"rule {text!r} could test nothing: BASE has no scores"


def _list_tasks(parts: Sequence[MeasuredPart]) -> pd.DataFrame:
    """Return the paired tasks of each part, the worst first, each with the rule for any one task that it breaks."""
    every = pd.concat([part.tasks.sort_values("harm", ascending=False, kind="stable") for part in parts])
    base, new = (every[name].to_numpy(dtype=float) for name in ("base", "new"))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        every = every.assign(change=np.where(new == base, 0.0, (new - base) / np.abs(base)))
    return every.reset_index(drop=True)[list(TASKS)]


def _rank_tasks(parts: Sequence[MeasuredPart]) -> pd.DataFrame:
    """Return the tasks, metric by metric, the one that moved most first: the mean size of change over its methods."""
    every = pd.concat([part.tasks for part in parts], ignore_index=True)
    every = every.assign(harm=every["size"].abs())
    keys = ["task_id", "board", "metric", "panel"]
    every = every.sort_values("harm", ascending=False, kind="stable")
    by = every.groupby(keys, sort=False)
    first = by.first().reset_index().rename(columns={"method": "most", "size": "most_change"})
    means = by.agg(change=("size", "mean"), mean_harm=("harm", "mean"), methods=("method", "size")).reset_index()
    table = first.drop(columns="harm").merge(means, on=keys).rename(columns={"mean_harm": "harm"})
    table = table[table["harm"] > 0]
    return table.sort_values("harm", ascending=False, kind="stable", ignore_index=True)[list(MOVED)]
