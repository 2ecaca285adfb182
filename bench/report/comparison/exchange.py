"""A report as programs read it: JSON, JUnit XML and annotations of GitHub; and all formats by name."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd

from bench.core.exit_codes import FINE, REGRESSION
from bench.core.text import annotation, annotation_title, visible
from bench.report.comparison.formats import (
    MOST_MOVED,
    SHOWN,
    VERDICT_COLUMNS,
    Row,
    describe_failure,
    facts,
    headline,
    lost_lines,
    markdown,
    row,
    sort_by_severity,
    summary,
)
from bench.report.comparison.report import Report


def as_json(report: Report) -> str:
    """Return the report as one JSON object on one line; missing and infinite numbers are null."""
    tables = {name: _records(table) for name, table in (
        ("verdicts", report.verdicts), ("tripped", report.tripped), ("missing", report.lost),
        *([("tasks", report.tasks)] if len(report.tasks) else []),
        ("moved", report.moved.head(MOST_MOVED)), ("timing", report.timing),
    )}  # fmt: skip
    whole = {
        "outcome": report.word, "exit_code": report.code, "reason": report.reason, "base": report.base,
        "new": report.new, "rules": list(report.rules), "confidence": report.confidence,
        "min_pairs": report.min_pairs, "counts": report.counts, "notes": list(report.notes),
        "warnings": list(report.warnings),
    }  # fmt: skip
    return json.dumps({**whole, **tables}, allow_nan=False) + "\n"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): _plain_value(value) for name, value in one.items()} for one in table.to_dict("records")]


def _plain_value(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def junit(report: Report) -> str:
    """Return JUnit XML: one test case a verdict, a failure where a rule is broken, an error where none can be held.

    What a gate lets pass that only warns is a skipped case, with the reason.
    """
    suites = ET.Element("testsuites", name="bench compare")
    whole = _add_suite(suites, "bench compare")
    broken = report.code not in {FINE, REGRESSION}
    _case(
        whole,
        where="bench.compare",
        name=report.word,
        kind="error" if broken else "skipped" if report.warnings else "",
        message=headline(report),
        output=[facts(report), *lost_lines(report), *report.warnings, *report.notes],
    )
    groups = report.verdicts.groupby(["board", "metric", "panel"], sort=False)
    for names, part in groups:
        known = [str(name) for name in names if name]
        suite = _add_suite(suites, " ".join(known))
        for one in part.to_dict("records"):
            where, name = ".".join(["bench", *known]), str(one["method"])
            message = describe_failure(one, report.tripped) if one["fails"] else one["unmet"] or sentence(one)
            _case(suite, where=where, name=name, kind=_kind_of_verdict(one), message=message, output=[sentence(one)])
    for element in (*suites, suites):
        for kind, noun in (("testcase", "tests"), ("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            element.set(noun, str(len(element.findall(f".//{kind}"))))
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _kind_of_verdict(one: Row) -> str:
    """Return what a verdict is to a test runner: a failure, an error where a rule cannot be held, or skipped."""
    if one["fails"]:
        return "failure"
    if one["unmet"]:
        return "error"
    return "skipped" if one["beyond"] or one["reason"] else ""


def _add_suite(suites: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(suites, "testsuite", name=visible(name))


def _case(suite: ET.Element, *, where: str, name: str, kind: str, message: str, output: Sequence[str]) -> None:
    case = ET.SubElement(suite, "testcase", classname=visible(where), name=visible(name), time="0")
    if kind:
        ET.SubElement(case, kind, message=visible(message))
    ET.SubElement(case, "system-out").text = "\n".join(map(visible, output))


def sentence(one: Row) -> str:
    """Return one verdict in words."""
    cells = dict(zip(VERDICT_COLUMNS, row(one), strict=True))
    where = "/".join(part for part in (cells["board"], cells["metric"], cells["panel"]) if part)
    parts = [f"{cells['method']} {cells['verdict']} in {where}"]
    if cells["change"]:
        parts.append(f"mean change {cells['change']} over {cells['tasks']} tasks")
    if cells["interval"]:
        parts.append(f"interval {cells['interval']}, p {cells['p']}")
    if one["rule"]:
        parts.append(f"rule {one['rule']}, allowed {cells['allowed']}")
    return "; ".join(parts)


def github(report: Report) -> str:
    """Return workflow commands: an error for what fails, warnings for what is worse, missing or cannot be compared."""
    lines = list(_annotations(report))
    if len(lines) > SHOWN:
        lines = [*lines[: SHOWN - 1], _command("warning", "bench compare", f"{len(lines) - SHOWN + 1} more")]
    return "\n".join([*lines, _command("notice", "bench compare", f"{headline(report)}. {facts(report)}")]) + "\n"


def _annotations(report: Report) -> Iterator[str]:
    if report.code not in {FINE, REGRESSION}:
        yield _command("error", f"bench compare: {report.word}", report.reason)
    for one in sort_by_severity(report.verdicts).to_dict("records"):
        about = f"{one['method']} in {one['metric']}"
        if one["fails"]:
            yield _command("error", f"Regression: {about}", describe_failure(one, report.tripped))
        elif one["unmet"]:
            yield _command("warning", f"Cannot compare: {about}", str(one["unmet"]))
        elif one["verdict"] == "worse" or one["beyond"]:
            yield _command("warning", f"{one['verdict'].capitalize()}: {about}", sentence(one))
    for line in lost_lines(report):
        if line.startswith("missing in NEW"):
            yield _command("warning", "Missing scores", line)


def _command(kind: str, title: str, text: str) -> str:
    return f"::{kind} title={annotation_title(title)}::{annotation(text)}"


REPORT_WRITERS: dict[str, Callable[[Report], str]] = {
    "markdown": markdown,
    "junit": junit,
    "json": as_json,
    "github": github,
    "summary": summary,
}
"""Formats by name; `table` is drawn by the command line."""
