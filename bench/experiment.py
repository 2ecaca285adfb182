"""One run from a plan to tables: run what is left, and export what the results directory holds."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core.exit_codes import code_of_refusal
from bench.core.notice import warn
from bench.core.nouns import BenchError, Cell
from bench.core.published import publishable, strip_working_directory
from bench.core.scheme import source_hash
from bench.core.settings import Settings
from bench.core.text import one_line, storable
from bench.runner import rerun_command, tables
from bench.runner.agenda import draw_up
from bench.runner.journal import Journal, JournalWriter
from bench.runner.manifest import write_manifest
from bench.runner.options import RunRequest
from bench.runner.prepare import Prepared
from bench.runner.progress import UNWATCHED, Progress, Watch, forget_progress
from bench.runner.records import CellRecord, CellResult, Ending
from bench.runner.scheduler import Run, Tally
from bench.runner.store import Store
from bench.tasks.task_spec import TaskSpec

if TYPE_CHECKING:
    from bench.report.leaderboards import Standing

EXPORT_CODE = (
    "bench.core.nouns", "bench.runner.tables", "bench.report.leaderboards", "bench.stats", "bench.methods.metrics",
    "bench.methods.boards", "bench.runner.evaluate",
)  # fmt: skip
"""Modules whose change makes the tables stale."""
LOAD_BOARD = "load"
"""Board of the record of a task that could not be loaded."""
NO_END = -1.0
"""Seconds for which a run waits for another one, if it waits at all."""
MOST_NAMED = 3
"""Keys that a sentence names."""


class StoppedError(BenchError):
    """The system refused something in the middle of a run: what it was, and what stands."""

    def __init__(self, error: OSError, tally: Tally, results: Path) -> None:
        place = f"{error.filename}: " if error.filename else ""
        super().__init__(
            f"{place}{error.strerror}: {len(tally.ended)} of {tally.planned} cells are kept in {results}: "
            "put that right and run again"
        )
        self.code = code_of_refusal(error)


@dataclass(frozen=True)
class Outcome:
    """What a run did, and the boards of all metrics that it wrote; none where nothing has changed.

    `lost` is the number of cells that ended and that the tables do not hold so.
    """

    tally: Tally
    standings: Sequence[Standing]
    lost: int = 0


def run(request: RunRequest, prepared: Prepared, watch: Watch = UNWATCHED) -> Outcome:
    """Run a plan and leave valid tables behind, also when it is interrupted.

    Raises:
        BenchError: another run holds the directory, or it holds another experiment.
        StoppedError: the system refused something, such as room on the disk.
    """
    tally = Tally(len(prepared.plan.cells) + len(prepared.unloaded) + len(prepared.too_large))
    with Journal(request.results).open(request.settings, NO_END if request.options.wait else 0.0) as writer:
        try:
            return _run_what_is_left(writer, request, prepared, tally, watch)
        except OSError as error:
            if isinstance(error, ConnectionError) or not error.errno:
                raise
            raise StoppedError(error, tally, request.results) from error
        finally:
            with suppress(OSError):
                forget_progress(request.results)
            writer.journal.warn_of_damage()


def _run_what_is_left(
    writer: JournalWriter, request: RunRequest, prepared: Prepared, tally: Tally, watch: Watch
) -> Outcome:
    """Run what the journal and the store lack, and write the tables, also where something ends the run before."""
    plan, options, store = prepared.plan, request.options, Store(request.store_root)
    writer.agree_on_tasks({each.task.name: each.record() for each in prepared.loaded})
    tally.ended |= _note_unloaded(writer, prepared, request.settings)
    agenda = draw_up(plan, writer.journal, store, options)
    tally.reused = agenda.stored
    if agenda.fits:
        store.require_writable()
    _warn_of_unsound(agenda.unsound)
    told = replace(watch, progress=functools.partial(_tell, request.results, watch))
    try:
        Run(plan, prepared.tasks, writer, store, options, tally).execute(agenda, told)
    except BaseException:
        with suppress(Exception):  # what ended the run is told, not that tables could not be written either
            _write_tables(request, prepared, writer, tally)
        raise
    return _write_tables(request, prepared, writer, tally)


def _tell(results: Path, watch: Watch, progress: Progress) -> None:
    """Tell who watches how far the run is, here and from other terminals."""
    with suppress(OSError):  # a full disk is a matter of the journal
        progress.write(results)
    watch.progress(progress)


def _warn_of_unsound(unsound: Mapping[str, str]) -> None:
    """Say which entries of the store cannot be used: what makes them anew replaces them."""
    if unsound:
        named = [f"{key} ({why})" for key, why in unsound.items()]
        more = ", …" if len(named) > MOST_NAMED else ""
        warn(
            f"the store has unusable entries ({len(named)}), which are dropped and made anew: "
            f"{', '.join(named[:MOST_NAMED])}{more}"
        )


def _write_tables(request: RunRequest, prepared: Prepared, writer: JournalWriter, tally: Tally) -> Outcome:
    """Write the tables and the manifest, and count the cells from the records that the tables were made of."""
    try:
        export = export_tables(request.results, writer)
        ended = tally.ended
        if export.records is not None:
            tally.ended = {cell: export.records[cell].ending.status for cell in ended if cell in export.records}
        lost = sum(tally.ended.get(cell) != status for cell, status in ended.items())
    finally:
        write_manifest(request, prepared, tally)
    return Outcome(tally, export.standings, lost)


@dataclass(frozen=True)
class Export:
    """The boards that were written, and the records behind the tables; None where the tables were there already."""

    standings: Sequence[Standing] = ()
    records: Mapping[Cell, CellRecord] | None = None


def export_tables(root: Path, writer: JournalWriter, records: Mapping[Cell, CellRecord] | None = None) -> Export:
    """Write every table and leaderboard from the journal, unless they are there already.

    `records` are all that the journal holds, from whoever has them at hand.
    """
    journal, code = writer.journal, source_hash(*EXPORT_CODE)
    names = ("leaderboard", *tables.COLUMNS)
    if journal.is_exported(code) and all((root / f"{name}.csv").is_file() for name in names):
        return Export()
    from bench.report import leaderboards  # its statistics load for a second, which a run without news can spare

    records = journal.records() if records is None else records
    scores = tables.write_run_tables(root, records, journal.tasks())
    standings = leaderboards.write_leaderboards(root, scores, tables.task_table(journal.tasks()))
    writer.note_export(code, records)
    return Export(standings, records)


def _note_unloaded(writer: JournalWriter, prepared: Prepared, settings: Settings) -> dict[Cell, str]:
    """Record each task that could not be loaded or is too large, and return the cells of these records by status.

    The records of those that can be loaded by now are forgotten.
    """
    for spec in prepared.plan.specs.values():
        writer.drop(_load_cell(spec))
    for spec, reason in prepared.too_large.items():
        writer.write({_load_cell(spec): CellRecord(CellResult(Ending("skipped", detail=reason)))})
    for spec, error in prepared.unloaded.items():
        flags = [*rerun_command.task_flags(spec), *rerun_command.settings_flags(settings)]
        words = ["bench", "run", *flags, "--results", str(writer.journal.root)]
        rerun = shlex.join(map(strip_working_directory, words))
        ending = Ending("failed", error.cause, one_line(publishable(str(error))))
        writer.write({_load_cell(spec): CellRecord(CellResult(ending), rerun=storable(rerun))})
    statuses = dict.fromkeys(prepared.unloaded, "failed") | dict.fromkeys(prepared.too_large, "skipped")
    return {_load_cell(spec): status for spec, status in statuses.items()}


def _load_cell(spec: TaskSpec) -> Cell:
    return Cell(board=LOAD_BOARD, task=storable(spec.full), panel="", repeat=0, fold=0, learner="", method="load")
