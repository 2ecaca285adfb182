"""Predictions kept on disk: float64, addressed by the key of their fit, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.files import new_folder, write_json
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


@dataclass(frozen=True)
class Store:
    """A folder of predictions; safe for many writers, since a key is written by renaming a finished folder."""

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
        return self.root / key[:2] / key

    def has(self, key: str) -> bool:
        """Return whether the predictions of a key are there, every file in its full length."""
        folder = self.folder(key)
        try:
            sizes = self.meta(key)["bytes"]
            return all((folder / name).stat().st_size == size for name, size in sizes.items())
        except (OSError, ValueError, KeyError):
            return False

    def write(self, key: str, stored: FitPredictions) -> None:
        """Keep predictions under a key; what is there in full already stays."""
        if not self.has(key):
            shutil.rmtree(self.folder(key), ignore_errors=True)
        with new_folder(self.folder(key)) as folder:
            arrays = {name: getattr(stored, name) for name in ARRAYS}
            given = {f"{name}.npy": array for name, array in arrays.items() if array is not None}
            sizes = {name: _save(folder / name, array) for name, array in given.items()}
            write_json(folder / "meta.json", stored.meta | {"bytes": sizes})

    def read(self, key: str) -> FitPredictions:
        """Return the predictions of a key, memory-mapped.

        Raises:
            OSError, ValueError: a file is gone or cut short.
        """
        folder = self.folder(key)
        arrays = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in folder.glob("*.npy")}
        return FitPredictions(**arrays, meta=self.meta(key))

    def meta(self, key: str) -> dict[str, Any]:
        """Return what was noted beside the predictions of a key."""
        meta: dict[str, Any] = json.loads((self.folder(key) / "meta.json").read_text(encoding="utf-8"))
        return meta


def _save(path: Path, array: Array) -> int:
    """Write one array and return the size of its file in bytes."""
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array, dtype=np.float64), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()
