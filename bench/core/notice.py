"""What the user should know and what stops nothing. Nothing heavy is imported here."""

from __future__ import annotations

import warnings


class BenchWarning(UserWarning):
    """One sentence for the user; the command line prints it once."""


def warn(sentence: str) -> None:
    """Tell the user a sentence."""
    warnings.warn(BenchWarning(sentence), stacklevel=3)
