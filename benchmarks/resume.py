"""Seconds of plan, journal and resume by the number of planned cells, and how they grow.

A size is measured in a process of its own. Tasks have three classes and ten folds, five learners, and all ensemble
schemes; nothing is fitted, stored predictions and records are made up:

    python benchmarks/resume.py [--cells 1000,10000,100000] [--write docs/performance.md]
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import measure
import numpy as np
import pandas as pd

from bench.core.nouns import Task
from bench.core.settings import Settings
from bench.runner.agenda import Agenda, draw_up
from bench.runner.fit_spec import data_hash
from bench.runner.journal import Journal
from bench.runner.options import RunOptions, RunSelection
from bench.runner.plan import Loaded, plan
from bench.runner.records import CellRecord, CellResult, Ending
from bench.runner.store import FitPredictions, Store
from bench.tasks.splits import cut_outer
from bench.tasks.task_spec import CvSpec, TaskSpec

FOLDS = 10
ROWS = 120
CLASSES = ("a", "b", "c")
CHOSEN = RunSelection(
    boards=("classification",), learners=("logistic", "knn", "forest", "extra-trees", "lightgbm"), ensembles=("all",)
)
STEPS = ("plan", "look up", "write", "resume", "read")
NOTES = {"fit_seconds": 0.1, "predict_seconds": 0.1, "clipped": 0, "note": "", "effective_class_weights": {}}


def loaded(number: int) -> Loaded:
    """Return a task of its own."""
    X = pd.DataFrame(np.random.default_rng(number).normal(size=(ROWS, 4)), columns=list("abcd"))
    spec = TaskSpec(f"file:t{number:04}.csv")
    y = np.repeat(np.arange(len(CLASSES)), ROWS // len(CLASSES))
    task = Task(spec.name, X, y, "classification", (), CLASSES)
    return Loaded(spec, task, CvSpec(FOLDS, 1), tuple(cut_outer(task, FOLDS, 1, 0)), data_hash(task))


def measure_size(cells: int) -> dict[str, float]:
    """Return the seconds of processor time of every step for about so many cells, and megabytes."""
    os.fsync = lambda _: None  # the disk is not what is measured
    seconds: dict[str, float] = {}

    def timed(step: str, call: Callable[[], Any]) -> Any:
        start = time.process_time()
        found = call()
        seconds[step] = time.process_time() - start
        return found

    a_task = len(plan([loaded(0)], CHOSEN, {}, Settings()).cells)
    tasks = [loaded(number) for number in range(max(round(cells / a_task), 1))]
    with tempfile.TemporaryDirectory() as folder:
        store, journal = Store(Path(folder, "store")), Journal(Path(folder, "results"))

        def look() -> Agenda:
            return draw_up(plan(tasks, CHOSEN, {}, Settings()), journal, store, RunOptions())

        fits = timed("plan", look).fits
        values = np.zeros((ROWS - ROWS // FOLDS, 3)), np.zeros((ROWS // FOLDS, 3))
        for job in fits:
            store.write(job.key, FitPredictions(*values, meta=NOTES | {"parts": dict(job.parts)}))
        agenda = timed("look up", look)
        timed("write", lambda: _write(agenda, journal, tasks))
        timed("resume", look)
        held = timed("read", journal.records)
        size = sum(path.stat().st_size for path in journal.root.rglob("*.json"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"cells": len(held), "fits": len(fits), "MB": size / 1e6, "peak": peak, **seconds}


def _write(agenda: Agenda, journal: Journal, tasks: list[Loaded]) -> None:
    """Write a record of every cell to do."""
    with journal.open(Settings()) as writer:
        writer.agree_on_tasks({each.task.name: each.record() for each in tasks})
        for opening in agenda.ready:
            scores = {"test": dict.fromkeys(opening.board_split.metrics, 0.123456789012345)}
            result = CellResult(Ending("ok"), scores, n_test=12, n_train=108, learners_used=5, weigh_seconds=0.1)
            writer.write({cell: CellRecord(result, todo.basis, todo.why) for cell, todo in opening.todo.items()})


def report(sizes: list[int]) -> str:
    """Return the table; the last columns hold the exponent of growth from the row above."""
    rows: list[list[str]] = []
    last: dict[str, float] | None = None
    for cells in sizes:
        command = [sys.executable, __file__, "--one", str(cells)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
        growth = ["–", "–"]
        if last:
            step = np.log(found["cells"] / last["cells"])
            growth = [f"{np.log(found[part] / last[part]) / step:.2f}" for part in ("plan", "resume")]
        last = found
        rows.append([f"{found['cells']:,.0f}", f"{found['fits']:,.0f}", *(f"{found[step]:.1f}" for step in STEPS),
                     f"{found['MB']:,.0f}", f"{found['peak']:,.0f}", *growth])  # fmt: skip
        print(rows[-1])
    columns = ("cells", "fits", *(f"{step}, s" for step in STEPS), "MB of records", "MB at most", "exponent, plan",
               "resume")  # fmt: skip
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
        measure.write(arguments.write, "resume", text)


if __name__ == "__main__":
    main()
