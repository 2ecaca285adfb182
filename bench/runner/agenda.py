"""What is left to do of a plan, as the journal and the store have it; looking ahead writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.core.hashing import digest
from bench.core.nouns import BenchError, Cell
from bench.methods import metrics
from bench.runner import fit_spec
from bench.runner.cells import BoardSplit, Foundation, changed_parts
from bench.runner.endings import ending_of
from bench.runner.fit_spec import Fit, SplitRows
from bench.runner.foreign_code import is_foreign_fit
from bench.runner.foreign_weights import SplitId, foreign_class_weights
from bench.runner.journal import Journal
from bench.runner.journal_index import RecordSummary, hash_basis, summarise
from bench.runner.options import RunOptions
from bench.runner.plan import BoardPlan, Plan
from bench.runner.records import CellBasis, CellRecord, CellResult, Ending
from bench.runner.store import ABSENT, Store
from bench.runner.worker import FitJob


@dataclass(frozen=True)
class TaskCounts:
    """How many cells a task has, how many of its fits are to do, and how many are stored."""

    cells: int
    fits: int
    stored: int


@dataclass(frozen=True)
class CellToDo:
    """A cell to evaluate: what it rests on, the learners that it goes on without, and why it is evaluated."""

    basis: CellBasis
    note: str
    why: str


@dataclass(frozen=True)
class Opening:
    """A board split that waits for no fit, and what becomes of its cells.

    `standing` are the statuses of the cells that are up to date, `ended` the records of those that end without being
    evaluated, `todo` are the others.
    """

    board_split: BoardSplit
    standing: Mapping[Cell, str]
    ended: Mapping[Cell, CellRecord]
    todo: Mapping[Cell, CellToDo]


@dataclass(frozen=True)
class Agenda:
    """What is left to do of a plan: fits, board splits that are ready, and those that wait for a fit, each in order.

    `endings` holds by key how the other fits ended; `counts` is by task; `unsound` says by key why an entry of the
    store cannot be used, so that its fit is to do.
    """

    fits: tuple[FitJob, ...]
    endings: Mapping[str, Ending]
    ready: tuple[Opening, ...]
    waiting: tuple[BoardSplit, ...]
    counts: Mapping[str, TaskCounts]
    unsound: Mapping[str, str] = field(default_factory=dict)

    @property
    def stored(self) -> int:
        """How many fits are stored."""
        return sum(each.stored for each in self.counts.values())


def draw_up(plan: Plan, journal: Journal, store: Store, options: RunOptions) -> Agenda:
    """Look up every fit and every cell of a plan; nothing is written."""
    jobs: dict[str, FitJob] = {}
    endings: dict[str, Ending] = {}
    board_splits = []
    shared_fits: dict[Fit, Fit] = {}
    foreign = foreign_class_weights(plan, store, options)
    place = store.root.absolute()
    for board_plan in plan.board_plans:
        fits = [shared_fits.setdefault(fit, fit) for fit in _fits(board_plan, plan)]  # each makes its parts once
        for split in plan.splits[board_plan.task]:
            given = foreign.get(SplitId(board_plan.task, split.repeat, split.fold), {})
            faults = {name: found for name, found in given.items() if isinstance(found, Ending)}
            rows = replace(
                fit_spec.rows_of(plan.tasks[board_plan.task], split, plan.settings),
                class_weights={name: found for name, found in given.items() if not isinstance(found, Ending)},
            )
            requested = [_fit_job(rows, fit, plan, place, faults.get(fit.training)) for fit in fits]
            keys = {job.fit.id: job.key for job, _ in requested}
            board_splits.append(BoardSplit(board_plan, split, rows.task, keys, board_plan.metrics))
            for job, fault in requested:
                if job.key in jobs:
                    continue
                jobs[job.key] = job
                if ending := fault or _known_ending(job, rows, journal, store, options):
                    endings[job.key] = ending
    ready = [each for each in board_splits if not missing_fits(each, endings)]
    openings = [open_board_split(each, endings, journal, plan, options) for each in ready]
    unsound = _unsound_entries(board_splits, openings, endings, store)
    for key in unsound:
        endings.pop(key, None)
    todo = {key: job for key, job in jobs.items() if key not in endings}
    stored = Counter(jobs[key].context for key, ending in endings.items() if ending.is_ok)
    cells = Counter(cell.task for each in board_splits for cell in each.cells)
    left = Counter(job.context for job in todo.values())
    return Agenda(
        fits=tuple(todo.values()),
        endings=endings,
        ready=tuple(opening for opening in openings if not missing_fits(opening.board_split, endings)),
        waiting=tuple(each for each in board_splits if missing_fits(each, endings)),
        counts={name: TaskCounts(cells[name], left[name], stored[name]) for name in plan.tasks},
        unsound=unsound,
    )


def _unsound_entries(
    board_splits: Iterable[BoardSplit], openings: Iterable[Opening], endings: Mapping[str, Ending], store: Store
) -> dict[str, str]:
    """Say by key why an entry of the store cannot be used: of those alone that something to do reads, each once.

    One that is not there is worth a word only if it was a moment ago: another run found it unsound, too.
    """
    idle = {opening.board_split.id for opening in openings if not opening.todo}
    read = dict.fromkeys(key for each in board_splits if each.id not in idle for key in each.fits.values())
    expected = (key for key in read if key not in endings or endings[key].is_ok)
    return {key: why for key in expected if (why := store.fault(key)) and (why != ABSENT or key in endings)}


def missing_fits(board_split: BoardSplit, endings: Mapping[str, Ending]) -> set[str]:
    """Return the keys of the fits of a board split that have not ended."""
    return {key for key in board_split.fits.values() if key not in endings}


def open_board_split(
    board_split: BoardSplit, endings: Mapping[str, Ending], journal: Journal, plan: Plan, options: RunOptions
) -> Opening:
    """Sort the cells of a board split: those up to date, those that end without being evaluated, and those to do."""
    founded = list(board_split.foundations(endings, plan.settings, plan.data[board_split.board_plan.task]))
    wanted = frozenset(board_split.board_plan.metrics)
    known = journal.summaries(board_split.cells[0]) or {}
    if all(each.cell in known and _is_current(known[each.cell], each, wanted, options) for each in founded):
        return Opening(board_split, {each.cell: known[each.cell].status for each in founded}, {}, {})
    held = journal.read(board_split.cells[0])
    board_split = _keep_metrics(board_split, held, plan)
    standing: dict[Cell, str] = {}
    ended: dict[Cell, CellRecord] = {}
    todo: dict[Cell, CellToDo] = {}
    for found in founded:
        cell = found.cell
        record = held.get(cell)
        if record is not None and _is_current(summarise(record), found, wanted, options):
            standing[cell] = record.ending.status
        elif found.ending is not None:
            ended[cell] = CellRecord(CellResult(found.ending), found.basis)
        else:
            todo[cell] = CellToDo(found.basis, found.note, _why(found, record, wanted))
    return Opening(board_split, standing, ended, todo)


def _keep_metrics(board_split: BoardSplit, held: Mapping[Cell, CellRecord], plan: Plan) -> BoardSplit:
    """Return a board split that is scored by the metrics of earlier runs too: evaluated anew, a cell loses none."""
    known = metrics.for_target(board_split.board_plan.board.target(board_split.task, plan.settings))
    names = {name for record in held.values() for name in record.result.scores.get("test", ())}
    before = {metrics.current_name(name) for name in names}
    found = {name for name in before if name in known or (":" in name and metrics.metric_info(name))}
    kept = sorted(found - {*board_split.metrics})
    return replace(board_split, metrics=(*board_split.metrics, *kept))


def _fits(board_plan: BoardPlan, plan: Plan) -> list[Fit]:
    """Return the fits that a board rests on, the same on every split."""
    target = board_plan.board.target(plan.tasks[board_plan.task], plan.settings)
    return [Fit(target, learner, training) for learner in board_plan.learners for training in board_plan.trainings]


def _fit_job(rows: SplitRows, fit: Fit, plan: Plan, store: Path, fault: Ending | None) -> tuple[FitJob, Ending | None]:
    """Return the job of a fit, and how it ended where its class weighting cannot even give the weights of its key."""
    parts: dict[str, str] = {}
    try:
        if fault is None:
            parts = fit_spec.fit_parts(rows, fit, plan.settings, plan.data[rows.task.name])
    except BenchError:
        raise
    except Exception as error:  # noqa: BLE001 - a class weighting may raise anything; its cells record what
        fault = ending_of(error)
    key = digest(parts) if fault is None else digest("no key", rows.key, fit.learner, fit.training)
    job = FitJob(
        context=rows.task.name,
        split=rows.outer,
        fit=fit,
        key=key,
        parts=parts,
        settings=plan.settings,
        store=store,
        is_foreign=rows.task.external is None and is_foreign_fit(fit.id),
    )
    return job, fault


def _known_ending(job: FitJob, rows: SplitRows, journal: Journal, store: Store, options: RunOptions) -> Ending | None:
    """Return how a fit ended if it is stored, does not apply, or failed before; None where it is to do."""
    if store.has(job.key) and not options.force:
        return Ending("ok")
    if reason := fit_spec.why_not(rows, job.fit, job.settings):
        return Ending("skipped", detail=reason)
    failure = journal.failure(job.key)
    return None if failure and (options.force or failure.is_retried(options.retry)) else failure


def _is_current(known: RecordSummary, found: Foundation, metrics: frozenset[str], options: RunOptions) -> bool:
    """Return whether what the journal holds of a cell is what a run would come to, scored by these metrics at least."""
    if not known.metrics >= metrics:
        return False
    if found.ending is not None:  # the journal keeps its traceback in a file
        return known.ending == replace(found.ending, trace="") and known.basis == hash_basis(found.basis)
    # the key holds the fits that there are; why a learner is missing may be another reason than before
    same = known.key == found.key and known.detail.endswith(found.note)
    return same and not options.force and not known.ending.is_retried(options.retry)


def _why(found: Foundation, known: CellRecord | None, metrics: frozenset[str]) -> str:
    """Return why a cell is evaluated, by these metrics at least, though something may be known of it."""
    basis = found.basis
    if known is None:
        return "it was not there"
    if known.basis.key == basis.key and not known.has_scores(metrics):
        return "it had not been scored by all of the metrics"
    if known.basis.key == basis.key and not known.ending.detail.endswith(found.note):
        return "a learner is missing for another reason"
    if known.basis.key == basis.key:
        return f"it had ended as {known.ending.status}, and was tried again"
    return f"this had changed: {', '.join(changed_parts(basis.parts, known.basis.parts))}"
