"""A report as people read it: the rows of a table, Markdown, and the summary of a step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.core.exit_codes import FINE, REGRESSION
from bench.core.text import markdown as escape_markdown
from bench.report.comparison.report import Report

Row = Mapping[Any, Any]
VERDICT_COLUMNS = (
    "board",
    "metric",
    "panel",
    "method",
    "verdict",
    "change",
    "interval",
    "p",
    "allowed",
    "tasks",
    "base",
    "new",
)
SEVERITY = {"worse": 0, "unclear": 1, "better": 2, "equivalent": 3}
SHOWN = 50
"""Verdicts in a summary, and annotations, at most; GitHub shows few of them."""
NAMED_TASKS = 5
"""Tasks that a sentence names."""
MOST_MOVED = 10
"""Tasks that are named as those that moved most."""


def sort_by_severity(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts with those that fail first, then worse, unclear, better and equivalent."""
    order = verdicts["verdict"].map(SEVERITY).astype(int) - verdicts["fails"].astype(int)
    return verdicts.assign(order=order).sort_values("order", kind="stable").drop(columns="order")


def change(value: float, *, relative: bool, signed: bool = True) -> str:
    """Return a change as people read it: a per cent where it is relative; nothing where it is missing."""
    if math.isnan(value):
        return ""
    plus = "+" if signed else ""
    if not relative:
        return f"{value:{plus}.4g}"
    return f"{100 * value:{plus}.2f} %" if abs(value) < 100 else f"{100 * value:{plus}.3g} %"


def row(verdict: Row) -> list[str]:
    """Return one verdict as texts, in the order of VERDICT_COLUMNS."""
    relative = bool(verdict["relative"])
    ends = [change(verdict[end], relative=relative) for end in ("lo", "hi")]
    word = verdict["verdict"]
    if verdict["tripped"]:
        word = f"{word}, {verdict['tripped']} of {verdict['tasks']} tasks worse"
    word = f"{word}, fails" if verdict["fails"] else word
    return [
        *(str(verdict[name]) for name in ("board", "metric", "panel", "method")),
        f"{word} ({verdict['reason']})" if verdict["reason"] else word,
        change(verdict["change"], relative=relative),
        f"{ends[0]} … {ends[1]}" if all(ends) else "",
        _number_text(verdict["p_holm"], ".2g"),
        change(verdict["margin"], relative=relative, signed=False),
        str(verdict["tasks"]),
        _number_text(verdict["base"]),
        _number_text(verdict["new"]),
    ]


def _number_text(value: float, how: str = ".4g") -> str:
    return "" if math.isnan(value) else f"{value:{how}}"


def rows(verdicts: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of a table of verdicts, without columns that are empty everywhere."""
    every = [row(one) for one in verdicts.to_dict("records")]
    kept = [j for j, name in enumerate(VERDICT_COLUMNS) if name == "method" or any(one[j] for one in every)]
    return [VERDICT_COLUMNS[j] for j in kept], [[one[j] for j in kept] for one in every]


def moved_rows(moved: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of the tasks that moved most."""
    columns = ["task", "board", "metric", "mean change", "most", "its change"]
    return columns, [
        [
            str(one["task_id"]), str(one["board"]), str(one["metric"]), change(one["change"], relative=True),
            str(one["most"]), change(one["most_change"], relative=True),
        ]
        for one in moved.head(MOST_MOVED).to_dict("records")
    ]  # fmt: skip


def lost_lines(report: Report) -> list[str]:
    """Return one line for everything that one side lacks, the greatest loss first, NEW before BASE."""
    return [
        f"missing in {one['missing_in']}: {_lost_line(one)}, {one['cells']} scores on {one['tasks']} tasks"
        for one in report.lost.to_dict("records")
    ]


def _lost_line(one: Row) -> str:
    where = f" ({one['board']})" if one["board"] else ""
    return f"{one['what']} {one['name'] or '(no name)'}{where}"


def task_rows(tasks: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of single tasks, with the rule that each broke."""
    columns = ["task", "board", "metric", "method", "base", "new", "change", "breaks"]
    return columns, [
        [
            *(str(one[name]) for name in ("task_id", "board", "metric", "method")),
            *(_number_text(one[name]) for name in ("base", "new")),
            change(one["change"], relative=True),
            str(one["rule"]),
        ]
        for one in tasks.to_dict("records")
    ]


def count_tasks(names: Sequence[str]) -> str:
    """Return how many tasks there are, in words."""
    return "one task" if len(names) == 1 else f"{len(names)} tasks"


def name_some(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" and {len(names) - NAMED_TASKS} more" if len(names) > NAMED_TASKS else ""
    return f"{', '.join(names[:NAMED_TASKS])}{more}"


def describe_failure(verdict: Row, tripped: pd.DataFrame) -> str:
    """Say which method fails the gate, by which rule, and where single tasks do, on which from what to what."""
    who = " ".join(part for part in (verdict["board"], verdict["method"]) if part)
    if verdict["tripped"]:
        mine = tripped
        for name in ("board", "metric", "panel", "method"):
            mine = mine[mine[name] == verdict[name]]
        named = [
            f"{one['task_id'] or 'the task'} {one['base']:.4g} → {one['new']:.4g}" for one in mine.to_dict("records")
        ]
        return (
            f"{who} is worse in {verdict['metric']} on {count_tasks(named)} by more than rule {verdict['task_rule']!r} "
            f"allows for any one task: {name_some(named)}"
        )
    if verdict["verdict"] == "unclear":
        return f"{describe_unclear(verdict)}; --unclear warn lets that pass"
    return f"{who} is worse in {verdict['metric']} by more than rule {verdict['rule']!r} allows"


def describe_unclear(verdict: Row) -> str:
    """Say that a mean is beyond its limit and that the test cannot tell it from noise."""
    who = " ".join(part for part in (verdict["board"], verdict["method"]) if part)
    size = change(verdict["change"], relative=bool(verdict["relative"]))
    units = f"{verdict['tasks']} tasks" if verdict["tasks"] > 1 else f"the {verdict['blocks']} splits of its only task"
    return (
        f"{who} has a mean change of {size} in {verdict['metric']}, more than rule {verdict['rule']!r} allows, and the "
        f"test over {units} cannot tell it from noise"
    )


def headline(report: Report) -> str:
    """Return the outcome in one line."""
    why = report.reason or "; ".join(report.warnings[:1])
    return f"{report.word}: {why}" if why else report.word


def facts(report: Report) -> str:
    """Return what was compared, how, and the count of every verdict, in one line."""
    counts = ", ".join(f"{n} {name}" for name, n in report.counts.items())
    gate = f"rules {', '.join(report.rules)}" if report.rules else "no rule"
    return f"BASE {report.base}, NEW {report.new}; {gate}; {counts}; confidence {report.confidence:g}"


def markdown(report: Report) -> str:
    """Return the whole report as Markdown."""
    parts = [*_head(report), *_broken_tasks(report), _markdown_table(*rows(report.verdicts))]
    if len(report.tasks):
        parts += ["#### Every task", _markdown_table(*task_rows(report.tasks))]
    return _join([*parts, *_tail(report, SHOWN)])


def _broken_tasks(report: Report) -> Iterator[str]:
    if len(report.tripped):
        yield "#### Tasks that broke a rule"
        yield _markdown_table(*task_rows(report.tripped.head(SHOWN)))


def summary(report: Report) -> str:
    """Return the summary of a step: what moved, the severest verdicts, the ten tasks that moved most."""
    severest = sort_by_severity(report.verdicts[report.verdicts["verdict"] != "equivalent"])
    parts = [*_head(report), *_broken_tasks(report)]
    if len(severest):
        parts.append(_markdown_table(*rows(severest.head(SHOWN))))
    if len(severest) > SHOWN:
        parts.append(f"{len(severest) - SHOWN} more verdicts are not shown.")
    if len(report.moved):
        parts += ["#### Tasks that moved most", _markdown_table(*moved_rows(report.moved))]
    return _join([*parts, *_tail(report, MOST_MOVED)])


def _head(report: Report) -> list[str]:
    return [f"### bench compare: {_sign(report)} {escape_markdown(headline(report))}", escape_markdown(facts(report))]


def _sign(report: Report) -> str:
    """Return a tick where rules hold for all that BASE has, and none where nothing was judged."""
    if report.code == REGRESSION:
        return "❌"
    if report.code != FINE or report.warnings or (report.lost["missing_in"] == "NEW").any():
        return "⚠️"
    return "✅" if report.rules else "ℹ️"


def _tail(report: Report, most: int) -> Iterator[str]:
    lines = lost_lines(report)
    if lines:
        more = [f"- and {len(lines) - most} more"] if len(lines) > most else []
        yield "\n".join(["#### Without a partner", "", *(f"- {escape_markdown(line)}" for line in lines[:most]), *more])
    if report.notes or report.warnings:
        yield "\n".join(f"- {escape_markdown(note)}" for note in (*report.warnings, *report.notes))
    if len(report.timing):
        yield _markdown_table(*timing_rows(report.timing))


def timing_rows(timing: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of the seconds of both sides."""
    columns = ["board", "seconds", "cells", "base", "new", "ratio"]
    return columns, [
        [
            one["board"],
            one["seconds"],
            str(one["cells"]),
            *(_number_text(one[name]) for name in ("base", "new", "ratio")),
        ]
        for one in timing.to_dict("records")
    ]


def _join(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


# by hand: what is installed for a gate has no writer of Markdown, and a table needs two marks and their escapes
def _markdown_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([escape_markdown(cell) for cell in line] for line in cells)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
