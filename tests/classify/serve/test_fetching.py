"""Addresses that strangers give: nothing but the public internet is ever connected to, observed at the socket."""

from __future__ import annotations

import contextlib
import http.server
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.commands.options import fetch_limits
from classify.errors import AddressError
from classify.serve.addresses import is_public
from classify.serve.fetching import FetchLimits, fetch, is_host

FORBIDDEN = (
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "168.63.129.16", "0.0.0.0", "0.1.2.3", "192.0.0.192", "192.0.2.1", "198.18.0.1",
    "203.0.113.7", "224.0.0.1", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
PUBLIC = ("93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:2800:220:1:248:1893:25c8:1946", "2a00:1450:4001:80b::200e")


def spellings(number: str) -> Iterator[str]:
    """Ways to write an IPv4 address in the host of a URL that some library or other understands."""
    a, b, c, d = map(int, number.split("."))
    whole = int(ipaddress.IPv4Address(number))
    hexed = f"{whole:08x}"
    yield from (number, f"{number}.", str(whole), hex(whole), f"0{whole:o}", f"{a}.{whole & 0xFFFFFF}")
    yield from (f"{a}.{b}.{(c << 8) + d}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}")
    yield from (f"0{a:o}.{b}.0x{c:x}.{d}", f"{a:03}.{b:03}.{c:03}.{d:03}")
    yield "".join(chr(0xFF10 + int(c)) if c.isdigit() else c for c in number)  # full-width digits
    yield number.replace(".", "。")
    yield "".join(f"%{ord(c):02x}" for c in number)
    for prefix in ("::ffff:", "::", "64:ff9b::", "64:ff9b:1::", "::ffff:0:", "fe80::5efe:", "2001:4860::200:5efe:"):
        yield f"[{prefix}{number}]"
    yield f"[2002:{hexed[:4]}:{hexed[4:]}::1]"  # 6to4
    yield f"[2001:0:{hexed[:4]}:{hexed[4:]}::1]"  # Teredo
    yield f"example.org@{number}"
    yield f"{number}#@example.org"
    yield f"{number}\\@example.org"


URLS = [f"{scheme}://{host}/a.jpg" for scheme in ("http", "https") for n in FORBIDDEN for host in spellings(n)]
OTHERS = (
    "", "a.jpg", "file:///etc/passwd", "ftp://example.org/a", "gopher://127.0.0.1:25/", "data:image/png;base64,AAAA",
    "http:///a.jpg", "http://", "//127.0.0.1/", "http:127.0.0.1", "http://user:pass@example.org/", "http://[::1]/",
    "http://[::]/", "http://[fe80::1%25eth0]/", "http://[fc00::1]/", "http://[fec0::1]/", "http://[ff02::1]/",
    "http://localhost/", "http://LOCALHOST./", "http://example.org:22/", "http://example.org:0/",
    "http://example.org:99999/", "http://example.org:80:80/", "http://exa mple.org/", "http://example.org/\r\nX: y",
    "http://\x00example.org/", "http://[::ffff:7f00:1]/", "http://[0:0:0:0:0:ffff:127.0.0.1]/", "HTTP://127.1/",
    "http://[v1.x]/", "jar:http://127.0.0.1!/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "http://-/", "http://" + "a" * 300 + "/",
)  # fmt: skip


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every connection that is tried; names stand for nothing, numbers for themselves, "localhost" for this machine."""
    tried: list[tuple[str, int]] = []
    look_up = socket.getaddrinfo

    def numbers_only(host: str, port: int, **options: object) -> object:
        host = "127.0.0.1" if host.lower().rstrip(".") == "localhost" else host
        return look_up(host, port, **options, flags=socket.AI_NUMERICHOST)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", numbers_only)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: tried.append(address))
    return tried


def test_more_than_three_hundred_hostile_addresses_lead_nowhere_forbidden(connections: list[tuple[str, int]]) -> None:
    """Whatever a library reads in them: "010.0.0.1" is 8.0.0.1 to the resolver, and that is what was checked."""
    assert len(URLS) + len(OTHERS) > 300
    for url in (*URLS, *OTHERS):
        with contextlib.suppress(AddressError):
            fetch(url)
        assert all(is_public(number) for number, _ in connections), url


@pytest.mark.parametrize("number", FORBIDDEN)
def test_special_addresses_are_not_public(number: str) -> None:
    assert not is_public(number)
    assert not is_public(f"::ffff:{number}")


@pytest.mark.parametrize("number", PUBLIC)
def test_ordinary_addresses_are_public(number: str) -> None:
    assert is_public(number)


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_calls_private(address: ipaddress.IPv4Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_loopback:
        assert not is_public(str(address))


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "1.2.3", "8.8.8.8 ", "fe80::1%eth0", "::1%1"])
def test_what_is_no_plain_number_is_not_public(text: str) -> None:
    assert not is_public(text)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Every name resolves to the next answer; the last one stays. Gives the names that were asked for."""
    rest = list(answers)
    asked: list[str] = []

    def answer(host: str, port: int, **options: object) -> list[object]:
        asked.append(host)
        numbers = rest.pop(0) if len(rest) > 1 else rest[0]
        families = [socket.AF_INET6 if ":" in n else socket.AF_INET for n in numbers]
        return [(f, socket.SOCK_STREAM, 6, "", (n, port)) for f, n in zip(families, numbers, strict=True)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    connections: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(AddressError, match="public internet"):
        fetch("http://example.org/a.jpg")
    assert connections == []


def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    tried: list[object] = []

    def connect(self: socket.socket, address: object) -> None:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(AddressError, match="could not be fetched"):
        fetch("http://example.org/a.jpg")
    assert (tried, asked) == ([("93.184.216.34", 80)], ["example.org"])


class Answers(http.server.BaseHTTPRequestHandler):
    """A picture server that can misbehave in the way its path says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        {
            "/picture": self.picture, "/again": self.again, "/inside": self.inside, "/file": self.file,
            "/endless": self.endless, "/slow": self.slow, "/drip": self.drip, "/short": self.short,
            "/zipped": self.zipped, "/missing": self.missing, "/hints": self.hints, "/closing": self.closing,
            "/nowhere": self.nowhere,
        }[self.path.partition("?")[0]]()  # fmt: skip
        self.close_connection = True

    def head(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def picture(self) -> None:
        self.head(Content_Length="3")
        self.wfile.write(b"jpg")

    def again(self) -> None:
        self.head(302, Location="/again", Content_Length="0")

    def inside(self) -> None:
        self.head(302, Location="http://169.254.169.254/latest/meta-data/", Content_Length="0")

    def file(self) -> None:
        self.head(301, Location="file:///etc/passwd", Content_Length="0")

    def endless(self) -> None:
        self.head(Transfer_Encoding="chunked")
        while True:
            self.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    def slow(self) -> None:
        time.sleep(20)

    def drip(self) -> None:
        self.head(Content_Length="1000000")
        for _ in range(100):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.1)

    def closing(self) -> None:
        """Slowly, without a length: the end is where the connection ends."""
        self.head(Connection="close")
        for _ in range(100):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.1)

    def nowhere(self) -> None:
        self.head(302, Location="http://[::1", Content_Length="0")

    def short(self) -> None:
        self.head(Content_Length="1000000")
        self.wfile.write(b"jpg")

    def zipped(self) -> None:
        self.head(Content_Encoding="gzip", Content_Length="3")
        self.wfile.write(b"jpg")

    def missing(self) -> None:
        self.head(404, Content_Length="0")

    def hints(self) -> None:
        for _ in range(100):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
            time.sleep(0.1)

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client hangs up, as it should
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """ "127.0.0.1:PORT" of a real server."""
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


def allowing(server: str, **limits: float) -> FetchLimits:
    return FetchLimits(hosts=frozenset({server}), **{"seconds": 1.0, "max_bytes": 1_000_000, **limits})  # type: ignore[arg-type]


def test_a_picture_of_an_allowed_host_arrives(server: str) -> None:
    assert fetch(f"http://{server}/picture", allowing(server)) == b"jpg"


def test_the_same_host_is_refused_where_it_is_not_allowed(server: str) -> None:
    with pytest.raises(AddressError, match="port"):
        fetch(f"http://{server}/picture")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("again", "more than 3 times"),
        ("inside", "public internet"),
        ("file", "only http and https"),
        ("endless", "more than 1,000,000 bytes"),
        ("slow", "more than 1 seconds"),
        ("drip", "more than 1 seconds"),
        ("hints", "more than 1 seconds"),
        ("closing", "more than 1 seconds"),
        ("nowhere", "leads to one that is none"),
        ("short", "broke off"),
        ("zipped", "compressed"),
        ("missing", "status 404"),
    ],
)
def test_a_server_that_misbehaves_gets_one_sentence_in_time(server: str, path: str, said: str) -> None:
    started = time.monotonic()
    with pytest.raises(AddressError, match=said):
        fetch(f"http://{server}/{path}", allowing(server))
    assert time.monotonic() - started < 5


def test_where_hosts_alone_are_allowed_others_are_never_looked_up(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = FetchLimits(hosts=frozenset({server}), public=False)
    assert fetch(f"http://{server}/picture", limits) == b"jpg"
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up"))
    with pytest.raises(AddressError, match="allowed by name"):
        fetch("http://example.org/a.jpg", limits)


def test_the_environment_can_not_send_it_through_a_proxy(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(f"http://{server}/picture", allowing(server)) == b"jpg"


def test_a_name_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: waiting.wait(30) and [])
    with pytest.raises(AddressError, match="name server"):
        fetch("http://example.org/a.jpg", FetchLimits(seconds=0.2))
    waiting.set()


@pytest.mark.parametrize(
    "host", ["a.example", "a.example:8080", "127.0.0.1", "127.0.0.1:1", "::1", "[::1]:8080", "[::1]"]
)
def test_a_host_may_have_a_port(host: str) -> None:
    assert is_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "http://a.example",
        "a.example/",
        "a.example:0",
        "a.example:999999",
        "a.example:x",
        "u@a.example",
        "a b",
        "*",
        "[::1",
    ],
)
def test_what_is_no_host_is_refused_before_anything_is_fetched(host: str) -> None:
    assert not is_host(host)
    with pytest.raises(click.BadParameter, match="is no host"):
        fetch_limits((host,))
