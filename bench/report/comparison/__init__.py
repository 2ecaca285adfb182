"""Compare two tables of scores: better, worse, equivalent or unclear, task by task in pairs; what CI can stand on.

May import: what `report` may; not `leaderboards` or `figures`.
Next of its kind: a format of the report goes into `formats` (for people) or `exchange` (for programs).
"""

from __future__ import annotations

from bench.report.comparison.compare_sides import ComparisonOptions, compare
from bench.report.comparison.report import Report
from bench.report.comparison.rules import Rule, rule
from bench.report.comparison.side import ComparedSide
from bench.report.comparison.sides import source

__all__ = ["ComparedSide", "ComparisonOptions", "Report", "Rule", "compare", "rule", "source"]
