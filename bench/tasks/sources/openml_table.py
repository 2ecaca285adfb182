"""The table of an OpenML data set, the same whichever of its two files is there, and what OpenML says about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import unescape

import pandas as pd

from bench.core.nouns import BenchError
from bench.tasks.sources import LoadError
from bench.tasks.sources.arff_file import read_arff
from bench.tasks.sources.file_formats import read_parquet
from bench.tasks.sources.openml_client import ClientBox

NOT_PROCESSED = "(code 27"
"""How the errors 271 to 274 of the server end: it has no description of the columns, and will not have one soon."""


@dataclass(frozen=True)
class DataSet:
    """The columns of a data set that may serve, its default target, notes for the manifest, and what looks odd."""

    table: pd.DataFrame
    default_target: str | None
    meta: dict[str, Any]
    warnings: list[str]


@dataclass(frozen=True)
class _Column:
    """What features.xml says of a column."""

    name: str
    is_nominal: bool
    is_left_out: bool


def read_dataset(name: str, box: ClientBox, data_id: int, target: str | None = None) -> DataSet:
    """Return a data set without row ids and columns to ignore; the target, else the default one, is always kept.

    Raises:
        LoadError: a file cannot be had or read.
    """
    described = box.client.datasets.get_dataset(data_id)
    described._download_data()  # noqa: SLF001 - the client's own reader knows neither sparse rows with labels nor dates
    columns, warnings = _columns(box, data_id)
    table = _read_file(
        name, Path(described.parquet_file or described.data_file), [c.name for c in columns if c.is_nominal]
    )
    marked, unknown = _marked(table, described.row_id_attribute, described.ignore_attribute)
    warnings += [f"the data set marks a column {each!r} to be ignored, and has none of that name" for each in unknown]
    dropped = {*marked, *(column.name for column in columns if column.is_left_out)}
    dropped -= {target or described.default_target_attribute}
    meta = {
        "dataset": described.name,
        "data_id": data_id,
        "version": described.version,
        "licence": described.licence,
        "table": f"openml-data:{data_id}",
        **_doubts(box.text("datasets", data_id, "description.xml", "data")),
    }
    warnings += [f"OpenML says of the data set: {key.replace('_', ' ')} {meta[key]}" for key in DOUBTS if key in meta]
    return DataSet(
        table[[each for each in table.columns if each not in dropped]],
        described.default_target_attribute,
        {key: value for key, value in meta.items() if value is not None},
        warnings,
    )


DOUBTS = ("status", "processing_error", "processing_warning")
"""Elements of a description that say whether a data set is sound."""


def _doubts(description: str) -> dict[str, str]:
    """Return what a description says against its data set."""
    found = {element: re.search(rf"<oml:{element}>\s*([^<]*?)\s*</oml:{element}>", description) for element in DOUBTS}
    texts = {element: " ".join(unescape(match[1]).split()) for element, match in found.items() if match}
    return {element: text for element, text in texts.items() if text not in {"", "active"}}


def _columns(box: ClientBox, data_id: int) -> tuple[list[_Column], list[str]]:
    """Return what features.xml says of the columns, and a warning where it cannot be had."""
    try:
        xml = box.text("datasets", data_id, "features.xml", "data/features")
    except LoadError as error:
        if not box.offline and NOT_PROCESSED not in str(error):
            raise
        return [], ["features.xml of the data set is not there: columns that only it marks to be ignored are features"]
    blocks = re.findall(r"<oml:feature>(.*?)</oml:feature>", xml, flags=re.DOTALL)
    return [
        _Column(
            unescape(_element(block, "name"), {"&quot;": '"', "&apos;": "'"}),
            _element(block, "data_type") == "nominal",
            "true" in {_element(block, "is_ignore"), _element(block, "is_row_identifier")},
        )
        for block in blocks
    ], []


def _element(block: str, name: str) -> str:
    found = re.search(rf"<oml:{name}>\s*(.*?)\s*</oml:{name}>", block, flags=re.DOTALL)
    return found[1] if found else ""


def _read_file(name: str, path: Path, nominal: Iterable[str]) -> pd.DataFrame:
    """Return the table of a Parquet or ARFF file with one type for what is declared nominal."""
    try:
        if path.suffix == ".arff":
            with path.open(encoding="utf-8") as lines:
                table = read_arff(lines)
        else:
            table = read_parquet(path)
    except UnicodeDecodeError as error:
        raise LoadError(f"{name} has a file {path.name} that is not UTF-8 ({error.reason})", "data") from error
    except (BenchError, OSError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise LoadError(f"{name} has a file {path.name} that cannot be read ({reason})", "data") from error
    # a category has no order here: that of the file, which the client takes for one, is nobody's
    labels = {each: "category" for each in nominal if each in table.columns}
    ordered = [each for each, kind in table.dtypes.items() if getattr(kind, "ordered", False)]
    return table.astype(labels).assign(**{str(each): table[each].cat.as_unordered() for each in ordered})


def _marked(table: pd.DataFrame, *marks: str | list[str] | None) -> tuple[set[str], list[str]]:
    """Return the columns that a description marks to be left out, and the marks that fit no column.

    Some data sets name several columns in one element, with commas between them.
    """
    names = {str(name) for name in table.columns}
    found: set[str] = set()
    unknown: list[str] = []
    for mark in marks:
        for text in [mark] if isinstance(mark, str) else mark or []:
            parts = [text] if text in names else [part.strip().strip("'\"") for part in text.split(",")]
            found |= names.intersection(parts)
            unknown += [part for part in parts if part and part not in names]
    return found, unknown
