"""All answers of a results directory as files: one a board and task, and one of the rows of every split."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.core.files import file_name, new_file
from bench.core.hashing import digest
from bench.core.nouns import BenchError, Cell
from bench.runner import rerun_command
from bench.runner.answers import Answers, answer, split_table
from bench.runner.journal import Journal
from bench.runner.options import RunOptions
from bench.runner.recorded import LeftOut, RecordedSplit, load_recorded, recorded_splits
from bench.runner.records import CellRecord
from bench.runner.store import Store
from bench.tasks.task_spec import TaskSpec


@dataclass
class _Files:
    """Parquet files that are written part by part, each begun with its first part, all there when the block ends."""

    _stack: ExitStack
    _writers: dict[Path, Any] = field(default_factory=dict, init=False)

    @property
    def paths(self) -> list[Path]:
        """The files, in the order in which they were begun."""
        return list(self._writers)

    def add(self, path: Path, table: Any) -> None:
        """Append a table to a file."""
        import pyarrow.parquet as pq

        if path not in self._writers:
            file = self._stack.enter_context(new_file(path))
            self._writers[path] = self._stack.enter_context(pq.ParquetWriter(file, table.schema))
        self._writers[path].write_table(table)


def export_answers(
    results: Path, store: Path, output: Path, boards: Collection[str], given: Collection[TaskSpec], options: RunOptions,
    *, offline: bool,
) -> Iterator[Path | LeftOut]:  # fmt: skip
    """Write the answers of all recorded cells of some boards, and yield each file and what is left out.

    Raises:
        BenchError: the directory holds no records, or a fit is not in the store.
    """
    import pyarrow.parquet as pq

    journal = Journal(results)
    records = {cell: record for cell, record in journal.records().items() if _is_wanted(cell, record, boards)}
    if not records:
        raise BenchError(f"{results} holds no cells with answers: give the directory of a run")
    _require_fits(records, journal, Store(store))
    held, settings = journal.tasks(), journal.settings()
    by_task = sorted(records, key=lambda cell: cell.task)  # the order of the cells of a task stays
    with ExitStack() as stack:
        split_files = _Files(stack)
        for name, cells in groupby(by_task, key=lambda cell: cell.task):
            task = load_recorded(held.get(name), given, offline=offline)
            if isinstance(task, str):
                yield LeftOut(name, f"not checked: {task}")
                continue
            found = list(recorded_splits({cell: records[cell] for cell in cells}, task, held[name].cv, settings))
            yield from (each for each in found if isinstance(each, LeftOut))
            splits = [each for each in found if isinstance(each, RecordedSplit)]
            for split in {(each.split.repeat, each.split.fold): each.split for each in splits}.values():
                split_files.add(output / "splits.parquet", split_table(task, split, settings))
            with tempfile.TemporaryDirectory() as folder, ExitStack() as of_task:
                files = _Files(of_task)
                for each in answer(splits, settings, store, Path(folder), options):
                    yield from each.left_out if isinstance(each, Answers) else [each]
                    if isinstance(each, Answers) and each.path.is_file():
                        path = output / "answers" / _file_name(each.recorded.board, name)
                        files.add(path, pq.read_table(each.path))
            yield from files.paths
    yield from split_files.paths


def _file_name(board: str, task: str) -> str:
    return f"{file_name(board, task)}-{digest(task)[:6]}.parquet"  # the hash keeps apart names that look alike


def _is_wanted(cell: Cell, record: CellRecord, boards: Collection[str]) -> bool:
    return cell.board in boards and record.ending.is_ok


def _require_fits(records: dict[Cell, CellRecord], journal: Journal, store: Store) -> None:
    """Refuse a store that lacks a fit, or does not hold it as it was written.

    Raises:
        BenchError: one cannot be used; it names the command that makes it again.
    """
    why_not = functools.cache(store.fault)
    for cell, record in records.items():
        for fit, key in record.basis.fits.items():
            if why := why_not(key):
                raise BenchError(
                    f"the fit of {fit.learner} under {fit.training} on {cell.task} {cell.repeat}.{cell.fold} is not in "
                    f"{store.root} ({why}): run {_command(cell, record, journal)}"
                )


def _command(cell: Cell, record: CellRecord, journal: Journal) -> str:
    """Return the command that makes the fits of a cell again."""
    held = journal.tasks().get(cell.task)
    if held is None or held.spec is None:
        return "the command of its manifest again"
    learners = dict.fromkeys(fit.learner for fit in record.basis.fits)
    others = [word for name in learners for word in ("-l", name)]
    others += ["--repeats", str(cell.repeat + 1), "--results", str(journal.root)]
    return rerun_command.command(cell, held.spec, journal.settings(), "all", others)
