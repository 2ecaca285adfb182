"""Real tables that need no download: `bundled:diabetes`."""

from __future__ import annotations

import difflib

from bench.core.nouns import BenchError, Task
from bench.tasks.sources import TEXT_OPTIONS, TaskRequest, register
from bench.tasks.sources.bundled_classification import CLASSIFICATION_TABLES
from bench.tasks.sources.bundled_regression import REGRESSION_TABLES
from bench.tasks.sources.bundled_table import Table
from bench.tasks.sources.table import task_from_table

CATALOGUE: dict[str, Table] = {
    table.name: table for table in sorted(REGRESSION_TABLES + CLASSIFICATION_TABLES, key=lambda t: t.name)
}
"""Every bundled table, by name."""


@register("regression", "classification", tags=("core",))
def bundled(request: TaskRequest) -> Task:
    """Read a table that ships with scikit-learn or statsmodels; `CATALOGUE` describes them all.

    Raises:
        BenchError: there is no such table, its file is not installed, or the request names columns or a kind.
    """
    table = CATALOGUE.get(request.name)
    if table is None:
        close = difflib.get_close_matches(request.name, CATALOGUE, n=3)
        advice = f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(CATALOGUE)}"
        raise BenchError(f"there is no bundled table {request.name!r}: {advice}")
    request.refuse("bundled", "target", "kind", "group", "time", "weight", "order", *TEXT_OPTIONS)
    raw = table.read(table.package, table.path)
    named = raw.rename(columns=dict(zip(raw.columns, table.columns, strict=False)))
    kept = table.rule(named).drop(columns=list(table.drop))
    known = TaskRequest(
        name=table.name,
        target=table.target,
        kind=table.kind,
        group=table.group,
        time=table.time,
        order=table.order,
    )
    meta = {field: getattr(table, field) for field in ("about", "licence", "source", "note", "family")}
    meta["table"] = f"bundled:{table.family or table.name}"
    return task_from_table(f"bundled:{table.name}", kept, known, meta=meta)
