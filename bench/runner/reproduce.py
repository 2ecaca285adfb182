"""Doing recorded cells again in a scratch place: do they come to the same numbers, and what changed since, if not."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.core.hashing import digest
from bench.core.notice import warn
from bench.core.nouns import BenchError, Cell
from bench.core.settings import Settings
from bench.methods import learners, trainings
from bench.methods.boards import BOARDS, is_training, uses_foreign_code
from bench.runner import fit_spec
from bench.runner.cells import key_parts, versions
from bench.runner.endings import ending_of_lost
from bench.runner.executors.local import Pool, results
from bench.runner.explain import is_meant
from bench.runner.fit_spec import Fit
from bench.runner.foreign_code import is_foreign_fit, starter
from bench.runner.journal import Journal
from bench.runner.manifest import cpu_model
from bench.runner.options import RunOptions
from bench.runner.recorded import (
    LeftOut,
    RecordedSplit,
    evaluation_of,
    known_methods,
    load_recorded,
    name_of,
    recorded_method,
    recorded_splits,
)
from bench.runner.records import CellRecord, CellResult, Ending, FitId
from bench.runner.sound_fits import unsound_fits
from bench.runner.store import ABSENT, Store
from bench.runner.verdicts import Verdict, compare_results
from bench.runner.worker import FitJob
from bench.tasks.task_spec import TaskSpec

OF_THE_MACHINE = ("limit", "infra")
"""Causes of endings that say nothing about the method: another machine, or another day, has others."""


@dataclass(frozen=True)
class Reproduced:
    """What a cell came to when it was done again: the verdict, how it differs, and what changed since it ran."""

    name: str
    verdict: Verdict
    difference: str = ""
    changed: Sequence[str] = ()


@dataclass(frozen=True)
class Reproduction:
    """How cells are done again: from which directory and store, with what the user gives, and how closely compared."""

    root: Path
    store: Path
    given: Collection[TaskSpec]
    learners: Collection[str]
    options: RunOptions
    tolerance: float
    offline: bool

    def reproduce(self, wanted: str | None) -> Iterator[Reproduced]:
        """Do every cell again that `wanted` names as for `bench explain`, or all of them, and yield each.

        Raises:
            BenchError: nothing is called that, or the directory holds no records.
        """
        journal = Journal(self.root)
        every = {cell: record for cell, record in journal.records().items() if cell.board in BOARDS}
        records = {c: record for c, record in every.items() if wanted is None or is_meant(c, record, wanted)}
        if not records:
            what = (
                f"{self.root} holds no cells"
                if wanted is None
                else f"{wanted!r} is no directory and no cell of {self.root}"
            )
            raise BenchError(f"{what}: give a directory of a run, board/task/method, or a key of cells.csv")
        self._warn_of_unsound(records)
        held, settings = journal.tasks(), journal.settings()
        by_task = sorted(records, key=lambda cell: cell.task)
        for name, cells in groupby(by_task, key=lambda cell: cell.task):
            of_task = {cell: records[cell] for cell in cells}
            is_given = name in {spec.full for spec in self.given}
            task = load_recorded(held.get(name), self.given, offline=self.offline or not is_given)
            if isinstance(task, str):
                yield from (Reproduced(name_of(cell), "not checked", task) for cell in of_task)
                continue
            for each in recorded_splits(of_task, task, held[name].cv, settings):
                yield from self._split(each, settings)

    def _warn_of_unsound(self, records: Mapping[Cell, CellRecord]) -> None:
        """Say which stored fits are not what was written: nothing is compared with them but the parts of their keys."""
        for each in unsound_fits(records, Store(self.store)):
            if each.why != ABSENT:
                warn(f"{each} cannot be read from {self.store} ({each.why}): what has changed behind it is not known")

    def _split(self, found: RecordedSplit | LeftOut, settings: Settings) -> Iterator[Reproduced]:
        """Do the cells of one split again that may be."""
        for group in known_methods(found) if isinstance(found, RecordedSplit) else [found]:
            if isinstance(group, LeftOut):
                yield Reproduced(group.name, "not checked", group.why)
                continue
            able: dict[Cell, CellRecord] = {}
            for cell, record in group.records.items():
                fits = _fits_behind(cell, record)
                unknown = [
                    name for fit in fits for name in (fit.learner, fit.training) if not self._is_known(fit, name)
                ]
                if unknown:
                    names = ", ".join(dict.fromkeys(unknown))
                    why = f"it names {names}: give --plugin FILE, or -l for the import path of an estimator"
                    yield Reproduced(name_of(cell), "not checked", why)
                elif record.ending.cause in OF_THE_MACHINE:
                    why = f"it ended as {record.ending.status}, which depends on the machine and its limits"
                    yield Reproduced(name_of(cell), "not checked", why)
                elif not fits:
                    yield Reproduced(
                        name_of(cell), "not checked", f"it ended as {record.ending.status}, without any fit"
                    )
                else:
                    able[cell] = replace(record, basis=replace(record.basis, fits=fits))
            if able:
                yield from self._again(replace(group, records=able), settings)

    def _is_known(self, fit: FitId, name: str) -> bool:
        """Return whether a learner or a training scheme is one of the registry, or one that the user gives."""
        if name == fit.training:
            return any(name == entry or name.startswith(f"{entry}:") for entry in trainings.registry.entries())
        head = name.partition(":")[0]
        return head in learners.registry.entries() or any(name.startswith(given) for given in self.learners)

    def _again(self, group: RecordedSplit, settings: Settings) -> Iterator[Reproduced]:
        """Fit and evaluate in a scratch place, and compare."""
        start = starter(self.options.plugins)
        target = BOARDS[group.board].target(group.task, settings)
        with tempfile.TemporaryDirectory() as folder:
            fits = [
                FitJob(
                    context=group.task.name,
                    split=group.split,
                    fit=Fit(target, fit.learner, fit.training),
                    key=key,
                    parts={},
                    settings=settings,
                    store=Path(folder),
                    is_foreign=is_foreign_fit(fit) and group.task.external is None,
                )
                for fit, key in group.fits.items()
            ]
            endings: dict[FitId, Ending] = {}
            for job, value in self._run(fits, group):
                endings.setdefault(job.fit.id, value)
            made = {fit: key for fit, key in group.fits.items() if endings[fit].is_ok}
            able = {c: record for c, record in group.records.items() if record.basis.fits.keys() <= made.keys()}
            now = {cell: CellResult(_worst(record, endings)) for cell, record in group.records.items()}
            if able:
                work = evaluation_of(replace(group, records=able), made, settings, Path(folder), start)
                told = [value for _, value in self._run([work], group)]
                lost = CellResult(told[-1].ending) if told else CellResult(Ending("crashed"))
                now |= dict(zip(able, [*told, *[lost] * (len(able) - len(told))], strict=True))
        since = self._changes(group, settings)
        for cell, record in group.records.items():
            verdict, difference = compare_results(record.result, now[cell], self.tolerance)
            yield Reproduced(name_of(cell), verdict, difference, since[cell])

    def _run(self, jobs: Sequence[Any], group: RecordedSplit) -> Iterator[tuple[Any, Any]]:
        """Run jobs in workers, under the limits, and yield each item; of a worker that is lost how it ended."""
        pool = Pool(self.options.workers, starter(self.options.plugins), self.options.limits)
        for event in results(jobs, {group.task.name: group.task}, pool):
            if event.kind == "item":
                yield event.job, event.value
            elif event.kind != "done":
                ending = ending_of_lost(event.kind, event.value)
                yield event.job, ending if isinstance(event.job, FitJob) else CellResult(ending)

    def _changes(self, group: RecordedSplit, settings: Settings) -> dict[Cell, list[str]]:
        """Return what has changed since each cell ran: versions, and the parts of its key and of those of its fits."""
        rows = fit_spec.rows_of(group.task, group.split, settings)
        target, data = BOARDS[group.board].target(group.task, settings), fit_spec.data_hash(group.task)
        of_fit: dict[FitId, tuple[str, list[str]]] = {}
        for fit, key in group.fits.items():
            if uses_foreign_code(trainings.registry.scheme(fit.training)):
                # its class weights are a part of the key, and no code of others runs here
                of_fit[fit] = key, []
                continue
            parts = fit_spec.fit_parts(rows, Fit(target, fit.learner, fit.training), settings, data)
            before = _stored_parts(self.store, key)
            changed = [name for name in parts if before.get(name, parts[name]) != parts[name]]
            of_fit[fit] = (
                digest(parts),
                changed or (["something that only the store could tell"] if digest(parts) != key else []),
            )
        found: dict[Cell, list[str]] = {}
        for cell, record in group.records.items():
            keys = [of_fit[fit][0] for fit in record.basis.fits]
            parts = key_parts(group.task, group.split, recorded_method(cell), keys, settings)
            behind: dict[str, list[str]] = {}
            for fit in record.basis.fits:
                for part in of_fit[fit][1]:
                    behind.setdefault(part, []).append(fit.learner)
            changed = [f"{part} behind the fits of {', '.join(names)}" for part, names in behind.items()]
            changed += [name for name in parts if name != "fits" and record.basis.parts.get(name) != parts[name]]
            found[cell] = [*_changed_versions(record.basis.versions), *changed, *self._changed_cpu()]
        return found

    def _changed_cpu(self) -> list[str]:
        try:
            before = json.loads((self.root / "manifest.json").read_text(encoding="utf-8"))["cpu"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [f"CPU {before} → {cpu_model()}"] if before and before != cpu_model() else []


def _fits_behind(cell: Cell, record: CellRecord) -> Mapping[FitId, str]:
    """Return the fits of a cell by key; of a learner's row without any, the one that has failed."""
    if record.basis.fits or not cell.learner:
        return record.basis.fits
    method = recorded_method(cell)
    training = method.base.id if method is not None and is_training(method.base) else None
    fit = FitId(cell.learner, training) if training else FitId.plain(cell.learner)
    return {fit: digest("no key", fit.learner, fit.training)}


def _worst(record: CellRecord, endings: Mapping[FitId, Ending]) -> Ending:
    """Return how a cell ends without some of its fits."""
    return next((endings[fit] for fit in record.basis.fits if not endings[fit].is_ok), Ending("ok"))


def _stored_parts(store: Path, key: str) -> Mapping[str, str]:
    """Return the parts that are noted beside a stored fit, none if it is gone or not what was written."""
    if Store(store).fault(key):
        return {}
    parts: Mapping[str, str] = Store(store).meta(key).get("parts", {})
    return parts


def _changed_versions(before: str) -> list[str]:
    """Return the libraries with another version than a record names."""
    then = dict(each.rsplit(" ", 1) for each in before.split("; ") if " " in each)
    now = dict(each.rsplit(" ", 1) for each in versions().split("; "))
    return [f"{name} {then[name]} → {now[name]}" for name in now if then.get(name, now[name]) != now[name]]
