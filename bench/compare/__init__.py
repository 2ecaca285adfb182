"""Compare two tables of scores: better, worse, equivalent or unclear, task by task in pairs; what CI can stand on."""

from __future__ import annotations

from bench.compare.base import Source, source
from bench.compare.comparison import Options, compare
from bench.compare.report import Report
from bench.compare.rules import Rule, rule

__all__ = ["Options", "Report", "Rule", "Source", "compare", "rule", "source"]
