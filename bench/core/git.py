"""Git as a reader of somebody's repository: its configuration may name programs, and none of them is run."""

from __future__ import annotations

import os
import subprocess

NO_PROGRAMS = ("--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=", "-c", f"core.hooksPath={os.devnull}")
"""What keeps git from running what the configuration of a repository names for a status or a look at a file."""
NO_NETWORK = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
"""What keeps it from fetching what a partial clone lacks, with the program that its configuration names for that."""
SECONDS = 60


def call_git(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Return what git answers in the working directory, whatever its exit code.

    Raises:
        OSError, SubprocessError: git is not there, or takes too long.
    """
    return subprocess.run(  # noqa: S603 - no shell, and the words are ours or an object's name
        ["git", *NO_PROGRAMS, *_no_filters(), *words],  # noqa: S607 - the user's own git
        capture_output=True,
        check=False,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
        env=os.environ | NO_NETWORK,
    )


def _no_filters() -> list[str]:
    """Return options that empty the filters of the configuration: git runs one to see whether a file has changed."""
    listed = subprocess.run(
        ["git", "config", "--name-only", "--get-regexp", r"^filter\..*\.(clean|smudge|process|required)$"],  # noqa: S607
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    names = listed.stdout.decode(errors="surrogateescape").splitlines()
    return [word for name in names if "=" not in name for word in ("-c", f"{name}=")]
