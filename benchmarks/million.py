"""Pinball weights of a million rows: wall time and private memory, each measured in a process of its own (Linux).

python benchmarks/million.py [--fine] [--write docs/performance.md]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Self

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import measure
import numpy as np
from pinball import Array, panel

from bench.solvers.pinball import simplex_pinball
from bench.solvers.pinball_levels import each_level, pinball_banded, pinball_by_groups

MILLION = (6, 1_000_000, 9)
"""Learners, rows and levels."""


def large(forms: tuple[tuple[str, int], ...]) -> str:
    """Measure wall time and private memory on a million rows, each in a process of its own."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ("float64", "float32"):
            for form, threads in forms:
                print(f"one million rows, {form}, {dtype}, {threads} threads")
                command = [sys.executable, __file__, "--child", form, dtype, str(threads), folder]
                row = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
                rows.append(row.splitlines()[-1].split("|"))
    return measure.markdown(["weights", "panel", "threads", "wall, s", "gap", "private memory ÷ panel"], rows)


def _child(form: str, dtype: str, threads: int, folder: str) -> None:
    """Print one row: float64 lies in memory and counts, float32 is a memory map and does not."""
    predictions, y, levels = _million(dtype, Path(folder))
    solvers = {
        "coarse": partial(simplex_pinball, predictions, y, levels),
        "medium": partial(pinball_by_groups, predictions, y, levels, groups=each_level(levels), threads=threads),
        "fine": partial(pinball_banded, predictions, y, levels, band=len(levels), threads=threads),
    }
    before, start = _private(), time.perf_counter()
    with _Watch() as watch:
        found = solvers[form]()
    seconds = time.perf_counter() - start
    whole = 8 * predictions.size
    share = (watch.peak - before + (whole if dtype == "float64" else 0)) / whole
    where = "float64" if dtype == "float64" else "float32, memory map"
    print(f"{form}|{where}|{threads}|{seconds:.1f}|{found.gap:.0e}|{share:.2f}")


def _million(dtype: str, folder: Path) -> tuple[Array, Array, Array]:
    L, n, K = MILLION
    if dtype == "float64":
        return panel(n, K, L)
    path, levels = folder / "predictions", np.arange(1, K + 1) / (K + 1)
    if not path.exists():
        predictions, y, _ = panel(n, K, L, dtype)
        predictions.tofile(path)
        np.save(folder / "y.npy", y)
        del predictions
    return np.memmap(path, dtype=dtype, mode="r", shape=MILLION), np.load(folder / "y.npy"), levels


def _private() -> int:
    """Return the bytes of memory that belong to this process alone, without mapped files (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


class _Watch:
    """The peak of the private memory, looked at every ten milliseconds."""

    def __enter__(self) -> Self:
        self.peak, self._over = _private(), threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):
            self.peak = max(self.peak, _private())


def main() -> None:
    """Measure, print, and write the page if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fine", action="store_true", help="fine weights too: some minutes more")
    parser.add_argument("--write", metavar="PAGE", help="put the table into this page")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        form, dtype, threads, folder = arguments.child
        _child(form, dtype, int(threads), folder)
        return
    forms = (("coarse", 1), ("medium", 1), ("medium", 2), *([("fine", 1)] if arguments.fine else []))
    text = f"{measure.machine(('numpy', 'scipy'))}\n\n{large(forms)}"
    print(text)
    if arguments.write:
        measure.write(arguments.write, "million", text)


if __name__ == "__main__":
    main()
