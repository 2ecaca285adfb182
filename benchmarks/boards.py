"""Seconds and memory of all tables and boards of a results directory, by its number of cells, and how they grow.

A size is measured in a process of its own, so that its peak is its own. Each has fifty methods on ten folds a task:

    python benchmarks/boards.py [--cells 1000,10000,100000] [--write docs/performance.md]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import measure
import numpy as np

from bench.core.nouns import Cell, Target
from bench.methods import metrics
from bench.report import leaderboards
from bench.runner import tables
from bench.runner.records import CellBasis, CellRecord, CellResult, Ending, TaskRecord

FOLDS = 10
METHODS = 50
BOARD = "classification"


def records(cells: int) -> dict[Cell, CellRecord]:
    """Return the records of METHODS methods on the folds of as many tasks as it takes, of all metrics of three classes.

    A method is a little better than the one before it, and noise is larger than that.
    """
    rng = np.random.default_rng(0)
    names = list(metrics.for_target(Target("class", ("a", "b", "c"))))
    found = {}
    for at in range(cells):
        task, fold, method = np.unravel_index(at, (max(cells // (FOLDS * METHODS), 1), FOLDS, METHODS))
        values = np.clip(rng.uniform(0.4, 0.9, len(names)) + 0.002 * method, 0, 1).tolist()
        scores = {"test": dict(zip(names, values, strict=True))}
        result = CellResult(Ending("ok"), scores, n_test=100, n_train=900, learners_used=1, weigh_seconds=0.1)
        cell = Cell(BOARD, f"t{task:04}", "default", 0, int(fold), "", f"m{method:02}")
        found[cell] = CellRecord(result, CellBasis(task=cell.task, protocol="refit"))
    return found


def measure_size(cells: int) -> dict[str, float]:
    """Return the seconds of processor time of the tables and of the boards of so many cells, and megabytes."""
    made = records(cells)
    tasks = {cell.task: TaskRecord("h", own_repeats=1) for cell in made}
    with tempfile.TemporaryDirectory() as folder:
        start, before = time.process_time(), _peak()
        scores = tables.write_run_tables(Path(folder), made, tasks)
        written = time.process_time()
        n_scores = len(scores)
        made.clear()
        leaderboards.write_leaderboards(Path(folder), scores, tables.task_table(tasks))
        ended = time.process_time()
    return {"scores": n_scores, "tables": written - start, "boards": ended - written, "before": before, "peak": _peak()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def report(sizes: list[int]) -> str:
    """Return the table; the last columns hold the exponent of growth from the row above."""
    rows: list[list[str]] = []
    last: tuple[int, dict[str, float]] | None = None
    for cells in sizes:
        command = [sys.executable, __file__, "--one", str(cells)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
        growth = ["–", "–"]
        if last:
            step = np.log(cells / last[0])
            growth = [f"{np.log(found[part] / last[1][part]) / step:.2f}" for part in ("tables", "boards")]
        last = cells, found
        rows.append([f"{cells:,}", f"{found['scores']:,}", f"{found['tables']:.1f}", f"{found['boards']:.1f}",
                     f"{found['before']:,.0f}", f"{found['peak']:,.0f}", *growth])  # fmt: skip
        print(rows[-1])
    columns = ("cells", "scores", "tables, s", "boards, s", "MB before", "MB at most", "exponent, tables", "boards")
    return f"{measure.machine(('numpy', 'pandas'))}\n\n{measure.markdown(columns, rows)}"


def main() -> None:
    """Measure, print, and write the page if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", default="1000,10000,100000")
    parser.add_argument("--one", type=int, help="measure one size in this process, and print JSON")
    parser.add_argument("--write", metavar="PAGE", help="put the table into this page")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure_size(arguments.one)))
        return
    text = report([int(size) for size in arguments.cells.split(",")])
    print(text)
    if arguments.write:
        measure.write(arguments.write, "boards", text)


if __name__ == "__main__":
    main()
