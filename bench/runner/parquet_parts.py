"""Parquet files that are written part by part, in little memory however long they become."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.core.files import new_file

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 2**19
"""Rows that are written at once: some 50 MB of answers. Many small groups would pack badly and make a long footer."""


@dataclass
class ParquetParts:
    """Rows on their way into a file, which begins with the first of them."""

    path: Path
    _stack: ExitStack
    _writer: Any = field(default=None, init=False)
    _waiting: list[pa.Table] = field(default_factory=list, init=False)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added, so that there will be no file."""
        return self._writer is None and not self._waiting

    def add(self, part: pa.Table) -> None:
        """Append rows; all parts have one schema."""
        self._waiting.append(part)
        if sum(map(len, self._waiting)) >= ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._waiting:
            return
        if self._writer is None:
            file = self._stack.enter_context(new_file(self.path))
            schema = self._waiting[0].schema
            self._writer = self._stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
        self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=ROW_GROUP)
        self._waiting.clear()


@contextmanager
def parquet_parts(path: Path) -> Iterator[ParquetParts]:
    """Yield what appends rows to a new file, which is there, whole, when the block ends well, and else not at all."""
    with ExitStack() as stack:
        parts = ParquetParts(path, stack)
        yield parts
        parts.flush()


def read_parts(path: Path) -> Iterator[pa.Table]:
    """Yield the row groups of a Parquet file, one after the other."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for at in range(file.num_row_groups):
            yield file.read_row_group(at)
