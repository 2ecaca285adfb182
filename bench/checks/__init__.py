"""Checks: the laws of every registry, what a plug-in must keep, whoever wrote it.

`bench check` and the tests run the same list. A plug-in that may break a law says so on itself, with the reason:
`register(..., breaks={"within_range": "stacking extrapolates"})`; such a break is excused, and a declared break that
does not happen is an error, so that no excuse outlives its cause.

Lives here: one module of laws a noun, `law` (how a law is entered and examined), `examples` (the data that it sees).
May import: `core`, `solvers`, `stats`, `tasks`, `methods`, `runner`, `report`.
Next of its kind: a law is one function behind `@law(noun)` in the module of its noun, with a mutant in
tests/checks/test_mutants.py that breaks it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from bench.checks.law import LAWS, NOUNS, Case, Examine, Law, LawBrokenError, Outcome, law
from bench.core.nouns import BenchError
from bench.core.registry import Registry, Scheme
from bench.core.selection import split_list
from bench.methods import class_weights, ensembles, learners, metrics, postprocess, trainings
from bench.methods.learners import learner_scheme
from bench.tasks import sources

__all__ = ["LAWS", "NOUNS", "REGISTRIES", "Case", "Law", "LawBrokenError", "Outcome", "cases", "cases_of"]

REGISTRIES: Mapping[str, Registry[Any]] = {
    "ensemble": ensembles.registry,
    "learner": learners.registry,
    "class-weight": class_weights.registry,
    "training": trainings.registry,
    "metric": metrics.registry,
    "postprocess": postprocess.registry,
    "source": sources.registry,
}


def cases(noun: str | None = None, names: Iterable[str] = ()) -> Iterator[Case]:
    """Yield every law of every plug-in, of one noun or of all, by noun and name; `names` holds names, globs or ids.

    An id with parameters (`inverse-mse:power=2`) is examined with them. A source is examined on each table of its
    module's `CATALOGUE`, if it has one: what needs no network.

    Raises:
        BenchError: the noun or a name does not exist, or a parameter is unknown.
    """
    if noun is not None and noun not in NOUNS:
        raise BenchError(f"there is no noun {noun!r}: choose from {', '.join(NOUNS)}")
    nouns = NOUNS if noun is None else (noun,)
    wanted = split_list(names) or ["*"]
    chosen = {each: [_matching(each, text) for text in wanted] for each in nouns}
    for position, text in enumerate(wanted):
        if not any(found[position] for found in chosen.values()):
            raise BenchError(f"there is nothing to check that is named {text!r}: see `bench list`")
    for each, found in chosen.items():
        schemes = {scheme.id: scheme for group in found for scheme in group}
        for scheme in schemes.values():
            yield from cases_of(each, scheme)


def cases_of(noun: str, scheme: Scheme[Any]) -> list[Case]:
    """Return the cases of one scheme, registered or not: each law on each kind that the scheme serves."""
    kinds = _tables(scheme) if noun == "source" else sorted(scheme.entry.kinds)
    return [
        Case(
            law,
            scheme,
            kind,
            tuple(other for other in kinds if other != kind and law.holds_for(scheme, other)),
        )
        for kind in kinds
        for law in LAWS[noun]
        if law.holds_for(scheme, kind)
    ]


def _matching(noun: str, text: str) -> list[Scheme[Any]]:
    """Return the schemes of a noun that a name, a glob, an id, or the import path of an estimator stands for."""
    registry = REGISTRIES[noun]
    name, colon, _ = text.partition(":")
    if noun == "learner" and colon and "." in name:
        return [learner_scheme(text)]
    if colon:
        return [registry.scheme(text)] if name in registry.entries() else []
    return [
        Scheme(entry)
        for found, entry in registry.entries().items()
        if fnmatchcase(found, text.replace("_", "-")) and not entry.lacking
    ]


def _tables(source: Scheme[Any]) -> list[str]:
    """Return the tables that a source can read without being told where."""
    return sorted(getattr(sys.modules[source.entry.function.__module__], "CATALOGUE", ()))


def _declarations(noun: str) -> tuple[Examine, Examine]:
    """Return the laws about what a plug-in of a noun says of itself."""

    def documented(scheme: Scheme[Any], kind: str) -> None:
        """It has a docstring, whose first line is shown in lists."""
        if not scheme.entry.summary:
            raise LawBrokenError("it has no docstring, expected one with a first line that says what it does")

    def known_excuses(scheme: Scheme[Any], kind: str) -> None:
        """Every law that it declares to break exists, and has a reason."""
        names = {each.name for each in LAWS[noun]}
        for name, reason in scheme.options.breaks.items():
            if name not in names or not reason.strip():
                raise LawBrokenError(f"it declares to break {name!r} ({reason}), expected a law's name and a reason")

    return documented, known_excuses


for _noun, _registry in REGISTRIES.items():
    importlib.import_module(f"bench.checks.{_registry.package.rpartition('.')[2]}")  # its laws are written there
    for _declaration in _declarations(_noun):
        law(_noun)(_declaration)
