"""Formats of files: from a path to a table, compressed or not, by what stands behind the last dots of its name."""

from __future__ import annotations

import codecs
import csv
import functools
import io
import json
import lzma
import os
import re
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO
from xml.parsers import expat

import pandas as pd

from bench.core.files import expand_home
from bench.core.nouns import BenchError
from bench.core.packed import only_member, open_packed, refuse_bomb, refuse_parquet_bomb, refuse_sparse
from bench.core.text import storable
from bench.tasks.sources.arff_file import read_arff
from bench.tasks.sources.columns import repeated_name
from bench.tasks.sources.text_file import MISSING_SIGNS, TextFormat, read_text

TEXTS = {"csv": ",", "tsv": "\t", "tab": "\t"}
"""Formats of separated values with their usual separators."""

FORMATS = (*TEXTS, "parquet", "pq", "feather", "xlsx", "xlsm", "arff", "jsonl", "ndjson")
COMPRESSED = ("gz", "xz", "bz2", "zip")

SUFFIX = re.compile(rf"\.(?:({'|'.join(FORMATS)})(?:\.({'|'.join(COMPRESSED)}))?|(zip))$", re.IGNORECASE)
"""End of the name of a table: a format, perhaps compressed, or a zip archive with one table in it."""


@dataclass(frozen=True)
class FileTable:
    """The table of a file, the part of the file's name that is no suffix, and what looks odd in it."""

    stem: str
    table: pd.DataFrame
    warnings: tuple[str, ...] = ()


def stem_of(name: str) -> str:
    """Return the name of a file without its folder and without its suffix, if it is that of a table."""
    base = os.path.basename(name)  # noqa: PTH119 - the name need not be a path that can be
    suffix = SUFFIX.search(base)
    return storable(base[: suffix.start()] if suffix else base)


def read_table(name: str, text: TextFormat = TextFormat(), labels: Collection[str] = ()) -> FileTable:  # noqa: B008
    """Return the table in a file; in a text file the columns of `labels` keep what stands there.

    Raises:
        BenchError: the file is not there, is no table, or cannot be read.
    """
    path, shown = expand_home(name), storable(name)
    suffix = SUFFIX.search(path.name)
    if suffix is None:
        raise BenchError(f"{shown!r} is no table: give a file that ends in .{', .'.join(FORMATS)}, or in one with .gz")
    if not path.is_file():
        state = "is a directory" if path.is_dir() else "is not there"
        raise BenchError(f"the file {shown!r} {state}: check the path")
    _refuse_unknown_encoding(text.encoding or "utf-8")
    try:
        table, notes = _read_file(path, suffix, text, labels)
    except BenchError as error:
        raise BenchError(f"the file {shown!r} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise BenchError(
            f"the file {shown!r} is not {error.encoding.upper()} ({error.reason}): give its --encoding, such as latin-1"
        ) from error
    except pd.errors.EmptyDataError as error:
        raise BenchError(f"the file {shown!r} is empty: give a table with a header line") from error
    except UNREADABLE as error:
        raise BenchError(f"the file {shown!r} cannot be read ({_reason(error)}): check it") from error
    return FileTable(stem_of(name), table, tuple(notes))


def _name_of_member(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return only_member(archive).filename


def _refuse_unknown_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise BenchError(f"there is no encoding {name!r}: give one like utf-8, latin-1 or cp1252") from error


UNREADABLE = (
    OSError, EOFError, LookupError, ValueError, TypeError, RuntimeError, NotImplementedError, csv.Error, zlib.error,
    lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip
"""What the readers of the libraries raise for damaged, cut, encrypted and foreign files."""


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    unclosed = re.search(r"EOF inside string starting at row (\d+)", text)
    return f"a quote is opened in line {int(unclosed[1]) + 1} and never closed" if unclosed else text


def _read_file(
    path: Path, suffix: re.Match[str], text: TextFormat, labels: Collection[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of a file in the format and compression of its suffix, and notes about it."""
    kind, compression = (suffix[1] or "").lower(), (suffix[2] or suffix[3] or "").lower()
    if not kind:
        inner = SUFFIX.search(_name_of_member(path))
        kind = (inner[1] or "").lower() if inner else ""
    reopen = functools.partial(_open, path, compression)
    if kind in TEXTS:
        return _without_row_numbers(read_text(reopen, TEXTS[kind], text, labels))
    if kind in {"parquet", "pq", "feather"}:
        with reopen() as stream:
            source = io.BytesIO(stream.read()) if compression else path
            table = read_feather(source) if kind == "feather" else read_parquet(source)
        named = [name for name in table.index.names if name is not None]
        return table, [f"the index {name!r} of the file is taken for a column" for name in named]
    if kind in {"xlsx", "xlsm"}:
        with reopen() as stream:
            content = stream.read()
            refuse_workbook_bomb(content)
            return _read_excel(io.BytesIO(content), labels)
    if kind in {"jsonl", "ndjson"}:
        with io.TextIOWrapper(reopen(), encoding=text.encoding or "utf-8-sig") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
            names = {name for row in rows if isinstance(row, dict) for name in row}
            refuse_sparse(len(rows), len(names), path.stat().st_size)
            return pd.DataFrame(rows), []
    if kind == "arff":
        with io.TextIOWrapper(reopen(), encoding=text.encoding or "utf-8-sig") as lines:
            return read_arff(lines), []
    raise BenchError(f"it holds no table that ends in .{', .'.join(FORMATS)}")


COLUMNS_AT_ONCE = 64
"""Columns of a Parquet file that are decoded together: all at once take several times the memory of the table."""

SHEET = re.compile(r"^xl/worksheets/[^/]*[.]xml$")
"""Files of a workbook that hold cells."""
CELL_PLACE = re.compile("([A-Z]{0,3})([0-9]{1,7})")
"""Where a cell or a row of a sheet says that it stands."""

MOST_GROUPS = 16
"""Groups of columns at most: each reads the description of all columns again."""


def read_parquet(source: Path | BinaryIO) -> pd.DataFrame:
    """Return the table of a Parquet file, some columns after the other, with the index that pandas noted in it.

    Raises:
        OSError, ValueError: it is no such file.
    """
    from pyarrow import parquet

    with _memory_of_the_system(), parquet.ParquetFile(source) as file:
        refuse_parquet_bomb(file, _size_of(source))
        names = file.schema_arrow.names
        # pyarrow takes a name for the beginning of others, too: `a` stands for `a.b`
        is_split = not any("." in name for name in names)
        step = max(COLUMNS_AT_ONCE, len(names) // MOST_GROUPS) if is_split else max(len(names), 1)
        parts = [
            file.read(names[first : first + step], use_threads=False, use_pandas_metadata=True).to_pandas(
                split_blocks=True, self_destruct=True
            )
            for first in range(0, len(names), step)
        ]
    return pd.concat(parts, axis=1)


@contextmanager
def _memory_of_the_system() -> Iterator[None]:
    """Let pyarrow take its memory from the system, which gets it back; its own pool keeps it."""
    import pyarrow as pa

    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def read_feather(source: Path | BinaryIO) -> pd.DataFrame:
    """Return the table of a Feather file, once its parts together are no bomb.

    Raises:
        OSError, ValueError: it is no such file, or a bomb.
    """
    from pyarrow import ipc

    with ipc.open_file(source) as file:
        size, unpacked = _size_of(source), 0
        for at in range(file.num_record_batches):
            unpacked += file.get_batch(at).nbytes
            refuse_bomb(unpacked, size)
        return file.read_pandas()


def _size_of(source: Path | BinaryIO) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source.getbuffer())  # type: ignore[attr-defined]


def _open(path: Path, compression: str) -> BinaryIO:
    return open_packed(path, compression, path.stat().st_size) if compression else path.open("rb")


def refuse_workbook_bomb(content: bytes) -> None:
    """Refuse a workbook that unpacks to too much, or whose sheets have cells far from all others.

    The reader fills in all rows and columns before a cell.

    Raises:
        ValueError: it does.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        refuse_bomb(sum(each.file_size for each in archive.infolist()), len(content))
        for member in archive.infolist():
            if SHEET.search(member.filename):
                with archive.open(member) as sheet:
                    refuse_sparse(*_extent(sheet), member.file_size)


def _extent(sheet: IO[bytes]) -> tuple[int, int]:
    """Return the last row and the last column that a sheet has a cell in.

    Raises:
        ValueError: it is no XML, or declares entities.
    """
    rows = width = 0

    def see(element: str, attributes: Mapping[str, str]) -> None:
        nonlocal rows, width
        place = CELL_PLACE.fullmatch(attributes.get("r", ""))
        if place and element.rpartition(":")[2] in {"c", "row"}:
            rows, width = max(rows, int(place[2])), max(width, functools.reduce(_add_letter, place[1], 0))

    def refuse_entity(name: str, *_: object) -> None:
        raise ValueError(f"its XML declares the entity {name!r}")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EntityDeclHandler = see, refuse_entity
    try:
        parser.ParseFile(sheet)
    except expat.ExpatError as error:
        raise ValueError(f"a sheet is no XML ({error})") from error
    return rows, width


def _add_letter(column: int, letter: str) -> int:
    """Return the number of a column from that of all its letters but the last, and that: AB is 28."""
    return 26 * column + ord(letter) - ord("A") + 1


def _read_excel(stream: BinaryIO, labels: Collection[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the first sheet of a workbook, and notes about what is left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl tells of styles and validations that it drops
        book = pd.ExcelFile(stream, engine="openpyxl")
        names = [
            str(name) for name in pd.read_excel(book, header=None, nrows=1, dtype=object).iloc[:1].to_numpy().ravel()
        ]
        double = repeated_name([name for name in names if name != "nan"])
        if double is not None:
            raise BenchError(f"two columns are named {double!r}: rename one of them")
        missing: dict[str | int, Sequence[str]] = {name: [""] if name in labels else MISSING_SIGNS for name in names}
        table = pd.read_excel(book, keep_default_na=False, na_values=missing)
    table, notes = _without_row_numbers(table)
    others = [repr(name) for name in book.sheet_names[1:]]
    return table, [*notes, *([f"only the first sheet is read, not {', '.join(others)}"] if others else [])]


def _without_row_numbers(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Leave out a nameless first column of distinct whole numbers."""
    if table.columns[:1].tolist() != ["Unnamed: 0"]:
        return table, []
    column = table.iloc[:, 0]
    if not pd.api.types.is_integer_dtype(column.dtype) or not column.is_unique:
        return table, []
    return table.iloc[:, 1:], ["the first column has no name and numbers the rows: it is left out"]
