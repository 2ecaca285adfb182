"""A process and all that it started: how much memory they hold, and how to end every one of them.

Linux gives orphans to the nearest ancestor that asks for them (a subreaper), so that nothing that foreign code starts
leaves its tree, by whatever forks and sessions. Elsewhere an orphan goes to the system, and is not found again.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""Numbers of requests of prctl(2)."""


def adopt_orphans(*, wanted: bool = True) -> None:
    """Become the parent of every descendant whose own parent dies, or stop to be that; only Linux can."""
    _prctl(PR_SET_CHILD_SUBREAPER, int(wanted))


def die_with_parent(signal_number: int) -> None:
    """Ask the system to send this process a signal when its parent dies; only Linux can."""
    _prctl(PR_SET_PDEATHSIG, signal_number)


def _prctl(request: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(request, value, 0, 0, 0)


def end_descendants(root: psutil.Process) -> None:
    """Kill all that a process started, and what those started.

    They are frozen first: what forks faster than it is killed would never end.
    """
    frozen: set[psutil.Process] = set()
    while found := set(_descendants(root)) - frozen:
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.suspend()
        frozen |= found
    for process in frozen:
        with contextlib.suppress(psutil.Error):
            process.kill()


def end_tree(root: psutil.Process) -> None:
    """Kill a process with all that it started; one that is gone already is left alone, and so is its number."""
    if not root.is_running():
        return
    end_descendants(root)
    with contextlib.suppress(psutil.Error):
        root.kill()


def children() -> set[psutil.Process]:
    """Return the processes that this one is the parent of."""
    return set(_descendants(psutil.Process(), recursive=False))


def end_adopted(known: Collection[psutil.Process]) -> None:
    """Kill the trees whose own parent died, and which this process was given in its place; not the `known` ones.

    Workers begin sessions of their own, so that a child of another session is a stray of one: what else this process
    has started, such as `git`, is in its own.
    """
    own = os.getsid(0)
    for process in children().difference(known):
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(process.pid) != own:
                end_tree(process)
                reap(process.pid)


def has_children() -> bool:
    """Return whether this process has children, those included that have ended and were not waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def reap(pid: int) -> None:
    """Wait for a child that was killed."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def tree_bytes(root: psutil.Process) -> int:
    """Return the resident memory of all that a process started; pages that several of them share count in each."""
    return sum(_resident_bytes(process) for process in _descendants(root))


def _resident_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _descendants(root: psutil.Process, *, recursive: bool = True) -> list[psutil.Process]:
    try:
        return root.children(recursive=recursive)
    except psutil.NoSuchProcess:
        return []
