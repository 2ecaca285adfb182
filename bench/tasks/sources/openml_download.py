"""The files of a task or data set of OpenML, downloaded beside the cache: no client, so that threads may do it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import unescape

from bench.tasks.sources import LoadError, openml_cache
from bench.tasks.sources.openml_http import MOST_XML_BYTES, Connection, UnknownError


@dataclass(frozen=True)
class Download:
    """What is put into `folder`: copies of what the cache in `home` has, and from the server what it lacks."""

    server: str
    home: Path
    folder: Path
    connection: Connection

    def task(self, number: int) -> None:
        """Download a task, its splits and its data set.

        Raises:
            UnknownError: the server knows no such task or data set.
            LoadError: the server failed, or sent something else (`infra`).
        """
        xml = self._xml("tasks", number, "task.xml", "task")
        if splits := _element(xml, "data_splits_url"):
            self._file("tasks", number, "datasplits.arff", splits)
        if (data := _element(xml, "data_set_id")).isdigit():
            self.data_set(int(data))

    def data_set(self, number: int) -> None:
        """Download a data set: its descriptions, and the Parquet file, else the ARFF file.

        Raises:
            UnknownError: the server knows no such data set.
            LoadError: the server failed, or sent something else (`infra`).
        """
        xml = self._xml("datasets", number, "description.xml", "data")
        with suppress(LoadError, UnknownError):  # OpenML has not analysed every data set: the source may go without
            self._xml("datasets", number, "features.xml", "data/features")
        if any((self._place("datasets", number) / each).is_file() for each in openml_cache.data_files(number)):
            return
        parquet = "" if os.environ.get("OPENML_SKIP_PARQUET", "").lower() == "true" else _element(xml, "parquet_url")
        with suppress(LoadError, UnknownError):  # many data sets name a Parquet file that is not there
            if parquet:
                self._file("datasets", number, f"dataset_{number}.pq", parquet)
                return
        self._file("datasets", number, "dataset.arff", _element(xml, "url"), _element(xml, "md5_checksum") or None)

    def _place(self, noun: str, number: int) -> Path:
        return self.folder / noun / str(number)

    def _xml(self, noun: str, number: int, name: str, endpoint: str) -> str:
        openml_cache.copy(self.home, self.folder, noun, number)
        path = self._place(noun, number) / name
        if not path.is_file():
            url = f"{self.server}/{endpoint}/{number}"
            answer = self.connection.get(url, most=MOST_XML_BYTES)
            if "<oml:" not in answer.text:
                raise LoadError(f"{url} answered with something else than OpenML's XML", "infra")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(answer.content)
        return path.read_text(encoding="utf-8", errors="replace")

    def _file(self, noun: str, number: int, name: str, url: str, md5: str | None = None) -> None:
        path = self._place(noun, number) / name
        if not path.is_file():
            path.write_bytes(self.connection.get(url, md5).content)


def _element(xml: str, name: str) -> str:
    found = re.search(rf"<oml:{name}>\s*([^<]*?)\s*</oml:{name}>", xml)
    return unescape(found[1]) if found else ""
