"""Training rows and rows to predict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import class_task, regression_task

from bench.core.nouns import BenchError
from bench.tasks.splits import cut_inner, cut_outer

sizes, folds, seeds = st.integers(6, 60), st.integers(2, 6), st.integers(0, 99)


def labelled(y):
    y = np.asarray(y)
    task = class_task(len(y), shares=(1.0,), folds=0)
    return replace(task, y=y, classes=tuple(f"c{k}" for k in range(y.max() + 1)))


def assert_partition(parts, rows):
    """Every row is predicted once, by a model of all others."""
    answered = np.concatenate([held for _, held in parts])
    np.testing.assert_array_equal(np.sort(answered), np.sort(rows))
    for fit_rows, held in parts:
        assert len(held)
        np.testing.assert_array_equal(np.sort(np.concatenate([fit_rows, held])), np.sort(rows))


def pairs(splits):
    return [(split.train, split.test) for split in splits]


@given(sizes, folds, seeds)
def test_outer_splits_are_a_partition(n, k, seed):
    found = cut_outer(regression_task(n, folds=0), k, 1, seed)
    assert_partition(pairs(found), np.arange(n))
    assert [(s.repeat, s.fold) for s in found] == [(0, j) for j in range(min(k, n))]
    lengths = [len(s.test) for s in found]
    assert max(lengths) - min(lengths) <= 1


@given(st.lists(st.integers(0, 3), min_size=8, max_size=60), folds, seeds)
def test_classes_are_stratified_to_within_one_row(y, k, seed):
    task = labelled(np.unique(y, return_inverse=True)[1])
    found = cut_outer(task, k, 1, seed)
    assert_partition(pairs(found), np.arange(len(y)))
    counts = np.array([np.bincount(task.y[s.test], minlength=len(task.classes)) for s in found])
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.ptp(counts.sum(axis=1)) <= 1
    for split in found:
        for fit_rows, held in cut_inner(task, split, k, seed):
            assert not set(held) & set(split.test)
            assert not set(fit_rows) & set(split.test)


@given(st.lists(st.integers(0, 3), min_size=12, max_size=60), folds, seeds)
def test_inner_folds_are_a_stratified_partition_of_the_training_rows(y, k, seed):
    task = labelled(np.unique(y, return_inverse=True)[1])
    split = cut_outer(task, 3, 1, seed)[1]
    parts = cut_inner(task, split, k, seed)
    assert_partition(parts, split.train)
    counts = np.array([np.bincount(task.y[held], minlength=len(task.classes)) for _, held in parts])
    assert np.ptp(counts, axis=0).max() <= 1


def test_a_class_with_fewer_rows_than_folds_is_spread():
    task = labelled([0] * 20 + [1] * 3 + [2])
    found = cut_outer(task, 5, 1, 0)
    tested = [set(task.y[s.test]) for s in found]
    assert sum(1 in classes for classes in tested) == 3
    assert sum(2 in classes for classes in tested) == 1


@settings(max_examples=20)
@given(st.lists(st.integers(0, 7), min_size=10, max_size=60), folds, seeds, st.booleans())
def test_groups_never_straddle(groups, k, seed, classes):
    n = len(groups)
    base = class_task(n, folds=0) if classes else regression_task(n, folds=0)
    n = len(base.y)
    task = replace(base, groups=np.resize(groups, n))
    if len(np.unique(task.groups)) < 2:
        with pytest.raises(BenchError, match="group"):
            cut_outer(task, k, 1, seed)
        return
    found = cut_outer(task, k, 1, seed)
    assert_partition(pairs(found), np.arange(n))
    for split in found:
        assert not set(task.groups[split.train]) & set(task.groups[split.test])
        if len(set(task.groups[split.train])) < 2:
            continue
        for fit_rows, held in cut_inner(task, split, k, seed):
            assert not set(task.groups[fit_rows]) & set(task.groups[held])
            assert set(fit_rows) | set(held) <= set(split.train)


def test_groups_with_classes_of_two_rows_can_be_split():
    """No class has as many rows as there are folds."""
    y = np.repeat(np.arange(6), 2)
    task = replace(labelled(y), groups=np.arange(len(y)))
    assert_partition(pairs(cut_outer(task, 5, 1, 0)), np.arange(len(y)))


@given(st.lists(st.integers(0, 9), min_size=10, max_size=50), folds, seeds)
def test_time_never_looks_ahead(times, k, seed):
    task = replace(regression_task(len(times), folds=0), time=np.array(times, dtype=float))
    if len(set(times)) < 2:
        with pytest.raises(BenchError, match="point in time"):
            cut_outer(task, k, 1, seed)
        return
    found = cut_outer(task, k, 3, seed)
    assert {s.repeat for s in found} == {0}
    assert len(found) == min(k, len(set(times)) - 1)
    answered = np.concatenate([s.test for s in found])
    assert len(answered) == len(set(answered))
    for split in found:
        assert task.time[split.train].max() < task.time[split.test].min()
        earlier = np.flatnonzero(task.time < task.time[split.test].min())
        np.testing.assert_array_equal(np.sort(split.train), earlier)
        if len(set(task.time[split.train])) < 2:
            continue
        for fit_rows, held in cut_inner(task, split, k, seed):
            assert task.time[fit_rows].max() < task.time[held].min()
            assert set(fit_rows) | set(held) <= set(split.train)


@pytest.mark.parametrize("how", ["plain", "classes", "groups", "time"])
def test_splits_depend_on_seed_and_task_alone(how):
    task = class_task(40, folds=0) if how == "classes" else regression_task(40, folds=0)
    task = replace(task, groups=np.arange(40) % 9) if how == "groups" else task
    task = replace(task, time=np.arange(40) % 13.0) if how == "time" else task

    def tests(task, seed):
        return [s.test.tolist() for s in cut_outer(task, 4, 1, seed)]

    assert tests(task, 0) == tests(task, 0)
    other = replace(task, X=task.X * 2, name=task.name)
    assert tests(task, 0) == tests(other, 0)
    if how != "time":
        assert tests(task, 0) != tests(task, 1)
        assert tests(task, 0) != tests(replace(task, name="another"), 0)


def test_repeats_are_different_splits_and_do_not_depend_on_their_number():
    task = class_task(40, folds=0)
    two, three = cut_outer(task, 4, 2, 0), cut_outer(task, 4, 3, 0)
    assert [(s.repeat, s.fold) for s in three] == [(r, f) for r in range(3) for f in range(4)]
    for one, other in zip(two, three, strict=False):
        np.testing.assert_array_equal(one.test, other.test)
    assert any(a.test.tolist() != b.test.tolist() for a, b in zip(three[:4], three[4:8], strict=True))


def test_the_tasks_own_splits_are_used():
    task = regression_task(30)
    assert cut_outer(task, 7, 3, 5) is task.splits


def test_inner_folds_of_different_splits_are_drawn_apart():
    task = regression_task(40, folds=4)
    first = [cut_inner(task, split, 3, 0)[0][1].tolist() for split in task.splits]
    assert len({tuple(rows) for rows in first}) == 4
    assert cut_inner(task, task.splits[0], 3, 0)[0][1].tolist() == first[0]
    assert cut_inner(task, task.splits[0], 3, 1)[0][1].tolist() != first[0]


def test_more_folds_than_rows_are_cut_to_the_rows():
    assert len(cut_outer(regression_task(4, folds=0), 10, 1, 0)) == 4


def test_one_row_is_refused_with_the_tasks_name():
    with pytest.raises(BenchError, match="test:reg"):
        cut_outer(regression_task(1, folds=0), 5, 1, 0)
