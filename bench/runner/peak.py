"""The most memory that a process has held since it last began to count; only Linux tells."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

PROCESS = Path("/proc/self")
RESET = "5"
"""What proc(5) calls the request to begin the peak of resident memory anew."""


def start_peak() -> None:
    """Begin to count anew."""
    with contextlib.suppress(OSError):
        (PROCESS / "clear_refs").write_text(RESET)


def peak_bytes() -> int | None:
    """Return the most resident memory since the count began, None where nobody knows."""
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", (PROCESS / "status").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
