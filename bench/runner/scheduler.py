"""Running an agenda: what is left is fitted and evaluated, and every cell ends in one record."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace

from bench.core.nouns import STATUSES, BenchError, Cell, Task
from bench.runner import rerun_command
from bench.runner.agenda import Agenda, CellToDo, Opening, missing_fits, open_board_split
from bench.runner.cells import BoardSplit
from bench.runner.endings import ending_of_lost
from bench.runner.executors import Executor
from bench.runner.executors.local import Event, Pool
from bench.runner.forecast import Forecast
from bench.runner.foreign_code import foreign_metrics, starter
from bench.runner.journal import JournalWriter
from bench.runner.options import RunOptions
from bench.runner.plan import BoardSplitId, Plan
from bench.runner.progress import Progress, Running
from bench.runner.records import CellRecord, CellResult, Ending, FitId
from bench.runner.store import Store
from bench.runner.worker import EvaluateJob, FitJob

TELL_SECONDS = 1.0
"""How often who watches is told how far the run is."""


def _ignore(_: object) -> None:
    pass


@dataclass(frozen=True)
class Watch:
    """Who watches a run: `event` gets every event, `progress` now and then how far the run is."""

    event: Callable[[Event], None] = _ignore
    progress: Callable[[Progress], None] = _ignore


UNWATCHED = Watch()
"""Nobody watches."""


@dataclass
class Tally:
    """What a run did: fits made and reused, cells evaluated, and by cell how those that have ended stand.

    `budget` is the flag of the budget that ended the run before all was done.
    """

    planned: int = 0
    fitted: int = 0
    reused: int = 0
    evaluated: int = 0
    ended: dict[Cell, str] = field(default_factory=dict)
    budget: str = ""

    @property
    def statuses(self) -> Counter[str]:
        """How many cells ended in each status."""
        return Counter(self.ended.values())

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name, every status among them."""
        done = {"planned": self.planned, "fitted": self.fitted, "reused": self.reused, "weighed": self.evaluated}
        counts = self.statuses
        return done | {name: counts[name] for name in STATUSES}


@dataclass
class _Begun:
    """A board split of which a job is being evaluated: its cells to do, and the records that have come in."""

    board_split: BoardSplit
    todo: Mapping[Cell, CellToDo]
    records: dict[Cell, CellRecord] = field(default_factory=dict)


@dataclass
class Run:
    """One run of a plan: its tables, who writes its records, its tally, and the fits and board splits that are left.

    `_endings` holds by key how each fit ended, `_missing` which fits each waiting board split waits for, `_waiters` by
    key the board splits that wait for a fit, `_begun` by its cells what has come in of each job, `_running` by identity
    the jobs that run, with the time of their begin.
    """

    plan: Plan
    tasks: Mapping[str, Task]
    writer: JournalWriter
    store: Store
    options: RunOptions
    tally: Tally
    _fits: deque[FitJob] = field(default_factory=deque, init=False)
    _endings: dict[str, Ending] = field(default_factory=dict, init=False)
    _waiting: dict[BoardSplitId, BoardSplit] = field(default_factory=dict, init=False)
    _missing: dict[BoardSplitId, set[str]] = field(default_factory=dict, init=False)
    _waiters: dict[str, list[BoardSplitId]] = field(default_factory=dict, init=False)
    _ready: deque[EvaluateJob] = field(default_factory=deque, init=False)
    _begun: dict[tuple[Cell, ...], _Begun] = field(default_factory=dict, init=False)
    _running: dict[int, tuple[FitJob | EvaluateJob, float]] = field(default_factory=dict, init=False)
    _forecast: Forecast = field(default_factory=Forecast, init=False)
    _started: float = field(default_factory=time.monotonic, init=False)
    _done: int = field(default=0, init=False)

    def execute(self, agenda: Agenda, watch: Watch) -> None:
        """Run an agenda, and keep what has come in of board splits that were cut short."""
        self._fits.extend(agenda.fits)
        self._endings |= agenda.endings
        self._waiting |= {each.id: each for each in agenda.waiting}
        self._missing |= {each.id: missing_fits(each, agenda.endings) for each in agenda.waiting}
        for name, keys in self._missing.items():
            for key in keys:
                self._waiters.setdefault(key, []).append(name)
        try:
            for opening in agenda.ready:
                self._begin(opening)
            if self._fits or self._ready:
                self._work(watch)
        finally:
            self._keep_begun()

    def _keep_begun(self) -> None:
        """Keep what has come in of board splits that were cut short: each one, also where another cannot be kept."""
        with ExitStack() as stack:
            for begun in self._begun.values():
                stack.callback(self._keep, begun.board_split, begun.records)

    def _work(self, watch: Watch) -> None:
        """Hand out jobs until none is left, a budget is spent, or one ends badly and the run is to stop there."""
        told = -TELL_SECONDS
        with self._executor() as pool:
            while True:
                while pool.free and (job := self._next()):
                    pool.submit(job, self.tasks)
                    self._running[id(job)] = job, time.monotonic()
                if not pool.busy:
                    return
                if time.monotonic() - told >= TELL_SECONDS:
                    told = time.monotonic()
                    watch.progress(self._progress())
                for event in pool.wait():
                    if event.kind == "item" and self._budget():
                        return
                    bad = self._handle(event)
                    watch.event(event)
                    if bad and self.options.stop_at_failure:
                        return
                if self._budget():
                    return

    def _executor(self) -> AbstractContextManager[Executor]:
        """Return who runs the jobs.

        Raises:
            BenchError: it needs an address, and there is none.
        """
        options = self.options
        if options.executor == "local":
            return Pool(options.workers, starter(options.plugins), options.limits)
        # extras, imported only where they are used
        from bench.runner.executors.dask import DaskExecutor
        from bench.runner.executors.slurm import slurm_executor

        def executor_at(address: str) -> DaskExecutor:
            return DaskExecutor(address, self.store, starter(()), options.plugins, options.limits, options.jobs)

        if options.executor == "slurm":
            return slurm_executor(options.workers, executor_at)
        if options.address is None:
            raise BenchError("--executor dask needs the address of a scheduler: give --address tcp://host:8786")
        return executor_at(options.address)

    def _budget(self) -> str:
        """Return the flag of the budget that is spent, if one is; what is running then is not recorded."""
        options, seconds = self.options, time.monotonic() - self._started
        if not self._is_left():
            return ""
        if options.max_total is not None and seconds >= options.max_total:
            self.tally.budget = "--max-total"
        elif options.max_cells is not None and self.tally.evaluated >= options.max_cells:
            self.tally.budget = "--max-cells"
        return self.tally.budget

    def _is_left(self) -> bool:
        """Return whether a fit or a cell has not ended; the end of the job that it was in may not have come in yet."""
        fits = (job.key for job, _ in self._running.values() if isinstance(job, FitJob))
        cells = (len(begun.records) < len(wanted) for wanted, begun in self._begun.items())
        return bool(self._fits or self._waiting or not self._endings.keys() >= {*fits} or any(cells))

    def _progress(self) -> Progress:
        """Return how far the run is; board splits that wait are jobs, too."""
        now = time.monotonic()
        left: list[FitJob | EvaluateJob] = [*self._fits, *self._ready]
        begun = [(job, now - since) for job, since in self._running.values()]
        seconds = sum(map(self._forecast.seconds_of, left))
        seconds += sum(self._forecast.seconds_left(job, since) for job, since in begun)
        seconds += sum(
            self._forecast.seconds_of_cells(each.board_plan.board.name, len(each.cells))
            for each in self._waiting.values()
        )
        return Progress.of_this_process(
            done=self._done,
            total=self._done + len(left) + len(begun) + len(self._waiting),
            running=tuple(Running(str(job), round(since, 1)) for job, since in begun),
            seconds=round(now - self._started, 1),
            seconds_left=round(seconds / self.options.workers, 1),
        )

    def _next(self) -> FitJob | EvaluateJob | None:
        """Return the next job: board splits that are ready come first, so that their records are soon safe."""
        if self._ready:
            return self._ready.popleft()
        return self._fits.popleft() if self._fits else None

    def _begin(self, opening: Opening) -> None:
        """Write the cells of a board split that end without being evaluated, and queue the others."""
        board_split = opening.board_split
        self.tally.ended |= opening.standing
        self._keep(board_split, opening.ended)
        for cells in _apart(board_split, opening.todo):
            self._queue(_Begun(board_split, opening.todo), cells)

    def _queue(self, begun: _Begun, cells: tuple[Cell, ...]) -> None:
        """Queue the evaluation of some cells of a board split."""
        board_split = begun.board_split
        fits = {fit: key for fit, key in board_split.fits.items() if self._endings[key].is_ok}
        others = foreign_metrics(board_split.metrics)
        self._begun[cells] = begun
        self._ready.append(
            EvaluateJob(
                context=board_split.board_plan.task,
                split=board_split.split,
                cells=cells,
                learners=tuple(name for name in board_split.board_plan.learners if FitId.plain(name) in fits),
                fits=fits,
                settings=self.plan.settings,
                store=self.store.root.absolute(),
                weight_rows=board_split.board_plan.weight_rows,
                metrics=tuple(name for name in board_split.metrics if name not in others),
                foreign_metrics=others,
                is_foreign=board_split.is_foreign(cells[0]),
                start=starter(self.options.plugins),
            )
        )

    def _handle(self, event: Event) -> bool:
        """Take in what a worker reported; return whether something ended badly."""
        job, lost = event.job, None
        if event.kind != "item":
            _, since = self._running.pop(id(job))
            self._done += 1
            self._forecast.learn(job, time.monotonic() - since)
        if event.kind not in {"item", "done"}:
            lost = ending_of_lost(event.kind, event.value)
        if isinstance(job, FitJob):
            ending: Ending | None = event.value if event.kind == "item" else lost
            if ending is None or job.key in self._endings:  # what dies behind its last item has done its job
                return False
            self._end_fit(job, ending)
            return ending.is_bad
        result: CellResult | None = event.value if lost is None else CellResult(lost)
        if result is not None and len(self._begun[job.cells].records) < len(job.cells):
            self._end_cell(job, result)
        if event.kind != "item":
            self._end_evaluation(job)
        return result is not None and result.ending.is_bad

    def _end_fit(self, job: FitJob, ending: Ending) -> None:
        """Note how a fit ended, and begin the board splits that waited for it alone."""
        self.tally.fitted += 1
        self._endings[job.key] = ending
        if ending.is_ok:
            self.writer.forget_failure(job.key)
        else:
            self.writer.note_failure(job.key, ending)
        for name in self._waiters.pop(job.key, ()):
            self._missing[name].discard(job.key)
            if not self._missing[name]:
                del self._missing[name]
                board_split = self._waiting.pop(name)
                self._begin(open_board_split(board_split, self._endings, self.writer.journal, self.plan, self.options))

    def _end_cell(self, job: EvaluateJob, result: CellResult) -> None:
        """Keep the result of the next cell of a job."""
        begun = self._begun[job.cells]
        cell = job.cells[len(begun.records)]
        todo = begun.todo[cell]
        detail = "; ".join(text for text in (result.ending.detail, todo.note) if text)
        whole = replace(result, ending=replace(result.ending, detail=detail))
        begun.records[cell] = CellRecord(whole, todo.basis, todo.why)
        self.tally.evaluated += 1

    def _end_evaluation(self, job: EvaluateJob) -> None:
        """Write what has come in of a job that is done or whose worker is lost; queue what is left of it."""
        begun = self._begun.pop(job.cells)
        self._keep(begun.board_split, begun.records)
        left = job.cells[len(begun.records) :]
        if left:
            self._queue(_Begun(begun.board_split, begun.todo), left)

    def _keep(self, board_split: BoardSplit, records: Mapping[Cell, CellRecord]) -> None:
        """Write records of a board split to the journal, and count them."""
        if records:
            self.writer.write({cell: self._complete(board_split, cell, record) for cell, record in records.items()})
            self.tally.ended |= {cell: record.ending.status for cell, record in records.items()}

    def _complete(self, board_split: BoardSplit, cell: Cell, record: CellRecord) -> CellRecord:
        """Give a record without scores empty ones; a bad one its traceback in a file and the command to rerun."""
        ending = record.ending
        if ending.is_ok:
            return record
        scores = board_split.no_scores()
        whole = replace(record, result=replace(record.result, ending=replace(ending, trace=""), scores=scores))
        if not ending.is_bad:
            return whole
        traceback = self.writer.note_traceback(ending.trace)
        return replace(whole, traceback=traceback, rerun=self._rerun(cell, ending.status))

    def _rerun(self, cell: Cell, status: str) -> str:
        chosen, root = self.plan.chosen, self.writer.journal.root
        repeats = cell.repeat + 1 if chosen.seeds == 1 else chosen.repeats  # further seeds count as further repeats
        others = [*chosen.panel_flags(), *(["--repeats", str(repeats)] if repeats else [])]
        others += [word for name in self.options.plugins for word in ("--plugin", name)]
        others += ["--results", str(root)]
        if self.store.root != root / "store":
            others += ["--store", str(self.store.root)]
        return rerun_command.command(cell, self.plan.specs[cell.task], self.plan.settings, status, others)


def _apart(board_split: BoardSplit, cells: Collection[Cell]) -> Iterator[tuple[Cell, ...]]:
    """Yield the cells of one job after the other: those of all methods of ours, and those of each other method."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.method if board_split.is_foreign(cell) else "", []).append(cell)
    yield from map(tuple, groups.values())
