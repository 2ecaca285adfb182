"""What the user should know and what stops nothing. Nothing heavy is imported here."""

from __future__ import annotations


class BenchWarning(UserWarning):
    """One sentence for the user; the command line prints it once."""
