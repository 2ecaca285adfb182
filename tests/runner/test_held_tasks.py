"""Tables that are let go of and loaded again."""

from __future__ import annotations

from pathlib import Path

import pytest
from makers import bytes_of, regression_columns, write_table

from bench.core.nouns import BenchError
from bench.runner import held_tasks
from bench.runner.fit_spec import data_hash
from bench.runner.held_tasks import HeldTasks, without_features
from bench.tasks import loading
from bench.tasks.task_spec import TaskSpec


@pytest.fixture
def three():
    """Three files of different numbers, and their requests."""
    for seed in range(3):
        write_table(Path(f"t{seed}.csv"), regression_columns(seed=seed))
    return [TaskSpec(f"file:t{seed}.csv", target="y") for seed in range(3)]


def _hold(specs):
    tasks = HeldTasks()
    for spec, task in loading.load(specs, offline=True):
        tasks.hold(spec, task, data_hash(task))
    return tasks


def test_no_more_is_held_than_allowed_and_every_task_is_there(three, monkeypatch):
    whole = {task.name: task for _, task in loading.load(three, offline=True)}
    size = next(iter(whole.values())).X.memory_usage(deep=True).sum()
    monkeypatch.setattr(held_tasks, "MOST_BYTES", 2 * size)
    loads = []
    load_task = loading.load_task
    monkeypatch.setattr(loading, "load_task", lambda *a: loads.append(a[1].name) or load_task(*a))
    tasks = _hold(three)
    assert list(tasks) == list(whole)
    assert loads == ["t0.csv", "t1.csv", "t2.csv"]
    for name in (*tasks, *tasks):
        assert data_hash(tasks[name]) == data_hash(whole[name])
        assert without_features(tasks[name]).X.shape == (len(whole[name].y), 0)
    assert tasks[name] is tasks[name]
    assert len(loads) == 3 + 6  # of three tables in turn, the one that comes next was always let go of


def test_a_table_that_changes_while_it_is_run_is_refused(three, monkeypatch):
    monkeypatch.setattr(held_tasks, "MOST_BYTES", 0)
    tasks = _hold(three)
    write_table(Path("t0.csv"), regression_columns(seed=7))
    with pytest.raises(BenchError, match="has changed while it was run"):
        tasks[next(iter(tasks))]


@pytest.mark.usefixtures("few_metrics")
def test_scores_do_not_depend_on_what_is_held(bench, three, monkeypatch):
    flags = [word for spec in three for word in ("-t", spec.name)] + ["--target", "y", "-b", "regression"]
    flags += ["-l", "ridge,knn", "-e", "greedy", "--folds", "2"]
    assert bench("run", *flags, "--results", "a").code == 0
    monkeypatch.setattr(held_tasks, "MOST_BYTES", 0)
    assert bench("run", *flags, "--results", "b").code == 0
    assert bytes_of("a") == bytes_of("b")
