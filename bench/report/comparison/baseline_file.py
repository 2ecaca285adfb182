"""A few kB of JSON that hold the mean score of every task, one line a method, to be committed and compared with."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.core.json_values import check_value, parse_json
from bench.core.nouns import Array, BenchError
from bench.core.tables import OLD_METRICS, spell_out
from bench.methods.boards import own_metrics
from bench.methods.metrics import chosen_names, refuse_impossible
from bench.report.comparison.side import ComparedSide, Splits
from bench.report.comparison.tables import KEY, ScoreTable, is_any_pair, mean_by

SCHEMA = 1
"""Version of the format."""
DIGITS = 5
"""Significant digits that are kept; the other side is rounded the same way before the two are compared."""
HASH_DIGITS = 12
"""Hex digits of a data hash that are kept: two hashes are compared as far as both go, and not on fewer than these."""
WHOLE_NUMBER = re.compile("0|[1-9][0-9]{0,8}")
RUN_OF_FOLDS = re.compile(f"({WHOLE_NUMBER.pattern})[.]({WHOLE_NUMBER.pattern})(?:-({WHOLE_NUMBER.pattern}))?")
"""Folds of one repeat, such as `0.0-4`."""
MOST_FOLDS = 1_000_000
"""Splits of all tasks of a baseline at most: a run of folds is written in a few letters, however long it is."""
PARTS: dict[str, Any] = {
    "tasks": Mapping[str, Mapping[str, str]],
    "settings": Mapping[str, Any | Sequence[Any]],
    "units": Mapping[str, Mapping[str, str]],
}
"""Types of the parts of the file that are used as they stand there."""
NO_DIRECTION = "?"
"""Stands for a direction that the table did not give."""


class Baseline(NamedTuple):
    """The content of a baseline file."""

    table: ScoreTable
    facts: dict[str, dict[str, str]]
    settings: dict[str, Any]
    splits: Splits


def means_of_tasks(rows: pd.DataFrame, splits: Splits) -> pd.DataFrame:
    """Return one row a board, metric, panel, learner, method and task: the mean over all splits of the task.

    The mean is NaN where a split has no value: a mean over other folds is another number. Values have `DIGITS` digits.
    """
    pairs = {(*who, *split) for who, found in splits.items() for split in found}
    where = pd.MultiIndex.from_frame(rows[["board", "task_id", "repeat", "fold"]])
    kept = rows[where.isin(list(pairs))] if pairs else rows[:0]
    keys = [key for key in KEY if key not in {"repeat", "fold"}]
    means = mean_by(kept, keys, ["value"], count=("value", "count"))
    expected = [len(splits[board, task]) for board, task in zip(means["board"], means["task_id"], strict=True)]
    values = np.where(means["count"].to_numpy() == expected, means["value"].to_numpy(dtype=float), np.nan)
    means = means.drop(columns="count")
    return means.assign(repeat="", fold="", seed="", value=round_stored(values), n_rows=np.nan, test_share=np.nan)


def round_stored(values: Array) -> Array:
    """Return numbers to `DIGITS` significant digits."""
    return np.array([float(f"{value:.{DIGITS}g}") for value in values], dtype=float)


def splits_of(rows: pd.DataFrame) -> Splits:
    """Return the repeats and folds of every task on every board."""
    keys = rows[["board", "task_id", "repeat", "fold"]].drop_duplicates()
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for board, task, repeat, fold in keys.itertuples(index=False):
        found.setdefault((board, task), set()).add((repeat, fold))
    return {who: frozenset(splits) for who, splits in found.items()}


def baseline_text(source: ComparedSide, metrics: Sequence[str] = ()) -> str:
    """Return the text of a baseline, the same for the same scores: per board each task's mean over its folds.

    Without `metrics`, names or globs, the own metric of each board is kept (see `boards.own_metrics`).

    Raises:
        BenchError: no score is left, or a metric is unknown.
    """
    table = source.table
    known = list(dict.fromkeys(table.rows["metric"]))
    if metrics:
        rows = table.rows[table.rows["metric"].isin(chosen_names(known, metrics))]
    else:
        pairs = table.rows[["board", "metric"]]
        scored = pairs[table.rows["value"].notna()].drop_duplicates()
        rows = table.rows[is_any_pair(pairs, own_metrics(scored.itertuples(index=False, name=None)))]
    rows = spell_out(rows)
    if rows["value"].notna().sum() == 0:
        raise BenchError(f"{source.name} holds no ranked scores that a baseline could keep: give a finished run")
    refuse_impossible(rows["metric"], rows["value"].to_numpy())
    seedless = rows.groupby(KEY, sort=False)["value"].agg(lambda values: values.mean(skipna=False)).reset_index()
    splits = source.splits or splits_of(seedless)
    means = means_of_tasks(seedless, splits) if source.splits is None else rows
    boards = {board: _board(part, splits, table.direction) for board, part in _sorted_groups(means, "board")}
    tasks = {task for board in boards.values() for task in board["tasks"]}
    facts = {task: _shorten_hash(source.facts[task]) for task in sorted(tasks) if source.facts.get(task)}
    head = {"bench_baseline": SCHEMA, "digits": DIGITS, "settings": dict(sorted(source.settings.items()))}
    units = _units_by_metric(table.unit, set(rows["metric"]), tasks)
    head |= {"units": units} if units else {}
    return _json_text({**head, "tasks": facts, "boards": boards})


def _units_by_metric(
    units: Mapping[tuple[str, str], str], metrics: Collection[str], tasks: Collection[str]
) -> dict[str, dict[str, str]]:
    """Return the unit of every metric and task that is kept and has one."""
    found: dict[str, dict[str, str]] = {}
    for (task, metric), unit in sorted(units.items()):
        if metric in metrics and task in tasks:
            found.setdefault(metric, {})[task] = unit
    return found


def _shorten_hash(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value[:HASH_DIGITS] if name == "data" else value for name, value in sorted(facts.items())}


def _sorted_groups(table: pd.DataFrame, key: str) -> Iterator[tuple[str, pd.DataFrame]]:
    for name, part in table.groupby(key, sort=True):
        yield str(name), part


def _board(part: pd.DataFrame, splits: Splits, direction: Mapping[str, str]) -> dict[str, Any]:
    """Return the tasks of a board with their splits, and its means by metric, panel, learner and method."""
    board, tasks = part["board"].iloc[0], sorted(set(part["task_id"]))
    metrics: dict[str, Any] = {}
    for metric, rows in _sorted_groups(part, "metric"):
        wide = rows.set_index(["panel", "learner", "method", "task_id"])
        wide = wide["value"].unstack("task_id")  # noqa: PD010 - pivot_table would make every pair of learner and method
        wide = wide.reindex(columns=tasks).dropna(how="all").sort_index()
        name = f"{metric} {direction.get(metric) or NO_DIRECTION}"
        for (panel, learner, method), values in zip(wide.index, wide.to_numpy(dtype=float), strict=True):
            here = metrics.setdefault(name, {}).setdefault(panel, {}).setdefault(learner, {})
            here[method] = [_json_number(value) for value in values]
    return {"tasks": {task: _folds_text(splits[board, task]) for task in tasks}, "metrics": metrics}


def _json_number(value: float) -> float | str | None:
    return None if math.isnan(value) else value if math.isfinite(value) else str(value)


def _folds_text(splits: Iterable[tuple[str, str]]) -> str | list[list[str]]:
    """Write the folds of every repeat as `0.0-4 1.0-4`; as pairs where they are no numbers, or `00`."""
    found = sorted(splits)
    if not all(WHOLE_NUMBER.fullmatch(name) for split in found for name in split):
        return [list(split) for split in found]
    words = []
    for repeat, part in groupby(sorted((int(r), int(f)) for r, f in found), key=lambda split: split[0]):
        folds = [fold for _, fold in part]
        runs = [list(run) for _, run in groupby(enumerate(folds), key=lambda at: at[1] - at[0])]
        ends = [(run[0][1], run[-1][1]) for run in runs]
        words += [f"{repeat}.{first}" + (f"-{last}" if last > first else "") for first, last in ends]
    return " ".join(words)


def _parse_folds(written: str | list[list[str]]) -> frozenset[tuple[str, str]]:
    """Return the repeats and folds that stand there.

    Raises:
        ValueError: they cannot be read, or are too many.
    """
    runs = _parse_runs(written)
    _refuse_many([runs])
    return frozenset((repeat, str(fold)) for repeat, folds in runs for fold in folds)


def _refuse_many(tasks: Iterable[list[tuple[str, Collection[Any]]]]) -> None:
    if sum(len(folds) for runs in tasks for _, folds in runs) > MOST_FOLDS:
        raise ValueError(f"more than {MOST_FOLDS:,} folds")


def _parse_runs(written: str | list[list[str]]) -> list[tuple[str, Collection[Any]]]:
    """Return repeats with their folds, a word such as `0.0-4` each."""
    if not isinstance(written, str):
        return [(str(repeat), [fold]) for repeat, fold in written]
    found = [(word, RUN_OF_FOLDS.fullmatch(word)) for word in written.split()]
    unread = [word for word, run in found if not run]
    if unread:
        raise ValueError(f"folds {reprlib.repr(unread[0])}")
    return [(run[1], range(int(run[2]), int(run[3] or run[2]) + 1)) for _, run in found if run]


def _json_text(value: Any, depth: int = 0) -> str:
    """Return JSON with one line for every list and for what holds no list: a method's numbers stand on one line."""
    if not isinstance(value, dict) or (depth > 1 and not any(isinstance(v, dict | list) for v in value.values())):
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    pad = " " * (depth + 1)
    lines = [
        f"{pad}{json.dumps(str(key), ensure_ascii=False)}: {_json_text(item, depth + 1)}" for key, item in value.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}" + ("" if depth else "\n") if lines else "{}"


def parse_baseline(content: bytes, name: str) -> Baseline:
    """Read a baseline.

    Raises:
        BenchError: it is none, or one of another schema.
    """
    try:
        found = parse_json(content)
        schema, digits = found["bench_baseline"], found["digits"]
        if (schema, digits) == (SCHEMA, DIGITS):
            return _read_content(found)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        problem = " ".join(f"{type(error).__name__} {error}".split())
        raise BenchError(f"{name} is no baseline ({problem}): make one with `bench baseline save`") from error
    raise BenchError(
        f"{name} is a baseline of schema {reprlib.repr(schema)} with {reprlib.repr(digits)} digits, and this bench "
        f"reads schema {SCHEMA} with {DIGITS}: make it anew with `bench baseline save RESULTS -o {name}`"
    )


def _read_content(found: dict[str, Any]) -> Baseline:
    direction: dict[str, str] = {}
    rows = []
    for board, what in found["boards"].items():
        tasks = list(what["tasks"])
        for named, panels in what["metrics"].items():
            metric, _, way = named.rpartition(" ")
            metric = OLD_METRICS.get(metric, metric)
            direction[metric] = "" if way == NO_DIRECTION else way
            for (panel, learner, method), values in _iterate_leaves(panels):
                rows += [
                    (board, metric, panel, method, learner, task, float("nan" if value is None else value))
                    for task, value in zip(tasks, values, strict=True)
                ]
    table = pd.DataFrame(rows, columns=[*KEY[:-2], "value"]).assign(
        repeat="", fold="", seed="", n_rows=np.nan, test_share=np.nan
    )
    written = {(board, task): folds for board, what in found["boards"].items() for task, folds in what["tasks"].items()}
    _refuse_many(map(_parse_runs, written.values()))
    splits = {who: _parse_folds(folds) for who, folds in written.items()}
    for name, hint in PARTS.items():
        check_value(found.get(name, {}), hint, name)
    units = {(task, metric): unit for metric, of in found.get("units", {}).items() for task, unit in of.items()}
    return Baseline(ScoreTable(table, direction, units), found["tasks"], found["settings"], splits)


def _iterate_leaves(panels: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], Sequence[Any]]]:
    for panel, learners in panels.items():
        for learner, methods in learners.items():
            for method, values in methods.items():
                yield (panel, learner, method), values
