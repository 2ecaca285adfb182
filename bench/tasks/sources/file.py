"""A local table: `file:path.csv`, with its target named."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core.nouns import BenchError, Task
from bench.tasks.sources import TaskRequest, register
from bench.tasks.sources.table import repeated_name, task_from_table

SUFFIXES = r"\.(csv|tsv|csv\.gz|tsv\.gz|parquet|pq)"


@register("regression", "classification", tags=("core",))
def file(request: TaskRequest) -> Task:
    """Read a task from a CSV, TSV (both also .gz) or Parquet file; the file is only read.

    CSV: UTF-8 with a header line; empty fields (and pandas's other signs, such as NA) are missing. A file
    whose header has semicolons and no commas is split at semicolons. A nameless first column of row numbers
    is left out, with a warning. The target has to be named.

    Raises:
        BenchError: the file cannot be read, or it is no table with that target.
    """
    stem, table = read_table(request.name)
    warnings = [] if table.columns[:1].tolist() != ["Unnamed: 0"] else _drop_row_numbers(table)
    try:
        task = task_from_table(f"file:{stem}", table, request, meta={"path": request.name})
    except BenchError as error:
        raise BenchError(f"{request.name}: {error}") from error
    task.meta["warnings"][:0] = warnings
    return task


def read_table(name: str) -> tuple[str, pd.DataFrame]:
    """Return the stem of a file's name and the table in it.

    Raises:
        BenchError: the file is not there, is no table, or cannot be read.
    """
    path = Path(name).expanduser()
    suffix = re.search(f"{SUFFIXES}$", path.name.lower())
    if suffix is None:
        raise BenchError(f"{name!r} is no table: give a .csv, .csv.gz, .tsv or .parquet file")
    if not path.is_file():
        state = "is a directory" if path.is_dir() else "is not there"
        raise BenchError(f"the file {name!r} {state}: check the path")
    return path.name[: suffix.start()], _read_file(path, suffix[1])


def _read_file(path: Path, suffix: str) -> pd.DataFrame:
    try:
        if suffix in {"parquet", "pq"}:
            return pd.read_parquet(path)
        return _read_text(path, "\t" if suffix.startswith("tsv") else ",")
    except BenchError:
        raise
    except UnicodeDecodeError as error:
        raise BenchError(f"the file {str(path)!r} is not UTF-8 ({error.reason}): save it as UTF-8") from error
    except pd.errors.EmptyDataError as error:
        raise BenchError(f"the file {str(path)!r} is empty: give a table with a header line") from error
    except (OSError, EOFError, ValueError, zlib.error) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise BenchError(f"the file {str(path)!r} cannot be read ({reason}): check it") from error


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    opened: Any = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as stream:
        first = next((line for line in stream if line.strip()), "")
        if separator == "," and ";" in first and "," not in first:
            separator = ";"
        header = next(csv.reader([first], delimiter=separator, skipinitialspace=True), [])
        row = next(filter(None, csv.reader(stream, delimiter=separator, skipinitialspace=True)), [])
    double = repeated_name([name for name in header if name])
    if double is not None:
        raise BenchError(f"two columns of {str(path)!r} are named {double!r}: rename one of them")
    if len(row) > len(header):
        raise BenchError(f"rows of {str(path)!r} have more fields than the header: name every column")
    # `a, b` and `a,b` in one file are the same label
    return pd.read_csv(path, sep=separator, encoding="utf-8-sig", low_memory=False, skipinitialspace=True)


def _drop_row_numbers(table: pd.DataFrame) -> list[str]:
    """Drop a nameless first column of distinct whole numbers, in place; return the warning about it."""
    column = table.iloc[:, 0]
    if not pd.api.types.is_integer_dtype(column.dtype) or not column.is_unique:
        return []
    del table["Unnamed: 0"]
    return ["the first column has no name and numbers the rows: it is left out"]
