"""Names are chosen as they stand first, then by commas, globs and `!name`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core.nouns import BenchError
from bench.core.selection import chosen_from, split_list

KNOWN = ["acc,none", "acc", "none", "val/acc", "f1[macro]", "f1m", "pass@1:strict", "knn[k=5],x", "!x", "x", "a*", "ab"]


@pytest.mark.parametrize("name", KNOWN)
def test_a_name_that_is_there_means_itself_whatever_its_signs(name):
    assert chosen_from(KNOWN, [name], "metric") == [name]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("acc,none,f1[macro]", ["acc,none", "f1[macro]"]),
        ("f1[macro], acc", ["acc", "f1[macro]"]),
        ("acc*,!acc,none", ["acc"]),
        ("knn[k=5],x,x", ["knn[k=5],x", "x"]),
        ("f1?", ["f1m"]),
        ("!!x,x", ["x"]),
        ("none,acc", ["acc", "none"]),
    ],
)
def test_lists_and_globs_come_after_names(text, chosen):
    assert chosen_from(KNOWN, [text], "metric") == chosen


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a:MLP:layers=(9,5),alpha=2,b", ["a:MLP:layers=(9,5),alpha=2", "b"]),
        ("a:MLP:layers=(9,),b", ["a:MLP:layers=(9,)", "b"]),
        ("a(1,b", ["a(1", "b"]),
        ("a(1),b(2)", ["a(1)", "b(2)"]),
    ],
)
def test_a_comma_inside_of_parentheses_separates_nothing(text, parts):
    assert split_list([text]) == parts


def test_a_name_that_nobody_has_is_refused():
    with pytest.raises(BenchError, match="unknown metric 'some'"):
        chosen_from(KNOWN, ["acc,some"], "metric")


def test_an_empty_text_chooses_nothing_even_where_a_name_is_empty():
    assert chosen_from(["", "a"], [""], "board") == ["", "a"]
    assert chosen_from(["", "a"], ["a,"], "board") == ["a"]


def test_parameters_stay_with_their_scheme():
    assert split_list(["knn:k=5,w=2,ridge", "a, b"]) == ["knn:k=5,w=2", "ridge", "a", "b"]


@given(
    st.lists(st.text("ab,*[]!?= :", min_size=1, max_size=6).filter(lambda name: name.strip()), min_size=1, unique=True)
)
def test_every_name_can_be_said(names):
    for name in names:
        assert chosen_from(names, [name], "metric") == [name]
