"""One run from a plan to tables: run what is left, and export what the results directory holds."""

from __future__ import annotations

import functools
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.core.nouns import Cell
from bench.core.published import publishable, strip_working_directory
from bench.core.registry import source_hash
from bench.core.settings import Settings
from bench.core.text import one_line, storable
from bench.report import leaderboards
from bench.runner import rerun_command, tables
from bench.runner.agenda import draw_up
from bench.runner.journal import Journal, JournalWriter
from bench.runner.manifest import write_manifest
from bench.runner.options import RunRequest
from bench.runner.prepare import Prepared
from bench.runner.progress import Progress, forget_progress
from bench.runner.records import CellRecord, CellResult, Ending
from bench.runner.scheduler import UNWATCHED, Run, Tally, Watch
from bench.runner.store import Store
from bench.tasks.task_spec import TaskSpec

EXPORT_CODE = (
    "bench.core.nouns", "bench.runner.tables", "bench.report.leaderboards", "bench.stats", "bench.methods.metrics",
    "bench.methods.boards", "bench.runner.evaluate",
)  # fmt: skip
"""Modules whose change makes the tables stale."""
LOAD_BOARD = "load"
"""Board of the record of a task that could not be loaded."""


@dataclass(frozen=True)
class Outcome:
    """What a run did, and the boards of all metrics that it wrote; none where nothing has changed."""

    tally: Tally
    standings: Sequence[leaderboards.Standing]


def run(request: RunRequest, prepared: Prepared, watch: Watch = UNWATCHED) -> Outcome:
    """Run a plan and leave valid tables behind, also when it is interrupted."""
    plan, options, store = prepared.plan, request.options, Store(request.store_root)
    with Journal(request.results).open(request.settings) as writer:
        writer.agree_on_tasks({each.task.name: each.record() for each in prepared.loaded})
        _note_unloaded(writer, prepared, request.settings)
        agenda = draw_up(plan, writer.journal, store, options)
        if agenda.fits:
            store.require_writable()
        others = Counter(failed=len(prepared.unloaded), skipped=len(prepared.too_large))
        tally = Tally(len(plan.cells) + others.total(), reused=agenda.stored, statuses=others)
        try:
            Run(plan, prepared.tasks, writer, store, options, tally).execute(
                agenda, Watch(watch.event, functools.partial(_tell, request.results, watch))
            )
        finally:
            forget_progress(request.results)
            standings = export_tables(request.results, writer)
            write_manifest(request, prepared, tally)
    return Outcome(tally, standings)


def _tell(results: Path, watch: Watch, progress: Progress) -> None:
    """Tell who watches how far the run is, here and from other terminals."""
    progress.write(results)
    watch.progress(progress)


def export_tables(root: Path, writer: JournalWriter) -> list[leaderboards.Standing]:
    """Write every table and leaderboard from the journal, unless they are there already; return the boards written."""
    journal, code = writer.journal, source_hash(*EXPORT_CODE)
    names = ("leaderboard", *tables.COLUMNS)
    if journal.is_exported(code) and all((root / f"{name}.csv").is_file() for name in names):
        return []
    scores = tables.write_run_tables(root, journal.records(), journal.tasks())
    written = leaderboards.write_leaderboards(root, scores, tables.task_table(journal.tasks()))
    writer.note_export(code)
    return written


def _note_unloaded(writer: JournalWriter, prepared: Prepared, settings: Settings) -> None:
    """Record each task that could not be loaded or is too large; forget the records of those that can be by now."""
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


def _load_cell(spec: TaskSpec) -> Cell:
    return Cell(board=LOAD_BOARD, task=storable(spec.full), panel="", repeat=0, fold=0, learner="", method="load")
