"""Seconds and memory of the commands around the fits of a large suite, by its number of cells, and how they grow.

Tasks have three classes and ten folds; there are five learners and all ensemble schemes. One fold of one task is
really run. All other predictions and records are copies of those with noise on the scores, written by the program's own
writers into two shards of a suite, which `bench merge` joins. Then every command runs on what it wrote, each as a
process of its own, whose seconds and peak memory the system counts:

    python benchmarks/scale.py [--cells 1000,10000,100000] [--folder FOLDER] [--write docs/performance.md]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import measure
import numpy as np
import yaml

if TYPE_CHECKING:
    from bench.runner.records import CellResult

FOLDS = 10
ROWS = 120
CLASSES = ("a", "b", "c")
BOARD = "classification"
LEARNERS = ("logistic", "knn", "forest", "extra-trees", "lightgbm")
SUITE = "made"
RUN = ("-s", SUITE, "--datasets", "datasets.yaml", "-b", BOARD, "-l", ",".join(LEARNERS), "-e", "all", "-j", "1",
       "--offline")  # fmt: skip
PARTS = ("part1", "part2")
COMMANDS: dict[str, tuple[str, ...]] = {
    "merge of two shards": ("merge", *PARTS, "--results", "whole"),
    "plan, nothing done": ("plan", *RUN, "--results", "new"),
    "plan, all done": ("plan", *RUN, "--results", "whole"),
    "run, nothing left": ("run", *RUN, "--quiet", "--results", "whole"),
    "status": ("status", "whole"),
    "leaderboard": ("leaderboard", "whole"),
    "compare": ("compare", "whole", "again.parquet"),
    "export, CSV, Parquet, page": ("export", "whole", "-o", "exported", "--format", "csv,parquet,md"),
    "explain, one cell": ("explain", f"{BOARD}/file:t0000/equal//0.0", "--results", "whole"),
    "gc": ("gc", "--results", "whole"),
}
"""Commands by what the table calls them; each finds what those before it wrote."""
VERDICTS = {0, 3, 4}
"""Exit codes of commands that have done their work."""


@dataclass(frozen=True)
class Spent:
    """What the system counted of a process and of those that it waited for: seconds, and megabytes at most."""

    cpu: float
    wall: float
    peak: float


@dataclass(frozen=True)
class Size:
    """A suite of so many cells and fits: what each command spent on it, and the megabytes of its files."""

    cells: int
    fits: int
    spent: dict[str, Spent]
    files: dict[str, float]


def run(command: list[str], folder: Path) -> Spent:
    """Run a command in a folder and return what it took.

    Raises:
        SystemExit: it failed.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)  # noqa: S603 - it is ours
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in VERDICTS:
        raise SystemExit(f"exit code {process.returncode}: {' '.join(command)}")
    return Spent(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1000)


def measure_size(cells: int, folder: Path) -> Size:
    """Make the shards of a suite of about so many cells, and run every command on them."""
    step = [sys.executable, __file__, "--folder", str(folder), "--step"]
    run([*step, "make", "--cells", str(cells)], Path.cwd())
    spent = {}
    for name, words in COMMANDS.items():
        spent[name] = run([sys.executable, "-m", "bench", *words], folder)
        if name.startswith("merge"):
            run([*step, "disturb"], Path.cwd())
        print(f"  {name}: {spent[name]}", flush=True)
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    spent = {"journal of all cells": Spent(facts["cpu"], facts["wall"], facts["peak"]), **spent}
    whole = folder / "whole"
    files = {name: (whole / name).stat().st_size / 1e6 for name in ("scores.csv", "scores.parquet", "cells.csv")}
    files["records"] = sum(path.stat().st_size for path in whole.glob("records/*/*.json")) / 1e6
    return Size(facts["cells"], facts["fits"], spent, files)


def make(folder: Path, cells: int) -> None:
    """Write the tables of a suite of about so many cells, and the shards of its results."""
    write_suite(folder, 1)
    sample = folder / "sample"
    run([sys.executable, "-m", "bench", "run", *RUN, "--folds", "1", "--quiet", "--results", str(sample)], folder)
    from bench.runner.journal import Journal

    of_one_fold = len(Journal(sample).records())
    write_suite(folder, max(round(cells / (FOLDS * of_one_fold)), 1))
    os.chdir(folder)
    os.fsync = lambda _: None  # the disk is not what is measured
    facts = {"cells": 0, "fits": 0, "cpu": 0.0, "wall": 0.0, "peak": 0.0}
    for number, results in enumerate(PARTS, 1):
        for name, value in fill(Path(results), number, sample).items():
            facts[name] += value
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def write_suite(folder: Path, tasks: int) -> None:
    """Write so many tables, and the suite of them."""
    names = [f"t{number:04}.csv" for number in range(tasks)]
    for number, name in enumerate(names):
        values = np.random.default_rng(number).normal(size=(ROWS, 2))
        lines = [f"{a},{b},{CLASSES[at % len(CLASSES)]}" for at, (a, b) in enumerate(values)]
        (folder / name).write_text("\n".join(["a,b,y", *lines]) + "\n", encoding="utf-8")
    suite = {"folds": FOLDS, "tasks": [{"task": f"file:{name}", "target": "y"} for name in names]}
    (folder / "datasets.yaml").write_text(yaml.safe_dump({"suites": {SUITE: suite}}), encoding="utf-8")


def fill(results: Path, number: int, sample: Path) -> dict[str, float]:
    """Write a shard as a run leaves it: entries of the store, records, tables, manifest; return facts about it.

    Seconds are those of the journal alone.
    """
    from bench import experiment
    from bench.runner import agenda
    from bench.runner.journal import Journal
    from bench.runner.manifest import write_manifest
    from bench.runner.options import RunOptions, RunRequest, RunSelection, Shard
    from bench.runner.prepare import prepare
    from bench.runner.records import CellRecord
    from bench.runner.scheduler import Tally
    from bench.runner.store import Store

    known, stored = Journal(sample).records(), Store(sample / "store")
    of_method = {(cell.learner, cell.method): record.result for cell, record in known.items()}
    of_fit = {fit: stored.read(key) for record in known.values() for fit, key in record.basis.fits.items()}
    chosen = RunSelection(boards=(BOARD,), learners=LEARNERS, ensembles=("all",), shard=Shard(number, len(PARTS)))
    request = RunRequest(
        suites=(SUITE,),
        datasets="datasets.yaml",
        chosen=chosen,
        options=RunOptions(jobs=1),
        results=results,
        offline=True,
    )
    prepared, rng, store = prepare(request, lambda *_: None), np.random.default_rng(number), Store(request.store_root)
    store.require_writable()
    with Journal(results).open(request.settings) as writer:
        writer.agree_on_tasks({each.task.name: each.record() for each in prepared.loaded})
        fits = agenda.draw_up(prepared.plan, writer.journal, store, request.options).fits
        for job in fits:
            predictions = of_fit[job.fit.id]
            store.write(job.key, replace(predictions, meta=predictions.meta | {"parts": dict(job.parts)}))
        openings = agenda.draw_up(prepared.plan, writer.journal, store, request.options).ready
        sheets = [
            {
                cell: CellRecord(noisy(of_method[cell.learner, cell.method], rng), todo.basis, todo.why)
                for cell, todo in opening.todo.items()
            }
            for opening in openings
        ]
        cpu, wall = time.process_time(), time.perf_counter()
        for records in sheets:
            writer.write(records)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        experiment.export_tables(results, writer)
        write_manifest(request, prepared, Tally(len(prepared.plan.cells)))
    return {"cells": sum(map(len, sheets)), "fits": len(fits), "cpu": cpu, "wall": wall}


def noisy(result: CellResult, rng: np.random.Generator) -> CellResult:
    """Return a result with other scores, of as many digits as real ones have."""
    scores = {
        sample: {name: None if value is None else value * rng.uniform(0.9, 1.1) for name, value in of_sample.items()}
        for sample, of_sample in result.scores.items()
    }
    return replace(result, scores=scores)


def disturb(folder: Path) -> None:
    """Write the scores of `whole` with a little noise on each, to compare with."""
    import pandas as pd

    scores = pd.read_parquet(folder / "whole" / "scores.parquet")
    noise = np.random.default_rng(1).uniform(0.99, 1.01, len(scores))
    scores.assign(value=scores["value"] * noise).to_parquet(folder / "again.parquet", index=False)


def exponent(sizes: list[Size], at: int, name: str) -> str:
    """Return the power of the number of cells by which processor seconds grow from the size before."""
    if not at:
        return "–"
    small, large = sizes[at - 1], sizes[at]
    return f"{np.log(large.spent[name].cpu / small.spent[name].cpu) / np.log(large.cells / small.cells):.2f}"


def report(sizes: list[Size]) -> str:
    """Return the tables of seconds, of memory and of files."""
    heads = [f"{size.cells:,}" for size in sizes]
    columns = ["processor seconds by cells", *heads, *(f"exponent to {head}" for head in heads[1:]),
               f"wall seconds, {heads[-1]}", *(f"MB at most, {head}" for head in heads)]  # fmt: skip
    rows = [
        [
            name,
            *(f"{size.spent[name].cpu:.1f}" for size in sizes),
            *(exponent(sizes, at, name) for at in range(1, len(sizes))),
            f"{sizes[-1].spent[name].wall:.1f}",
            *(f"{size.spent[name].peak:,.0f}" if size.spent[name].peak else "–" for size in sizes),
        ]
        for name in sizes[0].spent
    ]
    of_files = [[name, *(f"{size.files[name]:,.1f}" for size in sizes)] for name in sizes[0].files]
    files = measure.markdown(
        ("MB of files by cells", *heads), [["fits", *(f"{size.fits:,}" for size in sizes)], *of_files]
    )
    return f"{measure.machine(('numpy', 'pandas'))}\n\n{measure.markdown(columns, rows)}\n\n{files}"


def main() -> None:
    """Measure, print, and write the page if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", default="1000,10000,100000")
    parser.add_argument("--folder", help="keep what is made in this folder")
    parser.add_argument("--step", choices=("make", "disturb"), help="do one step of a size in this process")
    parser.add_argument("--write", metavar="PAGE", help="put the tables into this page")
    arguments = parser.parse_args()
    if arguments.step == "make":
        make(Path(arguments.folder), int(arguments.cells))
        return
    if arguments.step == "disturb":
        disturb(Path(arguments.folder))
        return
    sizes = []
    with tempfile.TemporaryDirectory() as temporary:
        for cells in map(int, arguments.cells.split(",")):
            folder = Path(arguments.folder or temporary, str(cells)).absolute()
            folder.mkdir(parents=True)
            sizes.append(measure_size(cells, folder))
    text = report(sizes)
    print(text)
    if arguments.write:
        measure.write(arguments.write, "scale", text)


if __name__ == "__main__":
    main()
