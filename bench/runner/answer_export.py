"""All answers of a results directory as files: one a board and task, and one of the rows of every split."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path

from bench.core.files import file_name
from bench.core.hashing import digest
from bench.core.nouns import BenchError, Cell
from bench.runner.answers import Answers, answer, split_table
from bench.runner.journal import Journal
from bench.runner.options import RunOptions
from bench.runner.parquet_parts import ParquetParts, parquet_parts, read_parts
from bench.runner.recorded import LeftOut, RecordedSplit, load_recorded, recorded_splits
from bench.runner.records import CellRecord
from bench.runner.sound_fits import require_sound_fits
from bench.runner.store import Store
from bench.runner.tables import SAMPLES
from bench.tasks.task_spec import TaskSpec


def export_answers(
    results: Path, store: Path, output: Path, boards: Collection[str], given: Collection[TaskSpec], options: RunOptions,
    *, offline: bool,
) -> Iterator[Path | LeftOut]:  # fmt: skip
    """Write the answers of all recorded cells of some boards, and yield each file and what is left out.

    Raises:
        BenchError: the directory holds no records, or a fit is not in the store as it was written.
    """
    journal = Journal(results)
    records = {cell: record for cell, record in journal.records().items() if _is_wanted(cell, record, boards)}
    if not records:
        raise BenchError(f"{results} holds no cells with answers: give the directory of a run")
    require_sound_fits(records, journal, Store(store))
    held, settings = journal.tasks(), journal.settings()
    by_task = sorted(records, key=lambda cell: cell.task)  # the order of the cells of a task stays
    with parquet_parts(output / "splits.parquet") as split_file:
        for name, cells in groupby(by_task, key=lambda cell: cell.task):
            task = load_recorded(held.get(name), given, offline=offline)
            if isinstance(task, str):
                yield LeftOut(name, task)
                continue
            found = list(recorded_splits({cell: records[cell] for cell in cells}, task, held[name].cv, settings))
            yield from (each for each in found if isinstance(each, LeftOut))
            splits = [each for each in found if isinstance(each, RecordedSplit)]
            for split in {(each.split.repeat, each.split.fold): each.split for each in splits}.values():
                split_file.add(split_table(task, split, settings))
            with _scratch_folder(output) as folder:
                answered = answer(splits, settings, store, SAMPLES, folder, options)
                yield from _write_task(answered, output / "answers", name)
        if split_file.is_empty:
            return
    yield split_file.path


def _write_task(answered: Iterable[Answers | LeftOut], folder: Path, task: str) -> Iterator[Path | LeftOut]:
    """Write the answers on one task into one file a board, and yield what is left out, and the files at last."""
    files: dict[str, ParquetParts] = {}
    with ExitStack() as stack:
        for each in answered:
            if isinstance(each, LeftOut):
                yield each
                continue
            yield from each.left_out
            if not each.path.is_file():
                continue
            board = each.recorded.board
            if board not in files:
                files[board] = stack.enter_context(parquet_parts(folder / _file_name(board, task)))
            for part in read_parts(each.path):
                files[board].add(part)
            each.path.unlink()
    yield from (file.path for file in files.values())


@contextmanager
def _scratch_folder(output: Path) -> Iterator[Path]:
    """Yield a folder beside what is written: the usual place of temporary files may be in memory."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".answers-") as folder:
        yield Path(folder)


def _file_name(board: str, task: str) -> str:
    return f"{file_name(board, task)}-{digest(task)[:6]}.parquet"  # the hash keeps apart names that look alike


def _is_wanted(cell: Cell, record: CellRecord, boards: Collection[str]) -> bool:
    return cell.board in boards and record.ending.is_ok
