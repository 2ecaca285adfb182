"""What processes cost: a job in a shared worker and in one of its own, and the speed-up of two workers over one.

    python benchmarks/workers.py [LARGEST_MB]

A job here does nothing, so that its time is that of the process. Heavy imports stand inside the functions: every worker
imports this file again, as it does the short script that `bench` is.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

JOBS = 40
"""Jobs of a measurement."""
TASKS = ("bundled:diabetes", "bundled:autos", "bundled:star98", "bundled:breast-cancer")


@dataclass(frozen=True)
class Nothing:
    """A job that looks at its context and returns."""

    name: int
    is_foreign: bool
    context: str = "x"

    def items(self, _: Any) -> Iterator[int]:
        """Yield one number."""
        yield self.name


def milliseconds(megabytes: float, *, is_foreign: bool) -> float:
    """Return the milliseconds of a job whose task has so many megabytes, workers already started."""
    import numpy as np

    from bench.runner.executors import results
    from bench.runner.executors.local import Pool
    from bench.runner.foreign_code import starter

    jobs = [Nothing(j, is_foreign) for j in range(JOBS)]
    start = time.perf_counter()
    for event in results(jobs, {"x": np.zeros(int(megabytes * 2**17))}, Pool(1, starter(()))):
        if event.kind not in {"item", "done"}:
            raise RuntimeError(event)
    return 1000 * (time.perf_counter() - start) / JOBS


def seconds(workers: int) -> float:
    """Return the wall seconds of a cold run with so many workers, the start of the first one included."""
    from bench import experiment
    from bench.runner.options import RunOptions, RunRequest, RunSelection
    from bench.runner.prepare import prepare
    from bench.tasks.task_spec import TaskSpec

    with tempfile.TemporaryDirectory() as folder:
        request = RunRequest(
            tasks=tuple(map(TaskSpec, TASKS)),
            chosen=RunSelection(ensembles=("equal",), class_weights=("none",)),
            options=RunOptions(jobs=workers),
            results=Path(folder),
        )
        prepared = prepare(request, lambda name, task: None)  # noqa: ARG005
        start = time.perf_counter()
        experiment.run(request, prepared)
        return time.perf_counter() - start


def main() -> None:
    """Measure both, and print them."""
    import measure

    from bench.runner.executors.fork_server import start_server

    start_server()
    milliseconds(0.001, is_foreign=False)
    sizes = [size for size in (0.001, 1, 10, 100) if size <= float((sys.argv[1:] or ["100"])[0])]
    rows = [
        [f"{size:g}", *(f"{milliseconds(size, is_foreign=foreign):.1f}" for foreign in (False, True))] for size in sizes
    ]
    print(measure.markdown(["task, MB", "shared worker, ms a job", "process of its own, ms a job"], rows))
    runs = [functools.partial(seconds, workers) for workers in (1, 2, 2, 1)]  # what drifts hits both alike
    one, two, again, last = (run() for run in runs)
    print(f"one worker {one:.1f} and {last:.1f} s, two workers {two:.1f} and {again:.1f} s")
    print(f"speed-up of two workers: {(one + last) / (two + again):.2f}")


if __name__ == "__main__":
    main()
