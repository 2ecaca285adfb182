"""A process and all that it started: how much memory they hold, and how to end every one of them.

Linux gives orphans to the nearest ancestor that asks for them (a subreaper), so that nothing that foreign code starts
leaves its tree, by whatever forks and sessions. Elsewhere an orphan goes to the system, and is not found again.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

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
    """Kill all that a process started, and what those started, as they are found.

    Each is frozen before its own children are looked for: what forks faster than it is killed would never end. What
    loses its parent meanwhile is found by the one that adopts it.
    """
    for process in [each for each in _descendants(root) if _freeze(each)]:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _freeze(process: psutil.Process) -> bool:
    """Stop a process for now; return whether it was there."""
    try:
        process.suspend()
    except psutil.Error:
        return False
    return True


def end_tree(root: psutil.Process) -> None:
    """Kill a process with all that it started; one that is gone already is left alone, and so is its number."""
    if not root.is_running():
        return
    end_descendants(root)
    with contextlib.suppress(psutil.Error):
        root.kill()


def children() -> set[psutil.Process]:
    """Return the processes that this one is the parent of."""
    return set(_children(psutil.Process()))


def end_adopted(known: Collection[psutil.Process]) -> None:
    """Kill the trees whose own parent died, and which this process was given in its place; not the `known` ones.

    Workers begin sessions of their own, so that a child of another session is a stray of one: what else this process
    has started, such as `git`, is in its own.
    """
    while strays := [process for process in children().difference(known) if _is_of_another_session(process)]:
        for process in strays:
            end_tree(process)
            reap(process.pid)


def _is_of_another_session(process: psutil.Process) -> bool:
    with contextlib.suppress(ProcessLookupError):
        return os.getsid(process.pid) != os.getsid(0)
    return False


def has_children() -> bool:
    """Return whether this process has children, those included that have ended and were not waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def reap_ended() -> None:
    """Wait for a child to end, and take leave of all others that have."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, 0)
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


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


def _descendants(root: psutil.Process) -> Iterator[psutil.Process]:
    """Yield all that a process started, each before its own children are looked for."""
    waiting = [root]
    while waiting:
        for child in _children(waiting.pop()):
            yield child
            waiting.append(child)


def _children(process: psutil.Process) -> Iterator[psutil.Process]:
    """Yield the children of a process: Linux lists them, and elsewhere psutil asks every process for its parent."""
    if not _has_lists():
        with contextlib.suppress(psutil.NoSuchProcess):
            yield from process.children()
        return
    numbers: list[str] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            numbers += (thread / "children").read_text().split()
    for number in numbers:
        with contextlib.suppress(psutil.NoSuchProcess):
            yield psutil.Process(int(number))


@functools.cache
def _has_lists() -> bool:
    return Path(f"/proc/self/task/{os.getpid()}/children").is_file()
