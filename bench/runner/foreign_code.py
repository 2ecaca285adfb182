"""Code that is not ours, and the processes that it runs in: plug-ins, and estimators by their import path.

The program imports it, and runs none of it. Jobs of our own schemes share workers, in which it is not even imported; a
job with a learner or a scheme that is not ours has a process of its own, and so has each metric that is not ours.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Self

from bench.core.nouns import Array, Prediction
from bench.core.plugins import load_plugins
from bench.methods import metrics, trainings
from bench.methods.boards import uses_foreign_code
from bench.methods.learners import learner_scheme
from bench.methods.learners.imported import import_learners, imported_paths
from bench.runner.endings import ending_of
from bench.runner.records import Ending, FitId


def starter(plugins: Sequence[str]) -> Callable[[], None]:
    """Return what must be called in a process before code that is not ours can run there."""
    return functools.partial(_make_known, tuple(plugins), imported_paths(), str(Path.cwd()))


def _make_known(plugins: Sequence[str], learners: Sequence[str], folder: str) -> None:
    load_plugins(plugins)
    import_learners(learners)
    sys.path.append(folder)  # last, so that a plug-in finds its neighbours there, and no library is hidden by them


def is_foreign_fit(fit: FitId) -> bool:
    """Return whether a fit runs code that is not ours."""
    return learner_scheme(fit.learner).entry.is_foreign or uses_foreign_code(trainings.registry.scheme(fit.training))


@functools.cache
def foreign_metrics(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of some names of metrics whose code is not ours."""
    found = {name: metrics.metric_info(name) for name in names}
    return tuple(name for name, metric in found.items() if metric is not None and metric.is_foreign)


@dataclass
class MetricProcesses:
    """A process for each of some metrics that are not ours, begun when it is first needed; `start` makes them known."""

    names: Sequence[str]
    start: Callable[[], None]
    _running: dict[str, ProcessPoolExecutor] = field(default_factory=dict, init=False)

    def __enter__(self) -> Self:
        """Begin nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        for process in self._running.values():
            process.shutdown()

    def scores(self, y: Array, prediction: Prediction) -> Mapping[str, float | None] | Ending:
        """Return what each metric says of a prediction, None where it is undefined, or how the first bad one ended."""
        found: dict[str, float | None] = {}
        for name in self.names:
            value = self._score(name, y, prediction)
            if isinstance(value, Ending):
                return value
            found[name] = value
        return found

    def _score(self, name: str, y: Array, prediction: Prediction) -> float | Ending | None:
        # forked, as the worker itself is: what is known here need not be imported again
        process = self._running.pop(name, None) or ProcessPoolExecutor(1, get_context("fork"), self.start)
        try:
            value = process.submit(_evaluate, name, y, prediction).result()
        except BrokenProcessPool:
            process.shutdown()
            return Ending("crashed", "code", f"the process of metric {name} died")
        self._running[name] = process
        return value


def _evaluate(name: str, y: Array, prediction: Prediction) -> float | Ending | None:
    """Return the value of a metric; what it raises may be of a class that is known here alone."""
    try:
        value = metrics.get_metric(prediction.target, name).function(prediction.target, y, prediction)
    except Exception as error:  # noqa: BLE001 - a metric may raise anything; its cell records what
        return ending_of(error)
    return None if math.isnan(value) else float(value)
