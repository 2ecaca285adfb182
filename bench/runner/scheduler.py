"""Running an agenda: what is left is fitted and weighed, and every cell ends in one record."""

from __future__ import annotations

import functools
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bench.core.nouns import STATUSES, Cell
from bench.core.plugins import load_plugins
from bench.runner import rerun_command
from bench.runner.agenda import Agenda, Opening, awaited, open_board_split
from bench.runner.cells import BoardSplit
from bench.runner.executors.local import Event, Pool
from bench.runner.journal import JournalWriter, Record
from bench.runner.options import RunOptions
from bench.runner.plan import BoardSplitId, Plan
from bench.runner.store import Store
from bench.runner.worker import EvaluateJob, FitJob

LOST = {
    "timeout": ("limit", "it took longer than --time-limit"),
    "oom": ("limit", "it took more memory than --mem-limit"),
    "crashed": ("code", "the worker process died (exit code {})"),
}


@dataclass
class Tally:
    """What a run did: fits made and reused, cells weighed, and how the planned cells stand."""

    planned: int = 0
    fitted: int = 0
    reused: int = 0
    weighed: int = 0
    statuses: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name, every status among them."""
        done = {"planned": self.planned, "fitted": self.fitted, "reused": self.reused, "weighed": self.weighed}
        return done | {name: self.statuses[name] for name in STATUSES}


@dataclass
class _Begun:
    """A sheet that is being weighed: what is known of each cell to weigh, and the records that have come in."""

    board_split: BoardSplit
    todo: Mapping[Cell, Record]
    records: dict[Cell, Record] = field(default_factory=dict)


@dataclass
class Run:
    """One run of a plan: who writes its records, its tally, and the fits and sheets that are left.

    `_ends` says by key how each fit ended, `_awaited` which fits each waiting sheet waits for.
    """

    plan: Plan
    writer: JournalWriter
    store: Store
    options: RunOptions
    tally: Tally
    _fits: deque[FitJob] = field(default_factory=deque, init=False)
    _ends: dict[str, Record] = field(default_factory=dict, init=False)
    _waiting: dict[BoardSplitId, BoardSplit] = field(default_factory=dict, init=False)
    _awaited: dict[BoardSplitId, set[str]] = field(default_factory=dict, init=False)
    _ready: deque[EvaluateJob] = field(default_factory=deque, init=False)
    _begun: dict[BoardSplitId, _Begun] = field(default_factory=dict, init=False)

    def execute(self, agenda: Agenda, seen: Callable[[Event], None]) -> None:
        """Run an agenda, and keep what has come in of sheets that were cut short; `seen` is told of every event."""
        self._fits.extend(agenda.fits)
        self._ends |= agenda.ends
        self._waiting |= {board_split.id: board_split for board_split in agenda.waiting}
        self._awaited |= {board_split.id: awaited(board_split, agenda.ends) for board_split in agenda.waiting}
        try:
            for opening in agenda.ready:
                self._begin(opening)
            if self._fits or self._ready:
                self._work(seen)
        finally:
            for begun in self._begun.values():
                self._keep(begun.board_split, begun.records)

    def _work(self, seen: Callable[[Event], None]) -> None:
        """Hand out jobs until none is left, or until one ends badly and the run is to stop there."""
        start = functools.partial(load_plugins, self.options.plugins)
        with Pool(self.options.jobs, start, self.options.limits) as pool:
            while True:
                while pool.free and (job := self._next()):
                    pool.submit(job, self.plan.tasks)
                if not pool.busy:
                    return
                for event in pool.wait():
                    bad = self._handle(event)
                    seen(event)
                    if bad and self.options.stop_at_failure:
                        return

    def _next(self) -> FitJob | EvaluateJob | None:
        """Return the next job: sheets that are ready come first, so that their records are soon safe."""
        if self._ready:
            return self._ready.popleft()
        return self._fits.popleft() if self._fits else None

    def _begin(self, opening: Opening) -> None:
        """Write the cells of a sheet that end without being weighed, and queue those to weigh."""
        board_split = opening.board_split
        self.tally.statuses.update(opening.standing.values())
        self._keep(board_split, opening.ended)
        if opening.todo:
            self._begun[board_split.id] = _Begun(board_split, opening.todo)
            self._ready.append(self._evaluate_job(board_split, tuple(opening.todo)))

    def _evaluate_job(self, board_split: BoardSplit, cells: tuple[Cell, ...]) -> EvaluateJob:
        fits = {who: key for who, key in board_split.fits.items() if self._ends[key]["status"] == "ok"}
        return EvaluateJob(
            context=board_split.board_plan.task,
            split=board_split.split,
            cells=cells,
            learners=tuple(who for who in board_split.board_plan.learners if (who, "none") in fits),
            fits=fits,
            settings=self.plan.settings,
            store=self.store.root,
            weight_rows=board_split.board_plan.weight_rows,
            board_split=board_split.id,
        )

    def _handle(self, event: Event) -> bool:
        """Take in what a worker told; say whether something ended badly."""
        handle = self._handle_fit if isinstance(event.job, FitJob) else self._handle_board_split
        record = event.value if event.kind == "item" else None if event.kind == "done" else _lost(event)
        handle(event.job, event.kind, record)
        return record is not None and record["status"] not in {"ok", "skipped"}

    def _handle_fit(self, job: FitJob, _: str, record: Record | None) -> None:
        """Note how a fit ended, and begin the sheets that waited for it alone."""
        if record is None:
            return
        self.tally.fitted += 1
        self._ends[job.key] = record
        if record["status"] == "ok":
            self.writer.forget_failure(job.key)
        else:
            self.writer.note_failure(job.key, record)
        for name in [name for name, keys in self._awaited.items() if job.key in keys]:
            self._awaited[name].discard(job.key)
            if not self._awaited[name]:
                del self._awaited[name]
                board_split = self._waiting.pop(name)
                self._begin(open_board_split(board_split, self._ends, self.writer.journal, self.plan, self.options))

    def _handle_board_split(self, job: EvaluateJob, kind: str, record: Record | None) -> None:
        """Take in a cell's record; when the sheet is done or its worker is lost, write down what there is."""
        begun = self._begun[job.board_split]
        if record is not None:
            cell = job.cells[len(begun.records)]
            known = begun.todo[cell]
            details = (record.get("detail"), known.get("detail"))
            begun.records[cell] = known | record | {"detail": "; ".join(text for text in details if text)}
            self.tally.weighed += 1
        if kind == "item":
            return
        del self._begun[job.board_split]
        self._keep(begun.board_split, begun.records)
        left = job.cells[len(begun.records) :]
        if left:
            self._begun[job.board_split] = _Begun(begun.board_split, begun.todo)
            self._ready.append(replace(job, cells=left))

    def _keep(self, board_split: BoardSplit, records: Mapping[Cell, Record]) -> None:
        """Write records of a sheet to the journal, and count them."""
        self.tally.statuses.update(record["status"] for record in records.values())
        if records:
            self.writer.write({cell: self._whole(board_split, cell, record) for cell, record in records.items()})

    def _whole(self, board_split: BoardSplit, cell: Cell, record: Record) -> Record:
        """Give a record without an answer empty scores; a bad one its traceback in a file and the command to rerun."""
        if record["status"] == "ok":
            return record
        whole = record | board_split.no_scores(self.plan.settings)
        if record["status"] != "skipped":
            whole["rerun"] = self._rerun(cell, record["status"])
            whole["traceback"] = self.writer.note_traceback(whole.pop("trace", ""))
        return whole

    def _rerun(self, cell: Cell, status: str) -> str:
        chosen, root = self.plan.chosen, self.writer.journal.root
        repeats = cell.repeat + 1 if chosen.seeds == 1 else chosen.repeats  # further seeds count as further repeats
        others = [*chosen.panel_flags(), *(["--repeats", str(repeats)] if repeats else [])]
        others += [word for name in self.options.plugins for word in ("--plugin", name)]
        others += ["--results", str(root)]
        if self.store.root != root / "store":
            others += ["--store", str(self.store.root)]
        return rerun_command.command(cell, self.plan.specs[cell.task], self.plan.settings, status, others)


def _lost(event: Event) -> Record:
    """Return the record of an item whose worker was killed or died."""
    cause, detail = LOST[event.kind]
    return {"status": event.kind, "cause": cause, "detail": detail.format(event.value)}
