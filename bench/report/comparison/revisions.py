"""Files of a committed revision, read from git without a checkout."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from bench.core.git import call_git
from bench.core.nouns import BenchError

ReadFile = Callable[[str], bytes | None]
"""From a file name to its content, None where there is none."""
DEFAULT_PATHS = ("baseline.json", "results/reference/scores.csv")
"""What `git:REV` reads: the first of these that the revision has."""


def locate(text: str) -> tuple[str, str, ReadFile]:
    """Return the path that `REV[:PATH]` means, a name for people, and what reads files beside it.

    PATH is relative to the root of the repository, or to the working directory where it starts with `./`. A folder
    means the `scores.csv` in it.

    Raises:
        BenchError: there is no such revision or file, or git is not there.
    """
    revision, _, path = text.partition(":")
    commit = _commit(revision)
    wanted = [path] if path else list(DEFAULT_PATHS)
    found = next((file for one in wanted for file in _files(commit, one)), None)
    if found is None:
        raise BenchError(f"git revision {revision!r} has no {' or '.join(wanted)}: write git:REV:PATH")
    folder = PurePosixPath(found).parent
    return PurePosixPath(found).name, f"git:{revision}:{found}", lambda name: _blob(commit, str(folder / name), found)


def _commit(revision: str) -> str:
    done = (
        None
        if not revision or revision.startswith("-")
        else _call_git("rev-parse", "--verify", f"{revision}^{{commit}}")
    )
    if done is None or done.returncode:
        raise BenchError(
            f"git does not know the revision {revision!r} here: check its name, and fetch it where the clone is shallow"
        )
    return done.stdout.decode().strip()


def _files(commit: str, path: str) -> Sequence[str]:
    """Return the file that a path means, or the scores of the folder that it means."""
    kind = _call_git("cat-file", "-t", f"{commit}:{path}").stdout.strip()
    if kind == b"tree":
        return [f"{path.rstrip('/')}/scores.csv"]
    return [path] if kind == b"blob" else []


def _blob(commit: str, path: str, requested: str) -> bytes | None:
    relative = f"./{path}" if requested.startswith("./") else path
    done = _call_git("cat-file", "blob", f"{commit}:{relative}")
    return None if done.returncode else done.stdout


def _call_git(*words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return call_git(*words)
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(f"git cannot be run ({error}): install it, or give a file") from error
