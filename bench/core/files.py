"""Names of files, and atomic writes: a reader sees the old file or the new one, never a part."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends: to a temporary file, fsynced, then renamed."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes to a temporary file beside `path`, fsync it, and rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp leaves it to its owner alone; results are shared
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value with sorted keys; a NaN is an error, not a file that others cannot read."""
    write_text(path, json.dumps(value, sort_keys=True, allow_nan=False, indent=1) + "\n")


def file_name(*parts: str) -> str:
    """Join texts to the name of a file that is one everywhere: letters, digits, dot, hyphen, underscore."""
    plain = (re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-.") for part in parts)
    # file systems take 255 bytes, and a number, a kind and an extension may follow
    return "-".join(part for part in plain if part)[:150] or "board"


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `path` when the block ends well, and vanishes when it does not.

    If `path` appears in the meantime, the one that came first stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    try:
        yield temporary
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():  # a folder that came first, with the same meaning, stays
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
