"""The OpenML client, kept in a box: private cache, own requests, no key, no log, no settings left behind."""

from __future__ import annotations

import logging
import os
import re
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.core.nouns import BenchError
from bench.core.packed import MOST_BYTES
from bench.tasks.sources import LoadError, openml_cache
from bench.tasks.sources.openml_http import MOST_XML_BYTES, Connection, UnknownError

_LOCK = threading.RLock()
"""The client keeps its settings in module globals: one box at a time."""


@dataclass(frozen=True)
class ClientBox:
    """A client that works in `staging` and gets whatever is missing there by `fetch`."""

    client: Any
    staging: Path
    home: Path
    server: str
    fetch: Callable[..., Any]
    offline: bool

    def seed(self, noun: str, number: int) -> list[str]:
        """Copy what the user's cache holds of a task or data set; return the names of the files."""
        return openml_cache.copy(self.home, self.staging, noun, number)

    def text(self, noun: str, number: int, name: str, endpoint: str) -> str:
        """Return an XML file of a task or data set: from the cache, else from the server."""
        self.seed(noun, number)
        path = self.staging / noun / str(number) / name
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.fetch("get", f"{self.server}/{endpoint}/{number}", {}).text, encoding="utf-8")
        return path.read_text(encoding="utf-8")

    def publish(self, **numbers: int) -> list[str]:
        """Add what is new to the user's cache; return a warning if that cannot be done."""
        try:
            for noun, number in numbers.items():
                openml_cache.publish(self.staging, self.home, noun, number)
        except OSError as error:
            return [f"the download could not be added to the cache {str(self.home)!r} ({error.strerror})"]
        return []


@contextmanager
def open_box(name: str, connection: Connection, *, offline: bool) -> Iterator[ClientBox]:
    """Yield a boxed client for the task or data set called `name` in tables.

    Raises:
        BenchError: the server knows no such thing.
        LoadError: anything else went wrong inside, chained, in one sentence.
    """
    server = openml_cache.server()
    home = openml_cache.below(openml_cache.root(), server)
    fetch = _offline(name, home) if offline else _online(name, server, connection)
    with _LOCK, _temporary_folder() as folder, _silence():
        root = Path(folder)
        client = _import(root)
        try:
            with _patch_client(client, server, root, fetch):
                yield ClientBox(client, openml_cache.below(root, server), home, server, fetch, offline)
        except (BenchError, LoadError):
            raise
        except UnknownError as error:
            raise BenchError(f"{name} is not on {server}: {error}, check the number") from error
        except Exception as error:
            _close_files(error)
            text = str(error.__cause__ or error).replace(str(root), str(home)).split("\n")[0].strip().rstrip(".")
            raise LoadError(
                f"{name} cannot be used: the OpenML client fails on its files ({type(error).__name__}: {text}), one of "
                f"those in {str(home)!r} may be damaged",
                "data",
            ) from error


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="bench-openml-")
    except FileNotFoundError as error:
        raise BenchError("no folder for temporary files can be written: name one in TMPDIR") from error


def _close_files(error: BaseException | None) -> None:
    """Clear the frames of a failure: the client leaves files open, and the frames hold them."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _online(name: str, server: str, connection: Connection) -> Callable[..., Any]:
    def fetch(
        request_method: str,
        url: str,
        data: Mapping[str, Any],
        files: object = None,
        md5_checksum: str | None = None,
    ) -> Any:
        if request_method != "get" or data or files:
            raise LoadError(f"{name}: {url} was to be written to, and bench only reads", "infra")
        is_xml = url.startswith(server)
        try:
            response = connection.get(url, md5_checksum, MOST_XML_BYTES if is_xml else MOST_BYTES)
        except LoadError as error:
            raise LoadError(f"{name}: {error}", error.cause) from error
        if is_xml and "<oml:" not in response.text:
            raise LoadError(f"{name}: {url} answered with something else than OpenML's XML", "infra")
        return response

    return fetch


def _offline(name: str, home: Path) -> Callable[..., Any]:
    def fetch(request_method: str, url: str, *_args: object, **_more: object) -> Any:
        missing = re.sub(r"^https?://[^/]*/(?:api/v1/xml/)?", "", url)
        raise LoadError(
            f"{name} is not complete in the cache {str(home)!r} ({missing} is missing): load it once without --offline",
            "infra",
        )

    return fetch


def _import(root: Path) -> Any:
    """Import the client; its first import makes folders, so it is pointed at `root`."""
    private = {"OPENML_CACHE_DIR": str(root), "XDG_CONFIG_HOME": str(root / "config")}
    before = {name: os.environ.get(name) for name in private}
    os.environ.update(private)
    try:
        import openml
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return openml


@contextmanager
def _set(owner: Any, **values: object) -> Iterator[None]:
    """Set attributes of a module for the length of a block."""
    before = {name: getattr(owner, name) for name in values}
    try:
        for name, value in values.items():
            setattr(owner, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


@contextmanager
def _patch_client(client: Any, server: str, root: Path, fetch: Callable[..., Any]) -> Iterator[None]:
    """Set what is different inside the box: settings, and the two functions through which all bytes come.

    The client's own requests have no timeout at all, and retry for ten seconds. Its parquet download uses
    another library with a timeout of five minutes; a failure there makes it turn to ARFF, which is kept.
    """

    def parquet(source: str, destination: str | Path, **_more: object) -> None:
        path = Path(destination)
        if (path.parent / "dataset.arff").is_file():
            raise FileNotFoundError(f"{source} is not needed: dataset.arff is cached")
        try:
            path.write_bytes(fetch("get", source, {}).content)
        except (LoadError, UnknownError) as error:
            raise FileNotFoundError(str(error)) from error

    with (
        _set(client.config, server=server, apikey="", show_progress=False, _root_cache_directory=root),
        _set(client._api_calls, _send_request=fetch, _download_minio_file=parquet),  # noqa: SLF001
    ):
        yield


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the client's log lines and warnings inside; it writes to the root logger and configures it."""
    logger = logging.getLogger()
    handler = logging.NullHandler()
    logger.addHandler(handler)
    logger.addFilter(_is_foreign)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeFilter(_is_foreign)
        logger.removeHandler(handler)


def _is_foreign(record: logging.LogRecord) -> bool:
    return f"{os.sep}openml{os.sep}" not in record.pathname
