"""One form for every column, whatever file it came from: float64, or `category` of sorted texts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError

ColumnForm = Literal["number", "moment", "label", "empty"]

ISO_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
"""Text that is a moment: `2026-11-20`, with or without a time of day and an offset."""

_OBJECTS: dict[str, ColumnForm] = {
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "number"),
    **dict.fromkeys(("date", "datetime", "datetime64", "timedelta", "timedelta64"), "moment"),
}


def repeated_name(names: Sequence[str]) -> str | None:
    """Return a name that occurs more than once, or None."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def form(column: pd.Series[Any]) -> ColumnForm:
    """Return what a column holds: numbers, moments (dates, durations, ISO text), labels, or nothing at all."""
    kind = column.dtype
    if column.isna().all():
        return "empty"
    if pd.api.types.is_bool_dtype(kind) or isinstance(kind, pd.CategoricalDtype):
        return "label"
    if pd.api.types.is_numeric_dtype(kind):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_timedelta64_dtype(kind):
        return "moment"
    found = _OBJECTS.get(pd.api.types.infer_dtype(column, skipna=True), "label")
    return "moment" if found == "label" and _holds_iso_dates(column) else found


def _holds_iso_dates(column: pd.Series[Any]) -> bool:
    present = column.dropna()
    if not _holds_texts(present) or not re.fullmatch(ISO_DATE, present.iloc[0]):  # the first alone is quickly refused
        return False
    return bool(present.str.fullmatch(ISO_DATE).all())


def parse_numbers(column: pd.Series[Any]) -> Array:
    """Return a column of numbers or moments as float64 of shape (n,); moments in seconds, missing as NaN.

    Raises:
        BenchError: the numbers are complex, or a date is none.
    """
    if form(column) == "moment":
        return _seconds(column)
    if pd.api.types.is_complex_dtype(column.dtype):
        raise BenchError(f"column {column.name!r} holds complex numbers: split it into real columns")
    return np.array(pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan))


def _seconds(column: pd.Series[Any]) -> Array:
    """Return seconds since 1970 (UTC) of dates, or seconds of durations."""
    name = column.name
    if pd.api.types.infer_dtype(column, skipna=True).startswith("timedelta"):
        if column.dtype == object:  # durations of any length
            second = timedelta(seconds=1)
            return np.array([np.nan if pd.isna(value) else value / second for value in column])
        return np.array(column.to_numpy() / np.timedelta64(1, "s"))
    try:
        moments = pd.to_datetime(column, utc=True, format="ISO8601" if _holds_texts(column) else None)
    except (ValueError, OverflowError) as error:  # it counts nanoseconds, and years from 1678 to 2262
        try:
            return _seconds_of_any_year(column)
        except (ValueError, TypeError, OverflowError):
            reason = str(error).split("\n")[0].split(". ")[0]
            raise BenchError(f"column {name!r} holds a date that cannot be read ({reason}): correct it") from error
    values: Any = moments.dt.tz_convert(None).to_numpy()  # in the unit of the column: nanoseconds end in 2262
    return np.array((values - np.zeros(1, dtype=values.dtype)) / np.timedelta64(1, "s"))


def _seconds_of_any_year(column: pd.Series[Any]) -> Array:
    """Return seconds since 1970 (UTC) of dates from year 1 to 9999, as texts or as Python's own."""
    codes, values = pd.factorize(column.astype(object), use_na_sentinel=True)
    seconds = [np.nan] * (len(values) + 1)  # a missing code is -1, the last
    for code, value in enumerate(values):
        moment = datetime.fromisoformat(str(value))
        seconds[code] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return np.array(seconds)[codes]


def _holds_texts(column: pd.Series[Any]) -> bool:
    return pd.api.types.infer_dtype(column, skipna=True) == "string"


def labels(column: pd.Series[Any]) -> tuple[Array, list[str]]:
    """Return codes (n,), -1 where missing, and the distinct texts in first-come order, without blanks around them.

    Raises:
        BenchError: a cell holds a list or another thing that is no label.
    """
    try:
        codes, values = pd.factorize(column, use_na_sentinel=True)
    except TypeError as error:
        raise BenchError(
            f"column {column.name!r} holds lists or other nested values: keep numbers, text and dates only"
        ) from error
    texts = [value_text(value).strip() for value in values]
    if {text.lower() for text in texts} <= {"true", "false"}:  # as files spell them: true, TRUE, True
        texts = [text.capitalize() for text in texts]
    distinct = list(dict.fromkeys(texts))
    place = {name: code for code, name in enumerate(distinct)}
    lookup = np.array([place[name] for name in texts] + [-1], dtype=np.int64)
    return lookup[codes], distinct


def as_numbers(column: pd.Series[Any], part: str, advice: str) -> Array:
    """Return float64 (n,) of numbers, moments, truth values, or text and categories that read as numbers.

    Raises:
        BenchError: a value of the `part` is no number; `advice` says what to do.
    """
    if form(column) in {"number", "moment"}:
        return parse_numbers(column)
    codes, names = labels(column)
    if pd.api.types.is_bool_dtype(column.dtype) or set(names) <= {"False", "True"}:
        names = [str(int(name == "True")) for name in names]
    values = pd.to_numeric(pd.Series([*names, "nan"], dtype=object), errors="coerce").to_numpy(dtype=float)
    wrong = [name for name, value in zip(names, values, strict=False) if np.isnan(value)]
    if wrong:
        raise BenchError(f"the {part} {column.name!r} holds {wrong[0]!r}, which is no number: {advice}")
    return np.array(values[codes])


def value_text(value: Any) -> str:
    """Return a label as text; a whole number reads alike from every type: 1, 1.0 and Decimal(1) are `1`."""
    if isinstance(value, (float, np.floating, Decimal)) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def by_number(names: Sequence[str]) -> list[str]:
    """Sort names; in the order of their numbers if all of them are numbers."""
    values = pd.to_numeric(pd.Series(list(names), dtype=object), errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(values).all():
        return sorted(names)
    return [name for _, name in sorted(zip(values.tolist(), names, strict=True))]


def sorted_codes(column: pd.Series[Any], order: Any = sorted) -> tuple[Array, list[str]]:
    """Return int64 codes (n,) into the ordered distinct texts of a column, -1 where missing, and these."""
    codes, names = labels(column)
    ordered: list[str] = order(names)
    place = {name: code for code, name in enumerate(ordered)}
    lookup = np.array([place[name] for name in names] + [-1], dtype=np.int64)
    return lookup[codes], ordered


def canonical(column: pd.Series[Any]) -> tuple[pd.Series[Any], list[str]]:
    """Return a feature column as float64 or text category, and the beginnings of warnings about it."""
    found = form(column)
    if found == "empty":
        return pd.Series(np.nan, index=column.index, name=column.name), ["no value at all in"]
    if found == "label":
        codes, names = sorted_codes(column)
        category = pd.Categorical.from_codes(codes, categories=pd.Index(names, dtype=str))
        notes = [*_warnings_about(codes, names), *text_notes(column, names)]
        return pd.Series(category, index=column.index, name=column.name), notes
    values = parse_numbers(column)
    notes = ["infinite values, now missing, in"] if np.isinf(values).any() else []
    values[np.isinf(values)] = np.nan
    if len(np.unique(values[~np.isnan(values)])) < 2:
        notes.append("one value only in")
    return pd.Series(values, index=column.index, name=column.name), notes


SMALL_CATEGORY = 10
"""Labels up to which a category may well be meant, though most of them are numbers."""

STRAY = 1.1
"""Labels over labels that are numbers, up to which the others are stray texts in a column of numbers."""

SMALL_TABLE = 20
"""Values up to which a column may be different in every row by chance."""


LIKE_NUMBER = re.compile(
    r"[+-]?\s*(?:[$€£¥]\s*)?(?:\d{1,3}(?:[ \u00a0\u202f'.,]\d{3})+|\d+)?(?:[.,]\d+)?\s*(?:[%€$£¥])?", re.ASCII
)
"""Text that people read as a number: `1,5`, `1.234,50`, `1,234`, `12 %`, `€ 3`."""

MOSTLY = 0.9
"""Share of the labels that look like numbers, from which on the user is told that they are taken as text."""


def _warnings_about(codes: Array, names: list[str]) -> list[str]:
    """Return warnings of constants and identifiers."""
    present = int((codes >= 0).sum())
    if len(names) == 1:
        return ["one value only in"]
    if len(names) == present and present > SMALL_TABLE and not _like_numbers(names):
        return ["another text in every row, as in an identifier, in"]
    return []


def text_notes(column: pd.Series[Any], names: list[str]) -> list[str]:
    """Return the beginnings of warnings about the labels `names` of a column: what may have been meant otherwise."""
    notes = []
    if not isinstance(column.dtype, pd.CategoricalDtype):
        numeric = int(pd.to_numeric(pd.Series(names, dtype=object), errors="coerce").notna().sum())
        if len(names) > SMALL_CATEGORY and numeric < len(names) <= numeric * STRAY:
            notes.append("text, because a few values are no numbers, in")
        elif numeric == len(names) > SMALL_CATEGORY:
            notes.append("numbers that are written as text, and taken as text, in")
        elif numeric < len(names) and _like_numbers(names):
            notes.append(
                "text, though it looks like numbers with commas, blanks or signs (--decimal , reads decimal commas), in"
            )
    if any("\n" in name for name in names):
        notes.append("line breaks inside of values, as where a quote is not closed, in")
    merged = _padded_rows(column)
    if merged:
        notes.append(f"labels with blanks around them are those without (rows: {merged}), in")
    return notes


def _like_numbers(names: list[str]) -> bool:
    alike = sum(any(sign.isdigit() for sign in name) and bool(LIKE_NUMBER.fullmatch(name)) for name in names)
    return alike >= MOSTLY * len(names)


def _padded_rows(column: pd.Series[Any]) -> int:
    """Return how many rows have blanks around a label that also stands without them."""
    counts = {str(value): int(count) for value, count in column.value_counts().items()}
    return sum(count for text, count in counts.items() if text != text.strip() and counts.get(text.strip()))
