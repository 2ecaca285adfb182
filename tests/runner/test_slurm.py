"""`--executor slurm`: workers that a batch system starts; here dask-jobqueue runs the script of a job by itself."""

from __future__ import annotations

import sys

import pytest
from makers import bytes_of
from makers.runs import REG

from bench.core.nouns import BenchError
from bench.runner.executors import slurm

pytest.importorskip("dask_jobqueue", reason="the extra [slurm] is not installed")

HERE = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
"""Where a scheduler listens; others may be running on this machine."""


@pytest.mark.slow
# the local mode of dask-jobqueue does not wait for the processes that it ends
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_workers_that_a_batch_system_starts_give_the_bytes_of_a_local_run(bench, reg, monkeypatch):
    from dask_jobqueue.local import LocalCluster

    made, plain = [], slurm.slurm_executor

    def local_executor(most, executor_at):
        def make_cluster(**asked):
            made.append(asked)
            return LocalCluster(**asked, python=sys.executable, scheduler_options=HERE)

        return plain(most, executor_at, make_cluster)

    monkeypatch.setattr(slurm, "slurm_executor", local_executor)
    assert bench("run", *reg, *REG, "--results", "near").code == 0
    done = bench("run", *reg, *REG, "--executor", "slurm", "-j", 2, "--results", "far")
    assert done.code == 0, done.err
    assert made == [slurm.DEFAULTS]
    near, far = bytes_of("near", "far")
    assert near == far


def test_without_slurm_the_run_is_refused_in_one_sentence(bench, reg, monkeypatch):
    monkeypatch.setenv("PATH", "")
    done = bench("run", *reg, *REG, "--executor", "slurm", "-j", 2)
    assert done.code == 2
    assert "needs sbatch, which is not here: run it on a login node" in done.err


def test_an_impossible_configuration_is_one_sentence(monkeypatch):
    def refuse(**_):
        raise ValueError("You must specify how much memory to use")

    with pytest.raises(BenchError, match="mend jobqueue"), slurm.slurm_executor(2, str, refuse):
        pass
