"""Checks: the laws of every registry, what a plug-in must keep, whoever wrote it.

`bench check` and the tests run the same list. A plug-in that may break a law declares it, with the reason:
`register(..., breaks={"within_range": "stacking extrapolates"})`; such a break is excused, and a declared break that
does not happen is an error, so that no excuse outlives its cause.

Lives here: one module of laws a noun, `law` (what a law is, and how a case of one ends), `cases` (puts the laws to the
plug-ins), `apart` (to those of others, in processes of their own), `examples` (the data that it sees).
May import: `core`, `solvers`, `stats`, `tasks`, `methods`, `runner`, `report`.
Next of its kind: a law is one function behind `@law(noun)` in the module of its noun, with a mutant in
tests/checks/test_mutants.py that breaks it.
"""

from bench.checks import class_weights, ensembles, learners, metrics, postprocess, sources, trainings  # noqa: F401
from bench.checks.cases import REGISTRIES, cases, cases_of
from bench.checks.declarations import enter_declaration_laws
from bench.checks.law import LAWS, NOUNS, Case, Law, LawBrokenError, Outcome

__all__ = ["LAWS", "NOUNS", "REGISTRIES", "Case", "Law", "LawBrokenError", "Outcome", "cases", "cases_of"]

for _noun in NOUNS:  # behind the laws of the noun itself, which are entered when its module is imported
    enter_declaration_laws(_noun)
