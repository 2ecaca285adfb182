"""How bytes come from an OpenML server: with a timeout, few retries, and one sentence when it fails."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.tasks.sources import LoadError

if TYPE_CHECKING:
    from requests import Response

pause = time.sleep
"""Waits between two attempts; tests replace it."""

BUSY = "107"
"""OpenML's own code for a database that does not answer: worth another attempt."""

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP codes of a server that is busy or down for a moment."""

UNKNOWN_CODES: Mapping[str, str] = {"151": "task", "110": "data set", "111": "data set", "112": "private data set"}
"""OpenML's codes for what does not exist, or not for us."""


class UnknownError(Exception):
    """The server has no such task or data set."""


@dataclass(frozen=True)
class Connection:
    """How a server is reached: how many seconds it may be silent, and how often it is tried.

    A server that is silent for so long is not tried again; a broken or busy one is, after a short pause.
    """

    timeout: float
    attempts: int

    def get(self, url: str, md5: str | None = None) -> Response:
        """Return the response to a GET request, checked against its MD5 sum where one is given.

        Raises:
            UnknownError: the server knows no such task or data set.
            LoadError: the server cannot be reached, fails, or sends something else than it announced.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return self._once(url, md5)
            except _FailureError as failure:
                if attempt == self.attempts or not failure.again:
                    raise LoadError(str(failure), "infra") from failure
                pause(0.5 * attempt)  # longer each time: a busy server gets time to recover
        raise AssertionError("a server is tried at least once")

    def _once(self, url: str, md5: str | None) -> Response:
        import requests

        try:
            response = requests.get(url, timeout=self.timeout, headers={"user-agent": "bench (openml-python)"})
        except requests.exceptions.Timeout as error:
            raise _FailureError(f"{url} did not answer within {self.timeout:g} s", again=False) from error
        except requests.exceptions.RequestException as error:
            reason = type(error).__name__
            raise _FailureError(f"{url} cannot be reached ({reason}): check the network") from error
        response.encoding = "utf-8"
        if response.status_code != requests.codes.ok:
            raise _error_of(url, response)
        if md5 and hashlib.md5(response.content, usedforsecurity=False).hexdigest() != md5.lower():
            raise _FailureError(f"{url} sent a file whose MD5 sum is not the announced {md5}", again=True)
        return response


class _FailureError(Exception):
    """One attempt failed; `again` if another one may succeed."""

    def __init__(self, message: str, *, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


def _error_of(url: str, response: Response) -> Exception:
    """Return the error that a response other than 200 stands for."""
    code, message = (_element(response.text, name) for name in ("code", "message"))
    if code in UNKNOWN_CODES:
        return UnknownError(f"{message or 'unknown'} (code {code})")
    if code:
        return _FailureError(f"{url} answered: {message} (code {code})", again=code == BUSY)
    return _FailureError(f"{url} answered with HTTP {response.status_code}", again=response.status_code in _AGAIN)


def _element(text: str, name: str) -> str:
    found = re.search(rf"<oml:{name}>\s*(.*?)\s*</oml:{name}>", text, flags=re.DOTALL)
    return found[1] if found else ""
