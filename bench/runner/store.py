"""Predictions kept on disk: float64, addressed by the key of their fit, written whole or not at all.

An entry proves what it holds: its checksum covers the key, so that an entry in the place of another is found, the
notes, and every byte of the arrays.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.files import temporary_folder, temporary_name, write_json
from bench.core.nouns import Array, BenchError


@dataclass(frozen=True)
class FitPredictions:
    """What one fit predicts: out of fold the training rows of the inner folds, and the test rows.

    `oof` (n_oof, K), `test` (n_test, K), `calibration` (n_calibration, K). Protocols that keep the models of the
    inner folds also have `folds` (F, n_test, K), what each predicts of the test rows; `nested` (F, n_oof, K) are
    the out-of-fold predictions without fold f. `meta` holds seconds, the number of clipped rows, and the class weights
    behind each model.
    """

    oof: Array
    test: Array
    folds: Array | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    calibration: Array | None = None
    nested: Array | None = None


ARRAYS = ("oof", "test", "folds", "calibration", "nested")
NOTES = "meta.json"
KEY = re.compile(r"[0-9a-f]{32}")
"""What `bench.core.hashing.digest` makes: nothing that is called otherwise is an entry."""
MOST_NOTES = 2**26
"""Bytes of the notes of an entry: class weights of a thousand classes under fifty models take one."""
LONGEST_EXCHANGE = 60.0
"""Seconds that another run may take to exchange an entry: it reads the old one once, and renames two folders."""
EXCHANGE_POLL = 0.005
"""Seconds between two looks whether it has."""
ABSENT = "it is not there"
NO_CHECKSUM = "it has no checksum, since an earlier version wrote it"


class _UnsoundError(OSError):
    """An entry is not what was written: why, in a part of a sentence. It is no fault of a method."""


@dataclass(frozen=True)
class Store:
    """A folder of predictions, safe for many writers: finished folders are renamed, by one process at a time."""

    root: Path

    def require_writable(self) -> None:
        """Make the folder, unless it is there.

        Raises:
            BenchError: it cannot be made or written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            writable = os.access(self.root, os.W_OK | os.X_OK)
        except OSError:
            writable = False
        if not writable:
            raise BenchError(f"the prediction store {str(self.root)!r} cannot be written: use another --store")

    def folder(self, key: str) -> Path:
        """Return where the predictions of a key live."""
        return self.root.joinpath(key[:2], key)

    def entry_keys(self) -> Iterator[str]:
        """Yield the key of every entry, sound or not, in order; what is called otherwise is not ours."""
        for parent in sorted(_subfolders(self.root)):
            for entry in sorted(Path(parent).iterdir()):
                if KEY.fullmatch(entry.name) and entry.name[:2] == entry.parent.name:
                    yield entry.name

    def has(self, key: str) -> bool:
        """Return whether an entry looks whole: its files are there in their full length, and no others.

        That is quick enough for every fit of a plan; `fault` reads what the files hold.
        """
        try:
            self._notes(key)
        except OSError:
            return False
        return True

    def fault(self, key: str) -> str | None:
        """Return why an entry cannot be used, after reading all of it; None where it is sound."""
        try:
            notes = self._notes(key)
            if notes["checksum"] != _checksum(self.folder(key), key, notes):
                return "its checksum is that of other contents"
        except FileNotFoundError:
            return "a file is gone" if os.path.lexists(self.folder(key)) else ABSENT
        except _UnsoundError as error:
            return str(error)
        except OSError as error:
            return f"it cannot be read ({error.strerror})"
        return None

    def write(self, key: str, stored: FitPredictions) -> None:
        """Keep predictions under a key; a sound entry that is there already stays, another one is replaced."""
        if self.fault(key) is None:
            return
        with temporary_folder(self.folder(key)) as folder:
            arrays = {name: getattr(stored, name) for name in ARRAYS}
            given = {f"{name}.npy": array for name, array in arrays.items() if array is not None}
            sizes = {name: _save(folder / name, array) for name, array in given.items()}
            notes = json.loads(json.dumps(stored.meta | {"bytes": sizes}))  # as they will read back
            write_json(folder / NOTES, notes | {"checksum": _checksum(folder, key, notes)})
            self._put(folder, key)

    def copy(self, key: str, source: Store) -> None:
        """Copy a sound entry of another store byte for byte; a sound one that is there already stays.

        The disk is not waited for, so that thousands of copies can be synced at once.

        Raises:
            OSError: one of the stores cannot be read or written.
        """
        with temporary_folder(self.folder(key)) as folder:
            for name in (*source.meta(key)["bytes"], NOTES):
                shutil.copyfile(source.folder(key) / name, folder / name)
            self._put(folder, key)

    def _put(self, folder: Path, key: str) -> None:
        """Rename a finished folder to the place of its key, unless a sound entry is there."""
        with self._exchanging():
            if self.fault(key):  # now, and not before: another run may have made it meanwhile
                self._remove(key)
                folder.rename(self.folder(key))

    def drop(self, key: str) -> None:
        """Remove what lies in the place of an entry: a folder, a file, or a link, but not what that leads to."""
        with self._exchanging():
            self._remove(key)

    def _remove(self, key: str) -> None:
        folder = self.folder(key)
        doomed = temporary_name(folder)
        with suppress(FileNotFoundError, NotADirectoryError):  # there is nothing, or no folder for it
            folder.rename(doomed)  # in one step, so that nobody ever finds half of an entry
            if doomed.is_symlink() or not doomed.is_dir():
                doomed.unlink()
            else:
                shutil.rmtree(doomed, ignore_errors=True)

    def read(self, key: str) -> FitPredictions:
        """Return the predictions of a key, memory-mapped.

        Raises:
            OSError: a file is gone or cut short.
        """
        try:
            return self._read(key)
        except OSError:
            # another run may be just putting a sound entry into the place of another one: that is over when we are
            # alone, and what is still not there is gone
            with suppress(OSError), self._exchanging():
                return self._read(key)
            raise

    def _read(self, key: str) -> FitPredictions:
        folder, notes = self.folder(key), self._notes(key)
        arrays = {Path(name).stem: np.load(folder / name, "r", allow_pickle=False) for name in notes["bytes"]}
        return FitPredictions(**arrays, meta=notes)

    @contextmanager
    def _exchanging(self) -> Iterator[None]:
        """Be the only one, of all processes that share the store, who puts entries into their places or removes them.

        Raises:
            OSError: the store cannot be written, or somebody holds it for too long.
        """
        from filelock import FileLock  # who only reads can do without

        with FileLock(self.root / ".lock", timeout=LONGEST_EXCHANGE, poll_interval=EXCHANGE_POLL):
            yield

    def meta(self, key: str) -> dict[str, Any]:
        """Return what was noted beside the predictions of a key.

        Raises:
            OSError: there is nothing, or it cannot be read.
        """
        return self._notes(key)

    def _notes(self, key: str) -> dict[str, Any]:
        """Return the notes of an entry whose files are those that they name.

        Raises:
            OSError: it is not there, cannot be read, or does not look as it was written.
        """
        folder = self.folder(key)
        sizes = _file_sizes(folder)
        if sizes[NOTES] > MOST_NOTES:
            raise _UnsoundError("its notes are too long")
        notes = _read_notes(folder / NOTES)
        if not {"oof.npy", "test.npy"} <= {*notes["bytes"]} <= {f"{name}.npy" for name in ARRAYS}:
            raise _UnsoundError("its notes name other files")
        if "checksum" not in notes:
            raise _UnsoundError(NO_CHECKSUM)
        del sizes[NOTES]
        if sizes != notes["bytes"]:
            raise _UnsoundError(_difference(sizes, notes["bytes"]))
        return notes


def _subfolders(root: Path) -> Iterator[str]:
    """Yield the folders below the root of a store that can hold entries; none where there is no store."""
    try:
        with os.scandir(root) as found:
            yield from (each.path for each in found if len(each.name) == 2 and each.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return


def _file_sizes(folder: Path) -> dict[str, int]:
    """Return the size of every file in the folder of an entry.

    Raises:
        OSError: there is no such folder.
        _UnsoundError: it is a link or a file, or something in it is.
    """
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise _UnsoundError("it is no folder")
    sizes = {}
    with os.scandir(folder) as found:
        for each in found:
            if not each.is_file(follow_symlinks=False):  # a link may lead anywhere, and a pipe would never end
                raise _UnsoundError(f"{each.name!r} in it is no file")
            sizes[each.name] = each.stat(follow_symlinks=False).st_size
    if NOTES not in sizes:
        raise _UnsoundError("a file is gone")
    return sizes


def _read_notes(path: Path) -> dict[str, Any]:
    """Return the notes of an entry, `bytes` among them.

    Raises:
        OSError: they cannot be read.
        _UnsoundError: they are no notes.
    """
    try:
        notes = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _UnsoundError("its notes are garbled") from error
    if not (isinstance(notes, dict) and isinstance(notes.get("bytes"), dict)):
        raise _UnsoundError("its notes are garbled")
    return notes


def _difference(found: dict[str, int], noted: dict[str, Any]) -> str:
    """Describe how the files of an entry are not those that its notes name."""
    if surplus := found.keys() - noted.keys():
        return f"it has a file too many ({min(surplus)!r})"
    return "a file is gone" if noted.keys() - found.keys() else "a file is cut short, or too long"


def _checksum(folder: Path, key: str, notes: dict[str, Any]) -> str:
    """Hash the key, the notes with the names and sizes of the files, and the files in the order of their names."""
    state = hashlib.blake2b(key.encode(), digest_size=16)
    covered = {name: value for name, value in notes.items() if name != "checksum"}
    state.update(json.dumps(covered, sort_keys=True).encode())
    for name in sorted(notes["bytes"]):
        with (folder / name).open("rb") as file:
            hashlib.file_digest(file, lambda: state)
    return state.hexdigest()


def _save(path: Path, array: Array) -> int:
    """Write one array and return the size of its file in bytes."""
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array, dtype=np.float64), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()
