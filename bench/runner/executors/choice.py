"""Which executor jobs go to: the one place that reads `--executor`, for all that a run hands out."""

from __future__ import annotations

from contextlib import AbstractContextManager

from bench.core.nouns import BenchError
from bench.runner.executors import Executor
from bench.runner.executors.local import Pool
from bench.runner.foreign_code import starter
from bench.runner.options import RunOptions
from bench.runner.store import Store


def executor_of(options: RunOptions, store: Store) -> AbstractContextManager[Executor]:
    """Return who runs the jobs of a run, and keeps in `store` what fits predict.

    Raises:
        BenchError: it needs an address, and there is none.
    """
    if options.executor == "local":
        return Pool(options.workers, starter(options.plugins), options.limits)
    # extras, imported only where they are used
    from bench.runner.executors.dask import DaskExecutor
    from bench.runner.executors.slurm import slurm_executor

    def executor_at(address: str) -> DaskExecutor:
        return DaskExecutor(address, store, starter(()), options.plugins, options.limits, options.jobs)

    if options.executor == "slurm":
        return slurm_executor(options.workers, executor_at)
    if options.address is None:
        raise BenchError("--executor dask needs the address of a scheduler: give --address tcp://host:8786")
    return executor_at(options.address)
