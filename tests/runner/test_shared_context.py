"""Contexts that are written once: they read back as they were, and nobody changes what others read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from makers.jobs import Call, run

from bench.runner.executors import local
from bench.runner.executors.shared_context import load, share

TABLE = pd.DataFrame(
    {"number": [0.5, np.nan], "text": ["a", None], "class": pd.Categorical(["b", "a"]), "whole": [1, 2]}, index=[7, 3]
)


@pytest.fixture(params=[True, False], ids=["Linux", "elsewhere"])
def shared(request, monkeypatch):
    """Share a value, in the way of Linux and in that of other systems."""
    if not request.param:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    files = []

    def share_until_the_end(value):
        files.append(share(value))
        return files[-1]

    yield share_until_the_end
    for each in files:
        os.close(each.file)


@pytest.mark.parametrize("table", [TABLE, TABLE.iloc[:, :0], TABLE[:0]], ids=["whole", "no columns", "no rows"])
def test_a_table_reads_back_as_it_was(shared, table):
    held = shared(table)
    pd.testing.assert_frame_equal(load(os.dup(held.file), held.spans), table)


def test_what_a_reader_changes_is_its_own(shared):
    held = shared(np.arange(1000.0))
    mine, yours = (load(os.dup(held.file), held.spans) for _ in range(2))
    mine[:] = 0
    assert np.array_equal(yours, np.arange(1000.0))
    with pytest.raises(OSError, match=r"Operation not permitted|Bad file descriptor"):
        os.pwrite(held.file, b"0", 0)


class Counted:
    """A context that counts how often it is written."""

    written = 0

    def __reduce__(self):
        Counted.written += 1
        return int, (21,)


def total(x):
    return float(np.sum(x))


def spoil(x):
    x[:] = 0
    return total(x)


@pytest.mark.parametrize(("room", "times"), [(local.MOST_SHARED, 1), (0, 3)])
def test_a_context_is_written_once_for_all_processes_while_there_is_room(monkeypatch, room, times):
    monkeypatch.setattr(Counted, "written", 0)
    monkeypatch.setattr(local, "MOST_SHARED", room)
    files = len([*Path("/dev/fd").iterdir()])
    jobs = [Call((total,), name, f"{j}{name}", is_foreign=True) for j in range(3) for name in "xy"]
    reported = run(jobs, contexts={"x": Counted(), "y": np.ones(4)})
    assert {name: events[0] for name, events in reported.items()} == {
        f"{j}{name}": ("item", value) for j in range(3) for name, value in (("x", 21.0), ("y", 4.0))
    }
    assert Counted.written == times
    assert len([*Path("/dev/fd").iterdir()]) <= files + 2  # those of the fork server, if it was started here


def test_no_job_sees_what_another_has_done_to_the_context():
    jobs = [Call((spoil,), name="bad", is_foreign=True), Call((total,), name="next", is_foreign=True)]
    reported = run([*jobs, Call((total,), name="ours")], contexts={"x": np.ones(10**5)})
    assert {name: events[0][1] for name, events in reported.items()} == {"bad": 0.0, "next": 1e5, "ours": 1e5}
