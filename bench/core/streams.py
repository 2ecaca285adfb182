"""Standard streams as they come: closed, full, cut off by `head`, or unable to show a sign.

Nothing heavy is imported here: it comes before all else.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

STDERR = 2


def open_missing_streams() -> None:
    """Put the null device in the place of standard streams that are closed, for this process and its workers.

    Otherwise the next file that is opened takes their number, and what is printed would land in it.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (STDERR, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            _point_at_null(descriptor)
        if getattr(sys, name) is None:
            stream = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def keep_streams_from_failing() -> None:
    """Print on after the reader of a stream has gone, and a replacement for signs that it cannot show.

    Stderr is there to tell people something, so that nothing fails where it cannot be written. Streams that somebody
    has put in the place of the standard ones are left alone.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _outlet(stream))


def _outlet(stream: TextIO) -> TextIO:
    stream.flush()
    raw = _Outlet(stream.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors="replace",
        line_buffering=stream.isatty() or stream.fileno() == STDERR,
    )


class _Outlet(io.FileIO):
    """A standard stream that goes on as the null device after the first write that fails."""

    def write(self, content: Any, /) -> int:
        """Write bytes.

        Raises:
            OSError: stdout cannot be written, for another reason than that nobody reads it any more.
        """
        try:
            return super().write(content)
        except OSError as error:
            _point_at_null(self.fileno())
            if isinstance(error, BrokenPipeError) or self.fileno() == STDERR:
                return memoryview(content).nbytes
            raise OSError(error.errno, error.strerror, "standard output") from error


def _point_at_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)  # worker processes inherit the copy
    if null == descriptor:
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - the function takes it by place
    else:
        os.close(null)
