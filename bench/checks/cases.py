"""Which laws are put to which plug-ins."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from bench.checks.law import LAWS, NOUNS, Case
from bench.core.nouns import BenchError
from bench.core.registry import Registry
from bench.core.scheme import Scheme
from bench.core.selection import split_list
from bench.methods import class_weights, ensembles, learners, metrics, postprocess, trainings
from bench.methods.learners import learner_scheme
from bench.methods.learners.imported import import_learners
from bench.tasks import sources

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
    chosen = {each: [_match_schemes(each, text) for text in wanted] for each in nouns}
    for position, text in enumerate(wanted):
        if not any(found[position] for found in chosen.values()):
            raise BenchError(f"there is nothing to check that is named {text!r}: see `bench list`")
    for each, found in chosen.items():
        schemes = {scheme.id: scheme for group in found for scheme in group}
        for scheme in schemes.values():
            yield from cases_of(each, scheme)


def cases_of(noun: str, scheme: Scheme[Any]) -> list[Case]:
    """Return the cases of one scheme, registered or not: each law on each kind that the scheme serves."""
    if noun == "source":  # the kinds of a source are the tables that it can read with no further name
        kinds = sorted(getattr(sys.modules[scheme.entry.function.__module__], "CATALOGUE", ()))
    else:
        kinds = sorted(scheme.entry.kinds)
    return [
        Case(law, scheme, kind, tuple(other for other in kinds if other != kind and law.holds_for(scheme, other)))
        for kind in kinds
        for law in LAWS[noun]
        if law.holds_for(scheme, kind)
    ]


def _match_schemes(noun: str, text: str) -> list[Scheme[Any]]:
    """Return the schemes of a noun that a name, a glob, an id, or the import path of an estimator stands for."""
    registry = REGISTRIES[noun]
    name, colon, _ = text.partition(":")
    if noun == "learner" and colon and "." in name:
        import_learners([text])
        return [learner_scheme(text)]
    if colon:
        return [registry.scheme(text)] if name in registry.entries() else []
    return [
        Scheme(entry)
        for found, entry in registry.entries().items()
        if fnmatchcase(found, text.replace("_", "-")) and not entry.missing_modules
    ]
