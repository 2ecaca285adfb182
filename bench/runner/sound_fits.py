"""Whether the stored fits behind records are what was written: whoever reads them for records asks here before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.core.nouns import BenchError, Cell
from bench.methods.boards import ORACLE, SINGLE_LEARNER
from bench.runner import rerun_command
from bench.runner.journal import Journal
from bench.runner.records import CellRecord, FitId
from bench.runner.store import ABSENT, Store


@dataclass(frozen=True)
class UnsoundFit:
    """A fit that cannot be read, the first cell that rests on it, and why, in a part of a sentence."""

    cell: Cell
    fit: FitId
    why: str

    def __str__(self) -> str:
        """Name the fit."""
        place = f"{self.cell.task} {self.cell.repeat}.{self.cell.fold}"
        return f"the fit of {self.fit.learner} under {self.fit.training} on {place}"


def unsound_fits(records: Mapping[Cell, CellRecord], store: Store) -> Iterator[UnsoundFit]:
    """Read every stored fit behind records, each once, and yield those that are gone or not what was written."""
    behind: dict[str, tuple[Cell, FitId]] = {}
    # a command that reruns one of these names no scheme, and so plans every one: they come last
    for cell in sorted(records, key=lambda cell: cell.method in {SINGLE_LEARNER, ORACLE}):
        behind |= {key: (cell, fit) for fit, key in records[cell].basis.fits.items() if key not in behind}
    for key, (cell, fit) in behind.items():
        if why := store.fault(key):
            yield UnsoundFit(cell, fit, why)


def require_sound_fits(records: Mapping[Cell, CellRecord], journal: Journal, store: Store) -> None:
    """Refuse a store that lacks a fit behind records, or does not hold it as it was written.

    Raises:
        BenchError: one cannot be used; it names the command that makes it again.
    """
    unsound = list(unsound_fits(records, store))
    if unsound:
        first, others = unsound[0], len(unsound) - 1
        raise BenchError(
            f"{first} cannot be read from {store.root} ({first.why}){f', nor can {others} more' if others else ''}: "
            f"run {_command(first, records[first.cell], journal, store)}"
        )


def _command(unsound: UnsoundFit, record: CellRecord, journal: Journal, store: Store) -> str:
    """Return the command that makes a fit again, with a method that evaluates little."""
    cell = unsound.cell
    held = journal.tasks().get(cell.task)
    if held is None or held.spec is None:
        return "the command of its manifest again"
    others = [word for name in dict.fromkeys(fit.learner for fit in record.basis.fits) for word in ("-l", name)]
    others += ["--repeats", str(cell.repeat + 1), "--results", str(journal.root)]
    if store.root != journal.root / "store":
        others += ["--store", str(store.root)]
    if unsound.why != ABSENT:
        others += ["--force"]  # what looks whole is verified only where something is to do
    return rerun_command.command(cell, held.spec, journal.settings(), "all", others)
