"""A sheet: one board on one split, the fits it rests on, and what each of its cells depends on."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

from bench.core.hashing import digest
from bench.core.nouns import Cell, Split, Task
from bench.core.registry import source_hash
from bench.core.settings import Settings
from bench.methods import ensembles, metrics
from bench.methods.boards import ORACLE, SINGLE_LEARNER, Method, is_training, method
from bench.runner.journal import Record
from bench.runner.plan import BoardPlan, BoardSplitId

CODE = (
    "bench.core.nouns", "bench.methods.boards", "bench.core.hashing", "bench.core.losses", "bench.runner.worker",
    "bench.runner.postprocessing", "bench.runner.evaluate", "bench.methods.metrics", "bench.solvers",
    "bench.methods.class_weights", "bench.methods.postprocess", "bench.runner.weight_rows",
)  # fmt: skip
"""Modules whose change makes every weighed cell stale, beside those that the schemes share."""

LIBRARIES = {
    "bench": "bench", "numpy": "numpy", "scipy": "scipy", "pandas": "pandas", "scikit-learn": "sklearn",
    "lightgbm": "lightgbm", "quantile-forest": "quantile_forest", "imbalanced-learn": "imblearn", "torch": "torch",
}  # fmt: skip
"""Libraries that a score can depend on, each with the module by which it is there."""

Who = tuple[str, str]
"""A fit of a sheet: learner and training scheme."""


@dataclass(frozen=True)
class BoardSplit:
    """One board on one split; `fits` are the keys of its fits."""

    board_plan: BoardPlan
    split: Split
    task: Task
    fits: Mapping[Who, str]

    @property
    def id(self) -> BoardSplitId:
        """What it is known by in a plan."""
        return BoardSplitId(
            self.board_plan.board.name, self.board_plan.task, self.board_plan.panel, self.split.repeat, self.split.fold
        )

    @functools.cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Cells in the order in which they are weighed."""
        return tuple(self.board_plan.cells(self.split))

    def needs(self, cell: Cell) -> list[Who]:
        """Return the fits that a cell rests on: one for a learner's row, all of them for a panel's."""
        if not cell.learner:
            return list(self.fits)
        if cell.method == SINGLE_LEARNER:
            return [(cell.learner, "none")]
        base = self._method(cell).base
        return [(cell.learner, base.id if is_training(base) else "none")]

    def foundation(self, cell: Cell, ends: Mapping[str, Record], settings: Settings, data: str) -> Record:
        """Return the part of a cell's record that is known before it is weighed.

        `ends` says how each fit ended, `data` is the hash of the task. The record has a status already where none of
        the fits that the cell needs has an answer; a panel goes on without the learners that have none, and says so.
        """
        needed = {who: ends[self.fits[who]] for who in self.needs(cell)}
        answered = [who for who, end in needed.items() if end["status"] == "ok"]
        parts = self.parts(cell, [self.fits[who] for who in answered], settings)
        known: Record = {
            "task": str(self.task.meta.get("dataset", cell.task)),
            "seed": settings.seed,
            "data_hash": data,
            "versions": versions(),
            "protocol": str(self.task.meta.get("protocol", settings.protocol)),
            "key": digest(list(cell), parts),
            "parts": parts,
            "fits": [[*who, self.fits[who]] for who in answered],
        }
        if not answered:
            return known | _worst(list(needed.values()))
        missing = [f"{learner} ({end['status']})" for (learner, _), end in needed.items() if end["status"] != "ok"]
        return known | ({"detail": f"without {', '.join(missing)}"} if missing else {})

    def no_scores(self, settings: Settings) -> Record:
        """Return the empty scores of a cell that has no answer, so that it is missing in sight."""
        names = metrics.for_target(self.board_plan.board.target(self.task, settings))
        return {"scores": {"test": dict.fromkeys(names)}}

    def parts(self, cell: Cell, fits: list[str], settings: Settings) -> dict[str, str]:
        """Return what a cell's numbers depend on, each part by its name, as a hash.

        These are the fits behind it, the method and its code, the code that weighs and scores, the seed, and the row
        weights of the test rows.
        """
        weight = None if self.task.weight is None else self.task.weight[self.split.test]
        return {
            "fits": digest(fits),
            "method": digest([] if cell.method == SINGLE_LEARNER else self._method(cell).meaning),
            "code of bench": _code(),
            "settings": digest(settings.seed, weight),
        }

    def _method(self, cell: Cell) -> Method:
        board = self.board_plan.board
        found = method(board, board.oracle if cell.method == ORACLE else cell.method)
        if found is None:
            raise ValueError(f"method {cell.method} was planned on board {board.name}, which it does not serve")
        return found


@functools.cache
def _code() -> str:
    """Hash the code that weighs and scores, plug-in metrics included."""
    entries = metrics.registry.entries()
    return digest(source_hash(*CODE, *ensembles.registry.shared_modules()), {n: e.source for n, e in entries.items()})


def changed(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """Return the names of the parts of a key that differ."""
    return [name for name in now if before.get(name) != now[name]] or ["the fits that it rests on"]


def _worst(ends: list[Record]) -> Record:
    """Return how a cell ends none of whose fits has an answer: with a failure if there is one, else with the reason."""
    first = min(ends, key=lambda end: end["status"] == "skipped")
    return {name: first[name] for name in ("status", "cause", "detail", "trace") if name in first}


@functools.cache
def versions() -> str:
    """Return the versions that a score can depend on."""
    installed = [name for name in LIBRARIES if find_spec(LIBRARIES[name])]
    return "; ".join(f"{name} {version(name)}" for name in installed)
