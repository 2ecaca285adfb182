"""The user's OpenML cache: files are copied out of it and added to it, never changed, replaced or deleted."""

from __future__ import annotations

import configparser
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import urlsplit

from bench.core.files import expand_home, new_file
from bench.core.nouns import BenchError
from bench.core.published import strip_secrets

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
    """Return the address of the server, without user and password: BENCH_OPENML_SERVER, else OpenML's own."""
    return strip_secrets(_server_with_login())


def with_login(url: str) -> str:
    """Return an address with the user and the password of BENCH_OPENML_SERVER, if it is one of that server."""
    public = server()
    return _server_with_login() + url.removeprefix(public) if url.startswith(f"{public}/") else url


def _server_with_login() -> str:
    return os.environ.get("BENCH_OPENML_SERVER", SERVER).rstrip("/")


def root() -> Path:
    """Return the client's cache folder: OPENML_CACHE_DIR, else its configuration file's, else its default.

    Raises:
        BenchError: the configuration file cannot be read, or nothing says where the user's home is.
    """
    if (folder := _FOLDER.get()) is not None:
        return folder
    given = os.environ.get("OPENML_CACHE_DIR")
    return expand_home(given) if given else _configured_folder() or _default()


def _default() -> Path:
    if sys.platform != "linux":
        return expand_home("~/.openml")
    home = os.environ.get("XDG_CACHE_HOME")
    if home and not (Path(home) / "openml").exists() and (Path(home) / "org" / "openml").exists():
        return Path(home)
    return expand_home(home or "~/.cache") / "openml"


def _configured_folder() -> Path | None:
    """Return the cache folder that the client's configuration file names."""
    home = expand_home(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "openml"
    path = (home if sys.platform == "linux" else expand_home("~/.openml")) / "config"
    try:
        # an option that stands twice has its last value, as in most other readers of such files
        parser = configparser.RawConfigParser(strict=False)
        parser.read_string("[openml]\n" + path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (configparser.Error, UnicodeDecodeError, OSError) as error:
        raise BenchError(
            f"the OpenML configuration file {str(path)!r} cannot be read ({' '.join(str(error).split())}): "
            "mend it, or name the cache in OPENML_CACHE_DIR"
        ) from error
    named = parser.get("openml", "cachedir", fallback="").strip()
    quoted = len(named) > 1 and named[0] == named[-1] and named[0] in "'\""
    named = named[1:-1] if quoted else named
    return expand_home(named) if named else None


def below(folder: Path, address: str) -> Path:
    """Return the part of a cache folder that belongs to a server: `org/openml/www` for www.openml.org."""
    return folder.joinpath(*reversed(urlsplit(strip_secrets(address)).netloc.split(".")))


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
            _add(path, folder / name)


def data_files(number: int) -> list[str]:
    """Return the names that the table of a data set may have in its folder."""
    return [name for name in _file_names("datasets", number) if name.startswith("dataset")]


def _file_names(noun: str, number: int) -> Iterable[str]:
    return (name.format(id=number) for name in FILES[noun])


def _add(source: Path, path: Path) -> None:
    """Copy beside `path`, then rename; of two that add the same file at once, one stays."""
    with new_file(path) as target, source.open("rb") as stream:
        shutil.copyfileobj(stream, target)
