"""Every law of every registered plug-in, one test each: a new plug-in is tested by being there.

The laws about what a plug-in declares need no fit: they are one test for each noun.
"""

import pytest

from bench import checks
from bench.checks.law import LAWS
from bench.core.nouns import BenchError

CASES = sorted(checks.cases(), key=lambda case: case.id)
DECLARATIONS = {"documented", "known_excuses"}


@pytest.mark.parametrize("noun", checks.NOUNS)
def test_every_plug_in_is_documented_and_excuses_itself_from_known_laws(noun):
    cases = [case for case in CASES if case.law.noun == noun and case.law.name in DECLARATIONS]
    assert {case.law.name for case in cases} == DECLARATIONS
    outcomes = {case.id: case.run() for case in cases}
    assert {name: outcome.reason for name, outcome in outcomes.items() if outcome.status != "passed"} == {}


@pytest.mark.parametrize("case", [c for c in CASES if c.law.name not in DECLARATIONS], ids=lambda case: case.id)
def test_law(case):
    outcome = case.run()
    assert outcome.status != "broken", outcome.reason
    if outcome.status == "excused":
        pytest.xfail(outcome.reason)


def test_the_list_of_laws_is_sound():
    for noun, laws in LAWS.items():
        names = [law.name for law in laws]
        assert len(set(names)) == len(names) > 5, noun
        assert all(law.summary.endswith(".") for law in laws)


def test_every_law_is_put_to_somebody():
    assert {(case.law.noun, case.law.name) for case in CASES} == {(n, law.name) for n in LAWS for law in LAWS[n]}


def test_ids_are_readable_and_one_of_a_kind():
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)
    assert "ensemble/qp-simplex/point/single_learner" in ids
    assert "source/bundled/iris/target" in ids


def names_of(*selection):
    return {case.scheme.id for case in checks.cases(*selection)}


def test_cases_are_chosen_by_noun_name_glob_and_id():
    assert names_of("ensemble", ["equal,median"]) == {"equal", "median"}
    assert names_of(None, ["inverse-*"]) == {"inverse-mse", "inverse-power"}
    assert names_of(None, ["inverse-mse:power=2"]) == {"inverse-mse:power=2"}
    assert names_of("metric", ["macro_f1"]) == {"macro-f1"}
    assert names_of("learner", ["sklearn.linear_model:Lasso:alpha=0.1"]) == {"sklearn.linear_model:Lasso:alpha=0.1"}


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (("boat",), "no noun 'boat': choose from ensemble"),
        (("ensemble", ["equall"]), "named 'equall'"),
        (("ensemble", ["balanced"]), "named 'balanced'"),
        (("ensemble", ["equal:power=2"]), "unknown parameter"),
    ],
)
def test_what_does_not_exist_cannot_be_checked(selection, message):
    with pytest.raises(BenchError, match=message):
        list(checks.cases(*selection))


@pytest.mark.parametrize("name", ["greedy:metric=macro_f1", "single-best:metric=macro_f1", "logistic-stack:C=0.1"])
def test_laws_hold_for_other_parameters(name):
    outcomes = {c.id: c.run() for c in checks.cases("ensemble", [name]) if c.kind == "class"}
    assert {i: o.reason for i, o in outcomes.items() if o.status == "broken" and "declares" not in o.reason} == {}
