"""How bytes come from an OpenML server: with a timeout, few retries, and one sentence when it fails."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from bench.core.packed import BROKEN, MOST_BYTES, unpack
from bench.core.published import strip_secrets
from bench.tasks.sources import LoadError, openml_cache

if TYPE_CHECKING:
    import requests

pause = time.sleep
"""Waits between two attempts; tests replace it."""

clock = time.monotonic
"""Seconds, from any start; tests replace it."""

HEADERS = {"user-agent": "bench (openml-python)", "accept-encoding": "gzip"}
MOST_XML_BYTES = 2**28
"""Size of an answer in XML at most; the longest description of columns has some ten megabytes."""

LEAST_RATE = 1000
"""Bytes a second at least, on average: a server that drips is as good as silent."""

CHUNK = 2**16
"""Bytes that are read at a time."""

BUSY = "107"
"""OpenML's own code for a database that does not answer: worth another attempt."""

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP codes of a server that is busy or down for a moment."""

UNKNOWN_CODES: Mapping[str, str] = {"151": "task", "110": "data set", "111": "data set", "112": "private data set"}
"""OpenML's codes for what does not exist, or not for us."""


@dataclass(frozen=True)
class Answer:
    """What a server sent with code 200; the client of OpenML looks at `status_code` and `headers`, too."""

    content: bytes
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The content as UTF-8."""
        return self.content.decode("utf-8", errors="replace")


class UnknownError(Exception):
    """The server has no such task or data set."""


@dataclass(frozen=True)
class Connection:
    """How a server is reached: how many seconds it may be silent, and how often it is tried.

    A server that is silent for so long is not tried again; a broken or busy one is, after a short pause.
    """

    timeout: float
    attempts: int

    def get(self, url: str, md5: str | None = None, most: int = MOST_BYTES) -> Answer:
        """Return the answer to a GET request, of `most` bytes, checked against its MD5 sum where one is given.

        Raises:
            UnknownError: the server knows no such task or data set.
            LoadError: the server cannot be reached, fails, or sends something else than it announced.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return self._once(openml_cache.with_login(url), md5, most)
            except _FailureError as failure:
                if attempt == self.attempts or not failure.again:
                    raise LoadError(strip_secrets(str(failure)), "infra") from failure
                pause(0.5 * attempt)  # longer each time: a busy server gets time to recover
        raise AssertionError("a server is tried at least once")

    def _once(self, url: str, md5: str | None, most: int) -> Answer:
        import requests
        import urllib3

        try:
            with self._open(url) as response:
                content = self._read(url, response.raw, most)
                if "gzip" in response.headers.get("content-encoding", "").lower():
                    content = _unpack(url, content, most)
        except (requests.exceptions.Timeout, urllib3.exceptions.ReadTimeoutError) as error:
            raise _FailureError(f"{url} did not answer within {self.timeout:g} s", again=False) from error
        except requests.exceptions.TooManyRedirects as error:
            raise _FailureError(f"{url} is redirected without end", again=False) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            reason = type(error).__name__
            raise _FailureError(f"{url} cannot be reached ({reason}): check the network") from error
        if response.status_code != requests.codes.ok:
            raise _error_of(url, response.status_code, Answer(content).text)
        if md5 and hashlib.md5(content, usedforsecurity=False).hexdigest() != md5.lower():
            raise _FailureError(f"{url} sent a file whose MD5 sum is not the announced {md5}", again=True)
        return Answer(content)

    def _open(self, url: str) -> requests.Response:
        """Return the answer once its head is there, which may take no longer than two silences together.

        The library counts the silence before each byte, and a head can be sent byte by byte.
        """
        import requests

        found: list[requests.Response | Exception] = []

        def ask() -> None:
            try:
                found.append(
                    requests.get(url, timeout=self.timeout, headers=HEADERS, stream=True, hooks={"response": _follow})
                )
            except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for it
                found.append(error)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(2 * self.timeout)
        if not found:
            raise _FailureError(f"{url} did not answer within {2 * self.timeout:g} s", again=False)
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    def _read(self, url: str, stream: Any, most: int) -> bytes:
        """Return all that a server sends, as it is sent, unless it is too much or comes too slowly."""
        content, start = bytearray(), clock()
        while chunk := stream.read1(CHUNK, decode_content=False):
            content += chunk
            if len(content) > most:
                raise _FailureError(f"{url} sends more than {most:,} bytes", again=False)
            seconds = clock() - start
            if seconds > self.timeout and len(content) < LEAST_RATE * seconds:
                raise _FailureError(
                    f"{url} sent {len(content):,} bytes in {seconds:.0f} s: too slow to wait for", again=False
                )
        return bytes(content)


class _FailureError(Exception):
    """One attempt failed; `again` if another one may succeed."""

    def __init__(self, message: str, *, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


def _follow(response: requests.Response, **_: object) -> None:
    """Let an answer lead elsewhere, but not from an encrypted place to a plain one."""
    target = urljoin(response.url, response.headers.get("location", ""))
    if response.is_redirect and response.url.startswith("https:") and not target.startswith("https:"):
        raise _FailureError(f"{response.url} leads to {target}, which is not encrypted", again=False)


def _unpack(url: str, content: bytes, most: int) -> bytes:
    """Return what a server packed for the way, within bounds."""
    try:
        unpacked = unpack(content)
    except BROKEN as error:
        raise _FailureError(f"{url} sent what cannot be unpacked ({error})") from error
    if len(unpacked) > most:
        raise _FailureError(f"{url} sends more than {most:,} bytes", again=False)
    return unpacked


def _error_of(url: str, status: int, text: str) -> Exception:
    """Return the error that an answer other than 200 stands for."""
    code, message = (_element(text, name) for name in ("code", "message"))
    if code in UNKNOWN_CODES:
        return UnknownError(f"{message or 'unknown'} (code {code})")
    if code:
        return _FailureError(f"{url} answered: {message} (code {code})", again=code == BUSY)
    return _FailureError(f"{url} answered with HTTP {status}", again=status in _AGAIN)


def _element(text: str, name: str) -> str:
    found = re.search(rf"<oml:{name}>\s*(.*?)\s*</oml:{name}>", text, flags=re.DOTALL)
    return found[1] if found else ""
