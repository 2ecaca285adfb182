"""What every test runs in: one thread, one hypothesis profile, surroundings of its own, the program as a fixture."""

# ruff: noqa: E402 - the threads are set before numpy is imported
from __future__ import annotations

import os

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
for _name in THREADS:  # before numpy is imported, here and in every process that a test starts
    os.environ[_name] = "1"

import multiprocessing
import signal
import sys
from multiprocessing import forkserver

import hypothesis
import pytest
from makers import Done, Inline, class_columns, regression_columns, write_table

from bench.methods import class_weights, ensembles, learners, metrics, postprocess, trainings
from bench.tasks import sources

hypothesis.settings.register_profile("bench", derandomize=True, deadline=None, database=None, max_examples=25)
hypothesis.settings.load_profile("bench")

REGISTRIES = (class_weights, ensembles, learners, metrics, postprocess, sources, trainings)


@pytest.fixture(scope="session", autouse=True)
def _no_fork_server_is_left_behind():
    yield
    for child in multiprocessing.active_children():
        child.kill()
        child.join()
    forkserver._forkserver._stop()


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path, monkeypatch):
    """Run every test in a folder of its own, without the user's settings, and without the plug-ins of other tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("BENCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BENCH_JOBS", "1")  # tests run side by side, and some look at the order of jobs
    monkeypatch.setenv("OPENML_CACHE_DIR", str(tmp_path / "openml"))
    registries = [package.registry for package in REGISTRIES]
    held = [registry.own() for registry in registries]
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for registry, entries in zip(registries, held, strict=True):
        registry._entries.clear()
        registry._entries.update(entries)
    for name in [name for name in sys.modules if name.startswith("bench_plugin_")]:
        del sys.modules[name]


@pytest.fixture
def reg(tmp_path):
    """A regression table, as the words that name it on the command line."""
    return ("-t", f"file:{write_table(tmp_path / 'reg.csv', regression_columns())}", "--target", "y")


@pytest.fixture
def cls(tmp_path):
    """A table with two classes, as the words that name it on the command line."""
    return ("-t", f"file:{write_table(tmp_path / 'cls.csv', class_columns())}", "--target", "y")


@pytest.fixture
def pooled(monkeypatch, capsys):
    """Call the program in this process; its workers are real processes."""
    from bench.cli import main

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return call


@pytest.fixture
def bench(pooled, monkeypatch):
    """Call the program in this process, its work done here as well."""
    for user in ("executors.choice", "answers", "reproduce"):
        monkeypatch.setattr(f"bench.runner.{user}.Pool", Inline)
    return pooled


@pytest.fixture
def few_metrics(monkeypatch):
    """Score in this process by few metrics: a small run spends most of its time on the leaderboards of all of them."""
    complete = metrics.for_target

    def some(target, names=()):
        few = ["rmse", "wis", "mean_pinball", "macro_f1", "log_loss"]
        return complete(target, few if tuple(names) in {(), ("core",)} else names)

    monkeypatch.setattr(metrics, "for_target", some)
