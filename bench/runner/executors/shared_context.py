"""A context that many processes read: written once, to a file without a name that nobody can write to any more.

A process that is given the file has its bytes as memory of its own. None is copied before it is changed, and no other
process sees the change. The file is gone with the last process that has it, however that ends.
"""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

ALIGNMENT = 64
"""Bytes of which every array begins at a multiple: what the widest instructions of today's processors load at once."""


@dataclass(frozen=True)
class SharedContext:
    """An open file, and the parts of it: first a pickled value, then its arrays."""

    file: int
    spans: tuple[slice, ...]

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return int(self.spans[-1].stop)


def share(value: Any) -> SharedContext:
    """Write a value to a file without a name; who calls closes it.

    Raises:
        OSError: it has no room.
    """
    arrays: list[pickle.PickleBuffer] = []
    parts = [memoryview(pickle.dumps(value, protocol=5, buffer_callback=arrays.append))]
    parts += [array.raw() for array in arrays]
    spans, end = [], 0
    for part in parts:
        start = -(-end // ALIGNMENT) * ALIGNMENT
        end = start + part.nbytes
        spans.append(slice(start, end))
    return SharedContext(_write(parts, spans), tuple(spans))


def _write(parts: Sequence[memoryview], spans: Sequence[slice]) -> int:
    """Write parts to their places in a new file, and return it, open for reading alone."""
    if not hasattr(os, "memfd_create"):  # elsewhere than on Linux
        with tempfile.NamedTemporaryFile() as file:
            _fill(file, parts, spans)
            return os.open(file.name, os.O_RDONLY)
    from fcntl import F_ADD_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE, fcntl

    descriptor = os.memfd_create("bench", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            _fill(file, parts, spans)
        fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _fill(file: IO[bytes], parts: Sequence[memoryview], spans: Sequence[slice]) -> None:
    for part, span in zip(parts, spans, strict=True):
        file.seek(span.start)
        file.write(part)
    file.truncate(spans[-1].stop)  # an empty part at the end writes nothing
    file.flush()


def load(file: int, spans: Sequence[slice]) -> Any:
    """Return the value that a file holds, which is closed; it may be changed, as if it were this process's own."""
    try:
        own = mmap.mmap(file, spans[-1].stop, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    finally:
        os.close(file)
    memory = memoryview(own)
    value, *arrays = (memory[span] for span in spans)
    return pickle.loads(value, buffers=arrays)
