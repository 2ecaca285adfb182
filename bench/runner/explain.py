"""Why a cell ran, was reused, or is stale: the parts of its key, then and now."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.core.hashing import digest
from bench.core.nouns import BenchError, Cell, Split, Task
from bench.core.settings import Settings
from bench.methods import trainings
from bench.methods.boards import BOARDS, SINGLE_LEARNER
from bench.methods.learners import import_path, learner_scheme
from bench.runner import fit_spec
from bench.runner.cells import changed_parts, key_parts
from bench.runner.fit_spec import Fit
from bench.runner.journal import Journal
from bench.runner.plan import own_repeats, parse_method
from bench.runner.records import CellRecord, TaskRecord
from bench.runner.store import Store
from bench.tasks import loading, splits
from bench.tasks.sources import LoadError
from bench.tasks.task_spec import CvSpec, TaskSpec

OPENED = frozenset({"bundled", "openml", "openml-data"})
"""Sources whose tasks are loaded although only the results name them: bundled ones, and those in the cache."""
LEAST_KEY = 6
"""Hex digits by which a cell may be named."""


@dataclass(frozen=True)
class Explanation:
    """One cell, and its explanation, a sentence a line."""

    cell: Cell
    lines: list[str]


def explain(
    root: Path, store: Path, wanted: str, named: Collection[TaskSpec] = (), *, offline: bool
) -> list[Explanation]:
    """Explain every cell that `wanted` names: `board/task/method[/learner[/repeat.fold]]`, or the start of a key.

    The directory may be somebody else's. It names tasks, and those that are neither bundled nor cached are loaded only
    where they are among the `named`; learners and methods are those that are known already.

    Raises:
        BenchError: nothing is called that, or the directory holds no records.
    """
    journal = Journal(root)
    records = journal.records()
    chosen = [cell for cell, record in records.items() if is_meant(cell, record, wanted)]
    if not chosen:
        raise BenchError(f"no cell of {root} is {wanted!r}: write board/task/method, or a key of cells.csv")
    settings, held = journal.settings(), journal.tasks()
    known = {spec.name for spec in named}
    tasks = {name: _load_as_now(held.get(name), known, offline=offline) for name in {cell.task for cell in chosen}}
    outlook = _Outlook(settings, Store(store))
    return [
        Explanation(cell, [*_describe(records[cell]), *outlook.describe(cell, records[cell], tasks[cell.task])])
        for cell in chosen
    ]


def is_meant(cell: Cell, record: CellRecord, wanted: str) -> bool:
    """Return whether a cell is named by `board/task/method[/learner[/repeat.fold]]`, or by the start of its key."""
    if len(wanted) >= LEAST_KEY and record.basis.key.startswith(wanted):
        return True
    names = [cell.board, cell.task, cell.method, cell.learner, f"{cell.repeat}.{cell.fold}"]
    # cut at slashes, but not inside the name of the task
    written = [part.replace("\0", cell.task).strip() for part in wanted.replace(cell.task, "\0").split("/")]
    return len(written) > 1 and all(part in {"", name} for part, name in zip(written, names, strict=False))


def _load_as_now(held: TaskRecord | None, named: Collection[str], *, offline: bool) -> tuple[Task, CvSpec] | str:
    """Return a task as it is now with its cuts, or why it cannot be had."""
    if held is None or held.spec is None:
        return "Whether it is stale cannot be said: nothing is noted about how its task was requested."
    spec, is_named = held.spec, held.spec.name in named
    if not is_named and spec.source not in OPENED:
        return _not_checked(spec.name, "-t")
    try:
        ((_, task),) = loading.load([spec], offline=offline or not is_named)
    except BenchError as error:
        return f"Whether it is stale cannot be said: {error}."
    if not isinstance(task, LoadError):
        return task, held.cv or CvSpec()
    return f"Whether it is stale cannot be said: {task}." if is_named or offline else _not_checked(spec.name, "-t")


def _not_checked(name: str, flag: str) -> str:
    return f"Whether it is stale is not checked: names {name}, which must be repeated behind {flag}."


def _describe(record: CellRecord) -> Iterator[str]:
    """Yield how a cell ended and why it was evaluated."""
    detail = f" ({record.ending.detail})" if record.ending.detail else ""
    yield f"It ended as {record.ending.status}{detail}."
    if record.why:
        yield f"It was weighed because {record.why}."


@dataclass(frozen=True)
class _Outlook:
    """What is needed to find out whether a cell is stale."""

    settings: Settings
    store: Store

    def describe(self, cell: Cell, record: CellRecord, found: tuple[Task, CvSpec] | str) -> Iterator[str]:
        """Yield what the next run would do, and which part of a key has changed."""
        if cell.board not in BOARDS:
            yield "The next run loads its task again."
            return
        if isinstance(found, str):
            yield found
            return
        unknown = self._unknown_code(cell, record)
        if unknown:
            yield unknown
            return
        task, cv = found
        if record.basis.data_hash != fit_spec.data_hash(task):
            yield "It is stale: the data of its task changed since it ran, so a new run must use another --results."
            return
        cut = splits.cut_outer(task, cv.folds, cv.repeats, self.settings.seed, cv.first)
        place = (cell.repeat % own_repeats(cut), cell.fold)
        split = next((replace(each, repeat=cell.repeat) for each in cut if (each.repeat, each.fold) == place), None)
        if split is None:
            yield "It is stale: its task no longer has this repeat and fold."
            return
        board = BOARDS[cell.board]
        target = board.target(task, self.settings)
        keys = []
        for held, key in record.basis.fits.items():
            now, sentences = self._fit(task, split, Fit(target, held.learner, held.training), key)
            keys.append(now)
            yield from sentences
        method = None if cell.method == SINGLE_LEARNER else parse_method(board, cell.method)
        parts = key_parts(task, split, method, keys, self.settings)
        stale = [name for name in parts if record.basis.parts.get(name) != parts[name]]
        if stale:
            yield f"It is stale, and the next run weighs it again: {', '.join(stale)} changed since it ran."
        elif record.ending.is_retried():
            yield "Nothing that it depends on has changed, but it ended badly: the next run tries it again."
        else:
            yield "Nothing that it depends on has changed: the next run reuses it."

    @staticmethod
    def _unknown_code(cell: Cell, record: CellRecord) -> str:
        """Say which learner, training scheme or method of a record is none that the command line made known."""
        for fit in record.basis.fits:
            try:
                learner_scheme(fit.learner)
            except BenchError:
                return _not_checked(fit.learner, "-l" if import_path(fit.learner) else "--plugin")
            try:
                trainings.registry.scheme(fit.training)
            except BenchError:
                return _not_checked(fit.training, "--plugin")
        try:
            if cell.method != SINGLE_LEARNER:
                parse_method(BOARDS[cell.board], cell.method)
        except BenchError:
            return _not_checked(cell.method, "--plugin")
        return ""

    def _fit(self, task: Task, split: Split, fit: Fit, key: str) -> tuple[str, list[str]]:
        """Return the key that a fit has now, with a sentence if it is another one or not kept."""
        parts = fit_spec.fit_parts(
            fit_spec.rows_of(task, split, self.settings), fit, self.settings, fit_spec.data_hash(task)
        )
        now, name = digest(parts), f"The fit of {fit.learner} under {fit.training}"
        if not self.store.has(key):
            return now, [f"{name} is no longer in the store: the next run makes it again."]
        if why := self.store.fault(key):
            return now, [f"{name} is not sound in the store ({why}): the next run that reads it makes it again."]
        if now == key:
            return now, []
        return now, [
            f"{name} is stale: {', '.join(changed_parts(parts, self.store.meta(key).get('parts', {})))} changed."
        ]
