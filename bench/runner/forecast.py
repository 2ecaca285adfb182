"""How long jobs may take, learned from those that have ended: of the same learner or board, by their size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.core.nouns import Cell
from bench.runner.records import CellRecord
from bench.runner.worker import EvaluateJob, FitJob

GUESSED_RATE = 0.0025
"""Seconds a row of one fit with its inner folds: the median over the default panel on the suite `quick`."""
GUESSED_CELL_RATE = 0.02
"""Seconds a cell of an evaluation, likewise."""


@dataclass
class _Spent:
    seconds: float = 0.0
    size: float = 0.0


@dataclass
class Forecast:
    """Seconds spent and sizes done, by kind of work: training rows by learner, cells by board."""

    fits: dict[str, _Spent] = field(default_factory=dict)
    boards: dict[str, _Spent] = field(default_factory=dict)

    @property
    def is_guess(self) -> bool:
        """Whether no fit was timed yet."""
        return not self.fits

    def learn_from_records(self, records: Mapping[Cell, CellRecord]) -> None:
        """Learn from the fits of earlier runs."""
        for cell, record in records.items():
            seconds, n_train = record.result.fit_seconds, record.result.n_train
            if record.ending.is_ok and seconds is not None and n_train:
                _add(self.fits, cell.learner, seconds, n_train)

    def learn(self, job: FitJob | EvaluateJob, seconds: float) -> None:
        """Learn from a job that has ended."""
        if isinstance(job, FitJob):
            _add(self.fits, job.fit.learner, seconds, len(job.split.train))
        else:
            _add(self.boards, job.cells[0].board, seconds, len(job.cells))

    def seconds_of(self, job: FitJob | EvaluateJob) -> float:
        """Return the seconds of a job."""
        if isinstance(job, FitJob):
            return self.seconds_of_fit(job.fit.learner, len(job.split.train))
        return self.seconds_of_cells(job.cells[0].board, len(job.cells))

    def seconds_left(self, job: FitJob | EvaluateJob, since: float) -> float:
        """Return the seconds that a job goes on which began so many ago; one that is late owes others nothing."""
        return max(0.0, self.seconds_of(job) - since)

    def seconds_of_fit(self, learner: str, rows: int) -> float:
        """Return the seconds of a fit on so many training rows; a learner that is new takes as long as all others."""
        return rows * _rate(self.fits, learner, GUESSED_RATE)

    def seconds_of_cells(self, board: str, cells: int) -> float:
        """Return the seconds of an evaluation of so many cells."""
        return cells * _rate(self.boards, board, GUESSED_CELL_RATE)


def _add(spent: dict[str, _Spent], kind: str, seconds: float, size: int) -> None:
    known = spent.setdefault(kind, _Spent())
    known.seconds += seconds
    known.size += size


def _rate(spent: Mapping[str, _Spent], kind: str, guess: float) -> float:
    """Return the seconds for a unit of size: of a kind, else of all of them, else a guess."""
    known: Iterable[_Spent] = [spent[kind]] if kind in spent else spent.values()
    seconds, size = sum(each.seconds for each in known), sum(each.size for each in known)
    return seconds / size if size else guess


def in_words(seconds: float) -> str:
    """Return a time as people say it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 36000 else f"{seconds / 3600:,.0f} h"
