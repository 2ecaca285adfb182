"""Runs that end in order before all is done, what others see of a run, and how many workers there are."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from makers import bytes_of
from makers.runs import REG, cells

from bench.core import threads
from bench.core.nouns import Split, Target
from bench.core.settings import Settings
from bench.runner import progress
from bench.runner.fit_spec import Fit
from bench.runner.forecast import Forecast, in_words
from bench.runner.progress import Progress, Running, forget_progress, read_progress
from bench.runner.worker import FitJob


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_number_of_cells_is_kept_to_and_the_next_run_goes_on_to_the_same_bytes(pooled, reg, jobs):
    words = ("run", *reg, *REG, "-j", jobs)
    first = pooled(*words, "--max-cells", 3)
    assert first.code == 6, first.err
    assert "--max-cells is spent: run again to go on" in first.err
    assert len(cells()) == first.json["weighed"] == 3
    second = pooled(*words, "--max-cells", 1000)
    assert second.code == 0, second.err
    assert second.json["weighed"] == second.json["planned"] - 3
    whole = pooled(*words, "--results", "whole")
    assert whole.code == 0
    one, other = bytes_of("results", "whole")
    assert one == other


def test_a_budget_of_just_the_cells_that_there_are_ends_nothing(pooled, reg):
    planned = pooled("run", *reg, *REG, "--results", "whole").json["planned"]
    done = pooled("run", *reg, *REG, "--max-cells", planned)
    assert done.code == 0, done.err


def test_time_is_up_before_anything_is_done(pooled, reg):
    done = pooled("run", *reg, *REG, "--max-total", "0.001s")
    assert done.code == 6, done.err
    assert done.json["weighed"] == 0
    assert Path("results/leaderboard.csv").is_file()
    again = pooled("run", *reg, *REG, "--max-total", "1h")
    assert again.code == 0
    assert again.json["ok"] == again.json["planned"]


NOW = Progress.of_this_process(3, 9, (Running("fit ridge (none) on t 0.0", 2.5),), 10.0, 20.0)


def test_progress_is_read_as_it_was_written_until_the_run_has_ended(tmp_path):
    assert read_progress(tmp_path) is None
    NOW.write(tmp_path)
    assert read_progress(tmp_path) == NOW
    forget_progress(tmp_path)
    assert read_progress(tmp_path) is None


@pytest.mark.parametrize("content", ["", "[]", '{"done": 1}', "{"])
def test_progress_that_is_damaged_is_none(tmp_path, content):
    (tmp_path / progress.FILE).write_text(content)
    assert read_progress(tmp_path) is None


def test_the_progress_of_a_run_that_has_died_is_none(tmp_path):
    process = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(process, 0)
    replace(NOW, pid=process).write(tmp_path)
    assert read_progress(tmp_path) is None


def test_status_says_what_runs(bench, reg):
    bench("run", *reg, *REG)
    NOW.write(Path("results"))
    done = bench("status", "results")
    assert "running: 3 of 9 jobs, 10 s so far, about 20 s left; fit ridge (none) on t 0.0 (2 s)" in done.err


def test_status_names_the_few_jobs_that_have_run_longest(bench):
    replace(NOW, running=tuple(Running(f"job {j}", float(j)) for j in range(9))).write(Path("results"))
    assert (
        bench("status", "results").err.rstrip().endswith("; job 8 (8 s), job 7 (7 s), job 6 (6 s), job 5 (5 s), 5 more")
    )


def test_status_is_no_error_before_the_first_record(bench):
    NOW.write(Path("results"))
    assert bench("status", "results").code == 0
    forget_progress(Path("results"))
    assert bench("status", "results").code == 2


def test_a_forecast_learns_by_learner_and_takes_the_mean_for_others():
    forecast = Forecast()
    assert forecast.is_guess
    rows = np.arange(100)
    job = _fit_job("ridge", rows)
    forecast.learn(job, 2.0)
    forecast.learn(_fit_job("mlp", rows), 6.0)
    assert forecast.seconds_of(job) == pytest.approx(2.0)
    assert [forecast.seconds_left(job, since) for since in (0.5, 3)] == pytest.approx([1.5, 0])
    assert forecast.seconds_of_fit("ridge", 50) == pytest.approx(1.0)
    assert forecast.seconds_of_fit("new", 100) == pytest.approx(4.0)


def _fit_job(learner, rows):
    return FitJob(
        context="t",
        split=Split(0, 0, rows, rows[:5]),
        fit=Fit(Target("point"), learner),
        key="k",
        parts={},
        settings=Settings(),
        store=Path(),
        is_foreign=False,
    )


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (600, "10 min"), (9000, "2.5 h")])
def test_times_in_words(seconds, words):
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.cfs_quota_us": "300000", "cpu.cfs_period_us": "100000"}, 3),
        ({"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}, 8),
        ({"cpu.max": "nonsense"}, 8),
    ],
)
def test_workers_are_the_cores_that_a_container_may_keep_busy(tmp_path, monkeypatch, files, cores):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(threads, "QUOTAS", (tmp_path / "cpu.max", tmp_path / "cpu.cfs_quota_us"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert threads.available_cores() == cores
