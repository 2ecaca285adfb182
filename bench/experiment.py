"""One run from names to tables: load the tasks, plan, run, and export what the results directory holds."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import distributions
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

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
from bench.runner.held_tasks import HeldTasks, without_features
from bench.runner.journal import SCHEMA, Journal, JournalWriter
from bench.runner.options import RunRequest, RunSelection
from bench.runner.plan import BoardPlan, Loaded, Plan, own_repeats, plan
from bench.runner.records import CellRecord, CellResult, Ending, TaskRecord
from bench.runner.scheduler import Run, Tally
from bench.runner.store import Store
from bench.tasks import loading, splits
from bench.tasks.meta_features import meta_features
from bench.tasks.sources import LoadError
from bench.tasks.suites import Catalogue, Outline, Suite, catalogue, find_suite
from bench.tasks.task_names import name_apart
from bench.tasks.task_spec import CvSpec, TaskSpec

DEFAULT_SUITE = "quick"
SECONDS_AN_HOUR = 3600
GUESSED_RATE = 0.0025
"""Seconds a row of one fit with its inner folds: the median over the default panel on the suite `quick`."""
UNKNOWN = "unknown"
"""What stands for a number that only the table could tell."""
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
    """A plan, the tasks behind it, those that could not be loaded, and those that are too large, each with why.

    `outlines` hold what is known of the tasks that were not tried.
    """

    plan: Plan
    loaded: tuple[Loaded, ...]
    unloaded: dict[TaskSpec, LoadError]
    too_large: dict[TaskSpec, str]
    tasks: HeldTasks
    outlines: Mapping[str, Outline] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a run did, and the boards of all metrics that it wrote; none where nothing has changed."""

    tally: Tally
    standings: Sequence[leaderboards.Standing]


OnLoaded = Callable[[str, Task], None]
"""What is called with the name and the task of each request that is loaded."""


def prepare(request: RunRequest, on_loaded: OnLoaded) -> Prepared:
    """Load the tasks and resolve every name.

    Raises:
        BenchError: a name is unknown, or a task is not what it must be.
    """
    known, tasks = catalogue(request.datasets), HeldTasks(offline=request.offline)
    requested = _requested_tasks(request, _requested_suites(request, known))
    loaded, unloaded, too_large = _load(request, requested, tasks, on_loaded)
    every = plan(loaded, request.chosen, _panels(request, known), request.settings)
    return Prepared(every, loaded, unloaded, too_large, tasks)


def foresee(request: RunRequest, on_loaded: OnLoaded) -> Prepared:
    """Resolve every name, and load only tasks of which the suites know too little to count cells.

    Tasks that the experiment holds are loaded, since what is stored of them depends on their tables.

    Raises:
        BenchError: a name is unknown, or a task is not what it must be.
    """
    known, tasks = catalogue(request.datasets), HeldTasks(offline=request.offline)
    requested, held = _requested_tasks(request, _requested_suites(request, known)), Journal(request.results).tasks()
    outlined = {
        spec: found
        for spec, found in requested.items()
        if spec.source == "openml" and found.outline.kind and spec.rows is None and spec.full not in held
    }
    rest = {spec: found for spec, found in requested.items() if spec not in outlined}
    loaded, unloaded, too_large = _load(request, rest, tasks, on_loaded)
    reasons = {spec: _why_too_large(_known_sizes(found.outline), request.chosen) for spec, found in outlined.items()}
    too_large |= {spec: reason for spec, reason in reasons.items() if reason}
    stand_ins = [_stand_in(spec, found) for spec, found in outlined.items() if not reasons[spec]]
    every = plan([*loaded, *stand_ins], request.chosen, _panels(request, known), request.settings)
    outlines = {each.task.name: outlined[each.spec].outline for each in stand_ins}
    return Prepared(every, loaded, unloaded, too_large, tasks, outlines)


def _load(
    request: RunRequest, requested: Mapping[TaskSpec, Requested], tasks: HeldTasks, on_loaded: OnLoaded
) -> tuple[tuple[Loaded, ...], dict[TaskSpec, LoadError], dict[TaskSpec, str]]:
    """Load the tasks into `tasks` and cut them.

    Returned are those that serve, those of suites that cannot be loaded, and those that are too large, with reasons.
    """
    held = Journal(request.results).tasks()
    loaded: dict[str, Loaded] = {}
    unloaded: dict[TaskSpec, LoadError] = {}
    too_large: dict[TaskSpec, str] = {}
    from_suites = {spec for spec, found in requested.items() if found.cv is not None}
    for spec, task in loading.load(requested, offline=request.offline, from_suites=from_suites):
        if isinstance(task, LoadError):
            unloaded[spec] = task
            continue
        about = meta_features(task)
        sizes = {"rows": about["n_rows"], "features": about["n_columns"], "classes": about["n_classes"]}
        if reason := _why_too_large(sizes, request.chosen):
            too_large[spec] = reason
            continue
        if task.name in loaded:
            raise BenchError(f"two tasks are named {task.name!r}: give one of the files another name")
        cv = requested[spec].cv or _earlier_cv(task, held.get(task.name))
        try:
            parts = _outer_splits(task, cv, request.settings)
        except BenchError as error:
            if spec not in from_suites:
                raise
            unloaded[spec] = LoadError(str(error), "data")  # one table of a suite does not stop the others
            continue
        loaded[task.name] = Loaded(
            spec=spec,
            task=without_features(task),
            cv=cv,
            splits=parts,
            data=data_hash(task),
            meta_features=about,
        )
        tasks.hold(spec, task, loaded[task.name].data)
        on_loaded(spec.name, task)
    return tuple(loaded.values()), unloaded, too_large


def _why_too_large(sizes: Mapping[str, int | None], chosen: RunSelection) -> str:
    """Return by how much the known sizes of a task are beyond what was chosen, or nothing."""
    limits = {name: getattr(chosen, f"max_{name}") for name in sizes}
    beyond = {name: size for name, size in sizes.items() if size and limits[name] is not None and size > limits[name]}
    return ", ".join(f"{size} {name}, and --max-{name} is {limits[name]}" for name, size in beyond.items())


def _known_sizes(outline: Outline) -> dict[str, int | None]:
    return {"rows": outline.rows, "features": outline.columns, "classes": outline.classes}


def _stand_in(spec: TaskSpec, requested: Requested) -> Loaded:
    """Return a task without its table: enough to name the cells of a plan, and no more."""
    cv, outline, nothing = requested.cv or CvSpec(), requested.outline, np.zeros(0, dtype=np.int64)
    folds = [divmod(at, cv.folds) for at in range(outline.splits or cv.folds * cv.repeats)]
    splits_there = tuple(Split(repeat, fold, nothing, nothing) for repeat, fold in folds)
    task = Task(spec.full, pd.DataFrame(), nothing, outline.kind or "regression", splits_there)
    return Loaded(spec=spec, task=task, cv=cv, splits=splits_there, data="")


def _panels(request: RunRequest, known: Catalogue) -> dict[str, list[str]]:
    """Return the learners of the chosen panel by kind of target."""
    panel = known.panel(request.chosen.panel)
    return {
        kind: list(names) if panel.each == 1 else portfolio(names, panel.each) for kind, names in panel.learners.items()
    }


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
    """Hash the data and all outer splits of a task, and its positive class where the user chose another one."""
    usual = replace(loaded.task, positive=None).positive_code == loaded.task.positive_code
    chosen = [] if usual else [loaded.task.positive]
    parts = [[split.repeat, split.fold, split.train, split.test] for split in loaded.splits]
    return digest(loaded.data, parts, *chosen)


def _task_record(loaded: Loaded) -> TaskRecord:
    """Return what the experiment must keep of a task."""
    return TaskRecord(
        hash=_task_hash(loaded),
        cv=loaded.cv,
        own_repeats=own_repeats(loaded.splits),
        meta_features=loaded.meta_features,
        spec=loaded.spec,
    )


def _requested_suites(request: RunRequest, known: Catalogue) -> list[Suite]:
    """Return the requested suites; the default one if nothing is requested."""
    names = request.suites or (() if request.tasks else (DEFAULT_SUITE,))
    return [find_suite(known, name, offline=request.offline) for name in names]


class Requested(NamedTuple):
    """How the suite of a task cuts it, and what it knows of it; a task that is named by itself has no cut."""

    cv: CvSpec | None = None
    outline: Outline = Outline()


def _requested_tasks(request: RunRequest, suites: Sequence[Suite]) -> dict[TaskSpec, Requested]:
    """Return the requested tasks, each once, with an id of its own and the columns and positive class of the flags."""
    rows = {name: value for name, value in request.task_flags.items() if name == "rows"}
    of_suite = {
        spec.filled_in(request.task_flags if spec.source == "file" else rows): Requested(suite.cv, outline)
        for suite in reversed(suites)
        for spec, outline in suite.tasks.items()
    }
    return {
        replace(named, positive=spec.positive or request.positive): of_suite.get(spec, Requested())
        for spec, named in name_apart((*request.tasks, *of_suite)).items()
    }


def requested_tasks(request: RunRequest) -> list[TaskSpec]:
    """Return the requested tasks, each once; those of the default suite if nothing is named.

    Raises:
        BenchError: a suite is unknown.
    """
    return list(_requested_tasks(request, _requested_suites(request, catalogue(request.datasets))))


def run(request: RunRequest, prepared: Prepared, watch: Callable[[int, int], Callable[[Event], None]]) -> Outcome:
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
            Run(plan, prepared.tasks, writer, store, options, tally).execute(
                agenda, watch(len(agenda.fits), agenda.board_splits)
            )
        finally:
            standings = export_tables(request.results, writer)
            tables.write_manifest(request.results, _manifest(request, prepared, tally))
    return Outcome(tally, standings)


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
    every, outlines = prepared.plan, prepared.outlines
    there = replace(
        every,
        tasks={name: task for name, task in every.tasks.items() if name not in outlines},
        board_plans=tuple(each for each in every.board_plans if each.task not in outlines),
    )
    agenda = draw_up(there, journal, Store(request.store_root), request.options)
    rows: list[list[Any]] = []
    sizes = {
        each.task.name: [each.meta_features["n_rows"], each.meta_features["n_columns"]] for each in prepared.loaded
    }
    foreseen: list[tuple[int, int]] = []
    for name, task in every.tasks.items():
        of_task = [each for each in every.board_plans if each.task == name]
        boards, cut = " ".join(each.board.name for each in of_task), every.splits[name]
        if name in outlines:
            size = [outlines[name].rows or UNKNOWN, outlines[name].columns or UNKNOWN]
            cells = sum(1 for each in of_task for split in cut for _ in each.cells(split))
            fits = _count_fits(of_task) * len(cut)
            rows.append([name, *size, task.kind, len(cut), boards, cells, fits, UNKNOWN])
            foreseen.append((fits, outlines[name].rows or 0))
        else:
            counts = agenda.counts[name]
            rows.append([name, *sizes[name], task.kind, len(cut), boards, counts.cells, counts.fits, counts.stored])
    left = len(agenda.fits) + sum(fits for fits, _ in foreseen)
    return Outlook(rows, len(every.cells), left, agenda.stored, _estimate(agenda, foreseen, journal, request))


def _count_fits(of_task: Sequence[BoardPlan]) -> int:
    """Count the fits of one split of a task: boards share those of the same target, learner and training scheme."""
    return len(
        {
            (each.board.target_kind, learner, training)
            for each in of_task
            for learner in each.learners
            for training in each.trainings
        }
    )


def _estimate(agenda: Agenda, foreseen: Sequence[tuple[int, int]], journal: Journal, request: RunRequest) -> str:
    """Predict the hours of the fits to do from the seconds a row that earlier fits of the same learner took.

    `foreseen` holds the fits and rows of tasks that are not loaded.
    """
    rates: dict[str, list[float]] = {}
    for cell, record in journal.records().items():
        seconds, n_train = record.result.fit_seconds, record.result.n_train
        if record.ending.is_ok and seconds is not None and n_train:
            rates.setdefault(cell.learner, []).append(seconds / n_train)
    if not agenda.fits and not foreseen:
        return "nothing to fit"
    typical = {name: median(values) for name, values in rates.items()}
    other = median(typical.values()) if typical else GUESSED_RATE
    total = sum(typical.get(job.fit.learner, other) * len(job.split.train) for job in agenda.fits)
    total += sum(fits * rows * other for fits, rows in foreseen)
    basis = "" if typical else ", a guess: no fit was timed in this directory yet"
    return f"about {total / request.options.jobs / SECONDS_AN_HOUR:.2g} hours with -j {request.options.jobs}{basis}"


@dataclass(frozen=True)
class SuiteSize:
    """How large a suite is with the default panel and methods; None where it is not known of every task."""

    rows: int | None
    cells: int | None
    hours: float | None


def measure_suite(name: str, known: Catalogue) -> SuiteSize:
    """Size up a suite by what is known of its tasks without loading them."""
    suite = known.suite(name)
    request = RunRequest()
    a_split: dict[str, tuple[int, int]] = {}
    for kind in {outline.kind for outline in suite.tasks.values() if outline.kind}:
        one = _stand_in(TaskSpec("openml:0"), Requested(suite.cv, Outline(kind, splits=1)))
        small = plan([one], request.chosen, _panels(request, known), request.settings)
        a_split[kind] = len(small.cells), _count_fits(small.board_plans)
    cells, hours = 0, 0.0
    for outline in suite.tasks.values():
        if outline.kind is None:
            return SuiteSize(None, None, None)
        splits_there = outline.splits or (suite.cv.first or suite.cv.folds) * suite.cv.repeats
        cells += a_split[outline.kind][0] * splits_there
        hours += a_split[outline.kind][1] * splits_there * (outline.rows or 0) * GUESSED_RATE / SECONDS_AN_HOUR
    rows = [outline.rows for outline in suite.tasks.values()]
    total = None if None in rows else sum(number or 0 for number in rows)
    return SuiteSize(total, cells, None if total is None else hours)


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
