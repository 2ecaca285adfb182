"""How an exception becomes the ending of a fit or a cell: the one place that knows."""

from __future__ import annotations

import traceback

from bench.core.nouns import InvalidPredictionError, NotApplicableError
from bench.core.published import publishable
from bench.core.text import one_line, storable
from bench.runner.records import Ending

LONGEST_DETAIL = 500
"""Letters of an error in a line of a table; the traceback holds the whole text."""


def ending_of(error: BaseException) -> Ending:
    """Return how a cell ended with an exception: status, cause, one line and traceback, as they may be published."""
    status, cause = "failed", "code"
    if isinstance(error, NotApplicableError):
        return Ending("skipped", detail=one_line(publishable(_text(error))))
    if isinstance(error, InvalidPredictionError):
        status = "invalid"
    elif isinstance(error, MemoryError):
        status, cause = "oom", "limit"
    elif isinstance(error, OSError):
        cause = "infra"
    detail = one_line(" ".join(publishable(f"{type(error).__name__}: {_text(error)}").split()))
    return Ending(status, cause, detail[:LONGEST_DETAIL], publishable(storable(_trace(error))))


CAUSES = {"timeout": "limit", "oom": "limit", "crashed": "code"}
"""Whose fault it is that a worker was lost."""


def ending_of_lost(status: str, why: str) -> Ending:
    """Return the ending of an item whose worker was killed or died."""
    return Ending(status, CAUSES[status], why)


def _text(error: BaseException) -> str:
    """Return the text of an exception; its class may be anybody's, and fail at that, too."""
    try:
        return "".join(str(error))  # of a plain text, whatever class of texts it gave
    except Exception as second:  # noqa: BLE001 - see above
        return f"its text cannot be made ({type(second).__name__})"


def _trace(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - a text in the chain of exceptions cannot be made
        return "".join(traceback.format_tb(error.__traceback__))
