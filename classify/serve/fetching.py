"""Fetching a picture from an address that a stranger gave: only public addresses, only so much, only so long.

The name is resolved once, every address it stands for must be public, and the connection is made to the very address
that was checked: a name that changes its mind a second later changes nothing. Each redirect is checked like the first
address. No proxy of the environment is used, no cookies, no credentials, no compression.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from classify.errors import AddressError
from classify.serve.addresses import is_public

_REDIRECTS = (301, 302, 303, 307, 308)
_BLOCK = 1 << 16
_FORM = "this is no address of a picture: it must look like https://example.org/picture.jpg"
# one sentence for both, so that nobody learns which names an inner network has
_NOT_PUBLIC = "the host of the address is not in the public internet, or its name server does not answer"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}")
_NUMBERS = re.compile(r"[0-9A-Fa-f:.]{2,45}")  # IPv6, without a zone


@dataclass(frozen=True)
class FetchLimits:
    """What may be fetched.

    Parameters
    ----------
    ports : frozenset of int
    hosts : frozenset of str
        "name" or "name:port" that may be fetched although their addresses are not public: a picture server of one's
        own, for instance. Their ports are allowed, too.
    max_bytes : int
        Of a body; a longer one is given up while it is read.
    seconds : float
        From the first look-up of a name to the last byte, redirects included.
    redirects : int
    public : bool
        Whether other hosts than `hosts` may be fetched from, too.
    """

    ports: frozenset[int] = frozenset({80, 443})
    hosts: frozenset[str] = frozenset()
    max_bytes: int = 50_000_000
    seconds: float = 15.0
    redirects: int = 3
    public: bool = True


@dataclass(frozen=True)
class _Target:
    """An address in its parts, checked in form."""

    url: SplitResult
    host: str
    port: int

    @property
    def secure(self) -> bool:
        return self.url.scheme == "https"

    @property
    def path(self) -> str:
        path = quote(self.url.path or "/", safe="%/:=&~+!$,;'@()*[]")
        return path + ("?" + quote(self.url.query, safe="%/:=&?~+!$,;'@()*[]") if self.url.query else "")


def fetch(url: str, limits: FetchLimits = FetchLimits()) -> bytes:
    """The body behind an address.

    Parameters
    ----------
    url : str
        http or https.
    limits : FetchLimits

    Raises
    ------
    AddressError
        The address is not allowed, does not answer in time, or answers with anything but a body within the limits.
        The message is the same whatever a forbidden address would have answered: it is never contacted.
    """
    deadline = time.monotonic() + limits.seconds
    for _ in range(limits.redirects + 1):
        target = _parse(url, limits)
        found = _get(target, _allowed_addresses(target, limits, deadline), limits, deadline)
        if isinstance(found, bytes):
            return found
        try:
            url = urljoin(url, found)
        except ValueError as error:
            raise AddressError("the address leads to one that is none: give another") from error
    raise AddressError(f"the address leads from one to the next more than {limits.redirects} times: give the last one")


def _parse(url: str, limits: FetchLimits) -> _Target:
    if any(c <= " " or c in "\\\x7f" for c in url):
        raise AddressError(
            "the address holds spaces, control characters or backslashes: write them as %20 and the like"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressError(
            "this is no address of a picture: it must look like https://example.org/picture.jpg"
        ) from error
    if parts.scheme not in ("http", "https"):
        raise AddressError("only http and https addresses are fetched, as in https://example.org/picture.jpg")
    host = _ascii(parts.hostname or "")
    if parts.username is not None or parts.password is not None:
        raise AddressError("the address holds a user name: give it without")
    port = port if port is not None else {"http": 80, "https": 443}[parts.scheme]
    if not limits.public and not _exempt(host, port, limits):
        raise AddressError("only hosts that were allowed by name are fetched from here")
    if port not in limits.ports and not _exempt(host, port, limits):
        allowed = ", ".join(map(str, sorted(limits.ports)))
        allowed += ", and those of --allow-hosts HOST:PORT"
        raise AddressError(f"port {port} is not fetched from: allowed are {allowed}")
    return _Target(parts, host, port)


def _ascii(host: str) -> str:
    """A host as it goes into a look-up; names in other scripts in their ASCII form (RFC 3490)."""
    try:
        plain = host.encode("idna").decode()
    except UnicodeError as error:
        raise AddressError(_FORM) from error
    if not (_NAME.fullmatch(plain) or (":" in plain and _NUMBERS.fullmatch(plain))):
        raise AddressError(_FORM)
    return plain


def is_host(text: str) -> bool:
    """Whether a text is a host as `FetchLimits.hosts` has it: "name", "name:port", "::1" or "[::1]:port"."""
    try:
        parts = urlsplit(f"//{text if text.count(':') < 2 or text.startswith('[') else f'[{text}]'}")
        whole = parts.netloc == parts.geturl()[2:] and "@" not in parts.netloc
        return whole and parts.port != 0 and bool(_ascii(parts.hostname or ""))
    except (ValueError, AddressError):
        return False


def _exempt(host: str, port: int, limits: FetchLimits) -> bool:
    shown = f"[{host}]" if ":" in host else host
    return host in limits.hosts or f"{shown}:{port}" in limits.hosts


def _allowed_addresses(target: _Target, limits: FetchLimits, deadline: float) -> list[tuple[int, str]]:
    """Family and number of every address the host stands for; all must be public."""
    found = _resolve(target, deadline)
    if not _exempt(target.host, target.port, limits) and not all(is_public(number) for _, number in found):
        raise AddressError(_NOT_PUBLIC)
    return found


def _resolve(target: _Target, deadline: float) -> list[tuple[int, str]]:
    """Look a host up once; the system's resolver knows no deadline, so it works in a thread that may be left behind."""
    answers: list[list[tuple[int, str]]] = []

    def look_up() -> None:
        with contextlib.suppress(OSError, UnicodeError):
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            answers.append(list(dict.fromkeys((int(family), str(where[0])) for family, _, _, _, where in found)))

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(max(deadline - time.monotonic(), 0))
    if not answers or not answers[0]:
        raise AddressError(_NOT_PUBLIC)
    return answers[0]


def _get(target: _Target, addresses: list[tuple[int, str]], limits: FetchLimits, deadline: float) -> bytes | str:
    """The body, or where a redirect leads."""
    try:
        with _connected(target, addresses, deadline) as connection:
            connection.request(
                "GET",
                target.path,
                headers={"User-Agent": "artstyle", "Accept": "image/*", "Accept-Encoding": "identity"},
            )
            found = _answer(connection.getresponse(), limits)
            if time.monotonic() >= deadline:  # what was cut off may look whole
                raise TimeoutError
            return found
    except (OSError, http.client.HTTPException) as error:
        late = time.monotonic() >= deadline
        why = f"it took more than {limits.seconds:g} seconds" if late else "the connection failed or broke off"
        raise AddressError(f"the address could not be fetched: {why}") from error


def _answer(answer: http.client.HTTPResponse, limits: FetchLimits) -> bytes | str:
    if answer.status in _REDIRECTS and answer.headers.get("Location"):
        return str(answer.headers["Location"])
    if answer.status != 200:
        raise AddressError(f"the address answers with status {answer.status} instead of a picture")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise AddressError("the address answers in a compressed form that was not asked for")
    body = bytearray()
    while block := answer.read(min(_BLOCK, limits.max_bytes + 1 - len(body))):
        body += block
        if len(body) > limits.max_bytes:
            raise AddressError(f"the picture has more than {limits.max_bytes:,} bytes")
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    return bytes(body)


@contextlib.contextmanager
def _connected(
    target: _Target, addresses: list[tuple[int, str]], deadline: float
) -> Iterator[http.client.HTTPConnection]:
    """A connection to one of the checked addresses, cut off at the deadline however slowly the other side writes."""
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = _connect(target, addresses, deadline)
    sockets = [connection.sock]  # the connection forgets its own as soon as the other side says that it will close it
    timer = threading.Timer(max(deadline - time.monotonic(), 0), _cut, [sockets])
    timer.daemon = True
    timer.start()
    try:
        if target.secure:
            # the handshake comes after the assignment, so that the timer cuts the very socket it runs on
            connection.sock = secured = ssl.create_default_context().wrap_socket(
                connection.sock, server_hostname=target.host, do_handshake_on_connect=False
            )
            sockets.append(secured)
            secured.do_handshake()
        yield connection
    finally:
        timer.cancel()
        connection.close()


def _connect(target: _Target, addresses: list[tuple[int, str]], deadline: float) -> socket.socket:
    for n, (family, number) in enumerate(addresses):
        remaining = deadline - time.monotonic()
        plain = socket.socket(family, socket.SOCK_STREAM)
        plain.settimeout(max(remaining, 0.001) / (len(addresses) - n))
        try:
            plain.connect((number, target.port))
        except OSError:
            plain.close()
            continue
        plain.settimeout(max(deadline - time.monotonic(), 0.001))
        return plain
    raise ConnectionError("no address of the host could be connected to")


def _cut(sockets: list[socket.socket]) -> None:
    with contextlib.suppress(OSError):  # closed already
        sockets[-1].shutdown(socket.SHUT_RDWR)
