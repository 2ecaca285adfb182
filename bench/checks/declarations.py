"""The laws about what a plug-in of any noun declares."""

from __future__ import annotations

from typing import Any

from bench.checks.law import LAWS, LawBrokenError, law
from bench.core.scheme import Scheme


def enter_declaration_laws(noun: str) -> None:
    """Enter the laws about declarations for the plug-ins of a noun."""

    @law(noun)
    def documented(scheme: Scheme[Any], kind: str) -> None:
        """It has a docstring, whose first line is shown in lists."""
        if not scheme.entry.summary:
            raise LawBrokenError("it has no docstring, expected one with a first line about what it does")

    @law(noun)
    def known_excuses(scheme: Scheme[Any], kind: str) -> None:
        """Every law that it declares to break exists, and has a reason."""
        names = {each.name for each in LAWS[noun]}
        for name, reason in scheme.options.breaks.items():
            if name not in names or not reason.strip():
                raise LawBrokenError(f"it declares to break {name!r} ({reason}), expected a law's name and a reason")
