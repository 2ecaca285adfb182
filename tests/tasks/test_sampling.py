"""A sample of the rows of a task: the same every time, in proportion, with all that belongs to a row."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.core.nouns import BenchError, Split, Task
from bench.tasks.sampling import sample_rows


def task(y, classes=(), **parts):
    """Return a task whose feature is the number of the row."""
    y = np.asarray(y)
    X = pd.DataFrame({"row": np.arange(len(y), dtype=float)})
    return Task("t", X, y, "classification" if classes else "regression", parts.pop("splits", ()), classes, **parts)


def taken(found):
    return found.X["row"].to_numpy().astype(int)


def test_classes_keep_their_shares_and_none_is_lost():
    y = np.repeat([0, 1, 2], [600, 397, 3])
    found = sample_rows(task(y, ("a", "b", "c")), 100)
    np.testing.assert_array_equal(np.bincount(found.y), [59, 39, 2])
    np.testing.assert_array_equal(found.y, y[taken(found)])


@pytest.mark.parametrize("n", [6, 7, 20, 99])
def test_a_sample_has_as_many_rows_as_were_asked_for(n):
    y = np.repeat([0, 1, 2, 3], [50, 30, 19, 1])
    found = sample_rows(task(y, tuple("abcd")), n + 1)
    assert len(np.unique(taken(found))) == n + 1
    assert np.bincount(found.y).min() == 1


def test_a_regression_keeps_the_distribution_of_its_target():
    y = np.random.default_rng(0).exponential(size=1000)
    found = sample_rows(task(y), 50)
    place = np.argsort(np.argsort(y))[taken(found)]
    np.testing.assert_array_equal(np.sort(place) // 20, np.arange(50))


def test_rows_are_the_same_every_time_and_in_the_order_of_the_table():
    whole = task(np.arange(100.0))
    first, again, other = (sample_rows(each, 30) for each in (whole, whole, replace(whole, name="u")))
    np.testing.assert_array_equal(taken(first), taken(again))
    assert (np.diff(taken(first)) > 0).all()
    assert set(taken(first)) != set(taken(other))


def test_what_belongs_to_a_row_goes_with_it():
    n = 40
    weight = np.arange(n, dtype=float)
    splits = (Split(0, 0, np.arange(0, 20), np.arange(20, 40)), Split(0, 1, np.arange(20, 40), np.arange(0, 20)))
    parts = {"groups": np.arange(n) // 2, "time": np.arange(n) * 2.0, "weight": weight, "splits": splits}
    found = sample_rows(task(np.arange(n, dtype=float), **parts), 16)
    rows = taken(found)
    np.testing.assert_array_equal(found.groups, rows // 2)
    np.testing.assert_array_equal(found.time, rows * 2.0)
    np.testing.assert_allclose(found.weight / found.weight.sum(), rows / rows.sum())
    np.testing.assert_allclose(found.weight[rows > 0].mean(), 1)
    for cut, before in zip(found.splits, splits, strict=True):
        np.testing.assert_array_equal(np.sort(np.concatenate([cut.train, cut.test])), np.arange(16))
        assert set(rows[cut.test]) <= set(before.test)
    assert found.meta["sampled_from"] == n


def test_a_task_with_fewer_rows_is_taken_as_it_is():
    whole = task(np.arange(10.0))
    assert sample_rows(whole, 10) is whole


def test_too_few_rows_are_refused():
    with pytest.raises(BenchError, match="sample at least 6"):
        sample_rows(task(np.repeat([0, 1, 2], 9), tuple("abc")), 5)
    splits = (Split(0, 0, np.arange(1, 40), np.arange(1)),)
    with pytest.raises(BenchError, match="sample more"):
        sample_rows(task(np.arange(40.0), splits=splits), 2)
