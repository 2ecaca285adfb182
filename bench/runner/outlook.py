"""Looking ahead: what a run would do, and how long it may take, without running or writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from bench.methods.learners import import_path
from bench.runner.agenda import Agenda, draw_up
from bench.runner.forecast import GUESSED_RATE, Forecast, in_words
from bench.runner.journal import Journal
from bench.runner.options import HOUR, RunRequest
from bench.runner.plan import BoardPlan, plan
from bench.runner.prepare import Prepared, Requested, panels, stand_in
from bench.runner.store import Store
from bench.tasks.suites import Catalogue, Outline
from bench.tasks.task_spec import TaskSpec

UNKNOWN = "unknown"
"""What stands for a number that only the table could tell."""


@dataclass(frozen=True)
class Outlook:
    """What a run would do: one row a task, the totals, and the time that it may take.

    `todo` are the cells but those that are surely up to date: what waits for a fit may turn out to be, too.
    """

    rows: list[list[Any]]
    cells: int
    todo: int
    fits: int
    stored: int
    estimate: str


def look_ahead(request: RunRequest, prepared: Prepared) -> Outlook:
    """Look ahead without running or writing: which cells are planned, which fits are stored, how long others may take.

    Raises:
        BenchError: a run would be refused, because the directory holds other settings, or other data of a task.
    """
    journal = Journal(request.results)
    journal.check_settings(request.settings)
    journal.check_tasks({each.task.name: each.hash for each in prepared.loaded})
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
    done = sum(len(opening.standing) for opening in agenda.ready)
    estimate = _estimate(agenda, foreseen, journal, request)
    return Outlook(rows, len(every.cells), len(every.cells) - done, left, agenda.stored, estimate)


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
    """Predict the time of what is to do, from what earlier fits in this directory took.

    `foreseen` holds the fits and rows of tasks that are not loaded.
    """
    todo = [*agenda.waiting, *(opening.board_split for opening in agenda.ready if opening.todo)]
    if not agenda.fits and not foreseen and not todo:
        return "nothing to do"
    forecast = Forecast()
    forecast.learn_from_records(journal.records())
    total = sum(map(forecast.seconds_of, agenda.fits))
    total += sum(fits * forecast.seconds_of_fit("", rows) for fits, rows in foreseen)
    for board_split in todo:
        total += forecast.seconds_of_cells(board_split.board_plan.board.name, len(board_split.cells))
    new = {job.fit.learner for job in agenda.fits} - forecast.fits.keys()
    basis = f", a guess for {', '.join(sorted(new))}, not timed in this directory yet" if new else ""
    if forecast.is_guess:
        basis = ", a guess: no fit was timed in this directory yet"
    return f"about {in_words(total / request.options.workers)} with -j {request.options.workers}{basis}"


@dataclass(frozen=True)
class SuiteSize:
    """How large a suite is with the default panel and methods; None where it is not known of every task."""

    rows: int | None
    cells: int | None
    hours: float | None


def measure_suite(name: str, known: Catalogue) -> SuiteSize:
    """Size up a suite by what is known of its tasks without loading them, or importing learners of others."""
    suite = known.suite(name)
    request = RunRequest()
    if any(map(import_path, chain.from_iterable(known.panel(request.chosen.panel).learners.values()))):
        return SuiteSize(None, None, None)
    a_split: dict[str, tuple[int, int]] = {}
    for kind in {outline.kind for outline in suite.tasks.values() if outline.kind}:
        one = stand_in(TaskSpec("openml:0"), Requested(suite.cv, Outline(kind, splits=1)))
        small = plan([one], request.chosen, panels(request, known), request.settings)
        a_split[kind] = len(small.cells), _count_fits(small.board_plans)
    cells, hours = 0, 0.0
    for outline in suite.tasks.values():
        if outline.kind is None:
            return SuiteSize(None, None, None)
        splits_there = outline.splits or (suite.cv.first or suite.cv.folds) * suite.cv.repeats
        cells += a_split[outline.kind][0] * splits_there
        hours += a_split[outline.kind][1] * splits_there * (outline.rows or 0) * GUESSED_RATE / HOUR
    rows = [outline.rows for outline in suite.tasks.values()]
    total = None if None in rows else sum(number or 0 for number in rows)
    return SuiteSize(total, cells, None if total is None else hours)
