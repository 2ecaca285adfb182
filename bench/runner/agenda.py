"""What is left to do of a plan, as the journal and the store have it; looking ahead writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.core.hashing import digest
from bench.core.nouns import BenchError, Cell
from bench.runner import fit_spec
from bench.runner.cells import BoardSplit, changed
from bench.runner.fit_spec import Fit, SplitRows
from bench.runner.journal import ALWAYS_RETRIED, Journal, Record
from bench.runner.options import RunOptions
from bench.runner.plan import BoardPlan, Plan
from bench.runner.store import Store
from bench.runner.worker import FitJob, ending


@dataclass(frozen=True)
class Counts:
    """How many cells a task has, how many of its fits are to do, and how many are stored."""

    cells: int
    fits: int
    stored: int


@dataclass(frozen=True)
class Opening:
    """A sheet that waits for no fit, and what becomes of its cells.

    `standing` are the statuses of the cells that are up to date, `ended` the records of those that end without being
    weighed, `todo` of those to weigh the part of the record that is known already.
    """

    board_split: BoardSplit
    standing: Mapping[Cell, str]
    ended: Mapping[Cell, Record]
    todo: Mapping[Cell, Record]


@dataclass(frozen=True)
class Agenda:
    """What is left to do of a plan: fits, sheets that are ready, and sheets that wait for a fit, each in order.

    `ends` says of the other fits, by key, how they ended; `counts` is by task.
    """

    fits: tuple[FitJob, ...]
    ends: Mapping[str, Record]
    ready: tuple[Opening, ...]
    waiting: tuple[BoardSplit, ...]
    counts: Mapping[str, Counts]

    @property
    def stored(self) -> int:
        """How many fits are stored."""
        return sum(each.stored for each in self.counts.values())

    @property
    def board_splits(self) -> int:
        """How many sheets are to be weighed, as far as is known."""
        return sum(bool(opening.todo) for opening in self.ready) + len(self.waiting)


def draw_up(plan: Plan, journal: Journal, store: Store, options: RunOptions) -> Agenda:
    """Look up every fit and every cell of a plan; nothing is written."""
    todo: dict[str, FitJob] = {}
    ends: dict[str, Record] = {}
    stored: Counter[str] = Counter()
    board_splits = []
    for board_plan in plan.board_plans:
        for split in plan.splits[board_plan.task]:
            rows = fit_spec.rows_of(plan.tasks[board_plan.task], split, plan.settings)
            requested = [_job(rows, fit, plan, store) for fit in _fits(board_plan, plan)]
            keys = {(job.fit.learner, job.fit.training): job.key for job, _ in requested}
            board_splits.append(BoardSplit(board_plan, split, rows.task, keys))
            for job, fault in requested:
                if job.key in todo or job.key in ends:
                    continue
                end = fault or _end(job, rows, journal, store, options)
                if end is None:
                    todo[job.key] = job
                else:
                    ends[job.key] = end
                    stored[board_plan.task] += end["status"] == "ok"
    ready = [board_split for board_split in board_splits if not awaited(board_split, ends)]
    cells = Counter(cell.task for board_split in board_splits for cell in board_split.cells)
    left = Counter(job.context for job in todo.values())
    return Agenda(
        fits=tuple(todo.values()),
        ends=ends,
        ready=tuple(open_board_split(board_split, ends, journal, plan, options) for board_split in ready),
        waiting=tuple(board_split for board_split in board_splits if awaited(board_split, ends)),
        counts={name: Counts(cells[name], left[name], stored[name]) for name in plan.tasks},
    )


def awaited(board_split: BoardSplit, ends: Mapping[str, Record]) -> set[str]:
    """Return the keys of the fits of a sheet that have not ended."""
    return {key for key in board_split.fits.values() if key not in ends}


def open_board_split(
    board_split: BoardSplit, ends: Mapping[str, Record], journal: Journal, plan: Plan, options: RunOptions
) -> Opening:
    """Tell the cells of a sheet apart: those up to date, those that end without being weighed, and those to weigh."""
    held = journal.read(board_split.cells[0])
    standing: dict[Cell, str] = {}
    ended: dict[Cell, Record] = {}
    todo: dict[Cell, Record] = {}
    for cell in board_split.cells:
        record = board_split.foundation(cell, ends, plan.settings, plan.data[board_split.board_plan.task])
        known = held.get(cell, {})
        if "status" in record and not _agrees(record, known):
            ended[cell] = record
        elif "status" in record or (known.get("key") == record["key"] and not _is_retried(known, options)):
            standing[cell] = known["status"]
        else:
            todo[cell] = record | {"why": _why(record, known)}
    return Opening(board_split, standing, ended, todo)


def _fits(board_plan: BoardPlan, plan: Plan) -> Iterator[Fit]:
    """Yield the fits that a board rests on."""
    target = board_plan.board.target(plan.tasks[board_plan.task], plan.settings)
    for learner in board_plan.learners:
        for training in board_plan.trainings:
            yield Fit(target, learner, training)


def _job(rows: SplitRows, fit: Fit, plan: Plan, store: Store) -> tuple[FitJob, Record | None]:
    """Return the job of a fit, and how it ended where its class weighting cannot even give the weights of its key."""
    fault = None
    try:
        parts = fit_spec.fit_parts(rows, fit, plan.settings, plan.data[rows.task.name])
        key = digest(parts)
    except BenchError:
        raise
    except Exception as error:  # noqa: BLE001 - a class weighting may raise anything; its cells say what
        key, parts, fault = digest("no key", rows.key, fit.learner, fit.training), {}, ending(error)
    return FitJob(rows.task.name, rows.outer, fit, key, parts, plan.settings, store.root), fault


def _end(job: FitJob, rows: SplitRows, journal: Journal, store: Store, options: RunOptions) -> Record | None:
    """Return how a fit ended if it is stored, does not apply, or failed before; None where it is to do."""
    if store.has(job.key) and not options.force:
        return {"status": "ok"}
    if reason := fit_spec.why_not(rows, job.fit, job.settings):
        return {"status": "skipped", "cause": "", "detail": reason}
    failure = journal.failure(job.key)
    return None if failure and _is_retried(failure, options) else failure


def _is_retried(record: Record, options: RunOptions) -> bool:
    wanted = ALWAYS_RETRIED | set(options.retry)
    bad = record["status"] not in {"ok", "skipped"}
    return options.force or (bad and bool({record["status"], record.get("cause"), "all"} & wanted))


def _agrees(record: Record, known: Record) -> bool:
    """Say whether the journal holds a record already; its traceback lies in a file."""
    return all(known.get(name) == value for name, value in record.items() if name != "trace")


def _why(record: Record, known: Record) -> str:
    """Say why a cell is weighed though something may be known of it."""
    if not known:
        return "it was not there"
    if known.get("key") == record["key"]:
        return f"it had ended as {known['status']}, and was tried again"
    return f"this had changed: {', '.join(changed(record['parts'], known.get('parts', {})))}"
