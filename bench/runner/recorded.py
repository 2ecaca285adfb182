"""Recorded cells as work that can be done again: which tables may be loaded for it, and the jobs that do it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.core.nouns import BenchError, Cell, Split, Task
from bench.core.settings import Settings
from bench.methods.boards import BOARDS, SINGLE_LEARNER, Method
from bench.runner import fit_spec
from bench.runner.foreign_code import foreign_metrics
from bench.runner.plan import own_repeats, parse_method, weight_rows_of
from bench.runner.records import CellRecord, FitId, TaskRecord
from bench.runner.worker import EvaluateJob
from bench.tasks import loading, splits
from bench.tasks.sources import LoadError
from bench.tasks.task_spec import FILE_SOURCES, CvSpec, TaskSpec


@dataclass(frozen=True)
class LeftOut:
    """A cell, a method or a task that nothing is made of, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class RecordedSplit:
    """Recorded cells of one board on one split of a task that rest on the same fits."""

    task: Task
    split: Split
    records: Mapping[Cell, CellRecord]

    @property
    def board(self) -> str:
        """Name of the board."""
        return next(iter(self.records)).board

    @property
    def fits(self) -> dict[FitId, str]:
        """Keys of all fits behind the cells."""
        return {fit: key for record in self.records.values() for fit, key in record.basis.fits.items()}


def name_of(cell: Cell) -> str:
    """Return a cell as one line: its parts, but for those that are empty."""
    return " ".join(str(part) for part in cell if part != "")


def load_recorded(held: TaskRecord | None, given: Collection[TaskSpec], *, offline: bool) -> Task | str:
    """Return the task of a record, or why it may not or cannot be loaded.

    Records are data: a path that one names is opened only where the user gives it, too.
    """
    if held is None or held.spec is None:
        return "nothing is noted about how its task was requested"
    spec = held.spec
    is_given = spec.full in {each.full for each in given}
    if spec.source in FILE_SOURCES and not is_given:
        return f"it names {spec.name}: give -t {spec.name} to read that"
    try:
        ((_, task),) = loading.load([spec], offline=offline, from_suites=[spec])
    except BenchError as error:
        return str(error)
    return str(task) if isinstance(task, LoadError) else task


def recorded_splits(
    records: Mapping[Cell, CellRecord], task: Task, cv: CvSpec | None, settings: Settings
) -> Iterator[RecordedSplit | LeftOut]:
    """Sort the records of a task by what can be evaluated together; what cannot be done again is left out."""
    data, cuts = fit_spec.data_hash(task), cv or CvSpec()
    cut = splits.cut_outer(task, cuts.folds, cuts.repeats, settings.seed, cuts.first)
    places = {(split.repeat, split.fold): split for split in cut}
    groups: dict[tuple[object, ...], dict[Cell, CellRecord]] = {}
    for cell, record in records.items():
        # the rows of a panel share its fits, unless some of them were made again with others
        fits = tuple(record.basis.fits.items()) if cell.panel else ()
        groups.setdefault((cell.board, cell.panel, cell.repeat, cell.fold, fits), {})[cell] = record
    for of_group in groups.values():
        first, record = next(iter(of_group.items()))
        split = places.get((first.repeat % own_repeats(cut), first.fold))
        if first.board not in BOARDS:
            continue  # the record of a task that was not loaded
        if record.basis.data_hash != data or split is None:
            yield from (LeftOut(name_of(cell), "the data or the splits of its task have changed") for cell in of_group)
            continue
        yield RecordedSplit(task, replace(split, repeat=first.repeat), of_group)


def known_methods(recorded: RecordedSplit) -> Iterator[RecordedSplit | LeftOut]:
    """Yield the cells whose methods are known here, ours and others' apart, and name what is unknown."""
    apart: dict[bool, dict[Cell, CellRecord]] = {}
    for cell, record in recorded.records.items():
        try:
            method = recorded_method(cell)
        except BenchError:
            yield LeftOut(name_of(cell), "its method is not known here: give --plugin FILE that makes it so")
            continue
        apart.setdefault(method is not None and method.is_foreign, {})[cell] = record
    for records in apart.values():
        yield replace(recorded, records=records)


def recorded_method(cell: Cell) -> Method | None:
    """Return the method of a cell, None of a learner alone.

    Raises:
        BenchError: it is unknown, as that of a plug-in that was not given.
    """
    return None if cell.method == SINGLE_LEARNER else parse_method(BOARDS[cell.board], cell.method)


def evaluation_of(
    recorded: RecordedSplit, fits: Mapping[FitId, str], settings: Settings, store: Path, start: Callable[[], None]
) -> EvaluateJob:
    """Return the job that evaluates recorded cells again, on fits of a store."""
    cells = tuple(recorded.records)
    names = {name: None for record in recorded.records.values() for name in record.result.scores.get("test", ())}
    scored = _known_metrics(names)
    others = foreign_metrics(scored)
    method = recorded_method(cells[0])
    return EvaluateJob(
        context=recorded.task.name,
        split=recorded.split,
        cells=cells,
        learners=tuple(fit.learner for fit in fits if fit == FitId.plain(fit.learner)),
        fits=fits,
        settings=settings,
        store=store.absolute(),
        weight_rows=weight_rows_of(cells[0].panel),
        metrics=tuple(name for name in scored if name not in others),
        foreign_metrics=others,
        is_foreign=method is not None and method.is_foreign,
        start=start,
    )


def _known_metrics(names: Iterable[str]) -> tuple[str, ...]:
    from bench.methods.metrics import metric_info

    return tuple(name for name in names if metric_info(name))
