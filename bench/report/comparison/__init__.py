"""Compare two tables of scores: better, worse, equivalent or unclear, task by task in pairs; what CI can stand on."""

from __future__ import annotations

from bench.report.comparison.compare_sides import ComparisonOptions, compare
from bench.report.comparison.report import Report
from bench.report.comparison.rules import Rule, rule
from bench.report.comparison.sides import Source, source

__all__ = ["ComparisonOptions", "Report", "Rule", "Source", "compare", "rule", "source"]
