import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.core.nouns import BenchError, Split, Task
from bench.tasks import lock
from bench.tasks.loading import load
from bench.tasks.sources import LoadError
from bench.tasks.task_spec import TaskSpec

SPEC = TaskSpec("openml:7")
ROWS = np.arange(4)


def make_task():
    """Return a task of four rows with a number and a category, and one split of its own."""
    X = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0], "b": pd.Categorical(["x", "y", "x", "y"])})
    splits = (Split(0, 0, ROWS[:2], ROWS[2:]),)
    meta = {"target": "y", "data_id": 5, "version": 3}
    return Task("openml:7", X, np.array([0, 1, 0, 1]), "classification", splits, ("no", "yes"), meta=meta)


def changed(task, **columns):
    return replace(task, X=task.X.assign(**columns))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda task: changed(task, a=[1.0, 2.0, 3.0, 4.0]), ["column 'a' holds other values"]),
        (lambda task: changed(task, b=[1.0, 2.0, 3.0, 4.0]), ["column 'b' was category of 2 levels and is numbers"]),
        (lambda task: changed(task, c=task.X["a"]), ["column 'c' is new"]),
        (lambda task: replace(task, X=task.X[["b"]]), ["column 'a' is gone"]),
        (lambda task: replace(task, X=task.X[["b", "a"]]), ["the columns have another order"]),
        (lambda task: replace(task, y=1 - task.y), ["column 'y' holds other values"]),
        (
            lambda task: replace(task, classes=("no", "si")),
            ["column 'y' was target of classes no, yes and is target of classes no, si"],
        ),
        (lambda task: replace(task, X=task.X[:3], y=task.y[:3]), ["4 rows are 3 now"]),
        (lambda task: replace(task, weight=np.ones(4)), ["column 'weight' is new"]),
        (lambda task: replace(task, splits=(Split(0, 0, ROWS[2:], ROWS[:2]),)), ["the splits are others"]),
        (lambda task: replace(task, meta={"target": "y"}), []),
    ],
)
def test_a_change_is_told_by_column(change, told):
    before = lock.describe(make_task())
    assert before.differences(lock.describe(change(make_task()))) == told


def test_what_is_written_is_read_and_one_column_is_one_line(tmp_path):
    path = tmp_path / "bench.lock"
    locked = {"openml:7": lock.describe(make_task()), "file:a.csv@target=y": lock.describe(make_task())}
    lock.write_lock(locked, path)
    assert lock.read_lock(path) == locked
    assert locked["openml:7"].source == {"data_id": 5, "version": 3}
    assert len([line for line in path.read_text().splitlines() if '"b": "category of 2 levels ' in line]) == 2
    assert lock.read_lock(tmp_path / "none") == {}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": 2}', '{"schema": 1, "tasks": {"a": {}}}', '{"schema": 1, "tasks": 3}']
)
def test_a_damaged_lock_file_is_one_sentence(tmp_path, text):
    path = tmp_path / "bench.lock"
    path.write_text(text)
    with pytest.raises(BenchError, match=r"bench\.lock .*fetch again$"):
        lock.read_lock(path)


def test_a_task_is_locked_with_all_that_was_requested():
    assert lock.lock_name(TaskSpec("37")) == "openml:37"
    assert (
        lock.lock_name(TaskSpec("file:a.csv", target="y", kind="regression")) == "file:a.csv@target=y;kind=regression"
    )


def test_a_changed_table_stops_its_task_and_no_other(tmp_path):
    specs = [TaskSpec(f"file:{name}.csv", target="y") for name in ("one", "two")]
    for name in ("one", "two"):
        Path(f"{name}.csv").write_text("x,y\n" + "".join(f"{i},{i * i}.5\n" for i in range(9)))
    locked = {lock.lock_name(spec): lock.describe(task) for spec, task in load(specs, offline=True)}
    lock.write_lock(locked)
    held = Path("bench.lock").read_bytes()
    Path("one.csv").write_text("x,y\n" + "".join(f"{i},{i * i}.25\n" for i in range(9)))
    (_, one), (_, two) = load(specs, offline=True)
    assert isinstance(one, LoadError)
    assert one.cause == "data"
    assert str(one) == (
        "file:one.csv@target=y is not what bench.lock holds (column 'y' holds other values): look into it, "
        "and accept it with --update-lock"
    )
    assert two.name == "file:two"
    assert Path("bench.lock").read_bytes() == held


def test_a_message_names_a_few_differences():
    message = lock.changed(SPEC, [f"column {name!r} is gone" for name in range(20)])
    assert message.count("is gone") == lock.MOST_DIFFERENCES
    assert "and 12 more differences" in message


def test_the_lock_file_is_plain_json(tmp_path):
    path = tmp_path / "bench.lock"
    lock.write_lock({"openml:7": lock.describe(make_task())}, path)
    entry = json.loads(path.read_text())["tasks"]["openml:7"]
    assert sorted(entry) == ["columns", "data", "rows", "source", "splits"]
    assert (entry["rows"], sorted(entry["columns"])) == (4, ["a", "b", "y"])
