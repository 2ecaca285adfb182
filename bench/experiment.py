"""One run from names to tables: load the tasks, plan, run, and export what the results directory holds."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import distributions
from pathlib import Path
from statistics import median
from typing import Any

from bench.core.files import printable
from bench.core.hashing import digest
from bench.core.nouns import BenchError, Cell, Split, Task
from bench.core.registry import source_hash
from bench.core.settings import Settings
from bench.methods.learners.portfolio import portfolio
from bench.report import leaderboards
from bench.runner import rerun_command, tables
from bench.runner.agenda import Agenda, draw_up
from bench.runner.executors.local import Event
from bench.runner.fit_spec import data_hash, rows_of
from bench.runner.journal import SCHEMA, Journal, JournalWriter
from bench.runner.options import RunRequest, RunSelection
from bench.runner.plan import Loaded, Plan, own_repeats, plan
from bench.runner.records import CellRecord, CellResult, Ending, TaskRecord
from bench.runner.scheduler import Run, Tally
from bench.runner.store import Store
from bench.tasks import loading, splits
from bench.tasks.meta_features import meta_features
from bench.tasks.sources import LoadError
from bench.tasks.suites import Catalogue, catalogue
from bench.tasks.task_names import name_apart
from bench.tasks.task_spec import CvSpec, TaskSpec

DEFAULT_SUITE = "quick"
EXPORT_CODE = (
    "bench.core.nouns", "bench.runner.tables", "bench.report.leaderboards", "bench.stats", "bench.methods.metrics",
    "bench.methods.boards", "bench.runner.evaluate",
)  # fmt: skip
"""Modules whose change makes the tables stale."""
HALVES = 2
"""Folds of a task that brings its predictions, unless its file marks them: weights are fitted on one half of two."""
LOAD_BOARD = "load"
"""Board of the record of a task that could not be loaded."""


@dataclass(frozen=True)
class Prepared:
    """A plan, the tasks behind it, those that could not be loaded, and those that are too large, each with why."""

    plan: Plan
    loaded: tuple[Loaded, ...]
    unloaded: dict[TaskSpec, LoadError]
    too_large: dict[TaskSpec, str]


def prepare(request: RunRequest, on_loaded: Callable[[str, Task], None]) -> Prepared:
    """Load the tasks and resolve every name; `on_loaded` is called with the name and the task of each.

    Raises:
        BenchError: a name is unknown, or a task is not what it must be.
    """
    known = catalogue()
    requested, held = _requested_tasks(request, known), Journal(request.results).tasks()
    loaded: dict[str, Loaded] = {}
    unloaded: dict[TaskSpec, LoadError] = {}
    too_large: dict[TaskSpec, str] = {}
    for spec, task in loading.load(
        requested, offline=request.offline, from_suites={spec for spec, cv in requested.items() if cv is not None}
    ):
        if isinstance(task, LoadError):
            unloaded[spec] = task
            continue
        if reason := _why_too_large(task, request.chosen):
            too_large[spec] = reason
            continue
        if task.name in loaded:
            raise BenchError(f"two tasks are named {task.name!r}: give one of the files another name")
        cv = requested[spec] or _earlier_cv(task, held.get(task.name))
        try:
            parts = _outer_splits(task, cv, request.settings)
        except BenchError as error:
            if requested[spec] is None:
                raise
            unloaded[spec] = LoadError(str(error), "data")  # one table of a suite does not stop the others
            continue
        loaded[task.name] = Loaded(spec=spec, task=task, cv=cv, splits=parts, data=data_hash(task))
        on_loaded(spec.name, task)
    panel = known.panel(request.chosen.panel)
    panels = {
        kind: list(names) if panel.each == 1 else portfolio(names, panel.each) for kind, names in panel.learners.items()
    }
    every = tuple(loaded.values())
    return Prepared(plan(every, request.chosen, panels, request.settings), every, unloaded, too_large)


def _why_too_large(task: Task, chosen: RunSelection) -> str:
    """Return by how much a task is beyond what was chosen, or nothing."""
    sizes = {"rows": len(task.y), "features": task.X.shape[1], "classes": len(task.classes)}
    limits = {name: getattr(chosen, f"max_{name}") for name in sizes}
    beyond = [name for name, limit in limits.items() if limit is not None and sizes[name] > limit]
    return ", ".join(f"{sizes[name]} {name}, and --max-{name} is {limits[name]}" for name in beyond)


def _outer_splits(task: Task, cv: CvSpec, settings: Settings) -> tuple[Split, ...]:
    """Return the outer splits of a task, each of which can be cut further.

    Raises:
        BenchError: it has too few rows, groups or points in time.
    """
    parts = splits.cut_outer(task, cv.folds, cv.repeats, settings.seed, cv.first)
    for split in parts:
        rows_of(task, split, settings)
    return parts


def _earlier_cv(task: Task, held: TaskRecord | None) -> CvSpec:
    """Return the cuts that the experiment gave a task before, or the usual ones."""
    usual = CvSpec() if task.external is None else CvSpec(HALVES)
    return usual if held is None or held.cv is None else held.cv


def _task_hash(loaded: Loaded) -> str:
    """Hash the data and all outer splits of a task."""
    return digest(loaded.data, [[split.repeat, split.fold, split.train, split.test] for split in loaded.splits])


def _task_record(loaded: Loaded) -> TaskRecord:
    """Return what the experiment must keep of a task."""
    return TaskRecord(
        hash=_task_hash(loaded),
        cv=loaded.cv,
        own_repeats=own_repeats(loaded.splits),
        meta_features=meta_features(loaded.task),
        spec=loaded.spec,
    )


def _requested_tasks(request: RunRequest, known: Catalogue) -> dict[TaskSpec, CvSpec | None]:
    """Return the requested tasks, each once, with the cuts of the suite; the default suite if none is named.

    A task that is named by itself has none: it takes those that the experiment gave it before, or the usual ones.
    """
    names = request.suites or (() if request.tasks else (DEFAULT_SUITE,))
    suites = [known.suite(name) for name in names]
    rows = {name: value for name, value in request.task_flags.items() if name == "rows"}
    of_suite = {
        spec.filled_in(request.task_flags if spec.source == "file" else rows): suite.cv
        for suite in reversed(suites)
        for spec in suite.tasks
    }
    named = name_apart((*request.tasks, *of_suite))
    return {named[spec]: of_suite.get(spec) for spec in named}


def run(request: RunRequest, prepared: Prepared, watch: Callable[[int, int], Callable[[Event], None]]) -> Tally:
    """Run a plan and leave valid tables behind, also when it is interrupted.

    `watch` gets the numbers of fits and board splits that are left, and returns what is called with each event.
    """
    plan, options, store = prepared.plan, request.options, Store(request.store_root)
    with Journal(request.results).open(request.settings) as writer:
        writer.agree_on_tasks({each.task.name: _task_record(each) for each in prepared.loaded})
        _note_unloaded(writer, prepared, request.settings)
        agenda = draw_up(plan, writer.journal, store, options)
        if agenda.fits:
            store.require_writable()
        others = Counter(failed=len(prepared.unloaded), skipped=len(prepared.too_large))
        tally = Tally(len(plan.cells) + others.total(), reused=agenda.stored, statuses=others)
        try:
            Run(plan, writer, store, options, tally).execute(agenda, watch(len(agenda.fits), agenda.board_splits))
        finally:
            export_tables(request.results, writer)
            tables.write_manifest(request.results, _manifest(request, prepared, tally))
    return tally


@dataclass(frozen=True)
class Outlook:
    """What a run would do: one row a task, the totals, and the time that the fits may take."""

    rows: list[list[Any]]
    cells: int
    fits: int
    stored: int
    estimate: str


def outlook(request: RunRequest, prepared: Prepared) -> Outlook:
    """Look ahead without running or writing: which cells are planned, which fits are stored, how long others may take.

    Raises:
        BenchError: a run would be refused, because the directory holds other settings, or other data of a task.
    """
    journal = Journal(request.results)
    journal.check_settings(request.settings)
    journal.check_tasks({each.task.name: _task_hash(each) for each in prepared.loaded})
    agenda = draw_up(prepared.plan, journal, Store(request.store_root), request.options)
    rows = []
    for name, task in prepared.plan.tasks.items():
        boards = " ".join(board_plan.board.name for board_plan in prepared.plan.board_plans if board_plan.task == name)
        cut, counts = prepared.plan.splits[name], agenda.counts[name]
        rows.append([name, *task.X.shape, task.kind, len(cut), boards, counts.cells, counts.fits, counts.stored])
    estimate = _estimate(agenda, journal, request)
    return Outlook(rows, len(prepared.plan.cells), len(agenda.fits), agenda.stored, estimate)


def _estimate(agenda: Agenda, journal: Journal, request: RunRequest) -> str:
    """Predict the hours of the fits to do from the seconds a row that earlier fits of the same learner took."""
    rates: dict[str, list[float]] = {}
    for cell, record in journal.records().items():
        seconds, n_train = record.result.fit_seconds, record.result.n_train
        if record.ending.is_ok and seconds is not None and n_train:
            rates.setdefault(cell.learner, []).append(seconds / n_train)
    if not agenda.fits:
        return "nothing to fit"
    if not rates:
        return "no estimate: no fit was timed in this directory yet"
    typical = {name: median(values) for name, values in rates.items()}
    other = median(typical.values())
    total = sum(typical.get(job.fit.learner, other) * len(job.split.train) for job in agenda.fits)
    return f"about {total / request.options.jobs / 3600:.2g} hours with -j {request.options.jobs}"


def export_tables(root: Path, writer: JournalWriter) -> None:
    """Write every table and leaderboard from the journal, unless they are there already."""
    journal, code = writer.journal, source_hash(*EXPORT_CODE)
    names = ("leaderboard", *tables.COLUMNS)
    if journal.is_exported(code) and all((root / f"{name}.csv").is_file() for name in names):
        return
    scores = tables.write_run_tables(root, journal.records(), journal.tasks())
    leaderboards.write_leaderboards(root, scores, tables.task_table(journal.tasks()))
    writer.note_export(code)


def _note_unloaded(writer: JournalWriter, prepared: Prepared, settings: Settings) -> None:
    """Record each task that could not be loaded or is too large; forget the records of those that can be by now."""
    for spec in prepared.plan.specs.values():
        writer.drop(_load_cell(spec))
    for spec, reason in prepared.too_large.items():
        writer.write({_load_cell(spec): CellRecord(CellResult(Ending("skipped", detail=reason)))})
    for spec, error in prepared.unloaded.items():
        flags = [*rerun_command.task_flags(spec), *rerun_command.settings_flags(settings)]
        rerun = shlex.join(["bench", "run", *flags, "--results", str(writer.journal.root)])
        ending = Ending("failed", error.cause, str(error))
        writer.write({_load_cell(spec): CellRecord(CellResult(ending), rerun=printable(rerun))})


def _load_cell(spec: TaskSpec) -> Cell:
    return Cell(board=LOAD_BOARD, task=printable(spec.full), panel="", repeat=0, fold=0, learner="", method="load")


def _manifest(request: RunRequest, prepared: Prepared, tally: Tally) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "command": ["bench", *sys.argv[1:]],
        "settings": asdict(request.settings),
        "selection": asdict(request.chosen),
        "tasks": {
            name: {
                "data_hash": prepared.plan.data[name],
                **{
                    note: value for note, value in task.meta.items() if isinstance(value, (str, int, float, bool, list))
                },
            }
            for name, task in prepared.plan.tasks.items()
        },
        "tally": tally.as_dict(),
        "jobs": request.options.jobs,
        "threads": 1,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {d.metadata["Name"].lower(): d.version for d in distributions() if d.metadata["Name"]},
        "git": _commit_of_git(),
    }


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _commit_of_git() -> str | None:
    """Return the commit of the working directory, `+` behind it where files differ from it; None outside git."""
    try:
        revision = _run_git("rev-parse", "HEAD")
        changed = _run_git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{revision}+" if changed else revision


def _run_git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=True, timeout=10)  # noqa: S603, S607
    return done.stdout.strip()
