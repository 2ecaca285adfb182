"""What a store holds and no results refer to, and what killed runs left behind.

Only what is called as we call things counts: entries by the names of keys, and temporary files.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.core.files import TEMPORARY
from bench.core.nouns import BenchError
from bench.runner.journal import Journal
from bench.runner.store import KEY, Store

LEFT_OVER_SECONDS = 3600
"""Age from which a temporary file is left over: a run has each for seconds, and may be at work in a store now."""
PLACES = (".", "records", "records/*", "logs", "leaderboards")
"""Folders of a results directory in which runs write."""
TEMPORARY_ENTRY = re.compile(rf"\.{KEY.pattern}\.[0-9a-f]{{16}}\.tmp")


@dataclass(frozen=True)
class Holding:
    """Things of one kind in a store or a results directory: where they are, and how many bytes they take."""

    place: Path
    kind: str
    paths: tuple[Path, ...]
    size: int
    is_needed: bool = False


@contextmanager
def held(results: Iterable[Path]) -> Iterator[None]:
    """Keep runs from writing to results directories, so that no record comes while entries go.

    Raises:
        BenchError: a run is writing to one of them.
    """
    with ExitStack() as stack:
        for root in results:
            stack.enter_context(Journal(root).hold())
        yield


def references(results: Iterable[Path]) -> set[str]:
    """Return the keys of the fits that the records of results directories refer to.

    Raises:
        BenchError: a directory holds no records, or damaged ones: what those refer to is not known.
    """
    keys: set[str] = set()
    for root in results:
        journal = Journal(root)
        records = journal.records()
        if journal.damaged:
            raise BenchError(f"{next(iter(journal.damaged))} is damaged, so what it refers to is not known: run again")
        if not records:
            raise BenchError(f"{root} holds no records: give the directory of a run")
        keys.update(key for record in records.values() for key in record.basis.fits.values())
    return keys


def survey(results: Sequence[Path], stores: Sequence[Path]) -> list[Holding]:
    """Return what stores hold, and what killed runs left in them and in results directories.

    Raises:
        BenchError: what a results directory refers to is not known.
    """
    keys = references(results)
    found = [holding for root in stores for holding in _in_store(Store(root), keys)]
    return found + [_holding(root, "left over from killed runs", _left_in_results(root)) for root in results]


def free(holdings: Iterable[Holding]) -> None:
    """Delete what is not needed."""
    for holding in holdings:
        if holding.is_needed:
            continue
        for path in holding.paths:
            if KEY.fullmatch(path.name):
                Store(holding.place).drop(path.name)
            elif path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _in_store(store: Store, needed: Collection[str]) -> Iterator[Holding]:
    folders = {key: store.folder(key) for key in store.entry_keys()}
    referred = [folder for key, folder in folders.items() if key in needed]
    yield _holding(store.root, "entries that records refer to", referred, is_needed=True)
    others = [folder for key, folder in folders.items() if key not in needed and not folder.is_symlink()]
    yield _holding(store.root, "entries that no record refers to", others)
    left = [path for path in store.root.glob("??/.*.tmp") if TEMPORARY_ENTRY.fullmatch(path.name)]
    yield _holding(store.root, "left over from killed runs", _old(left))


def _left_in_results(root: Path) -> list[Path]:
    names = (path for place in PLACES for path in root.glob(f"{place}/.*.tmp"))
    return _old(path for path in names if TEMPORARY.fullmatch(path.name) and path.is_file())


def _old(paths: Iterable[Path]) -> list[Path]:
    """Return those that no run is writing any more."""
    newest = time.time() - LEFT_OVER_SECONDS
    return [path for path in sorted(paths) if not path.is_symlink() and path.stat().st_mtime < newest]


def _holding(place: Path, kind: str, paths: Sequence[Path], *, is_needed: bool = False) -> Holding:
    return Holding(place, kind, tuple(paths), sum(map(_size, paths)), is_needed)


def _size(path: Path) -> int:
    files = (path, *path.rglob("*")) if path.is_dir() and not path.is_symlink() else (path,)
    total = 0
    for file in files:
        with suppress(FileNotFoundError):  # another run is at work
            total += file.lstat().st_size if not file.is_dir() else 0
    return total
