"""One thread for every library that computes. Nothing heavy is imported here: it must happen before numpy is."""

from __future__ import annotations

import os

THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
"""Variables that set how many threads a library starts; each is read when the library is first imported."""


def use_one_thread() -> None:
    """Let libraries that are imported from now on, here and in child processes, compute with one thread.

    Workers run side by side, and sums of several threads differ from run to run in their last bits.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
