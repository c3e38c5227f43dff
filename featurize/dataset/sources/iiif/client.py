"""Asking a museum's server politely: not too often, again when it is busy, as late as it says, and not for ever."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from featurize.errors import NotFetched, PackageMissing

if TYPE_CHECKING:
    import urllib3

MOST_BYTES = 200_000_000  # of one answer
LONGEST_WAIT = 300.0  # seconds that a server may ask to wait
_BUSY = (429, 500, 502, 503, 504)
_TRIES = 4
_CONNECT, _READ = 15.0, 60.0  # seconds


@dataclass(frozen=True)
class Answer:
    """What an address gave.

    Parameters
    ----------
    status : int
        200, or 304 where nothing changed since the copy that was named.
    body : bytes
    headers : mapping of str to str
        Names in small letters.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]


class Client:
    """Gets addresses one after the other.

    Parameters
    ----------
    rate : float
        Requests a second, at most.
    sleep, clock : callable
        Of the module `time`, or a test's own.

    Raises
    ------
    PackageMissing
        urllib3 is not installed.
    """

    def __init__(
        self, rate: float, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        try:
            import urllib3
        except ImportError as error:
            raise PackageMissing(
                "fetching IIIF manifests needs urllib3, which is not installed: `pip install 'artstyle[iiif]'`"
            ) from error
        agent = {"User-Agent": "artstyle (research on paintings; one request at a time)"}
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=_CONNECT, read=_READ), headers=agent)
        self._between = 1 / rate
        self._sleep, self._clock = sleep, clock
        self._next = 0.0

    def get(self, address: str, known: Mapping[str, str] | None = None) -> Answer:
        """The answer of an address.

        Parameters
        ----------
        address : str
        known : mapping, optional
            "etag" and "last-modified" of a copy that is there: the server need not send it again.

        Raises
        ------
        NotFetched
            It can't be reached, goes on being busy, or answers with anything but success.
        """
        if not re.match(r"https?://[^/]", address, re.IGNORECASE):
            raise NotFetched(f"{address!r} is no address that begins with https:// or http://")
        asked = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
        headers = {name: (known or {})[own] for name, own in asked.items() if (known or {}).get(own)}
        for tried in range(1, _TRIES + 1):
            self._wait_turn()
            status, answer, why = self._ask(address, headers)
            if answer and status in (200, 304):
                return answer
            if status and status not in _BUSY:
                raise NotFetched(f"the server answers with status {status}", refused=True)
            if tried < _TRIES:
                self._sleep(self._pause(answer, tried))
        raise NotFetched(f"{why}, {_TRIES} times")

    def json(self, address: str) -> Any:
        """A document.

        Raises
        ------
        NotFetched
            As `get`, or what came is no JSON.
        """
        return parsed(self.get(address).body)

    def _ask(self, address: str, headers: Mapping[str, str]) -> tuple[int, Answer | None, str]:
        """Status, answer, and why it is not one; 0 without an answer."""
        from urllib3.exceptions import HTTPError, LocationValueError

        try:
            response = self._pool.request(
                "GET", address, headers={**self._pool.headers, **headers}, retries=_redirects(), preload_content=False
            )
            try:
                body = response.read(MOST_BYTES + 1, decode_content=True)
                while len(body) <= MOST_BYTES and (more := response.read(MOST_BYTES + 1 - len(body))):
                    body += more
            finally:
                response.release_conn()
        except HTTPError as error:
            if isinstance(error, LocationValueError):
                raise NotFetched(f"it is no address ({error})") from error
            return 0, None, f"the server can't be reached ({_cause(error)})"
        except ValueError as error:  # of the address, or of one that the server sends us on to
            raise NotFetched(f"it is no address ({error})") from error
        if len(body) > MOST_BYTES:
            raise NotFetched(f"it has more than {MOST_BYTES:,} bytes")
        answer = Answer(response.status, body, {name.lower(): value for name, value in response.headers.items()})
        return response.status, answer, f"the server answers with status {response.status}"

    def _pause(self, answer: Answer | None, tried: int) -> float:
        """Seconds to wait before the next try: what the server asks for, or longer each time."""
        wanted = _retry_after((answer.headers if answer else {}).get("retry-after", ""))
        if wanted is not None and wanted > LONGEST_WAIT:
            raise NotFetched(f"the server asks to wait {wanted:,.0f} seconds: try again later")
        return wanted if wanted is not None else float(2**tried)

    def _wait_turn(self) -> None:
        now = self._clock()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._between


def parsed(body: bytes) -> Any:
    """A document as JSON; a half of a letter, which no file can hold, becomes a question mark.

    Raises
    ------
    NotFetched
        It is none.
    """
    try:
        document = json.loads(body.decode("utf-8-sig"))
        if b"\\u" in body:  # as "\ud83c" without its second half
            document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError as error:
        raise NotFetched("what the server sends is nested too deeply") from error
    except ValueError as error:
        raise NotFetched("what the server sends is no JSON") from error
    return document


def _redirects() -> urllib3.Retry:
    from urllib3 import Retry

    return Retry(total=5, connect=0, read=0, redirect=5, status=0, other=0, respect_retry_after_header=False)


def _retry_after(text: str) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date; None where it is neither."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _cause(error: BaseException) -> str:
    """The innermost reason, without the objects that urllib3 puts into its messages."""
    while isinstance(reason := getattr(error, "reason", None), BaseException):
        error = reason
    text = str(error)
    return text.rpartition(">: ")[2] or text
