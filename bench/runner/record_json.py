"""Records of cells as flat JSON objects: made, and read back once they are held to the types that they must have.

Many records are read at once, and checked field by field rather than one by one: that is what makes it cheap.
"""

from __future__ import annotations

import functools
import re
import reprlib
from collections.abc import Mapping, Sequence
from sys import intern
from typing import Any, TypeVar

from bench.core.json_values import check_column
from bench.core.nouns import STATUSES, Cell
from bench.runner.records import OWN_FIELDS, CellBasis, CellRecord, CellResult, Ending, FitId

NO_RECORD = (ValueError, KeyError, TypeError, AttributeError)
"""What reading something else as a record raises."""
KEPT_FITS = 4096
"""Lists of fits that are kept: all rows of a panel have the same one, and share what was made of it."""
_KEY = re.compile("[A-Za-z0-9_-]{1,64}")
"""A key names a folder of the store: it must lead nowhere else."""
_BOARD = re.compile("[a-z][a-z0-9-]{0,40}")

Part = TypeVar("Part")


def record_json(cell: Cell, record: CellRecord) -> dict[str, Any]:
    """Return a cell and its record as one flat object; what is empty is left out."""
    fits = [[fit.learner, fit.training, key] for fit, key in record.basis.fits.items()]
    values = record.values() | {"cell": list(cell), "fits": fits}
    return {name: value for name, value in values.items() if value not in (None, "", (), [], {})}


def ending_from_json(held: Mapping[str, Any]) -> Ending:
    """Return the ending of a JSON object.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    _check_endings([held])
    return _part(Ending, held)


def read_cell_records(rows: Sequence[Any]) -> dict[Cell, CellRecord]:
    """Return the records of flat objects: of a field that is missing the default, of an unknown one nothing.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: one of them is no record of a cell.
    """
    _check_cells([held["cell"] for held in rows])
    _check_endings(rows)
    for part in (CellBasis, CellResult, CellRecord):
        _check_fields(part, rows)
    for held in rows:
        if "key" in held:
            _check_key(held["key"])
    return {Cell(*held["cell"]): _read_record(held) for held in rows}


def _check_cells(cells: Sequence[Any]) -> None:
    """Refuse JSON values of which one is no cell."""
    for cell in cells:
        if type(cell) is not list or len(cell) != len(Cell._fields):
            raise TypeError(f"a cell cannot be {reprlib.repr(cell)}")
    for at, name in enumerate(Cell._fields):
        check_column(Cell, name, [cell[at] for cell in cells])
    for cell in map(Cell._make, cells):
        if not _BOARD.fullmatch(cell.board) or min(cell.repeat, cell.fold) < 0:
            raise ValueError(f"a cell cannot be {reprlib.repr(cell)}")


def _check_endings(rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse objects of which one holds no ending."""
    _check_fields(Ending, rows)
    for held in rows:
        if held["status"] not in STATUSES:
            raise ValueError(f"status cannot be {held['status']!r}")


def _check_fields(part: type, rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse objects of which one holds a value of another type than its field; what is unknown may be anything."""
    for name in OWN_FIELDS[part]:
        if name != "fits":  # a list of lists, since JSON has no keys of two names
            check_column(part, name, [held[name] for held in rows if name in held])


def _check_key(held: Any) -> None:
    if not isinstance(held, str) or not _KEY.fullmatch(held):
        raise ValueError(f"a key cannot be {reprlib.repr(held)}")


def _read_record(held: Mapping[str, Any]) -> CellRecord:
    # the cells of a suite repeat each other's texts: one of each is kept
    parts = {intern(name): intern(text) for name, text in held.get("parts", {}).items()}
    fits = _read_fits(tuple(map(tuple, held.get("fits", ()))))
    return _part(
        CellRecord,
        held,
        result=_part(CellResult, held, ending=_part(Ending, held)),
        basis=_part(CellBasis, held, parts=parts, fits=fits),
    )


@functools.lru_cache(maxsize=KEPT_FITS)
def _read_fits(held: tuple[tuple[Any, ...], ...]) -> Mapping[FitId, str]:
    """Return the keys of fits by learner and training scheme.

    Raises:
        TypeError, ValueError: they are none.
    """
    for *names, key in held:
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"a fit cannot be {reprlib.repr(names)}")
        _check_key(key)
    return {FitId(*names): key for *names, key in held}


def _part(part: type[Part], held: Mapping[str, Any], **others: Any) -> Part:
    """Return a part of a record: its fields that the object holds, and `others` that are made already."""
    own = {
        name: intern(value) if type(value := held[name]) is str else value for name in OWN_FIELDS[part] if name in held
    }
    return part(**own | others)
