"""What workers report, read so that it can neither hold up the program nor run anything in it."""

from __future__ import annotations

import io
import os
import pickle
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, is_dataclass
from multiprocessing.connection import Connection
from typing import Any

from bench.runner import records

MOST_BYTES = 2**30
"""Size of one value that a worker may report: what announces more is no value, but noise in its pipe."""
HEADER = struct.Struct("!i")
"""What `Connection.send` puts before a message: its size."""


@dataclass
class Inbox:
    """The end of a worker's pipe, and what has come out of it that is no whole message yet."""

    pipe: Connection
    received: bytearray = field(default_factory=bytearray)

    def messages(self, *, to_the_end: bool) -> Iterator[Any]:
        """Yield the whole messages among what has arrived; a part of one waits, so that its rest holds up nobody.

        With `to_the_end` all is read that the pipe holds, as of a worker that has ended.

        Raises:
            OSError, UnpicklingError: they are no messages of ours.
        """
        while self.pipe.poll() and (part := os.read(self.pipe.fileno(), 2**20)):
            self.received += part
            if not to_the_end:
                break
        while (message := self._take()) is not None:
            yield _Reader(io.BytesIO(message)).load()

    def _take(self) -> bytes | None:
        """Take the first whole message off, if there is one.

        Raises:
            OSError: it announces an impossible size.
        """
        if len(self.received) < HEADER.size:
            return None
        (size,) = HEADER.unpack_from(self.received)
        if not 0 <= size <= MOST_BYTES:
            raise OSError("its size is impossible")
        end = HEADER.size + size
        if len(self.received) < end:
            return None
        message = bytes(self.received[HEADER.size : end])
        del self.received[:end]
        return message


class _Reader(pickle.Unpickler):
    """Reads plain values and records of ours; nothing that could run code of others here."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class of the records.

        Raises:
            UnpicklingError: it is none.
        """
        found = getattr(records, name, None) if module == records.__name__ else None
        if not (isinstance(found, type) and is_dataclass(found)):
            raise pickle.UnpicklingError(f"{module}.{name} is no class of a record")
        return found
