"""ARFF files, dense and sparse, from their lines to a table.

The header is read here, for `arff` of liac-arff knows no dates, no comments behind an attribute and no tabs; the rows
are its work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError

CHUNK = 10_000
"""Rows that are held as Python objects at a time."""

MOST_SPARSE_CELLS = 500_000_000
"""Cells of a sparse table at most, 4 GB: it is filled up with its zeros."""

QUOTED_OR_WORD = r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s{}%,"']+)"""
ATTRIBUTE = re.compile(rf"@attribute\s+{QUOTED_OR_WORD}\s*(.*)", re.IGNORECASE | re.DOTALL)
NOMINAL = re.compile(r"""(\{(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^{}"'])*\})\s*(?:%.*)?""", re.DOTALL)
DATE = re.compile(rf"date(?:\s+{QUOTED_OR_WORD})?\s*(?:%.*)?", re.IGNORECASE)
PLAIN = re.compile(r"(numeric|real|integer|string)\b", re.IGNORECASE)

WEKA_DATE = "yyyy-MM-dd'T'HH:mm:ss"
"""Format of a date attribute that names none."""

JAVA_TO_PYTHON = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d", "HH": "%H",
    "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M", "ss": "%S", "s": "%S", "SSS": "%f", "a": "%p",
    "EEEE": "%A", "EEE": "%a", "Z": "%z", "X": "%z", "XX": "%z", "XXX": "%z",
}  # fmt: skip
"""Letters of Java's SimpleDateFormat, in which ARFF states how dates are written, as directives of strptime."""


@dataclass(frozen=True)
class Attribute:
    """A column as the header declares it: its name, the line that liac-arff reads in its place, and what it holds.

    `levels` are those of a nominal attribute, `date` the format of a date; both are None for numbers and texts.
    """

    name: str
    declared: str
    is_text: bool = False
    levels: tuple[str, ...] | None = None
    date: str | None = None


def read_arff(lines: Iterable[str]) -> pd.DataFrame:
    """Return the table of an ARFF file: float64 numbers, dates in seconds since 1970, categories and texts.

    In a sparse row what is not there is 0, or the first level of a nominal attribute.

    Raises:
        BenchError: the text is no ARFF, or a value is not what its attribute declares; the line is named.
    """
    import arff

    stream, decoder = iter(lines), arff.ArffDecoder()
    header, attributes = _read_header(stream)
    try:
        lines = chain(header, _refuse_too_many(stream, len(attributes)))
        decoded = decoder.decode(lines, encode_nominal=True, return_type=arff.DENSE_GEN)
        attributes = [
            _with_levels(each, kind) for each, (_, kind) in zip(attributes, decoded["attributes"], strict=True)
        ]
        rows = decoded["data"]
        chunks = [_columns(attributes, chunk) for chunk in iter(lambda: list(islice(rows, CHUNK)), [])]
    except arff.ArffException as error:
        error.line = decoder._current_line  # noqa: SLF001 - it forgets the line once rows are read one by one
        raise BenchError(f"the ARFF cannot be read: {' '.join(str(error).split()).rstrip('.')}") from error
    columns = [np.concatenate(parts) for parts in zip(*chunks, strict=True)] or [np.zeros(0)] * len(attributes)
    data = dict(enumerate(_finish(each, values) for each, values in zip(attributes, columns, strict=True)))
    return pd.DataFrame(data, copy=False).set_axis([each.name for each in attributes], axis=1)


def _read_header(stream: Iterator[str]) -> tuple[list[str], list[Attribute]]:
    """Read up to @data; return as many lines as were read, in a form that liac-arff knows, and the attributes."""
    header: list[str] = []
    attributes: list[Attribute] = []
    for number, line in enumerate(stream, start=1):
        text = line.lstrip("\ufeff").strip()
        keyword = text.lower()
        if keyword.startswith("@attribute"):
            attributes.append(_attribute(text, number, len(attributes)))
            header.append(attributes[-1].declared)
        elif keyword.startswith("@data"):
            if not attributes:
                raise BenchError(f"the ARFF has no @attribute before line {number}: it is no table")
            # liac-arff wants a relation, and nothing depends on it; the lines after it keep their numbers
            return ["@relation x", *(header if header[0] else header[1:]), "@data"], attributes
        elif keyword and not keyword.startswith(("%", "@relation")):
            raise BenchError(
                f"line {number} of the ARFF is neither @relation, @attribute, @data nor a comment: {text[:40]!r}"
            )
        else:
            header.append("")
    raise BenchError("the ARFF has no @data line: it is no table, or was cut short")


def _attribute(text: str, number: int, position: int) -> Attribute:
    """Read the declaration of an attribute, whatever stands behind it."""
    found = ATTRIBUTE.fullmatch(text)
    if found is None:
        raise BenchError(f"line {number} of the ARFF declares no name: {text[:60]!r}")
    name, kind = _unquote(found[1]), found[2].strip()
    if nominal := NOMINAL.fullmatch(kind):
        return Attribute(name, f"@attribute a{position} {nominal[1]}")
    if date := DATE.fullmatch(kind):
        return Attribute(name, f"@attribute a{position} string", date=_unquote(date[1]) if date[1] else WEKA_DATE)
    if plain := PLAIN.match(kind):
        is_text = plain[1].lower() == "string"
        return Attribute(name, f"@attribute a{position} {'string' if is_text else 'numeric'}", is_text)
    raise BenchError(
        f"line {number} of the ARFF declares {name!r} as {kind[:40]!r}: it may be numeric, date, string or {{…}}"
    )


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] in "'\"" else text


def _with_levels(attribute: Attribute, kind: Any) -> Attribute:
    if isinstance(kind, str):
        return attribute
    levels = tuple("?" if level is None else str(level) for level in kind)
    return Attribute(attribute.name, attribute.declared, levels=levels)


def _refuse_too_many(lines: Iterator[str], width: int) -> Iterator[str]:
    """Yield the lines of rows; sparse ones only as long as the table that they fill up stays within bounds."""
    for number, line in enumerate(lines, start=1):
        if number * width > MOST_SPARSE_CELLS and line.lstrip().startswith("{"):
            raise BenchError(
                f"the sparse table has more than {number:,} rows of {width:,} columns: its zeros are filled in, and at "
                f"most {MOST_SPARSE_CELLS:,} cells are taken"
            )
        yield line


def _columns(attributes: Sequence[Attribute], rows: list[list[Any]]) -> list[Array]:
    """Return the columns of some rows: codes of levels, -1 where missing; texts and dates as objects; numbers."""
    columns = []
    for attribute, values in zip(attributes, zip(*rows, strict=True), strict=True):
        if attribute.levels is not None:
            columns.append(np.array([-1 if value is None else value for value in values], dtype=np.int32))
        elif attribute.is_text or attribute.date:
            columns.append(np.array(values, dtype=object))
        else:
            columns.append(np.array(values, dtype=float))
    return columns


def _finish(attribute: Attribute, values: Array) -> Any:
    if attribute.levels is not None:
        # levels are declared twice in some files; codes are those of the last
        names, place = np.unique(np.array(attribute.levels, dtype=object), return_inverse=True)
        return pd.Categorical.from_codes(np.append(place, -1)[values], categories=pd.Index(names, dtype=object))
    return _seconds(attribute, values) if attribute.date else values


def _seconds(attribute: Attribute, texts: Array) -> Array:
    """Return the seconds since 1970 (UTC) of dates, NaN where missing."""
    directives = _strptime_format(attribute)
    known: dict[str | None, float] = {None: np.nan}
    for text in dict.fromkeys(texts):
        if text is not None:
            try:
                moment = datetime.strptime(text, directives)  # noqa: DTZ007 - the next line gives it a zone
            except ValueError as error:
                raise BenchError(
                    f"date {text!r} of {attribute.name!r} is not of its format {attribute.date!r}"
                ) from error
            known[text] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return np.array([known[text] for text in texts], dtype=float)


def _strptime_format(attribute: Attribute) -> str:
    """Return the format of a date attribute in the directives of strptime."""
    directives = ""
    for part in re.finditer(r"'([^']*)'|(([A-Za-z])\3*)|.", str(attribute.date)):
        literal, letters = part[1], part[2]
        if letters and letters not in JAVA_TO_PYTHON:
            raise BenchError(
                f"the dates of {attribute.name!r} have the format {attribute.date!r}: {letters!r} is not known"
            )
        directives += (
            JAVA_TO_PYTHON[letters] if letters else (part[0] if literal is None else literal).replace("%", "%%")
        )
    return directives
