"""Running a plan: what is stored is reused, the rest is fitted and weighed, and every cell ends in one record."""

from __future__ import annotations

import functools
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.core.files import write_text
from bench.core.hashing import digest
from bench.core.nouns import STATUSES, BenchError, Cell, Split
from bench.core.plugins import load_plugins
from bench.runner import fit_spec, rerun_command
from bench.runner.cells import Sheet, changed
from bench.runner.executors.local import Event, Limits, Pool
from bench.runner.fit_spec import Fit, Rows
from bench.runner.journal import ALWAYS_RETRIED, Journal, Record
from bench.runner.plan import Ask, Plan
from bench.runner.store import Store
from bench.runner.worker import FitJob, SheetJob, ending

LOST = {
    "timeout": ("limit", "it took longer than --time-limit"),
    "oom": ("limit", "it took more memory than --mem-limit"),
    "crashed": ("code", "the worker process died (exit code {})"),
}


@dataclass(frozen=True)
class Options:
    """How to run, without effect on any score."""

    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    retry: tuple[str, ...] = ()
    force: bool = False
    stop_at_failure: bool = False
    plugins: tuple[str, ...] = ()


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


class Run:
    """The state of one run: fits to do, sheets that wait for them, and how each fit ended."""

    def __init__(self, plan: Plan, journal: Journal, store: Store, options: Options) -> None:
        self.plan, self.journal, self.store, self.options = plan, journal, store, options
        self.tally = Tally(planned=len(plan.cells))
        self.stored: Counter[str] = Counter()
        self.fits: deque[FitJob] = deque()
        self._ends: dict[str, Record] = {}
        self._queued: set[str] = set()
        self._waiting: list[Sheet] = []
        self._ready: deque[SheetJob] = deque()
        self._whys: dict[Cell, str] = {}
        self._begun: dict[int, tuple[Sheet, dict[Cell, Record]]] = {}
        for ask in plan.asks:
            for split in plan.splits[ask.task]:
                self._add(ask, split)

    @property
    def left(self) -> tuple[int, int]:
        """How many fits and sheets have not started."""
        return len(self.fits), len(self._ready) + len(self._waiting)

    def execute(self, seen: Callable[[Event], None]) -> None:
        """Run everything that is left; `seen` is told of every event."""
        if not (self.fits or self._ready):
            return
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

    def close(self) -> None:
        """Keep what has come in of sheets that were cut short."""
        for sheet, records in self._begun.values():
            self._keep(sheet, records)
        self._begun.clear()

    def _add(self, ask: Ask, split: Split) -> None:
        """Look up or queue the fits of a board on a split; start the sheet where nothing is awaited."""
        task, settings = self.plan.tasks[ask.task], self.plan.settings
        rows = fit_spec.rows_of(task, split, settings)
        sheet = Sheet(ask, split, task, {})
        for learner in ask.learners:
            for training in ask.trainings:
                fit = Fit(ask.board.target(task, settings), learner, training)
                key, parts = self._key(rows, fit)
                sheet.fits[learner, training] = key
                if key not in self._queued and key not in self._ends:
                    self._look_up(key, parts, rows, fit)
        sheet.awaited = {key for key in sheet.fits.values() if key not in self._ends}
        if sheet.awaited:
            self._waiting.append(sheet)
        else:
            self._start(sheet)

    def _key(self, rows: Rows, fit: Fit) -> tuple[str, dict[str, str]]:
        """Return the key of a fit and its parts; one whose class weighting cannot even give its weights has failed."""
        try:
            parts = fit_spec.fit_parts(rows, fit, self.plan.settings, self.plan.data[rows.task.name])
        except BenchError:
            raise
        except Exception as error:  # noqa: BLE001 - a class weighting may raise anything; its cells say what
            key = digest("no key", rows.key, fit.learner, fit.training)
            self._ends[key] = ending(error)
            return key, {}
        return digest(parts), parts

    def _look_up(self, key: str, parts: dict[str, str], rows: Rows, fit: Fit) -> None:
        """Note how a fit ended if it is stored, failed before, or does not apply; queue it otherwise."""
        failure = self.journal.failure(key)
        if self.store.has(key) and not self.options.force:
            self.tally.reused += 1
            self.stored[rows.task.name] += 1
            self._ends[key] = {"status": "ok"}
        elif reason := fit_spec.why_not(rows, fit, self.plan.settings):
            self._ends[key] = {"status": "skipped", "cause": "", "detail": reason}
        elif failure and not self._retried(failure):
            self._ends[key] = failure
        else:
            self._queued.add(key)
            job = FitJob(rows.task.name, rows.outer, fit, key, parts, self.plan.settings, self.store.root)
            self.fits.append(job)

    def _retried(self, record: Record) -> bool:
        wanted = ALWAYS_RETRIED | set(self.options.retry)
        bad = record["status"] not in {"ok", "skipped"}
        return self.options.force or (bad and bool({record["status"], record.get("cause"), "all"} & wanted))

    def _next(self) -> FitJob | SheetJob | None:
        """Return the next job: sheets that are ready come first, so that their records are soon safe."""
        if self._ready:
            return self._ready.popleft()
        return self.fits.popleft() if self.fits else None

    def _foundation(self, sheet: Sheet, cell: Cell) -> Record:
        return sheet.foundation(cell, self._ends, self.plan.settings, self.plan.data[sheet.task.name])

    def _start(self, sheet: Sheet) -> None:
        """Record the cells that cannot be weighed, leave those that are up to date, queue the rest."""
        held = self.journal.read(sheet.cells[0])
        ended: dict[Cell, Record] = {}
        todo: dict[Cell, str] = {}
        for cell in sheet.cells:
            record, known = self._foundation(sheet, cell), held.get(cell, {})
            if "status" in record and not _agrees(record, known):
                ended[cell] = record
            elif "status" in record or (known.get("key") == record["key"] and not self._retried(known)):
                self.tally.statuses[known["status"]] += 1
            else:
                todo[cell] = _why(record, known)
        self._keep(sheet, ended)
        self._whys |= todo
        if todo:
            self._queue(sheet, tuple(todo))

    def _queue(self, sheet: Sheet, cells: tuple[Cell, ...]) -> None:
        fits = {who: key for who, key in sheet.fits.items() if self._ends[key]["status"] == "ok"}
        learners = tuple(who for who in sheet.ask.learners if (who, "none") in fits)
        self._ready.append(
            SheetJob(
                sheet.task.name,
                sheet.split,
                cells,
                learners,
                fits,
                self.plan.settings,
                self.store.root,
                sheet.ask.weight_rows,
                id(sheet),
            )
        )
        self._begun[id(sheet)] = (sheet, {})

    def _handle(self, event: Event) -> bool:
        """Take in what a worker told; say whether something ended badly."""
        handle = self._handle_fit if isinstance(event.job, FitJob) else self._handle_sheet
        record = event.value if event.kind == "item" else None if event.kind == "done" else _lost(event)
        handle(event.job, event.kind, record)
        return record is not None and record["status"] not in {"ok", "skipped"}

    def _handle_fit(self, job: FitJob, _: str, record: Record | None) -> None:
        """Note how a fit ended, and start the sheets that waited for it alone."""
        if record is None:
            return
        self.tally.fitted += 1
        self._ends[job.key] = record
        if record["status"] == "ok":
            self.journal.forget_failure(job.key)
        else:
            self.journal.note_failure(job.key, record)
        for sheet in [sheet for sheet in self._waiting if job.key in sheet.awaited]:
            sheet.awaited.discard(job.key)
            if not sheet.awaited:
                self._waiting.remove(sheet)
                self._start(sheet)

    def _handle_sheet(self, job: SheetJob, kind: str, record: Record | None) -> None:
        """Take in a cell's record; when the sheet is done or its worker is lost, write down what there is."""
        sheet, records = self._begun[job.sheet]
        if record is not None:
            cell = job.cells[len(records)]
            foundation = self._foundation(sheet, cell)
            details = (record.get("detail"), foundation.get("detail"))
            notes = {"detail": "; ".join(text for text in details if text), "why": self._whys[cell]}
            records[cell] = foundation | record | notes
            self.tally.weighed += 1
        if kind != "item":
            del self._begun[job.sheet]
            self._keep(sheet, records)
            if len(records) < len(job.cells):
                self._queue(sheet, job.cells[len(records) :])

    def _keep(self, sheet: Sheet, records: dict[Cell, Record]) -> None:
        """Write records to the journal; a bad one with its traceback in a file and the command that reruns it."""
        for cell, record in records.items():
            self.tally.statuses[record["status"]] += 1
            if record["status"] != "ok":
                record.update(sheet.no_scores(self.plan.settings))
            if record["status"] not in {"ok", "skipped"}:
                record["rerun"] = self._rerun(cell, record["status"])
                record["traceback"] = self._write_trace(record.pop("trace", ""))
        if records:
            self.journal.write(records)

    def _write_trace(self, trace: str) -> str:
        """Write a traceback to a file, one for all equal ones, and return its name in the results directory."""
        name = f"logs/{digest(trace)[:12]}.txt" if trace else ""
        if name and not (self.journal.root / name).is_file():
            write_text(self.journal.root / name, trace)
        return name

    def _rerun(self, cell: Cell, status: str) -> str:
        chosen = self.plan.chosen
        repeats = cell.repeat + 1 if chosen.seeds == 1 else chosen.repeats  # further seeds count as further repeats
        others = [*chosen.panel_flags(), *(["--repeats", str(repeats)] if repeats else [])]
        others += [word for name in self.options.plugins for word in ("--plugin", name)]
        others += ["--results", str(self.journal.root)]
        if self.store.root != self.journal.root / "store":
            others += ["--store", str(self.store.root)]
        return rerun_command.command(cell, self.plan.specs[cell.task], self.plan.settings, status, others)


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


def _lost(event: Event) -> Record:
    """Return the record of an item whose worker was killed or died."""
    cause, detail = LOST[event.kind]
    return {"status": event.kind, "cause": cause, "detail": detail.format(event.value)}
