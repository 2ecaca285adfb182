"""Wrong plug-ins, each with the laws that catch it; none of them enters a registry."""

from __future__ import annotations

from bench import checks
from bench.core.scheme import Entry, Scheme

MUTANTS = []


def mutant(noun, kind, *laws, breaks=None, **declared):
    """Plant a function; it enters no registry."""

    def enter(function):
        options = checks.REGISTRIES[noun].options(breaks=breaks or {}, **declared)
        entry = Entry(function.__name__, function, frozenset({kind}), options)
        MUTANTS.extend((noun, Scheme(entry), kind, law) for law in laws)
        return function

    return enter
