"""Names of files, and atomic writes: a reader sees the old file or the new one, never a part."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from bench.core.nouns import BenchError
from bench.core.text import storable

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")
"""What `temporary_name` makes; a run that is killed leaves such a file or folder behind."""


def expand_home(name: str) -> Path:
    """Return a path with `~` replaced by the user's home.

    Raises:
        BenchError: nothing says where that is.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise BenchError(f"the path {name!r} needs a home directory and there is none: set HOME") from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends: to a temporary file, fsynced, then renamed."""
    write_bytes(path, storable(text).encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes to a temporary file beside `path`, fsync it, and rename it into place."""
    with new_file(path) as file:
        file.write(content)


def write_output(path: Path, text: str) -> None:
    """Write text to the place that the user named: a pipe is opened and written to, what `new_file` replaces is new."""
    if path.is_fifo():
        path.write_text(text, encoding="utf-8")
    else:
        write_text(path, text)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a temporary file beside `path`, fsynced and renamed when the block ends well, gone when it does not.

    A device is opened and written to: the null device of a machine must not become a file.
    """
    if _is_device(path):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND), "wb") as device:
            yield device
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # a disk that is full has no name, and the temporary one tells nobody anything
        raise


def _is_device(path: Path) -> bool:
    """Return whether a path is a device, or one of the names by which a system hands out open files: /dev/stdout."""
    folder = str(path.absolute().parent)
    handed_out = folder in {"/dev", "/dev/fd"} or folder.startswith("/proc/")
    return path.is_char_device() or path.is_block_device() or (handed_out and path.exists())


def temporary_name(path: Path) -> Path:
    """Return a name beside `path` that is not taken.

    What `tempfile` makes is for its owner alone. Results, stores and caches are shared: the umask decides who may.
    """
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value with sorted keys; a NaN is an error, not a file that others cannot read."""
    write_text(path, json.dumps(value, sort_keys=True, allow_nan=False, indent=1) + "\n")


def file_name(*parts: str) -> str:
    """Join texts to the name of a file that is one everywhere: letters, digits, dot, hyphen, underscore."""
    plain = (re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-.") for part in parts)
    # file systems take 255 bytes, and a number, a kind and an extension may follow
    return "-".join(part for part in plain if part)[:150] or "board"


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path`, to be renamed to it; what is still there at the end of the block goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
