"""Runs with results directories of their own that share a store, and mend the same entries at once."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from makers import bytes_of, regression_columns, write_table
from makers.sharing import mend, run_rounds

from bench.runner.executors.fork_server import start_server

CONTEXT = multiprocessing.get_context("forkserver")
RUN = ("run", "-t", "file:reg.csv", "--target", "y", "-b", "regression", "-l", "ridge,knn", "-e", "equal", "--metric",
       "rmse", "--folds", "3", "--inner", "2", "-q", "--store", "store")  # fmt: skip


def together(work, *args):
    """Do work in two processes that begin each of its rounds at once, and return what they tell."""
    start_server()  # both are forked from what has imported all that they need
    start, told = CONTEXT.Barrier(2), CONTEXT.Queue()
    both = [CONTEXT.Process(target=work, args=(n, start, told, *args), daemon=True) for n in range(2)]
    for each in both:
        each.start()
    found = sorted(told.get(timeout=120) for _ in both)
    for each in both:
        each.join(60)
    return found


def test_who_has_written_an_entry_can_read_it_though_another_mends_it_too(tmp_path):
    assert together(mend, tmp_path / "store", 80) == [(0, ""), (1, "")]


def test_two_runs_that_mend_the_same_entries_come_to_what_an_undisturbed_one_does(bench):
    write_table("reg.csv", regression_columns())
    assert bench(*RUN, "--results", "alone").code == 0
    (expected,) = bytes_of("alone")
    assert together(run_rounds, RUN, 2) == [(0, [0] * 2), (1, [0] * 2)]
    for results in Path().glob("results-*"):
        assert bytes_of(results) == [expected]
    assert len([*Path().glob("results-*")]) == 4
