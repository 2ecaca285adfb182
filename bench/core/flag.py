"""The metadata of a dataclass field that the command line offers as a flag: a new flag is one field that carries it.

Nothing heavy is imported here: `bench --help` reads every flag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass
from typing import Any

WHAT, HOW, WHERE = "What is compared", "How it is run", "Where it is kept"
"""Titles of the panels of the help."""


@dataclass(frozen=True)
class Flag:
    """How the command line offers a field.

    `names` are the flag's spellings, empty for `--field-name`; `least` and `most` bound a whole number or a share. A
    field whose type has no flag of its own is made by `read` from one text, or by `read_all` from the texts of a flag
    that may be repeated. With `by_suite` a suite of `datasets.yaml` may set the field, and its default stands behind
    both.
    """

    help_text: str
    help_panel: str
    names: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    read: Callable[[str], Any] | None = None
    read_all: Callable[[Sequence[str]], Any] | None = None
    envvar: str | None = None
    by_suite: bool = False


def flag(
    *names: str,
    help_text: str,
    help_panel: str = WHAT,
    least: float | None = None,
    most: float | None = None,
    read: Callable[[str], Any] | None = None,
    read_all: Callable[[Sequence[str]], Any] | None = None,
    envvar: str | None = None,
    by_suite: bool = False,
) -> Mapping[str, Flag]:
    """Return the metadata of a field that is a flag; the keywords are the fields of `Flag`."""
    described = Flag(
        help_text=help_text,
        help_panel=help_panel,
        names=names,
        least=least,
        most=most,
        read=read,
        read_all=read_all,
        envvar=envvar,
        by_suite=by_suite,
    )
    return {"flag": described}


def flag_of(field: Field[Any]) -> Flag | None:
    """Return the flag of a field, None where the command line does not offer it."""
    return field.metadata.get("flag")
