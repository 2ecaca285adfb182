"""Packed files and answers, unpacked within bounds: a file of a megabyte may hold a table, but not all memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from pyarrow import parquet

MOST_BYTES = 8 * 2**30
"""Size of anything at most, unpacked: what does not fit into memory is no table for this program."""
MOST_RATIO = 200
"""How many times its size a file may unpack to; text packs to a fiftieth, a table of few values to a hundredth."""
ALWAYS_FINE = 64 * 2**20
"""Bytes that any file may unpack to."""
PACKERS = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip"}
"""First bytes of a file that is packed, and what it ends in."""
OPENERS: dict[str, Callable[..., Any]] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
BROKEN = (ValueError, OSError, EOFError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError,
          zipfile.BadZipFile)  # fmt: skip
"""What unpacking raises for a file that is broken, cut, encrypted or a bomb."""
CHUNK = 2**20
WIDTH = 8
"""Bytes of a value in memory where nothing says less: a number, or where a text stands."""


def most_unpacked(packed: int) -> int:
    """Return how many bytes a file of so many packed ones may unpack to."""
    return min(MOST_BYTES, max(ALWAYS_FINE, MOST_RATIO * packed))


def refuse_bomb(unpacked: int, packed: int) -> None:
    """Refuse what unpacks to too much.

    Raises:
        ValueError: it is beyond the ratio and the size.
    """
    if unpacked > most_unpacked(packed):
        raise ValueError(
            f"its {packed:,} bytes unpack to more than {most_unpacked(packed):,}, {MOST_RATIO} times as much: "
            "give it unpacked"
        )


def open_packed(source: Path | BinaryIO, packer: str, size: int) -> BinaryIO:
    """Return the unpacked content of a file of `size` bytes; it is read once before, unless it says how long it is.

    Raises:
        ValueError: it unpacks to too much, or an archive holds not one file.
    """
    if packer == "zip":
        archive = zipfile.ZipFile(source)
        member = only_member(archive)
        refuse_bomb(member.file_size, size)  # no more than it says comes out of it
        return cast("BinaryIO", archive.open(member))
    with OPENERS[packer](source) as stream:
        unpacked = 0
        while part := stream.read(CHUNK):
            unpacked += len(part)
            refuse_bomb(unpacked, size)
    if not isinstance(source, Path):
        source.seek(0)
    opened: BinaryIO = OPENERS[packer](source)
    return opened


def unpack(content: bytes) -> bytes:
    """Return the unpacked content of bytes that may be packed.

    Raises:
        one of BROKEN: they unpack to too much, or are broken.
    """
    packer = next((packer for start, packer in PACKERS.items() if content.startswith(start)), None)
    if packer is None:
        return content
    with open_packed(io.BytesIO(content), packer, len(content)) as stream:
        return stream.read()


def only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the one file of an archive, beside which only what a Mac adds may be.

    Raises:
        ValueError: there is another one, or none.
    """
    files = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        raise ValueError(f"the archive holds {len(files)} files: leave one table in it")
    return files[0]


def refuse_parquet_bomb(file: parquet.ParquetFile, size: int) -> None:
    """Refuse a Parquet file of `size` bytes whose values would take too much: a run of equal ones takes no space.

    Raises:
        ValueError: it is beyond the ratio and the size.
    """
    groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
    columns = [group.column(at) for group in groups for at in range(group.num_columns)]
    widths = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4}
    refuse_bomb(sum(each.num_values * widths.get(each.physical_type, WIDTH) for each in columns), size)


def refuse_sparse(rows: int, columns: int, size: int) -> None:
    """Refuse a table with places for far more values than its file of `size` bytes can hold.

    Raises:
        ValueError: it is beyond the ratio and the size.
    """
    refuse_bomb(rows * columns * WIDTH, size)
