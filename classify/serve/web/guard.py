"""Who may ask: the checks in front of every request, and the headers behind every answer.

A page of another origin can make a visitor's browser post to a service on the same machine, and a name that is turned
to 127.0.0.1 makes it even read the answers. So the Host header must be a number or a name that the service knows, and
a request that changes or costs something must come from the service's own page, or from no page at all.
"""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Mapping
from urllib.parse import urlsplit

from classify.errors import Refusal
from classify.serve.settings import ServeSettings

READING = ("GET", "HEAD", "OPTIONS")
_CLIENTS = 10_000  # remembered for the rate limit
PUBLIC = frozenset({"/", "/healthz", "/readyz", "/docs", "/openapi.json"})  # hold no secret, and lead to the token
_ASSETS = "/static/"

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def check_host(headers: Mapping[str, str], settings: ServeSettings) -> None:
    """Refuse a request that asks for the service under a name that is not its own.

    A number can't be turned to another machine by a name server, so it is always right.
    """
    host = _host_of(headers.get("host", ""))
    if host == "localhost" or host in settings.names or _is_number(host):
        return
    raise Refusal(403, "wrong_host", "the service is not asked under this name: see --name")


def check_origin(method: str, headers: Mapping[str, str]) -> None:
    """Refuse what a page of another origin sends."""
    if method in READING:
        return
    origin = headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Refusal(403, "wrong_origin", "pages of other origins may not ask")


def check_token(path: str, method: str, headers: Mapping[str, str], settings: ServeSettings) -> None:
    """Refuse a request without the service's secret, where it has one."""
    if not settings.token or (method in READING and (path in PUBLIC or path.startswith(_ASSETS))):
        return
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode(), settings.token.encode()):
        raise Refusal(401, "no_token", "this service wants its token, as in `Authorization: Bearer TOKEN`")


class RateLimit:
    """How often each client may ask: as many requests a minute as wanted, all of them at once or spread.

    Parameters
    ----------
    per_minute : int
        0 for any number.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client -> requests left, when

    def check(self, client: str, now: float | None = None) -> None:
        """Count a request.

        Raises
        ------
        Refusal
            The client asked too often.
        """
        if not self._most:
            return
        now = time.monotonic() if now is None else now
        left, last = self._left.pop(client, (float(self._most), now))
        left = min(left + (now - last) * self._most / 60, self._most)
        self._left[client] = max(left - 1, 0) if left >= 1 else left, now
        while len(self._left) > _CLIENTS:
            self._left.popitem(last=False)
        if left < 1:
            wait = int((1 - left) * 60 / self._most) + 1
            raise Refusal(429, "too_often", f"more than {self._most} requests a minute: try again later", wait)


def _host_of(header: str) -> str:
    """The host of a Host header, without its port; "" where it is no host."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower() if "@" not in header else ""
    except ValueError:
        return ""


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
