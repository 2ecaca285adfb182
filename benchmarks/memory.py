"""Memory of every ensemble scheme while it is fitted and while it predicts, each in a process of its own (Linux).

python benchmarks/memory.py [--only core,hedge] [--limit 600] [--shrink 4] [--write docs/performance.md]

All schemes take hours, most of them spent by those that look at one row after another: `--shrink 4` draws a quarter of
the rows, and a scheme that is not done within the limit has a dash.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import measure
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri, softmax

from bench.core.nouns import Kind, Panel, Target, read_only
from bench.methods.ensembles import registry

Array = NDArray[Any]

SIZES: dict[Kind, tuple[int, int, int]] = {
    "point": (50, 1_000_000, 1),
    "class": (20, 500_000, 5),
    "quantile": (20, 300_000, 9),
}
"""Learners, rows and outputs: about 400 megabytes each."""

COLUMNS = 5
"""Columns of the encoded matrix, for the schemes that look at it."""


@dataclass(frozen=True)
class Peak:
    """Seconds of a call, and the most private memory beside the panel on the way, in bytes."""

    seconds: float
    beside: int


def drawn(kind: Kind, shrink: int = 1) -> tuple[Panel, Array]:
    """Draw a panel of learners of unequal quality whose errors have a common part, and the true values."""
    L, n, K = SIZES[kind][0], SIZES[kind][1] // shrink, SIZES[kind][2]
    rng = np.random.default_rng(3)
    y = rng.integers(K, size=n) if kind == "class" else rng.normal(size=n)
    common = 0.5 * rng.normal(size=n)
    predictions, draw = np.empty((L, n, K)), {"point": _points, "class": _classes, "quantile": _quantiles}[kind]
    for part in predictions:
        part[:] = draw(rng, y, common, K)
    outputs = {"point": (), "class": tuple(f"c{k}" for k in range(K)), "quantile": tuple(_levels(K).tolist())}[kind]
    X = pd.DataFrame(rng.normal(size=(n, COLUMNS)), columns=[f"x{j}" for j in range(COLUMNS)])
    learners = tuple(f"learner {j:02d}" for j in range(L))
    panel = Panel(Target(kind, outputs), learners, X, read_only(predictions), inner_fold=rng.integers(5, size=n))
    return panel, read_only(y)


def _points(rng: np.random.Generator, y: Array, common: Array, _: int) -> Array:
    noise = common + rng.uniform(0.2, 1) * rng.normal(size=len(y))
    return (rng.uniform(0.7, 1) * y + noise)[:, None]


def _classes(rng: np.random.Generator, y: Array, common: Array, K: int) -> Array:
    odds = rng.uniform(0.5, 1) * rng.normal(size=(len(y), K))
    odds[np.arange(len(y)), y] += 1 + common
    return softmax(odds, axis=1)


def _quantiles(rng: np.random.Generator, y: Array, common: Array, K: int) -> Array:
    centre = 0.5 * y + common + rng.uniform(0.2, 1) * rng.normal(size=len(y))
    scale = rng.uniform(0.5, 1.5) * np.exp(0.2 * rng.normal(size=len(y)))
    return np.sort(centre[:, None] + scale[:, None] * ndtri(_levels(K)) + 0.1 * rng.normal(size=(len(y), K)), axis=1)


def _levels(K: int) -> Array:
    return np.arange(1, K + 1) / (K + 1)


def private() -> int:
    """Return the bytes of memory that belong to this process alone, without mapped files (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


class Watch:
    """The peak of the private memory, looked at every five milliseconds."""

    def __enter__(self) -> Self:
        """Begin to look."""
        self.peak, self._over = private(), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.005):
            self.peak = max(self.peak, private())


def watched(call: Callable[[], Any]) -> tuple[Any, Peak]:
    """Return what a call returns, and its peak."""
    before, start = private(), time.perf_counter()
    with Watch() as watch:
        answer = call()
    return answer, Peak(time.perf_counter() - start, watch.peak - before)


def child(kind: Kind, scheme: str, shrink: int) -> None:
    """Print the peaks of one scheme over the panel, and its seconds."""
    few, truth = drawn(kind, SIZES[kind][1] // 200)
    registry.scheme(scheme)(few, truth, np.random.default_rng(0))(few)  # what it imports does not count
    panel, y = drawn(kind, shrink)
    whole = panel.predictions.nbytes
    combiner, fit = watched(lambda: registry.scheme(scheme)(panel, y, np.random.default_rng(0)))
    _, predict = watched(lambda: combiner(panel))
    print(f"{1 + fit.beside / whole:.2f}|{1 + predict.beside / whole:.2f}|{fit.seconds + predict.seconds:.1f}")


def cells(kind: Kind, scheme: str, limit: float, shrink: int) -> list[str]:
    """Measure one scheme in a process of its own: its peaks and its seconds, or dashes."""
    command = [sys.executable, __file__, "--child", kind, scheme, str(shrink)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=limit)  # noqa: S603
    except subprocess.TimeoutExpired:
        return ["–"] * 3
    return done.stdout.splitlines()[-1].split("|")


def tables(names: list[str], limit: float, shrink: int) -> Iterator[str]:
    """Yield a table for each kind of target."""
    for kind, (L, n, K) in SIZES.items():
        rows = []
        for scheme in registry.select(names, kind):
            if not scheme.entry.missing_modules:
                rows.append([scheme.id, *cells(kind, scheme.id, limit, shrink)])
                print(kind, *rows[-1], flush=True)
        size = f"{L} learners, {n // shrink:,} rows" + (f", {K} outputs" if K > 1 else "")
        yield f"{kind}: {size}\n\n" + measure.markdown(["scheme", "fit", "predict", "wall, s"], rows)


def main() -> None:
    """Measure, print, and write the page if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", help="schemes, globs or tags, separated by commas")
    parser.add_argument("--limit", type=float, default=600, help="seconds for one scheme")
    parser.add_argument("--shrink", type=int, default=1, help="how many times fewer rows")
    parser.add_argument("--write", metavar="PAGE", help="put the tables into this page")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        kind, scheme, shrink = arguments.child
        child(kind, scheme, int(shrink))
        return
    found = tables(arguments.only.split(","), arguments.limit, arguments.shrink)
    text = "\n\n".join([measure.machine(("numpy", "scipy", "scikit-learn")), *found])
    print(text)
    if arguments.write:
        measure.write(arguments.write, "memory", text)


if __name__ == "__main__":
    main()
