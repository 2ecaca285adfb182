"""One job on a machine of a cluster: in a worker process under the limits, on a store that lives as long as the job.

The process that runs this is the cluster's. It imports no code of others: that happens in the worker process alone.
"""

from __future__ import annotations

import functools
import multiprocessing
import platform
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.hashing import digest
from bench.core.plugins import load_plugins
from bench.core.scheme import source_hash
from bench.runner.cells import versions
from bench.runner.executors.local import Kind, Pool
from bench.runner.options import Limits
from bench.runner.store import ARRAYS, FitPredictions, Store
from bench.runner.worker import EvaluateJob, FitJob

CANCELLED_SECONDS = 0.5
"""How often it is looked whether anybody still wants the job: no load, and an end within a second."""
_starting = threading.Lock()  # the start of a process changes the environment, and a cluster's worker has many threads


@dataclass(frozen=True)
class PluginFile:
    """A file of a plug-in: its name, and what it holds, since the cluster has no file of ours."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Setup:
    """What all jobs of a run share: what `surroundings` must be, plug-ins, what starts them, and the limits.

    `files` are plug-ins that travel, `modules` those that must be installed. `start` makes known what else is foreign.
    """

    surroundings: str
    files: tuple[PluginFile, ...]
    modules: tuple[str, ...]
    start: Callable[[], None]
    limits: Limits


@dataclass(frozen=True)
class Report:
    """What became of a job: its events, each a kind and a value, and what a fit predicts, where it went well."""

    events: Sequence[tuple[Kind, Any]]
    predictions: FitPredictions | None = None


class OtherSurroundingsError(Exception):
    """The machine has other versions than the program: its numbers could be others."""


@functools.cache
def surroundings() -> str:
    """Return what must be the same everywhere, so that numbers are: Python, libraries, and the code of bench."""
    return f"python {platform.python_version()}; {versions()}; code {source_hash('bench')[:12]}"


def as_arrays(stored: FitPredictions) -> FitPredictions:
    """Return predictions whose arrays are in memory, so that they can travel."""
    arrays = {name: getattr(stored, name) for name in ARRAYS}
    loaded: dict[str, Any] = {name: np.array(array) for name, array in arrays.items() if array is not None}
    return replace(stored, **loaded)


def run_job(
    job: FitJob | EvaluateJob,
    setup: Setup,
    keys: Sequence[str],
    is_wanted: Callable[[], bool],
    task: Any,
    *predictions: FitPredictions,
) -> Report:
    """Run a job on the predictions that it needs, under their keys; it ends early where it is no longer wanted.

    Raises:
        OtherSurroundingsError: this machine has other versions than the program.
    """
    if surroundings() != setup.surroundings:
        raise OtherSurroundingsError(surroundings())
    # Workers of dask are daemons, which may have no children, so that none outlives them. Ours end with their parent.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined] # noqa: SLF001
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        store, start = Store(Path(folder) / "store"), _starter(setup, Path(folder))
        for key, stored in zip(keys, predictions, strict=True):
            store.write(key, stored)
        here = replace(job, store=store.root)
        if isinstance(here, EvaluateJob):
            here = replace(here, start=start)
        events = _events(here, task, Pool(1, start, setup.limits), is_wanted)
        made = isinstance(here, FitJob) and store.has(here.key)
        return Report(events, as_arrays(store.read(here.key)) if made and isinstance(here, FitJob) else None)


def _events(job: FitJob | EvaluateJob, task: Any, pool: Pool, is_wanted: Callable[[], bool]) -> list[tuple[Kind, Any]]:
    """Run a job in a pool of one, and return what it reports until it is done, lost, or no longer wanted."""
    events: list[tuple[Kind, Any]] = []
    done = threading.Event()
    with _starting:
        pool.__enter__()
    try:
        with _starting:
            pool.submit(job, {job.context: task})
        watch = threading.Thread(target=_end_unwanted, args=(pool, is_wanted, done), daemon=True)
        watch.start()
        while pool.busy:
            events += [(event.kind, event.value) for event in pool.wait()]
    finally:
        done.set()
        pool.__exit__()
    return events


def _end_unwanted(pool: Pool, is_wanted: Callable[[], bool], done: threading.Event) -> None:
    """End the worker of a job that nobody waits for any more: its run was stopped."""
    while not done.wait(CANCELLED_SECONDS):
        if not is_wanted():
            pool.end_running()
            return


def _starter(setup: Setup, folder: Path) -> Callable[[], None]:
    """Write the plug-ins that travelled into a folder, and return what makes all foreign code known there."""
    places = []
    for file in setup.files:
        place = folder / "plugins" / digest(file.name)[:8] / Path(file.name).name
        place.parent.mkdir(parents=True)
        place.write_bytes(file.content)
        places.append(str(place))
    return functools.partial(_make_known, (*places, *setup.modules), setup.start)


def _make_known(plugins: Sequence[str], start: Callable[[], None]) -> None:
    load_plugins(plugins)
    start()
