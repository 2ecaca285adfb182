"""The user's OpenML cache: files are copied out of it and added to it, never changed, replaced or deleted."""

from __future__ import annotations

import configparser
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import urlsplit

SERVER = "https://www.openml.org/api/v1/xml"

FILES = {
    "tasks": ("task.xml", "datasplits.arff"),
    "datasets": ("description.xml", "features.xml", "dataset_{id}.pq", "dataset.pq", "dataset.arff"),
}
"""What is worth keeping of a task and of a data set: everything that is no pickle."""


_FOLDER: ContextVar[Path | None] = ContextVar("folder", default=None)
"""The cache folder to use instead of the user's own."""


@contextmanager
def using(folder: Path) -> Iterator[None]:
    """Use another cache folder for the length of a block."""
    token = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(token)


def server() -> str:
    """Return the address of the server: BENCH_OPENML_SERVER, else OpenML's own."""
    return os.environ.get("BENCH_OPENML_SERVER", SERVER).rstrip("/")


def root() -> Path:
    """Return the client's cache folder: OPENML_CACHE_DIR, else its configuration file's, else its default."""
    if (folder := _FOLDER.get()) is not None:
        return folder
    given = os.environ.get("OPENML_CACHE_DIR")
    return Path(given).expanduser() if given else _configured_folder() or _default()


def _default() -> Path:
    if sys.platform != "linux":
        return Path.home() / ".openml"
    home = os.environ.get("XDG_CACHE_HOME")
    if home and not (Path(home) / "openml").exists() and (Path(home) / "org" / "openml").exists():
        return Path(home)
    return (Path(home) if home else Path.home() / ".cache") / "openml"


def _configured_folder() -> Path | None:
    """Return the cache folder that the client's configuration file names."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "openml"
    path = (home if sys.platform == "linux" else Path.home() / ".openml") / "config"
    if not path.is_file():
        return None
    parser = configparser.RawConfigParser()
    parser.read_string("[openml]\n" + path.read_text(encoding="utf-8"))
    named = parser.get("openml", "cachedir", fallback="")
    return Path(named).expanduser() if named else None


def below(folder: Path, address: str) -> Path:
    """Return the part of a cache folder that belongs to a server: `org/openml/www` for www.openml.org."""
    return folder.joinpath(*reversed(urlsplit(address).netloc.split(".")))


def copy(source: Path, staging: Path, noun: str, number: int) -> list[str]:
    """Copy the files of one task or data set that are there; return their names."""
    copied = []
    for name in _file_names(noun, number):
        path = source / noun / str(number) / name
        if path.is_file():
            target = staging / noun / str(number) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            copied.append(name)
    return copied


def publish(staging: Path, home: Path, noun: str, number: int) -> None:
    """Add new files of a task or data set to the cache, each whole or not at all; what is there stays."""
    folder = home / noun / str(number)
    for name in _file_names(noun, number):
        path = staging / noun / str(number) / name
        if path.is_file() and not (folder / name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            _add(path, folder / name)


def data_files(number: int) -> list[str]:
    """Return the names that the table of a data set may have in its folder."""
    return [name for name in _file_names("datasets", number) if name.startswith("dataset")]


def _file_names(noun: str, number: int) -> Iterable[str]:
    return (name.format(id=number) for name in FILES[noun])


def _add(source: Path, path: Path) -> None:
    """Copy beside `path`, then rename; of two that add the same file at once, one stays."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as target, source.open("rb") as stream:
            shutil.copyfileobj(stream, target)
            target.flush()
            os.fsync(target.fileno())
        Path(temporary).chmod(0o644)  # mkstemp leaves it to its owner alone
        if not path.exists():
            Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
