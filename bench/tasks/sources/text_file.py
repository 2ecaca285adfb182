"""Tables of separated values, as programs and people write them: CSV, TSV and their kin."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

import pandas as pd

from bench.core.nouns import BenchError
from bench.tasks.sources.columns import repeated_name

MISSING_SIGNS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""Fields that are missing in a feature; those that pandas takes for missing. In labels only the empty field is."""

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}
"""Names of separators that a command line or a list of options cannot hold as they are."""

LONGEST_FIELD = 2**31 - 1
"""Characters of a field that the csv module may read: a sequence or a document is longer than its own 131,072."""

MARK = "="
"""Stands before every label while a file is read: pandas takes labels for signs of a missing value, too."""

PADDED_NUMBER = re.compile(r"[+-]?0\d+")
"""A whole number with a zero before it: a code, such as that of a district, and another label than without it."""


@dataclass(frozen=True)
class TextFormat:
    """How a text file is written: the sign between fields, that of decimals, and the encoding; None as is usual."""

    sep: str | None = None
    decimal: str | None = None
    encoding: str | None = None

    def separator(self, header: str, usual: str) -> str:
        """Return the sign between the fields of a file, for a CSV by what stands outside of quotes in its header.

        Raises:
            BenchError: what was given is more than one sign.
        """
        if self.sep is not None:
            sign = SEPARATORS.get(self.sep, self.sep.replace("\\t", "\t"))
            if len(sign) != 1:
                raise BenchError(f"sep cannot be {self.sep!r}: give one sign, or {', '.join(SEPARATORS)}")
            return sign
        plain = re.sub(r'"[^"]*"', "", header)
        other = [sign for sign in ";\t|" if sign in plain]
        return other[0] if usual == "," and usual not in plain and other else usual


def read_text(reopen: Callable[[], BinaryIO], usual: str, text: TextFormat, labels: Collection[str]) -> pd.DataFrame:
    """Return the table of a text file with a header line; columns of `labels` keep what stands there.

    Raises:
        BenchError: the header or the first row cannot be, or the format is none.
        UnicodeDecodeError: the file has another encoding.
        csv.Error, ValueError: the file is no table.
    """
    encoding = text.encoding or "utf-8-sig"
    if text.decimal not in {None, ".", ","}:
        raise BenchError(f"decimal cannot be {text.decimal!r}: give . or ,")
    with io.TextIOWrapper(reopen(), encoding=encoding, newline="") as lines:
        separator, names = _read_header(lines, usual, text)
    kept = [name for name in names if name in labels]
    options: dict[str, Any] = {
        "sep": separator,
        "decimal": text.decimal or ".",
        "encoding": encoding,
        "skipinitialspace": True,  # `a, b` and `a,b` in one file are the same label
        "converters": dict.fromkeys(kept, MARK.__add__),
    }
    try:
        with reopen() as stream, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.DtypeWarning)
            table = pd.read_csv(stream, low_memory=True, **options)  # in pieces, which take half the memory
    except pd.errors.DtypeWarning:  # a column has numbers in one piece and texts in another: read it as one
        with reopen() as stream:
            table = pd.read_csv(stream, low_memory=False, **options)
    table = table.set_axis([str(name).strip() for name in table.columns], axis=1)
    return table.assign(**{name.strip(): _labels_or_numbers(table[name.strip()], text.decimal) for name in kept})


def _read_header(lines: Iterator[str], usual: str, text: TextFormat) -> tuple[str, list[str]]:
    """Return the separator and the names of the columns, which may hold line breaks, after a look at the first row."""
    csv.field_size_limit(LONGEST_FIELD)
    header = next((line for line in lines if line.strip()), "")
    while header.count('"') % 2 and (more := next(lines, "")):  # a quoted name goes on in the next line
        header += more
    separator = text.separator(header, usual)
    rows = csv.reader(chain(header.splitlines(keepends=True), lines), delimiter=separator, skipinitialspace=True)
    names = next(rows, [])
    row = next(filter(None, rows), [])
    double = repeated_name([name.strip() for name in names if name.strip()])
    if double is not None:
        raise BenchError(f"two columns are named {double!r}: rename one of them")
    if len(row) > len(names):
        raise BenchError("rows have more fields than the header: name every column")
    return separator, names


def _labels_or_numbers(column: pd.Series[Any], decimal: str | None) -> pd.Series[Any]:
    """Return marked texts as numbers where all of them are, unless one is a code with a zero before it."""
    texts = column.astype(str).str.removeprefix(MARK).str.strip()
    texts = texts.mask(texts == "")
    present = texts[~texts.isin(MISSING_SIGNS)].dropna()
    plain = present.str.replace(",", ".") if decimal == "," else present
    numbers = pd.to_numeric(plain, errors="coerce")
    if len(present) and numbers.notna().all() and not present.str.fullmatch(PADDED_NUMBER).any():
        return numbers.reindex(texts.index)
    return texts
