"""Jobs on a batch system: dask-jobqueue begins workers as jobs of Slurm, and the executor of dask hands them work."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.core.nouns import BenchError
from bench.runner.executors.dask import DaskExecutor

DEFAULTS = {"cores": 1, "processes": 1, "memory": "4GB"}
"""What a job of Slurm asks for where `jobqueue.slurm` of dask's configuration does not say."""


@contextmanager
def slurm_executor(
    most: int, executor_at: Callable[[str], DaskExecutor], make_cluster: Callable[..., Any] | None = None
) -> Iterator[DaskExecutor]:
    """Yield an executor whose workers are jobs of Slurm, at most so many at once: as many as there is work for.

    `executor_at` makes it from the address of a scheduler, which runs in this program. Queue, account, cores, memory
    and time of a job are those of dask's configuration. `make_cluster` is for another batch system.

    Raises:
        BenchError: dask-jobqueue is not installed, or Slurm cannot be asked for a job.
    """
    try:
        import dask
        from dask_jobqueue import SLURMCluster
    except ModuleNotFoundError as error:
        raise BenchError(f"--executor slurm needs {error.name}: pip install 'bench[slurm]'") from error
    if make_cluster is None and shutil.which("sbatch") is None:
        raise BenchError("--executor slurm needs sbatch, which is not here: run it on a login node")
    chosen = {name: dask.config.get(f"jobqueue.slurm.{name}", None) or usual for name, usual in DEFAULTS.items()}
    try:
        cluster = (make_cluster or SLURMCluster)(**chosen)
    except (OSError, ValueError, RuntimeError) as error:
        raise BenchError(f"no cluster can be made ({error}): mend jobqueue.slurm in dask's configuration") from error
    with cluster:
        cluster.adapt(minimum_jobs=0, maximum_jobs=most)
        with executor_at(cluster.scheduler_address) as executor:
            yield executor
