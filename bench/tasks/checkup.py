"""Look at what OpenML tasks depend on: the server, the cache with its files, the lock file, and versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.core.nouns import BenchError
from bench.tasks import lock
from bench.tasks.sources import LoadError, openml_cache
from bench.tasks.sources.openml_health import damages
from bench.tasks.sources.openml_http import MOST_XML_BYTES, Connection, UnknownError

PACKAGES = ("openml", "requests", "pandas", "pyarrow", "liac-arff", "numpy", "scipy", "scikit-learn", "lightgbm")
"""Packages on which the bytes of a table or a score may depend."""

ANY_TASK = 1
"""Number of the task that is asked for: a server that knows it and one that does not are both there."""

SOURCES = {"tasks": "openml", "datasets": "openml-data"}


@dataclass(frozen=True)
class Finding:
    """A file of the cache or the lock that cannot serve, why, and what mends it."""

    path: Path
    why: str
    mend: str


@dataclass(frozen=True)
class Checkup:
    """What was found: names with their values under a title, and what is wrong."""

    notes: dict[str, dict[str, str]]
    findings: list[Finding]
    is_reachable: bool


def check_up(*, offline: bool, timeout: float = 10.0) -> Checkup:
    """Look at everything and change nothing; offline the server is not asked.

    Raises:
        BenchError: the cache has no place, since nothing says where the user's home is.
    """
    server = openml_cache.server()
    home = openml_cache.below(openml_cache.root(), server)
    answer, is_reachable = ("not asked (--offline)", True) if offline else _reach(server, timeout)
    findings = list(_damaged_entries(home))
    locked = "no file"
    try:
        if Path(lock.FILE).exists():
            locked = f"{len(lock.read_lock())} tasks"
    except BenchError as error:
        findings.append(Finding(Path(lock.FILE), str(error), "mend it, or delete it and fetch again"))
    notes = {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in ("bench", *PACKAGES)}},
        "server": {"address": server, "answer": answer},
        "cache": _describe_cache(home),
        "lock": {"file": str(Path(lock.FILE)), "holds": locked},
    }
    return Checkup(notes, findings, is_reachable)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _reach(server: str, timeout: float) -> tuple[str, bool]:
    """Return how a server answers, and whether it can be used."""
    try:
        text = Connection(timeout, attempts=1).get(f"{server}/task/{ANY_TASK}", most=MOST_XML_BYTES).text
    except UnknownError:
        return "reachable", True
    except LoadError as error:
        return f"not reachable: {error}", False
    if "<oml:" not in text:
        return "not reachable: something answers, and not with OpenML's XML", False
    return "reachable", True


def _describe_cache(home: Path) -> dict[str, str]:
    files = [path for path in home.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    pickles = sum(".pkl" in path.name for path in files)
    return {
        "place": str(home),
        "state": _state(home),
        "size": f"{size / 2**20:,.1f} MB",
        "tasks": str(sum(1 for _ in _entries(home, "tasks"))),
        "data sets": str(sum(1 for _ in _entries(home, "datasets"))),
        "pickles": f"{pickles}, never loaded",
    }


def _state(home: Path) -> str:
    """Return whether files can be added to the cache."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        return f"cannot be written: give yourself access to {str(there)!r}, or name another place in OPENML_CACHE_DIR"
    return "there" if there == home else "not there yet"


def _entries(home: Path, noun: str) -> Iterator[Path]:
    """Yield the folders of all tasks or data sets, by number."""
    folders = [each for each in (home / noun).glob("*") if each.is_dir() and each.name.isdigit()]
    return iter(sorted(folders, key=lambda each: int(each.name)))


def _damaged_entries(home: Path) -> Iterator[Finding]:
    for noun, source in SOURCES.items():
        for folder in _entries(home, noun):
            for damage in damages(folder):
                yield Finding(damage.path, damage.why, f"delete it, then bench fetch -t {source}:{folder.name}")
