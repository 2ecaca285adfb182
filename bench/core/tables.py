"""Tables as files: CSV that reads back equal, and the reader of score tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core.files import write_text
from bench.core.nouns import BenchError


def load_scores(path: str | Path) -> pd.DataFrame:
    """Return the scores of a results directory, or of a scores file, as a long table.

    Raises:
        BenchError: there is no such table, or it lacks a column.
    """
    path = Path(path)
    file = path / "scores.csv" if path.is_dir() else path
    if not file.is_file():
        raise BenchError(f"{file} is not there: give a results directory that a run has finished, or a scores file")
    try:
        parquet = file.suffix == ".parquet"
        scores: pd.DataFrame = pd.read_parquet(file) if parquet else pd.read_csv(file, low_memory=False)
    except (ValueError, OSError) as error:
        raise BenchError(f"{file} cannot be read as a table ({error}): check the file") from error
    missing = {"method", "metric", "value"} - set(scores.columns)
    if missing:
        raise BenchError(f"{file} has no column {', '.join(sorted(missing))}: a score table has method, metric, value")
    names = [name for name in ("panel", "learner") if name in scores]
    texts = {name: scores[name].astype(object).where(scores[name].notna(), "").astype(str) for name in names}
    return scores.assign(**texts)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV file: UTF-8, LF, floats that read back equal, empty for missing."""
    write_text(path, csv_text(columns, rows))


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV text, one line a row, columns in the given order."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell_text(row.get(column)) for column in columns] for row in rows)
    return buffer.getvalue()


def _cell_text(value: Any) -> str:
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - a NaN is missing too
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)
