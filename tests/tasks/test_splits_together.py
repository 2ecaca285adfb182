"""Groups, times, row weights and ordered classes in one task: every cut that a protocol makes keeps all of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from bench.core.nouns import BenchError, NotApplicableError, Target
from bench.core.settings import PROTOCOLS, Settings
from bench.methods.trainings import FittedModel
from bench.runner import out_of_fold
from bench.runner.fit_spec import Fit, rows_of
from bench.tasks.sources import TaskRequest
from bench.tasks.sources.table import task_from_table
from bench.tasks.splits import cut_outer

N_GROUPS, ROWS_A_GROUP = 24, 6
ORDER = ("low", "middle", "high")
PARTS = ("group", "time", "weight", "order")
TOGETHER = [names for size in (2, 3, 4) for names in combinations(PARTS, size)]


def table(layout):
    """Draw rows in any order; two rows of a group share each time, and where groups overlap, others do as well."""
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(N_GROUPS), ROWS_A_GROUP)
    within = np.tile(np.arange(ROWS_A_GROUP) // 2, N_GROUPS)
    time = {"one after the other": 3 * group + within, "overlapping": 2 * group + 5 * within}[layout]
    signal = rng.normal(size=len(group))
    frame = pd.DataFrame({
        "x": signal + rng.normal(size=len(group)),
        "group": [f"g{k * 7 % N_GROUPS}" for k in group],  # names do not tell when a group begins
        "time": time,
        "weight": rng.integers(1, 9, len(group)),
        "y": np.array(ORDER)[np.digitize(signal, [-0.4, 0.4])],
    })  # fmt: skip
    return frame.sample(frac=1.0, random_state=1, ignore_index=True).assign(row=lambda f: np.arange(len(f)) * 1.0)


def task_with(names, layout):
    columns = {name: name for name in names if name != "order"} | (
        {"order": ",".join(ORDER)} if "order" in names else {}
    )
    return task_from_table("test:together", table(layout), TaskRequest("together", target="y", **columns))


def fits_of(task, split, settings, monkeypatch):
    """Return every fit of a protocol on one split: the rows it learned from, their weights, the rows it predicted."""
    fits = []

    def remember(context, _, weight):
        rows = context.X["row"].to_numpy().astype(int)
        np.testing.assert_array_equal(context.y, task.y[rows])
        fits.append((rows, weight, []))

        def predict(X):
            fits[-1][2].append(X["row"].to_numpy().astype(int))
            return np.full((len(X), len(task.classes)), 1 / len(task.classes))

        return FittedModel(predict)

    monkeypatch.setattr(out_of_fold, "fit_training", remember)
    target = Target("class", task.classes, bool(task.meta["ordered"]))
    out_of_fold.predict(rows_of(task, split, settings), Fit(target, "forest"), settings)
    return fits


def assert_apart(task, frame, names, learned, predicted):
    """No group is on both sides; in time, every row learned from is earlier than every row predicted, ties included."""
    assert len(learned)
    assert not set(learned) & set(predicted)
    if "group" in names:
        assert not set(frame["group"].iloc[learned]) & set(frame["group"].iloc[predicted])
    if "time" in names:
        assert task.time[learned].max() < task.time[predicted].min()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("layout", ["one after the other", "overlapping"])
@pytest.mark.parametrize("names", TOGETHER, ids="-".join)
def test_every_cut_keeps_groups_times_weights_and_order(names, layout, protocol, monkeypatch):
    frame, task = table(layout), task_with(names, layout)
    settings = Settings(seed=2, inner=3, protocol=protocol)
    splits = cut_outer(task, 4, 2, settings.seed)
    for repeat in {split.repeat for split in splits}:
        tested = np.concatenate([split.test for split in splits if split.repeat == repeat])
        assert len(tested) == len(set(tested))
        assert "time" in names or len(tested) == len(frame)
    for split in splits:
        assert_apart(task, frame, names, split.train, split.test)
        if protocol == "nested" and "time" in names:
            with pytest.raises(NotApplicableError, match="in time"):
                fits_of(task, split, settings, monkeypatch)
            continue
        fits = fits_of(task, split, settings, monkeypatch)
        assert fits
        for learned, weight, predictions in fits:
            for predicted in predictions:
                assert_apart(task, frame, names, learned, predicted)
            if "weight" in names:
                given = frame["weight"].to_numpy()[learned]
                np.testing.assert_allclose(weight / weight.mean(), given / given.mean())
            else:
                assert weight is None


@pytest.mark.parametrize("layout", ["one after the other", "overlapping"])
@pytest.mark.parametrize("names", TOGETHER, ids="-".join)
def test_inner_folds_predict_a_row_once_and_calibration_rows_teach_nobody(names, layout):
    frame, task = table(layout), task_with(names, layout)
    settings = Settings(seed=2, inner=3, protocol="split", calibration=0.3)
    for split in cut_outer(task, 4, 1, settings.seed):
        rows = rows_of(task, split, settings)
        assert len(rows.calibration)
        assert_apart(task, frame, names, rows.split.train, rows.calibration)
        assert_apart(task, frame, names, np.append(rows.split.train, rows.calibration), split.test)
        held = np.concatenate([predicted for _, predicted in rows.inner])
        assert len(held) == len(set(held))
        assert set(held) <= set(rows.split.train)
        assert "time" in names or len(held) == len(rows.split.train)
        for learned, predicted in rows.inner:
            assert_apart(task, frame, names, learned, predicted)


@pytest.mark.parametrize("names", TOGETHER, ids="-".join)
def test_classes_keep_their_order_and_rows_their_values(names):
    frame, task = table("overlapping"), task_with(names, "overlapping")
    assert task.classes == (ORDER if "order" in names else tuple(sorted(ORDER)))
    assert np.array(task.classes)[task.y].tolist() == frame["y"].tolist()
    assert bool(task.meta["ordered"]) == ("order" in names)


def test_groups_one_after_the_other_are_all_used():
    """Where no group overlaps another, nothing is left out: each fold learns from all groups before its own."""
    task = task_with(("group", "time"), "one after the other")
    for split in cut_outer(task, 4, 1, 0):
        earlier = np.flatnonzero(task.time < task.time[split.test].min())
        np.testing.assert_array_equal(np.sort(split.train), earlier)
        assert set(np.bincount(task.groups[np.append(split.train, split.test)])) <= {0, ROWS_A_GROUP}
    assert not task.meta["warnings"]


def test_groups_that_overlap_are_predicted_whole_and_warned_about():
    task = task_with(("group", "time"), "overlapping")
    tested = np.concatenate([split.test for split in cut_outer(task, 4, 1, 0)])
    assert set(np.bincount(task.groups[tested])) <= {0, ROWS_A_GROUP}
    assert any("begin before an earlier one is over" in warning for warning in task.meta["warnings"])


def test_groups_that_all_begin_together_are_refused():
    frame = table("overlapping")
    frame["time"] = frame.groupby("group").cumcount()
    task = task_from_table("t", frame, TaskRequest("t", target="y", group="group", time="time"))
    with pytest.raises(BenchError, match=r"all begin at one time .*: .* groups or times"):
        cut_outer(task, 4, 1, 0)
