"""What is damaged in an OpenML cache, file by file. Pickles are named and never loaded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.core.nouns import BenchError
from bench.tasks.sources import LoadError
from bench.tasks.sources.openml_splits import splits_of_file

ROOTS = {"task.xml": "task", "description.xml": "data_set_description", "features.xml": "data_features"}
"""Element that the XML files of the cache hold."""

LEFT_OVER = (".tmp", ".part.minio")
"""Ends of the names of downloads that were cut short."""


@dataclass(frozen=True)
class Damage:
    """A file of the cache that cannot serve, and why."""

    path: Path
    why: str


def damages(folder: Path) -> Iterator[Damage]:
    """Yield what is damaged among the files of one task or one data set."""
    for path in sorted(folder.iterdir()):
        why = _why_damaged(path)
        if why:
            yield Damage(path, why)


def _why_damaged(path: Path) -> str | None:
    try:
        if path.name.endswith(LEFT_OVER):
            return "is left over from a download that was cut short"
        if path.name in ROOTS:
            return _why_no_xml(path, ROOTS[path.name])
        if path.suffix == ".pq":
            return _why_no_parquet(path)
        if path.name == "dataset.arff":
            return _why_other_sum(path)
        if path.name == "datasplits.arff":
            splits_of_file("it", path, None)
    except (LoadError, BenchError, OSError) as error:
        return str(error)
    return None


def _why_no_xml(path: Path, element: str) -> str | None:
    text = path.read_text(encoding="utf-8", errors="replace")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # OpenML sends neither, and a bomb of entities needs them
        return "declares entities, which OpenML never does"
    try:
        tag = ET.fromstring(text).tag  # noqa: S314 - a text without a document type has no entities to expand
    except ET.ParseError as error:
        return f"is no whole XML ({error})"
    return None if tag.rpartition("}")[2] == element else f"holds <{tag.rpartition('}')[2]}> and not <oml:{element}>"


def _why_no_parquet(path: Path) -> str | None:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            file.metadata  # noqa: B018 - the footer, at the end of the file, holds it
    except (ArrowException, OSError) as error:
        return f"is no whole Parquet file ({' '.join(str(error).split())})"
    return None


def _why_other_sum(path: Path) -> str | None:
    """Hold an ARFF file against the MD5 sum of the description beside it."""
    description = path.with_name("description.xml")
    text = description.read_text(encoding="utf-8", errors="replace") if description.is_file() else ""
    announced = re.search(r"<oml:md5_checksum>\s*([0-9a-fA-F]{32})", text)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if announced is None or found == announced[1].lower():
        return None
    return f"has the MD5 sum {found}, and its description announces {announced[1]}"
