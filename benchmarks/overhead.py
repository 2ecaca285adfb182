"""Wall time of the fit stage of `bench run` over the same fits bare: encoder, fit, predict, and nothing else.

Both run in one call, in turn, with one worker and one thread:

    python benchmarks/overhead.py [TASK ...]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

from bench import experiment
from bench.methods.learners import learner_scheme
from bench.runner.fit_spec import rows_of
from bench.runner.options import RunOptions, RunRequest, RunSelection
from bench.runner.prepare import Prepared, prepare
from bench.tasks import encoders
from bench.tasks.task_spec import TaskSpec

DEFAULT_TASKS = ("bundled:diabetes", "bundled:autos", "bundled:penguins", "bundled:breast-cancer")


def bare(prepared: Prepared) -> float:
    """Return the seconds that the plan's unweighted fits take in a plain loop."""
    plan = prepared.plan
    start = time.perf_counter()
    for board_plan in plan.board_plans:
        task = prepared.tasks[board_plan.task]
        for split in plan.splits[board_plan.task]:
            rows = rows_of(task, split, plan.settings)
            for learner in map(learner_scheme, board_plan.learners):
                for fit_rows, requested in [*rows.inner, (split.train, split.test)]:
                    encoder = encoders.encoder(learner.options.encoding).fit(task.X.iloc[fit_rows])
                    model = learner(board_plan.board.target(task, plan.settings), 0)
                    model.fit(encoder.transform(task.X.iloc[fit_rows]), task.y[fit_rows], None)
                    model.predict(encoder.transform(task.X.iloc[requested]))
    return time.perf_counter() - start


def whole(request: RunRequest, prepared: Prepared) -> float:
    """Return the seconds of a cold run: start of the worker, fits, store, evaluation, scores and tables."""
    start = time.perf_counter()
    experiment.run(request, prepared)
    return time.perf_counter() - start


def main() -> None:
    """Measure twice, in the order bare, run, run, bare, and print the ratio."""
    boards = ("regression", "quantile", "classification")
    tasks = tuple(TaskSpec(name) for name in sys.argv[1:] or DEFAULT_TASKS)
    seconds: dict[str, list[float]] = {"bare": [], "run": []}
    for order in (("bare", "run"), ("run", "bare")):
        for kind in order:
            with tempfile.TemporaryDirectory() as folder:
                request = RunRequest(
                    tasks=tasks,
                    chosen=RunSelection(boards=boards),
                    options=RunOptions(jobs=1),
                    results=Path(folder),
                )
                prepared = prepare(request, lambda name, task: None)  # noqa: ARG005
                seconds[kind].append(bare(prepared) if kind == "bare" else whole(request, prepared))
    print({kind: [round(s, 1) for s in each] for kind, each in seconds.items()})
    print(f"run / bare: {sum(seconds['run']) / sum(seconds['bare']):.3f}")


if __name__ == "__main__":
    main()
