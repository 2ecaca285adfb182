"""What leaves a machine with results: no password, and no folder of its owner where it can be spared."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from pathlib import Path

_USER_OF_URL = re.compile(r"(?<=://)[^\s/?#\"'<>]*@")
_SECRET_OF_URL = re.compile(
    r"(://[^\s\"'<>]*?[?&;][\w.-]*(?:key|token|secret|password|passwd|pwd|auth|signature|sig|credential|session)[\w.-]*=)"
    r"(?!\*\*\*)[^\s&;#\"'<>]+",
    re.IGNORECASE,
)
"""A value of a query that its name calls a secret, such as `api_key=` or `X-Amz-Signature=`."""


def strip_secrets(text: str) -> str:
    """Return a text whose addresses have no user, no password, and no values that their names call secrets."""
    text, found = _USER_OF_URL.sub("", text), 1
    while found:  # one address may hold several
        text, found = _SECRET_OF_URL.subn(r"\1***", text)
    return text


def strip_folders(text: str) -> str:
    """Return a text in which files of the working directory and of Python's packages are named from there on.

    What else is below the home directory starts with `~`.
    """
    for folder, short in _folders():
        text = text.replace(folder + os.sep, short)
    return text


def strip_working_directory(command: str) -> str:
    """Return a command in which files of the working directory are named from there on; it still works there."""
    here = str(Path.cwd())
    return command if here == os.sep else re.sub(rf"(?<![\w/.-]){re.escape(here + os.sep)}", "", command)


def _folders() -> list[tuple[str, str]]:
    """Return folders and what stands for each, the deepest first: packages may lie in the working directory."""
    named = {str(Path.home()): f"~{os.sep}"} if "HOME" in os.environ else {}
    packages = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    known = [*filter(os.path.isabs, sys.path), *packages, str(Path(__file__).resolve().parents[2]), str(Path.cwd())]
    named |= dict.fromkeys(known, "")
    named.pop(os.sep, None)
    return sorted(named.items(), key=lambda pair: -len(pair[0]))


def publishable(text: str) -> str:
    """Return an error text or a traceback as results may hold it."""
    return strip_folders(strip_secrets(text))
