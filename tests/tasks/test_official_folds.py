import numpy as np
import pytest

from bench.tasks.official_folds import Procedure, _java_random, official_splits

SONAR = (
    "0660118535142141509229373796851143446891550045233553896672406670867451099246873278147908832239727018"
    "6943920189548052804533900146124282925895682799031410649617373735838417006724551670767933271524056789"
    "68631425"
)
"""Fold that tests each row of sonar (97 rocks, then 111 mines): splits file of OpenML task 39."""

BOSTON = "2714164804277357712311607042556338777657616196005813370314818538457788462230736833249194272247165407"
"""Fold that tests each of the first 100 of the 506 rows of boston: splits file of OpenML task 359950, a regression."""


def folds_of(splits, n, repeat=0):
    """Return the fold that tests each row."""
    fold = np.full(n, -1)
    for split in splits:
        if split.repeat == repeat:
            fold[split.test] = split.fold
    return fold


def test_the_generator_is_that_of_java():
    draw = _java_random(0)
    assert [draw(100) for _ in range(10)] == [60, 48, 29, 47, 15, 53, 91, 61, 19, 54]


@pytest.mark.parametrize(
    ("n", "strata", "published"), [(208, np.repeat([0, 1], [97, 111]), SONAR), (506, None, BOSTON)]
)
def test_folds_are_those_that_openml_published(n, strata, published):
    splits = official_splits(Procedure("crossvalidation", 1, 10), n, strata)
    assert "".join(map(str, folds_of(splits, n)[: len(published)])) == published


@pytest.mark.parametrize("strata", [None, np.tile([2, 0, 0], 9)])
def test_repeats_are_partitions_in_the_order_of_the_table_and_differ(strata):
    n, splits = 27, official_splits(Procedure("crossvalidation", 3, 4), 27, strata)
    assert [(each.repeat, each.fold) for each in splits] == [(repeat, fold) for repeat in range(3) for fold in range(4)]
    for split in splits:
        np.testing.assert_array_equal(np.setdiff1d(np.arange(n), split.test), split.train)
        assert (np.diff(split.test) > 0).all()
    dealt = [folds_of(splits, n, repeat) for repeat in range(3)]
    for fold in dealt:
        np.testing.assert_array_equal(np.bincount(fold), [7, 7, 7, 6])
        if strata is not None:
            assert np.ptp(np.bincount(fold[strata == 2])) <= 1
    assert not np.array_equal(dealt[0], dealt[1])
    assert not np.array_equal(dealt[1], dealt[2])


def test_a_repeat_shuffles_what_the_last_one_left():
    n = 5
    draw, rows = _java_random(0), list(range(n))
    for repeat in range(2):
        for last in range(n - 1, 0, -1):
            other = draw(last + 1)
            rows[last], rows[other] = rows[other], rows[last]
        splits = official_splits(Procedure("crossvalidation", 2, 5), n, None)
        assert [int(each.test[0]) for each in splits if each.repeat == repeat] == rows


def test_a_holdout_tests_the_whole_part_of_its_percentage():
    (split,) = official_splits(Procedure("holdout", percentage=33), 3196, np.arange(3196) % 2)
    assert (len(split.train), len(split.test)) == (2142, 1054)  # as OpenML task 233 has it


def test_leave_one_out_tests_the_rows_in_their_order():
    splits = official_splits(Procedure("leaveoneout"), 4, None)
    assert [(each.fold, each.test.tolist(), each.train.tolist()) for each in splits[:2]] == [
        (0, [0], [1, 2, 3]), (1, [1], [0, 2, 3]),
    ]  # fmt: skip
    assert len(splits) == 4


def test_there_are_no_folds_for_custom_procedures_and_too_few_rows():
    assert official_splits(Procedure("customholdout", percentage=33), 10, None) is None
    assert official_splits(Procedure("crossvalidation", 1, 10), 9, None) is None
