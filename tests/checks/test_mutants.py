"""The laws have teeth: every wrong scheme of `makers.mutants` is caught by the law that is named beside it."""

import pkgutil
from importlib import import_module

import pytest
from makers import mutants
from makers.mutants import MUTANTS
from makers.mutants.learners import Line
from makers.mutants.sources import CATALOGUE, table  # noqa: F401 - what the planted source of this file can read
from makers.mutants.trainings import fit_and_claim

from bench import checks
from bench.core.scheme import Entry, PluginOptions, Scheme
from bench.methods.learners import LearnerOptions
from bench.methods.trainings import TrainingOptions

for _module in pkgutil.iter_modules(mutants.__path__):
    import_module(f"makers.mutants.{_module.name}")


def outcome(noun, scheme, kind, law):
    (case,) = [c for c in checks.cases_of(noun, scheme) if c.law.name == law and c.kind == kind]
    return case.run()


@pytest.mark.parametrize(
    ("noun", "scheme", "kind", "law"), MUTANTS, ids=[f"{n}/{s.id}/{k}/{w}" for n, s, k, w in MUTANTS]
)
def test_the_named_law_catches_the_mutant(noun, scheme, kind, law):
    found = outcome(noun, scheme, kind, law)
    assert found.status == "broken"
    assert found.reason


def test_every_law_has_caught_a_mutant():
    """The laws about declarations are tried out on ensembles alone."""
    caught = {(noun, law) for noun, _, _, law in MUTANTS}
    laws = {(noun, law.name) for noun in checks.NOUNS for law in checks.LAWS[noun]}
    assert {law for law in laws - caught if law[1] not in {"documented", "known_excuses"}} == set()


# what the planted faults are made of is sound


def test_the_base_of_the_planted_learners_keeps_the_laws():
    def line(target, seed):
        """Least squares."""
        return Line(target)

    options = LearnerOptions(encoding="scaled", weights=True)
    scheme = Scheme(Entry("line", line, frozenset({"point", "class"}), options))
    assert {c.id: c.run().reason for c in checks.cases_of("learner", scheme) if c.run().status != "passed"} == {}


def test_a_sound_planted_source_keeps_the_laws():
    def sound(request):
        """Read six rows."""
        return table()

    scheme = Scheme(Entry("sound", sound, frozenset(), PluginOptions()))
    assert {c.law.name: c.run().status for c in checks.cases_of("source", scheme)}.keys() >= {"columns", "target"}
    assert {c.run().reason for c in checks.cases_of("source", scheme)} == {""}


def test_plain_training_keeps_the_laws():
    def plain(context):
        """Fit the learner as it is."""
        return fit_and_claim(context, (context.counts > 0).astype(float))

    scheme = Scheme(Entry("plain", plain, frozenset({"fit"}), TrainingOptions()))
    assert {c.id: c.run().reason for c in checks.cases_of("training", scheme) if c.run().status != "passed"} == {}
