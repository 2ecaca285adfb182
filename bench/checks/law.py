"""What a law is, how one is broken, and how a case of one ends."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from bench.core.hashing import digest
from bench.core.nouns import Array, NotApplicableError
from bench.core.scheme import Scheme

Examine = Callable[[Scheme[Any], str], None]
"""(scheme, kind) -> nothing, or a `LawBrokenError`."""

NOUNS = ("ensemble", "learner", "class-weight", "training", "metric", "postprocess", "source")


class LawBrokenError(Exception):
    """A law is broken: one sentence about what was expected and what happened."""


@dataclass(frozen=True)
class Law:
    """What must hold for every plug-in of a noun that serves one of `kinds` (all kinds, if empty)."""

    noun: str
    name: str
    examine: Examine
    kinds: frozenset[str]
    when: Callable[[Scheme[Any]], bool]

    @property
    def summary(self) -> str:
        """The law in one sentence."""
        return (self.examine.__doc__ or "").partition("\n")[0]

    def holds_for(self, scheme: Scheme[Any], kind: str) -> bool:
        """Return whether the law is put to this scheme and kind."""
        return (not self.kinds or kind in self.kinds) and self.when(scheme)


@dataclass(frozen=True)
class Outcome:
    """How a case ended, and why; a law that was kept needs no reason."""

    status: Literal["passed", "broken", "excused"]
    reason: str = ""


@dataclass(frozen=True)
class Case:
    """One law for one scheme and kind (for a source: one of its tables)."""

    law: Law
    scheme: Scheme[Any]
    kind: str
    others: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """A readable name: `ensemble/qp-simplex/point/single_learner`."""
        return f"{self.law.noun}/{self.scheme.id}/{self.kind}/{self.law.name}"

    def run(self) -> Outcome:
        """Examine the law. A break that is declared with a reason is excused, unless no kind shows it."""
        excuse = self.scheme.options.breaks.get(self.law.name)
        try:
            fault = self._fault(self.kind)
            if excuse and not any(fault or self._fault(kind) for kind in (self.kind, *self.others)):
                return Outcome("broken", f"it declares to break {self.law.name!r} ({excuse}), but keeps it")
        except NotApplicableError as error:
            return Outcome("excused", f"it does not apply: {error}")
        if not fault:
            return Outcome("passed")
        return Outcome("excused", excuse) if excuse else Outcome("broken", fault)

    def _fault(self, kind: str) -> str:
        """Return what is wrong on one kind; nothing if the law is kept."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)  # 0/0 and overflow are faults, even where nobody looks
                self.law.examine(self.scheme, kind)
        except LawBrokenError as broken:
            return str(broken)
        except NotApplicableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a plug-in raises is its fault, and is reported as such
            return f"it raised {type(error).__name__}: {' '.join(str(error).split())}"
        return ""


LAWS: Mapping[str, list[Law]] = MappingProxyType({noun: [] for noun in NOUNS})
"""Every law, by noun, in the order in which they are written."""


def law(noun: str, *kinds: str, when: Callable[[Scheme[Any]], bool] = lambda _: True) -> Callable[[Examine], Examine]:
    """Return the decorator that enters a function as the law of its name."""

    def enter(examine: Examine) -> Examine:
        name = getattr(examine, "__name__", "")
        LAWS[noun].append(Law(noun, name, examine, frozenset(kinds), when))
        return examine

    return enter


def demand_close(found: Array, expected: Array, what: str, tolerance: float = 1e-6, unit: float = 1.0) -> None:
    """Break the law if two arrays differ by more than `tolerance` in this unit, or in shape."""
    if np.shape(found) != np.shape(expected):
        raise LawBrokenError(f"{what}: the shapes are {np.shape(found)} and {np.shape(expected)}, expected the same")
    off = np.abs(np.asarray(found, dtype=float) - np.asarray(expected, dtype=float))
    same = (off <= tolerance * unit) | (np.isnan(found) & np.isnan(expected))
    if not np.all(same):
        raise LawBrokenError(f"{what}: expected the same, but they differ by up to {float(np.max(off)):.3g}")


def demand_same_bytes(found: Any, expected: Any, what: str) -> None:
    """Break the law if two arrays, or lists of arrays and frames, are not equal to the last bit."""
    if digest(found) != digest(expected):
        raise LawBrokenError(f"{what}: expected the same to the last bit, but it differs")
