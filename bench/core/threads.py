"""One thread for every library that computes, and how many cores there are for processes of one thread.

Nothing heavy is imported here: the first must happen before numpy is.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

QUOTAS = (Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"))
"""Files in which Linux says how much of the processors a container may use, of the second and the first version."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
"""Variables that set how many threads a library starts; each is read when the library is first imported."""


def use_one_thread() -> None:
    """Let libraries that are imported from now on, here and in child processes, compute with one thread.

    Workers run side by side, and sums of several threads differ from run to run in their last bits.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))


def available_cores() -> int:
    """Return how many cores this process may use: those it is bound to, and no more than its container may keep busy.

    A part of a core counts as one.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(bound, *map(_quota, QUOTAS))))


def _quota(path: Path) -> float:
    """Return the cores that a file of QUOTAS grants, infinitely many where there is none, or no limit."""
    try:
        words = path.read_text(encoding="ascii").split()
        period = words[1] if len(words) > 1 else path.with_name("cpu.cfs_period_us").read_text(encoding="ascii")
        granted = float(words[0]) / float(period)
    except (OSError, ValueError, IndexError, ZeroDivisionError):
        return math.inf
    return granted if granted > 0 else math.inf
