"""The key of a cell: a hash of the cell and of all that its numbers depend on (`key_parts`).

A board split is one board on one outer split: its cells, and the keys of the fits that they rest on.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from bench.core.hashing import digest
from bench.core.nouns import Cell, Split, Task
from bench.core.scheme import source_hash
from bench.core.settings import Settings
from bench.methods import ensembles, metrics
from bench.methods.boards import Method, is_training
from bench.runner.plan import BoardPlan, BoardSplitId
from bench.runner.records import CellBasis, Ending, FitId

CELL_CODE = (
    "bench.core.nouns", "bench.methods.boards", "bench.core.hashing", "bench.core.losses", "bench.runner.worker",
    "bench.runner.postprocessing", "bench.runner.evaluate", "bench.methods.metrics", "bench.solvers",
    "bench.methods.class_weights", "bench.methods.postprocess", "bench.runner.weight_rows",
)  # fmt: skip
"""Modules whose change makes every evaluated cell stale, beside those that the schemes share."""

LIBRARIES = {
    "bench": "bench", "numpy": "numpy", "scipy": "scipy", "pandas": "pandas", "scikit-learn": "sklearn",
    "lightgbm": "lightgbm", "quantile-forest": "quantile_forest", "imbalanced-learn": "imblearn", "torch": "torch",
}  # fmt: skip
"""Libraries that a score can depend on, each with the module by which it is there."""


KEPT_PARTS = 4096
"""Parts of keys that are kept: the cells of a board split share most of them."""


@dataclass(frozen=True)
class Foundation:
    """What is known of a cell before it is evaluated.

    `shared` is the basis of all cells on the same fits, which has no key; `method` is the part of the key that is the
    cell's own. `ending` is there where none of the fits that it needs has predictions; `note` names the learners of a
    panel that it goes on without.
    """

    cell: Cell
    method: str
    shared: CellBasis
    ending: Ending | None = None
    note: str = ""

    @functools.cached_property
    def key(self) -> str:
        """The key of the cell: all that a cell needs that is up to date, and a suite has thousands of these."""
        return digest({"cell": list(self.cell), **self._parts})

    @property
    def basis(self) -> CellBasis:
        """What the cell rests on."""
        return replace(self.shared, key=self.key, parts=self._parts)

    @property
    def _parts(self) -> dict[str, str]:
        return {**self.shared.parts, "method": self.method}


@dataclass(frozen=True)
class BoardSplit:
    """One board on one outer split of one task: its cells, and the keys of the fits that they rest on.

    `metrics` are the names of those that its cells are scored by: those of the plan, and those that the journal has.
    """

    board_plan: BoardPlan
    split: Split
    task: Task
    fits: Mapping[FitId, str]
    metrics: tuple[str, ...]

    @property
    def id(self) -> BoardSplitId:
        """What it is known by in a plan."""
        return BoardSplitId(
            self.board_plan.board.name, self.board_plan.task, self.board_plan.panel, self.split.repeat, self.split.fold
        )

    @functools.cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Cells in the order in which they are evaluated."""
        return tuple(self.board_plan.cells(self.split))

    def needs(self, cell: Cell) -> list[FitId]:
        """Return the fits that a cell rests on: one for a learner's row, all of them for a panel's."""
        if not cell.learner:
            return list(self.fits)
        method = self.board_plan.by_name.get(cell.method)
        if method is None or not is_training(method.base):
            return [FitId.plain(cell.learner)]
        return [FitId(cell.learner, method.base.id)]

    def is_foreign(self, cell: Cell) -> bool:
        """Return whether the method of a cell runs code that is not ours."""
        method = self.board_plan.by_name.get(cell.method)
        return method is not None and method.is_foreign

    def foundations(self, endings: Mapping[str, Ending], settings: Settings, data: str) -> Iterator[Foundation]:
        """Yield what is known of each cell before it is evaluated.

        `endings` holds by key how each fit ended, `data` is the hash of the task. What cells on the same fits share is
        made once: those of a panel differ in their method alone.
        """
        shared: dict[tuple[FitId, ...], tuple[CellBasis, Ending | None, str]] = {}
        for cell in self.cells:
            needed = tuple(self.needs(cell)) if cell.learner else ()  # what needs all fits needs no list of them
            if needed not in shared:
                of_fits = {fit: endings[self.fits[fit]] for fit in needed or self.needs(cell)}
                shared[needed] = self._shared_foundation(of_fits, settings, data)
            yield Foundation(cell, _method_part(self.board_plan.by_name.get(cell.method)), *shared[needed])

    def _shared_foundation(
        self, needed: Mapping[FitId, Ending], settings: Settings, data: str
    ) -> tuple[CellBasis, Ending | None, str]:
        """Return the basis, ending and note of all cells that need the same fits, of which it says how they ended."""
        fits = {fit: self.fits[fit] for fit, ending in needed.items() if ending.is_ok}
        basis = CellBasis(
            parts=key_parts(self.task, self.split, None, list(fits.values()), settings),
            fits=fits,
            task=str(self.task.meta.get("dataset", self.board_plan.task)),
            seed=settings.seed,
            data_hash=data,
            versions=versions(),
            protocol=str(self.task.meta.get("protocol", settings.protocol)),
        )
        if not fits:  # a failure, if there is one, matters more than what does not apply
            return basis, min(needed.values(), key=lambda ending: ending.status == "skipped"), ""
        missing = [f"{fit.learner} ({ending.status})" for fit, ending in needed.items() if not ending.is_ok]
        return basis, None, f"without {', '.join(missing)}" if missing else ""

    def no_scores(self) -> Mapping[str, Mapping[str, float | None]]:
        """Return the empty scores of a cell without a prediction, so that it is missing in sight."""
        return {"test": dict.fromkeys(self.metrics)}


def key_parts(task: Task, split: Split, method: Method | None, fits: list[str], settings: Settings) -> dict[str, str]:
    """Return what a cell's numbers depend on, each part by its name, as a hash.

    These are the keys of the fits behind it, the method (None for a learner alone) and its code, the code that
    evaluates and scores, the seed, the row weights of the test rows, and the positive class.
    """
    settings_part = _digest_of(settings.seed, None)
    if task.weight is not None:
        settings_part = digest(settings.seed, task.weight[split.test])
    return {
        "fits": _digest_of(tuple(fits)),
        "method": _method_part(method),
        "code of bench": _code(),
        "settings": settings_part,
        "positive class": _digest_of(task.positive_code if task.classes else None),
    }


def _method_part(method: Method | None) -> str:
    return _digest_of(()) if method is None else method.key


@functools.lru_cache(maxsize=KEPT_PARTS, typed=True)
def _digest_of(*parts: Any) -> str:
    return digest(*parts)


@functools.cache
def _code() -> str:
    """Hash the code that evaluates and scores, plug-in metrics included."""
    entries = metrics.registry.entries()
    return digest(
        source_hash(*CELL_CODE, *ensembles.registry.shared_modules()), {n: e.source for n, e in entries.items()}
    )


def changed_parts(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """Return the names of the parts of a key that differ."""
    return [name for name in now if before.get(name) != now[name]] or ["the fits that it rests on"]


@functools.cache
def versions() -> str:
    """Return the versions that a score can depend on."""
    installed = [name for name in LIBRARIES if find_spec(LIBRARIES[name])]
    return "; ".join(f"{name} {version(name)}" for name in installed)
