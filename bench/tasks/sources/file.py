"""A local table: `file:path.csv`, with its target named."""

from __future__ import annotations

from bench.core.nouns import BenchError, Task
from bench.core.text import storable
from bench.tasks.sources import TaskRequest, register
from bench.tasks.sources.file_formats import read_table
from bench.tasks.sources.table import task_from_table
from bench.tasks.sources.text_file import TextFormat

LIKE_MISSING = frozenset({"na", "n/a", "nan", "none", "null", "?"})
"""Labels, in small letters, that often stand for a missing value."""


@register("regression", "classification", tags=("core",))
def file(request: TaskRequest) -> Task:
    """Read a task from a CSV, TSV, Excel, JSON lines, ARFF, Parquet or Feather file; the file is only read.

    Any of them may be compressed (.gz, .xz, .bz2, .zip with one table in it). Text files are UTF-8 with a header line,
    unless `encoding` says otherwise; `sep` is the sign between fields, found from the header without it, `decimal` that
    of numbers. Empty fields are missing; in features so are pandas's other signs, such as NA, while in a target of
    texts they are labels. A nameless first column of row numbers is left out, with a warning. Of a workbook the first
    sheet is read. The target has to be named.

    Raises:
        BenchError: the file cannot be read, or it is no table with that target.
    """
    text = TextFormat(request.sep, request.decimal, request.encoding)
    found = read_table(request.name, text, {name for name in (request.target, request.group) if name is not None})
    shown = storable(request.name)
    try:
        task = task_from_table(f"file:{found.stem}", found.table, request, meta={"path": shown})
    except BenchError as error:
        raise BenchError(f"{shown}: {error}") from error
    like_missing = [repr(name) for name in task.classes if name.lower() in LIKE_MISSING]
    if like_missing:
        named = ", ".join(like_missing)
        task.meta["warnings"].append(f"{named} is a class: leave the field empty where the class is missing")
    task.meta["warnings"][:0] = found.warnings
    return task
