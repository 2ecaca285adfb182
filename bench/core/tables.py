"""Tables as files: CSV that reads back equal, and the one reader of tables of scores.

A table is read as it is written. Every column is text, and only an empty field is missing; the columns of numbers alone
become numbers. So the task `NA`, the fold `00` and the method `1e-3` keep their names.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import pandas as pd

from bench.core.files import new_file
from bench.core.nouns import Array, BenchError
from bench.core.packed import BROKEN, refuse_parquet_bomb, unpack
from bench.core.text import storable

if TYPE_CHECKING:
    import pyarrow as pa

SCORES = ("scores.csv", "scores.parquet", "scores.csv.gz", "scores.pq")
"""Names of the table of scores in a results directory, the first that is there."""
NUMBERS = ("value", "n_rows", "learners_used")
COUNTERS = ("repeat", "fold", "seed", "reseed")
"""Columns that are whole numbers in most tables, and names in others."""
MISSING_NUMBERS = {"", "na", "n/a", "nan", "none", "null"}
"""How R, SQL and Python write a number that is missing; a name is missing where its field is empty."""
OLD_METRICS = {"auprc": "macro_auprc"}
"""Metrics that have another name now, by their old one: a table that is read has the new one."""
YES, NO = {"true", "1", "1.0"}, {"false", "0", "0.0", "nan", "none", ""}
UNREADABLE = (*BROKEN, TypeError, LookupError)
"""What the readers raise for a file that is no table, or broken."""
# no zeros in front and at most 18 digits, so that different texts are different 64-bit numbers
WHOLE_NUMBER = re.compile(r"(0|-?[1-9]\d{0,17})(?:\.0+)?")

QUOTE = '"'
IN_QUOTES = re.compile(r'[,"\r\n]')
"""What a field of CSV holds only between quotes."""
MOST_FIELDS = 1 << 16
"""Texts of which the field is kept: names stand in every row of their method, task or metric."""


def load_scores(path: str | Path) -> pd.DataFrame:
    """Return the scores of a results directory, or of a scores file, as a long table, names as text.

    Raises:
        BenchError: there is no such table, or it is no table of scores.
    """
    return spell_out(read_scores(path))


def read_scores(path: str | Path) -> pd.DataFrame:
    """Return the scores of a results directory, or of a scores file, as a long table; see `decode_scores`.

    Raises:
        BenchError: there is no such table, or it is no table of scores.
    """
    path = Path(path)
    file = scores_file(path) if path.is_dir() else path
    if not file.is_file():
        raise BenchError(f"{file} is not there: give a results directory that a run has finished, or a scores file")
    return decode_scores(file.read_bytes(), str(file))


def scores_file(folder: Path) -> Path:
    """Return the file of the table of scores in a results directory: the first of `SCORES` that is there.

    The Parquet copy stands for the CSV file, which takes three times as long to read, unless that was edited since, or
    nothing reads Parquet here: the gate is installed without pyarrow.
    """
    there = [path for name in SCORES if (path := folder / name).is_file()]
    table, copy = folder / SCORES[0], folder / SCORES[1]
    if table in there and copy in there and find_spec("pyarrow"):
        is_newest = copy.stat().st_mtime_ns >= table.stat().st_mtime_ns  # a run writes it last
        return copy if is_newest else table
    return there[0] if there else table


def decode_scores(content: bytes, name: str) -> pd.DataFrame:
    """Return the scores of a CSV or Parquet file, whatever it is called, NaN where a field is empty.

    Names are categories: a suite has millions of scores and a few hundred names. `value`, `n_rows` and `learners_used`
    are numbers; `repeat`, `fold`, `seed` and `reseed` are where all of them are whole numbers that stay apart. `ranked`
    is a truth value. An empty `panel` or `learner` stays an empty text.

    Raises:
        BenchError: it is no such table, lacks a column or has one twice, a number is a text, or a score has no task.
    """
    raw = decode_table(content, name)
    missing = {"method", "metric", "value"} - set(raw.columns)
    if missing:
        raise BenchError(f"{name} has no column {', '.join(sorted(missing))}: a score table has method, metric, value")
    # each column goes when it is read: of a suite, all of them once more would take half a gigabyte
    columns = {column: _read_column(raw.pop(column), column, name) for column in map(str, list(raw))}
    table = pd.DataFrame(columns, copy=False)
    if "ranked" in table:
        table["ranked"] = is_ranked(table["ranked"])
    _refuse_half_known_tasks(table, name)
    return table


def decode_table(content: bytes, name: str) -> pd.DataFrame:
    """Return a CSV or Parquet file, packed or not, as a table; all columns of CSV are text, empty where missing.

    Raises:
        BenchError: it is no such file, a row has more fields than the header, or two columns have one name.
    """
    parquet = content[:4] == b"PAR1"  # every Parquet file starts with these bytes
    try:
        table = _decode_parquet(content) if parquet else _decode_csv(content)
    except UNREADABLE as error:
        problem = " ".join(str(error).split())[:200]  # a part of a sentence, not all that a reader reports
        raise BenchError(f"{name} cannot be read as a table ({problem}): give a CSV or Parquet file") from error
    table = table.set_axis([str(column).strip() for column in table.columns], axis=1)
    table = table.loc[:, table.columns != ""]  # what writes row numbers gives them no name
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise BenchError(f"{name} has two columns {str(twice[0])!r}: leave one of them out, or give it another name")
    return table


def _decode_parquet(content: bytes) -> pd.DataFrame:
    from pyarrow import parquet

    with parquet.ParquetFile(io.BytesIO(content)) as file:
        refuse_parquet_bomb(file, len(content))
        texts = [column.path for column in file.schema if column.physical_type == "BYTE_ARRAY"]
    # the usual types would make floats of whole numbers where one is missing, and merge those beyond 2^53
    table = pd.read_parquet(io.BytesIO(content), dtype_backend="numpy_nullable", read_dictionary=texts)
    return table.reset_index(drop=True)


def _decode_csv(content: bytes) -> pd.DataFrame:
    if content.startswith(b"version https://git-lfs"):
        raise ValueError("a pointer of Git LFS: run `git lfs pull`")
    # the header is read as a row: pandas would rename a second column of a name, and take surplus fields for an index
    table = pd.read_csv(io.BytesIO(unpack(content)), header=None, dtype=object, na_filter=False, encoding="utf-8-sig")
    return table.iloc[1:].set_axis(table.iloc[0].tolist(), axis=1).reset_index(drop=True)


def _read_column(column: pd.Series, name: str, where: str) -> Any:
    """Return a column of a table of scores in its type."""
    if name in NUMBERS:
        return read_numbers(column, where)
    counters = _whole_numbers(texts(column)) if name in COUNTERS else None
    if counters is not None:
        return counters
    renamed = OLD_METRICS if name == "metric" else {}
    return categories(column, "" if name in {"panel", "learner"} else np.nan, renamed)


def categories(
    column: pd.Series, missing: Any = "", renamed: Mapping[str, str] = MappingProxyType({})
) -> pd.Categorical:
    """Return a column of names as categories in their order: the same as `texts`, in a tenth of the memory."""
    codes, found = pd.factorize(column)
    names = [*(renamed.get(text, text) or missing for text in map(_text, found)), missing]
    ordered = sorted({name for name in names if isinstance(name, str)})
    place = {name: at for at, name in enumerate(ordered)}
    return pd.Categorical.from_codes(
        np.array([place.get(name, -1) for name in names])[codes], pd.Index(ordered, dtype=object)
    )


def spell_out(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its categories as text."""
    names = [name for name in table if isinstance(table[name].dtype, pd.CategoricalDtype)]
    return table.assign(**{str(name): table[name].astype(object).to_numpy() for name in names})


def texts(column: pd.Series, missing: Any = "") -> Array:
    """Return a column of names as text, `missing` where it is empty; a whole number is written without a point."""
    codes, names = pd.factorize(column)
    return np.array([*(_text(name) or missing for name in names), missing], dtype=object)[codes]


def _text(name: Any) -> str:
    # beyond 2^53 a float is no counter
    whole = isinstance(name, float) and name.is_integer() and abs(name) < 2**53
    return str(int(name)) if whole else str(name)


def _whole_numbers(plain: Array) -> Any:
    """Return texts as whole numbers, None where one of them is none, or two would become the same."""
    codes, names = pd.factorize(plain)
    found = [WHOLE_NUMBER.fullmatch(name) for name in names if name]
    whole = [match[1] for match in found if match]
    if len(whole) < len(found) or len(set(whole)) < len(whole):
        return None
    if "" not in names:
        return np.array([int(number) for number in whole], dtype=np.int64)[codes]
    return pd.array([int(match[1]) if (match := WHOLE_NUMBER.fullmatch(name)) else pd.NA for name in names], "Int64")[
        codes
    ]


def read_numbers(column: pd.Series, where: str) -> Array:
    """Return a column as numbers, NaN where it is empty or says so in words.

    Raises:
        BenchError: it holds another text.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=float, na_value=np.nan)
    codes, names = pd.factorize(column)
    try:
        return np.array([*map(_number, names), np.nan])[codes]
    except ValueError as error:
        raise BenchError(
            f"column {str(column.name)!r} of {where} holds {error}: numbers alone may stand there"
        ) from error


def _number(name: Any) -> float:
    text = str(name)
    try:
        return float(text.replace("_", "?"))  # Python alone reads 1_000 as a number
    except ValueError:
        if text.strip().lower() in MISSING_NUMBERS:
            return np.nan
        raise ValueError(repr(text)) from None


def _refuse_half_known_tasks(table: pd.DataFrame, name: str) -> None:
    """Refuse scores without a task in a table that names the tasks of others: they would be averaged as one task."""
    named = name_tasks(table)
    if "task_id" not in named:
        return
    taskless = named["task_id"].isna()
    stray = int((taskless & named["value"].notna()).sum())
    if stray and not taskless.all():
        raise BenchError(f"{stray} scores of {name} have no task: fill in the column, or leave the rows out")


def name_tasks(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its tasks in the column `task_id`: those of `task` where it has none there."""
    if "task" not in table or ("task_id" in table and table["task_id"].notna().any()):
        return table
    return table.drop(columns="task_id", errors="ignore").rename(columns={"task": "task_id"})


def drop_unnamed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a method and a metric; rows without a value may lack both.

    Raises:
        BenchError: a value has no method or no metric.
    """
    unnamed = table["method"].isna() | table["metric"].isna()
    stray = int((unnamed & table["value"].notna()).sum())
    if stray:
        raise BenchError(f"{stray} scores have no method or no metric: fill in the columns, or leave the rows out")
    return table[~unnamed]


def is_ranked(column: pd.Series) -> pd.Series:
    """Mark what is true; an empty cell is not.

    Raises:
        BenchError: a cell is neither true nor false.
    """
    plain = {value: str(value).strip().lower() for value in column.dropna().unique()}
    unknown = sorted({*plain.values()} - YES - NO)
    if unknown:
        raise BenchError(f"column 'ranked' holds {unknown[0]!r}: write true or false, or give it another name")
    return column.isin([value for value, text in plain.items() if text in YES])


def is_test(column: pd.Series) -> pd.Series:
    """Mark the rows of sample `test`, also those that name none.

    Raises:
        BenchError: some rows spell it otherwise, and would be left out.
    """
    others = {name: str(name).strip().lower() for name in column.dropna().unique() if name != "test"}
    misspelt = [str(name) for name, plain in others.items() if plain == "test"]
    if misspelt:
        count = int(column.isin(misspelt).sum())
        raise BenchError(f"column 'sample' holds {misspelt[0]!r} in {count} rows: write test, in small letters")
    return (column == "test") | column.isna()


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV file as the rows come: UTF-8, LF, floats that read back equal, empty for missing."""
    with _new_text_file(path) as file:
        _write_csv(file, columns, rows)


def write_frame(path: Path, table: pd.DataFrame, rows_at_once: int) -> None:
    """Write a data frame as a CSV file by the same rules, so many rows at once: their text is many times their size."""
    import pyarrow as pa
    import pyarrow.compute as pc

    with new_file(path) as file:
        file.write(_line(table.columns).encode())
        for start in range(0, len(table), rows_at_once):
            part = table.iloc[start : start + rows_at_once]
            lines = pc.binary_join_element_wise(*(_column_fields(part[name]) for name in part), ",")
            text = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\n")[0]
            file.write(text.as_buffer())
            file.write(b"\n")


@contextmanager
def _new_text_file(path: Path) -> Iterator[TextIO]:
    with new_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.detach()  # flushes it, and leaves the file to its owner


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV text, one line a row, columns in the given order."""
    buffer = io.StringIO()
    _write_csv(buffer, columns, rows)
    return buffer.getvalue()


def _write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    file.write(_line(columns))
    file.writelines(_line(map(row.get, columns)) for row in rows)


def _line(values: Iterable[Any]) -> str:
    return f"{','.join(map(_field, values))}\n"


def _column_fields(column: pd.Series) -> pa.Array:
    """Return the fields of a column, that of equal values made once."""
    import pyarrow as pa

    if column.dtype == object:  # 1 and True are equal in it, and are written otherwise
        return pa.array(map(_field, column.tolist()), pa.string())
    is_float = column.dtype == float
    # so are 0.0 and -0.0, whose bits differ
    codes, found = pd.factorize(column.to_numpy().view(np.int64) if is_float else column)
    values = np.asarray(found).view(float) if is_float else found
    fields = pa.array([*map(_field, values.tolist()), ""], pa.string())
    return fields.take(pa.array(np.where(codes < 0, len(values), codes)))  # -1 is the code of what is missing


def _field(value: Any) -> str:
    """Return a value as a field of CSV: a text as it is, in quotes where it must be, a float so that it reads back."""
    if type(value) is str:
        return _text_field(value)
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - a NaN is missing too
        return ""
    return repr(float(value)) if isinstance(value, float) else _text_field(str(value))


@functools.lru_cache(maxsize=MOST_FIELDS)
def _text_field(text: str) -> str:
    return storable(f'"{text.replace(QUOTE, QUOTE * 2)}"' if IN_QUOTES.search(text) else text)
