"""What the exit code of the program means, each code once. Nothing heavy is imported here."""

from __future__ import annotations

import errno
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
"""What cannot go together: tables to compare, directories to merge, or a board that lacks scores, by rule `fail`."""
NOTHING_SELECTED: Final = 5
"""Names, tasks and filters leave nothing to do or to show."""
BUDGET_SPENT: Final = 6
"""A run ended in order because `--max-total` or `--max-cells` was spent; the next one goes on."""
FAULT: Final = 70
"""A fault of the program itself (EX_SOFTWARE of sysexits.h)."""
HUNG_UP: Final = 129
"""SIGHUP, as when a terminal is closed: 128 and its number."""
INTERRUPTED: Final = 130
"""Ctrl-C: 128 and the number of SIGINT, as shells report it."""
TERMINATED: Final = 143
"""SIGTERM: 128 and its number."""

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What the system says of a disk that takes no more: the command was right, and may do in an hour."""


def code_of_refusal(error: OSError) -> int:
    """Return the code for what the system refuses."""
    return NOT_OK if error.errno in FULL else MISTAKE


class Stop(SystemExit):
    """The end of the program that a signal asked for: what catches the `sys.exit` of others lets it through."""
