"""Running a plan: what is stored is reused, the rest is fitted and weighed, and every cell ends in one record."""

from __future__ import annotations

import functools
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from bench import class_weights, metrics, predict
from bench.boards import ALONE, ORACLE, Method, method
from bench.core import STATUSES, Cell, Settings, Split
from bench.executors.local import Event, Limits, Pool
from bench.jobs import FitJob, Record, SheetJob
from bench.journal import Journal
from bench.keys import digest
from bench.plan import Ask, Plan
from bench.predict import Fit
from bench.registry import load_plugins, source_hash
from bench.store import Store

WEIGH_CODE = (
    "bench.core", "bench.losses", "bench.jobs", "bench.weigh", "bench.metrics", "bench.solvers",
    "bench.class_weights", "bench.postprocess",
)  # fmt: skip
"""Modules whose change makes every weighed cell stale."""
ALWAYS_RETRIED = ("infra", "crashed")
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
        counts = {name: self.statuses[name] for name in STATUSES}
        return {
            "planned": self.planned,
            "fitted": self.fitted,
            "reused": self.reused,
            "weighed": self.weighed,
        } | counts


@dataclass
class Sheet:
    """One board on one split: its cells, the fits it rests on, and which of these are still awaited."""

    ask: Ask
    split: Split
    fits: dict[tuple[str, str], str]
    awaited: set[str] = field(default_factory=set)

    @property
    def cells(self) -> list[Cell]:
        """Cells in the order in which they are weighed."""
        return list(self.ask.cells(self.split))

    def resting_on(self, cell: Cell) -> list[tuple[str, str]]:
        """Return the fits, as (learner, training scheme), that a cell needs."""
        if not self.ask.board.per_learner:
            return [(cell.learner, "none")] if cell.method == ALONE else list(self.fits)
        parsed = self.parsed(cell)
        known = class_weights.registry.entries()
        return [(cell.learner, parsed.base.id if parsed.base.entry.name in known else "none")]

    def parsed(self, cell: Cell) -> Method:
        """Return the method of a cell, the oracle's scheme for the oracle."""
        board = self.ask.board
        found = method(board, board.oracle if cell.method == ORACLE else cell.method)
        if found is None:
            raise ValueError(f"{cell.method} was planned on {board.name}")
        return found


class Run:
    """The state of one run: fits to do, sheets that wait for them, records as they come in."""

    def __init__(self, plan: Plan, journal: Journal, store: Store, options: Options) -> None:
        self.plan, self.journal, self.store, self.options = plan, journal, store, options
        self.tally = Tally(planned=len(plan.cells))
        self.data = {name: predict.data_hash(task) for name, task in plan.tasks.items()}
        self._outcomes: dict[str, Record] = {}
        self._fits: deque[FitJob] = deque()
        self._sheets: deque[SheetJob] = deque()
        self._waiting: list[Sheet] = []
        self._open: dict[Cell, tuple[Sheet, dict[Cell, Record]]] = {}
        self.stored: Counter[str] = Counter()
        for ask in plan.asks:
            for split in plan.splits[ask.task]:
                self._add(ask, split)

    @property
    def queued(self) -> list[FitJob]:
        """Fits that have not started."""
        return list(self._fits)

    @property
    def left(self) -> tuple[int, int]:
        """Fits and sheets that have not started."""
        return len(self._fits), len(self._sheets) + len(self._waiting)

    def execute(self, seen: Callable[[Event], None]) -> None:
        """Run everything that is left; `seen` is told of every event."""
        if not (self._fits or self._sheets):
            return
        start = functools.partial(load_plugins, self.options.plugins)
        with Pool(self.options.jobs, start, self.options.limits) as pool:
            while True:
                while pool.free and (job := self._next()):
                    pool.submit(job, self.plan.tasks)
                if not pool.busy:
                    return
                for event in pool.wait():
                    self._handle(event)
                    seen(event)
                    if self.options.stop_at_failure and self._bad(event):
                        return

    def _add(self, ask: Ask, split: Split) -> None:
        """Look up or queue the fits of a board on a split, and the sheet itself once nothing is awaited."""
        settings = self.plan.settings
        rows = _rows(self.plan, ask.task, split)
        target = ask.board.target(rows.task, settings)
        sheet = Sheet(ask, split, {})
        for learner in ask.learners:
            for training in ask.trainings:
                fit = Fit(target, learner, training)
                key = predict.fit_key(rows, fit, settings, self.data[ask.task])
                sheet.fits[learner, training] = key
                if self._outcome(key, rows, fit) is None:
                    sheet.awaited.add(key)
        if sheet.awaited:
            self._waiting.append(sheet)
        else:
            self._start(sheet)

    def _outcome(self, key: str, rows: predict.Rows, fit: Fit) -> Record | None:
        """Return how a fit stands: stored, failed, not applicable; None after queueing it."""
        if key in self._outcomes:
            return self._outcomes[key] or None
        failure = self.journal.failure(key)
        if self.store.has(key) and not self.options.force:
            self.tally.reused += 1
            self.stored[rows.task.name] += 1
            self._outcomes[key] = {"status": "ok"}
        elif reason := predict.why_not(rows, fit):
            self._outcomes[key] = {"status": "skipped", "cause": "", "detail": reason}
        elif failure and not self._retried(failure):
            self._outcomes[key] = failure
        else:
            job = FitJob(rows.task.name, rows.split, fit, key, self.plan.settings, self.store.root)
            self._fits.append(job)
            self._outcomes[key] = {}
        return self._outcomes[key] or None

    def _retried(self, record: Record) -> bool:
        words = {record["status"], record.get("cause", "")}
        wanted = {*ALWAYS_RETRIED, *self.options.retry}
        return self.options.force or "all" in wanted or bool(words & wanted)

    def _next(self) -> FitJob | SheetJob | None:
        if self._sheets:
            return self._sheets.popleft()
        return self._fits.popleft() if self._fits else None

    def _start(self, sheet: Sheet) -> None:
        """Record the cells that cannot be weighed, keep those that are up to date, queue the rest."""
        learners = tuple(who for who in sheet.ask.learners if self._ok(sheet.fits[who, "none"]))
        fits = {who: key for who, key in sheet.fits.items() if self._ok(key)}
        held = self.journal.read(sheet.cells[0])
        done: dict[Cell, Record] = {}
        todo: list[Cell] = []
        for cell in sheet.cells:
            record = self._foundation(sheet, cell)
            known = held.get(cell)
            if "status" in record:
                done[cell] = record
            elif known and known.get("key") == record["key"] and not self._retried(known):
                self.tally.statuses[known["status"]] += 1
            else:
                todo.append(cell)
        self._keep(sheet, done)
        if todo:
            job = SheetJob(
                sheet.ask.task, sheet.split, tuple(todo), learners, fits, self.plan.settings, self.store.root
            )
            self._open[todo[0]._replace(panel="", learner="", method="")] = (sheet, {})
            self._sheets.append(job)

    def _ok(self, key: str) -> bool:
        return self._outcomes[key]["status"] == "ok"

    def _foundation(self, sheet: Sheet, cell: Cell) -> Record:
        """Return what a cell rests on: its key, or how it ended already where none of its fits has an answer."""
        resting = sheet.resting_on(cell)
        outcomes = {who: self._outcomes[sheet.fits[who]] for who in resting}
        answered = [who for who, outcome in outcomes.items() if outcome["status"] == "ok"]
        base = {
            "task": str(self.plan.tasks[cell.task].meta.get("name", cell.task)),
            "seed": self.plan.settings.seed,
            "data_hash": self.data[cell.task],
            "versions": versions(),
            "key": self._cell_key(sheet, cell, [sheet.fits[who] for who in answered]),
        }
        missing = [f"{who[0]} ({outcomes[who]['status']})" for who in resting if who not in answered]
        if answered:
            return base | ({"detail": f"without {', '.join(missing)}"} if missing else {})
        return base | _worst(list(outcomes.values()))

    def _cell_key(self, sheet: Sheet, cell: Cell, fits: list[str]) -> str:
        """Hash what a cell's number depends on: the fits behind it, the method with its code, and the scoring code."""
        task = self.plan.tasks[cell.task]
        meaning = [] if cell.method == ALONE else sheet.parsed(cell).meaning
        weights = None if task.weight is None else task.weight[sheet.split.test]
        return digest(list(cell), fits, meaning, source_hash(*WEIGH_CODE), self.plan.settings.seed, weights)

    def _handle(self, event: Event) -> None:
        if isinstance(event.job, FitJob):
            self._handle_fit(event)
        else:
            self._handle_sheet(event)

    def _handle_fit(self, event: Event) -> None:
        if event.kind == "done":
            return
        job = event.job
        record = event.value if event.kind == "item" else lost(event)
        self.tally.fitted += 1
        self._outcomes[job.key] = record
        if record["status"] == "ok":
            self.journal.forget_failure(job.key)
        else:
            self.journal.note_failure(job.key, record)
        for sheet in [sheet for sheet in self._waiting if job.key in sheet.awaited]:
            sheet.awaited.discard(job.key)
            if not sheet.awaited:
                self._waiting.remove(sheet)
                self._start(sheet)

    def _handle_sheet(self, event: Event) -> None:
        job: SheetJob = event.job
        place = job.cells[0]._replace(panel="", learner="", method="")
        sheet, records = self._open[place]
        if event.kind == "done":
            self._keep(sheet, records)
            del self._open[place]
            return
        cell = next(cell for cell in job.cells if cell not in records)
        record = event.value if event.kind == "item" else lost(event)
        foundation = self._foundation(sheet, cell)
        detail = "; ".join(text for text in (record.get("detail", ""), foundation.get("detail", "")) if text)
        records[cell] = foundation | record | {"detail": detail}
        self.tally.weighed += 1
        if event.kind != "item":
            rest = tuple(cell for cell in job.cells if cell not in records)
            self._keep(sheet, records)
            del self._open[place]
            if rest:
                self._open[place] = (sheet, {})
                self._sheets.appendleft(job.after(len(job.cells) - len(rest)))

    def _keep(self, sheet: Sheet, records: dict[Cell, Record]) -> None:
        """Write records to the journal, with the traceback in a file of its own and the command that reruns the cell."""
        empty = dict.fromkeys(
            metrics.for_target(sheet.ask.board.target(self.plan.tasks[sheet.ask.task], self.plan.settings))
        )
        for cell, record in records.items():
            self.tally.statuses[record["status"]] += 1
            if record["status"] != "ok":
                record["scores"] = {"test": empty}
            if record["status"] in {"ok", "skipped"}:
                continue
            record["rerun"] = self._rerun(cell, record["status"])
            if record.get("trace"):
                record["traceback"] = f"logs/{digest(record['trace'])[:12]}.txt"
        if records:
            write_traces(self.journal.root, records.values())
            self.journal.write(records)

    def _rerun(self, cell: Cell, status: str) -> str:
        chosen = f"-w {cell.method}" if cell.board == "class-weight" else f"-e {cell.method}"
        parts = ["bench run", f"-t {cell.task}", f"-b {cell.board}"]
        parts += [f"-l {cell.learner}"] if cell.learner else []
        parts += [] if cell.method in {ALONE, ORACLE} else [chosen]
        parts += [f"--folds {cell.fold + 1}", f"--repeats {cell.repeat + 1}", f"--retry {status}"]
        parts += [f"--plugin {name}" for name in self.options.plugins]
        return " ".join([*parts, f"--results {self.journal.root}"])

    def _bad(self, event: Event) -> bool:
        record = event.value if event.kind == "item" else {"status": event.kind}
        return event.kind != "done" and record["status"] not in {"ok", "skipped"}

    def close(self) -> None:
        """Keep what has come in of sheets that were cut short."""
        for sheet, records in self._open.values():
            self._keep(sheet, records)
        self._open.clear()


def _worst(outcomes: Sequence[Record]) -> Record:
    """Return the ending of a cell none of whose fits has an answer: a failure if there is one, else the reason."""
    ordered = sorted(outcomes, key=lambda outcome: outcome["status"] == "skipped")
    return {name: ordered[0].get(name, "") for name in ("status", "cause", "detail", "trace")}


def lost(event: Event) -> Record:
    """Return the record of an item whose worker was killed or died."""
    cause, detail = LOST[event.kind]
    return {"status": event.kind, "cause": cause, "detail": detail.format(event.value)}


def write_traces(root: Path, records: Iterable[Record]) -> None:
    """Write each traceback to its file; equal tracebacks share one."""
    from bench.files import write_text

    for record in records:
        trace = record.pop("trace", "")
        if trace and "traceback" in record and not (root / record["traceback"]).is_file():
            write_text(root / record["traceback"], trace)


@functools.cache
def versions() -> str:
    """Return the versions that a score can depend on."""
    names = ("bench", "numpy", "scipy", "pandas", "scikit-learn", "lightgbm", "quantile-forest")
    return "; ".join(f"{name} {version(name)}" for name in names)


def _rows(plan: Plan, task: str, split: Split) -> predict.Rows:
    return predict.rows_of(plan.tasks[task], split, plan.settings)


__all__ = ["Iterator", "Options", "Run", "Settings", "Tally"]
