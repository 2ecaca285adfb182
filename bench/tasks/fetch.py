"""Fetch tasks ahead of a run: threads download, this process alone adds to the cache and writes `bench.lock`."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.core.nouns import BenchError, Task
from bench.tasks import lock
from bench.tasks.loading import load_requested
from bench.tasks.sources import LoadError, openml_cache
from bench.tasks.sources.openml_download import Download
from bench.tasks.sources.openml_health import damages
from bench.tasks.sources.openml_http import Connection, UnknownError
from bench.tasks.task_spec import TaskSpec

Status = Literal["fetched", "kept", "updated", "changed", "failed"]
"""`kept` was there and is as it was locked; `updated` was accepted with its changes; `changed` was not."""

TIMEOUT, ATTEMPTS = 30.0, 3
"""Seconds of silence and attempts of a download, as in the sources of OpenML."""


@dataclass(frozen=True)
class Fetched:
    """How the fetch of a task ended; `task` is None where it was not loaded, `detail` says what is wrong or new."""

    spec: TaskSpec
    status: Status
    task: Task | None = None
    detail: str = ""


@dataclass(frozen=True)
class Fetching:
    """How tasks are fetched: threads that download, no network, what is kept checked again, changes accepted."""

    jobs: int = 4
    offline: bool = False
    verify: bool = False
    update_lock: bool = False


@dataclass(frozen=True)
class _Place:
    """Where the files of a task lie: in the cache of a server, and beside it until they are known to be sound."""

    server: str
    home: Path
    folder: Path

    @property
    def staging(self) -> Path:
        """The part of `folder` that belongs to the server."""
        return openml_cache.below(self.folder, self.server)


DOWNLOADS = {"openml": Download.task, "openml-data": Download.data_set}
"""How the files of a task are downloaded, by its source; others have nothing to download."""


def fetch(specs: Sequence[TaskSpec], how: Fetching, from_suites: Collection[TaskSpec] = ()) -> Iterator[Fetched]:
    """Fetch, load, lock and keep the tasks, in their order; each is kept before the next, so that a fetch goes on.

    What is cached and locked is not even loaded, unless `verify` or `update_lock` want it.

    Raises:
        BenchError: a task that is in no suite cannot be, or `bench.lock` cannot be read.
    """
    locked = lock.read_lock()
    server = openml_cache.server()
    home = openml_cache.below(openml_cache.root(), server)
    done = {spec for spec in specs if _is_done(spec, how, locked, home)}
    threads = ThreadPoolExecutor(how.jobs)
    with tempfile.TemporaryDirectory(prefix="bench-fetch-") as folder:
        places = {spec: _Place(server, home, Path(folder) / str(number)) for number, spec in enumerate(specs)}
        try:
            downloads = {
                spec: _start_download(threads, spec, place)
                for spec, place in places.items()
                if spec not in done and spec.source in DOWNLOADS and spec.rest.isdigit() and not how.offline
            }
            for spec, place in places.items():
                if spec in done:
                    yield Fetched(spec, "kept")
                    continue
                try:
                    yield _lock(spec, _load(spec, how, downloads.get(spec), place), how, locked)
                except UnknownError as error:
                    yield Fetched(spec, "failed", None, f"{spec.full} is not on {server}: {error}, check the number")
                except LoadError as error:
                    yield Fetched(spec, "failed", None, str(error).replace(str(place.staging), str(home)))
                except BenchError as error:
                    if spec not in from_suites:
                        raise
                    yield Fetched(spec, "failed", None, str(error))
                shutil.rmtree(place.folder, ignore_errors=True)
        finally:
            threads.shutdown(cancel_futures=True)


def _start_download(threads: ThreadPoolExecutor, spec: TaskSpec, place: _Place) -> Future[None]:
    download = Download(place.server, place.home, place.staging, Connection(TIMEOUT, ATTEMPTS))
    return threads.submit(DOWNLOADS[spec.source], download, int(spec.rest))


def _is_done(spec: TaskSpec, how: Fetching, locked: Collection[str], home: Path) -> bool:
    if how.verify or how.update_lock or lock.lock_name(spec) not in locked:
        return False
    return spec.source not in DOWNLOADS or _is_cached(spec, home)


def _is_cached(spec: TaskSpec, home: Path) -> bool:
    """Return whether the cache has all files of a task of OpenML."""
    data = spec.rest
    if spec.source == "openml":
        task = home / "tasks" / spec.rest
        if not (task / "task.xml").is_file() or not (task / "datasplits.arff").is_file():
            return False
        found = re.search(r"<oml:data_set_id>\s*(\d+)", (task / "task.xml").read_text(encoding="utf-8"))
        data = found[1] if found else ""
    files = home / "datasets" / data
    has_table = any((files / each).is_file() for each in openml_cache.data_files(int(data or 0)))
    return (files / "description.xml").is_file() and has_table


def _load(spec: TaskSpec, how: Fetching, download: Future[None] | None, place: _Place) -> Task:
    """Return the task, from what was downloaded where something was; add it to the cache if it is sound."""
    if download is None:
        source, task = place.home, load_requested(spec, offline=how.offline)
    else:
        download.result()
        with openml_cache.using(place.folder):
            source, task = place.staging, load_requested(spec, offline=how.offline)
    if spec.source in DOWNLOADS:
        numbers = {"datasets": int(task.meta["data_id"])} | (
            {"tasks": int(spec.rest)} if spec.source == "openml" else {}
        )
        for noun, number in numbers.items():
            if how.verify:
                _refuse_damaged(spec, source / noun / str(number))
            openml_cache.publish(source, place.home, noun, number)
    return task


def _refuse_damaged(spec: TaskSpec, folder: Path) -> None:
    for damage in damages(folder):
        raise LoadError(f"{spec.full} has a damaged file: {damage.path} {damage.why}", "data")


def _lock(spec: TaskSpec, task: Task, how: Fetching, locked: dict[str, lock.LockedTask]) -> Fetched:
    """Hold a task against the lock, and write it there if it is new or its changes are accepted."""
    name, now = lock.lock_name(spec), lock.describe(task)
    before = locked.get(name)
    found = before.differences(now) if before else []
    if found and not how.update_lock:
        return Fetched(spec, "changed", task, lock.changed(spec, found))
    if before != now:
        locked |= lock.read_lock() | {name: now}  # another fetch may have locked other tasks in the meantime
        lock.write_lock(locked)
    if found:
        return Fetched(spec, "updated", task, "; ".join(found))
    return Fetched(spec, "kept" if before else "fetched", task)
