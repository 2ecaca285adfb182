"""What the exit code of the program means, each code once. Nothing heavy is imported here."""

from __future__ import annotations

from typing import Final

FINE: Final = 0
"""Everything was done; a comparison found no regression."""
NOT_OK: Final = 1
"""A cell of the run is not ok, a plug-in breaks a law, a task was not fetched, or `doctor` found something."""
MISTAKE: Final = 2
"""The user's mistake in the command, in a file or in a name."""
REGRESSION: Final = 3
"""A comparison broke a rule of its gate."""
CANNOT_COMPARE: Final = 4
"""A comparison could not be held, or a board lacks scores and the rule was to refuse it."""
NOTHING_SELECTED: Final = 5
"""Names, tasks and filters leave nothing to do or to show."""
BUDGET_SPENT: Final = 6
"""A run ended in order because `--max-total` or `--max-cells` was spent; the next one goes on."""
FAULT: Final = 70
"""A fault of the program itself (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED: Final = 130
"""Ctrl-C: 128 and the number of SIGINT, as shells report it."""
TERMINATED: Final = 143
"""SIGTERM: 128 and its number."""


class Stop(SystemExit):
    """The end of the program that a signal asked for: what catches the `sys.exit` of others lets it through."""
