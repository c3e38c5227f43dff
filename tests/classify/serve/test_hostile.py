"""Clients that mean harm: slow, endless, lying or senseless requests harm nobody but themselves."""

from __future__ import annotations

import contextlib
import http.server
import json
import shutil
import socket
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classify.serve.fetching import FetchLimits
from classify.serve.settings import ServeSettings
from tests.classify.serve import rooms
from tests.classify.serve.running import Running, serving

ASK = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
JSON = {"Content-Type": "application/json"}


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@contextlib.contextmanager
def held(running: Running, count: int, data: bytes) -> Iterator[list[socket.socket]]:
    """Connections that send the beginning of something, and then nothing."""
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(("127.0.0.1", running.port), 10)) for _ in range(count)]
        for line in lines:
            line.sendall(data)
        yield lines


@pytest.mark.parametrize(
    "beginning", [b"", b"POST /v1/predict HTTP/1.1\r\nHost: loc", ASK + b"Content-Length: 100000\r\n\r\nabc"],
    ids=["nothing", "half a head", "half a body"],
)  # fmt: skip
def test_two_hundred_slow_clients_keep_nobody_waiting_and_are_hung_up_on(
    monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    """Whatever they wait with; honest clients are answered at once, and every slow connection is closed in time."""
    monkeypatch.setattr("classify.serve.running.HEAD_SECONDS", 1.5)
    monkeypatch.setattr("classify.serve.running.LINGER", 0.1)
    limits = ServeSettings(port=0, seconds=1.5, waiting=4)
    with serving(limits) as running, held(running, 200, beginning) as lines:
        assert [running.predict(rooms.picture(n)).status_code for n in range(5)] == [200] * 5
        for line in lines:
            line.settimeout(20)
            with contextlib.suppress(ConnectionError):
                answer = b"".join(iter(partial(line.recv, 4096), b""))
                assert status_of(answer) in (0, 503), answer
        assert running.service._intake.held == 0


def test_a_client_that_drips_a_head_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, service: Running) -> None:
    """Each byte comes in time, the whole does not."""
    monkeypatch.setattr("classify.serve.running.HEAD_SECONDS", 0.5)
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", service.port), 5) as line, contextlib.suppress(OSError):
        while time.monotonic() - started < 10:
            line.sendall(b"G")
            time.sleep(0.05)
    assert time.monotonic() - started < 8


LIES: dict[str, tuple[bytes, set[int]]] = {
    "longer than said": (ASK + b"Content-Length: 3\r\n\r\nabcdef GET", {422}),
    "two lengths": (ASK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", {400}),
    "length and chunks": (
        ASK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        {400, 422},
    ),
    "a length below zero": (ASK + b"Content-Length: -1\r\n\r\n", {400}),
    "a length that is no number": (ASK + b"Content-Length: abc\r\n\r\n", {400}),
    "a length without end": (ASK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", {400, 413}),
    "chunks without sense": (ASK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", {400}),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", {400}),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", {400}),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01", {400}),
    "a head without end": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000, {400, 0}),
    "an address of another": (b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", {403, 404}),
    "a path upwards": (b"GET /static/../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", {404}),
    "a path upwards, encoded": (b"GET /static/..%2f..%2fstyle.css HTTP/1.1\r\nHost: localhost\r\n\r\n", {404}),
    "a path with a zero": (b"GET /static/style.css%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", {404}),
    "an upgrade": (b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", {200}),
}


@pytest.mark.parametrize("name", LIES)
def test_a_request_that_lies_is_refused_and_leaks_nothing(service: Running, name: str) -> None:
    data, expected = LIES[name]
    answer = service.raw(data, 0.3)
    assert status_of(answer) in expected, answer
    assert b"Traceback" not in answer
    assert b"root:" not in answer
    assert service.predict(rooms.picture(0)).status_code == 200


def bomb() -> bytes:
    """A PNG of 300 KB that stands for 900 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(20_000_000), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_small_file_of_very_many_pixels_is_refused_by_its_header(service: Running) -> None:
    started = time.monotonic()
    answer = service.predict(bomb())
    assert (answer.status_code, answer.json()["code"]) == (422, "too_large")
    assert time.monotonic() - started < 10


def test_a_form_of_many_files_is_refused(service: Running) -> None:
    files = [("picture", (f"{n}", b"x", "image/png")) for n in range(17)]
    assert service.ask("POST", "/v1/predict", files=files).json()["code"] == "bad_form"


class Web(http.server.BaseHTTPRequestHandler):
    """The web, as the service may meet it; the path says what becomes of the request."""

    protocol_version = "HTTP/1.1"
    seen: list[str] = []  # noqa: RUF012  shared on purpose

    def do_GET(self) -> None:
        self.seen.append(self.path)
        if self.path == "/picture":
            self.answer(200, rooms.picture(0))
        elif self.path == "/text":
            self.answer(200, b"root:x:0:0")
        else:
            self.answer(302, b"", Location={"/inside": "http://169.254.169.254/", "/twice": "/picture"}[self.path])

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """ "127.0.0.1:PORT" of a picture server that stands in for the web."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.daemon_threads = True
    thread = threading.Thread(target=partial(server.serve_forever, 0.01), daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def fetching(web: str) -> Iterator[Running]:
    """A service that may fetch from that server."""
    limits = FetchLimits(hosts=frozenset({web}), seconds=2.0)
    with serving(ServeSettings(port=0, allow_urls=True, fetching=limits)) as running:
        yield running


def test_the_old_demo_s_request_gets_the_old_demo_s_answer(fetching: Running, web: str) -> None:
    """Byte for byte as flask-restful wrote it; an address that is encoded as a whole is taken, too."""
    url = f"http://{web}/picture"
    asked = fetching.ask("POST", "/", content=f'{{"url": "{url}", "id": 7}}'.encode(), headers=JSON)
    style = fetching.predict(rooms.picture(0)).json()["pictures"][0]["predictions"][0]["label"].replace("_", " ")
    expected = {"status": 200, "req": {"url": url, "id": 7}, "url": url, "predict": style}
    assert asked.text == json.dumps(expected) + "\n"
    assert asked.headers["content-type"] == "application/json"
    encoded = url.replace(":", "%3A").replace("/", "%2F")
    assert fetching.ask("POST", "/", json={"url": encoded}).json() == {
        **expected,
        "req": {"url": encoded},
        "url": encoded,
    }


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/picture", 200, None), ("/twice", 200, None), ("/inside", 422, "no_picture"), ("/text", 422, "not_a_picture")],
)
def test_an_address_leads_to_an_answer_or_to_a_fixed_sentence(
    fetching: Running, web: str, path: str, status: int, code: str | None
) -> None:
    answer = fetching.ask("POST", "/v1/predict", json={"url": f"http://{web}{path}"})
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert "root" not in answer.text


def test_what_is_fetched_is_counted_like_what_is_sent(web: str) -> None:
    """Both one by one and all together."""
    limits = FetchLimits(hosts=frozenset({web}))
    size = len(rooms.picture(0))
    for bound, status in (({"max_body": size - 1}, 422), ({"max_memory": size - 1}, 503), ({"max_memory": size}, 200)):
        with serving(ServeSettings(port=0, allow_urls=True, fetching=limits, **bound)) as running:
            answer = running.ask("POST", "/v1/predict", json={"url": f"http://{web}/picture"})
            assert answer.status_code == status
            assert running.service._intake.held == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "127.1", "169.254.169.254", "[::ffff:7f00:1]"]
)
def test_an_address_of_this_machine_is_never_asked(fetching: Running, web: str, host: str) -> None:
    """Though the same server may be asked under the one name that is allowed."""
    port, before = web.rpartition(":")[2], len(Web.seen)
    url = f"http://{host}:{port}/picture" if host != "127.0.0.1" else f"http://{host}:1/picture"
    answer = fetching.ask("POST", "/v1/predict", json={"url": url})
    assert (answer.status_code, answer.json()["code"], len(Web.seen)) == (422, "no_picture", before)


FORM = b'--b\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n%s\r\n--b--\r\n'
PLAIN = st.recursive(
    st.none() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)
BODIES = st.one_of(
    st.binary(max_size=200),
    PLAIN.map(lambda plain: json.dumps(plain).encode()),
    st.binary(max_size=60).map(FORM.__mod__),
)
QUERIES = st.dictionaries(
    st.sampled_from(["top", "head", "explain", "neighbours", "x"]), st.text(max_size=8), max_size=3
)
KINDS = ("application/json", "image/png", "multipart/form-data; boundary=b", "multipart/form-data", "x")


@settings(max_examples=40)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS"]),
    path=st.sampled_from(["/", "/v1/predict", "/v1/model", "/metrics", "/docs", "/static/x", "/x"]),
    query=QUERIES,
    kind=st.sampled_from(KINDS),
    body=BODIES,
)
def test_no_request_makes_the_service_fail(
    service: Running, method: str, path: str, query: dict[str, str], kind: str, body: bytes
) -> None:
    answer = service.ask(method, path, params=query, content=body, headers={"Content-Type": kind})
    assert answer.status_code < 500, answer.text


@pytest.mark.slow
def test_schemathesis_finds_no_failure(fetching: Running) -> None:
    """Requests made from the service's own description, good and bad ones."""
    program = shutil.which("schemathesis")
    if program is None:
        pytest.skip("schemathesis is not installed")
    checks = "not_a_server_error,content_type_conformance,response_schema_conformance,unsupported_method"
    done = subprocess.run(
        [
            program,
            "run",
            f"{fetching.address}/openapi.json",
            "--checks",
            checks,
            "--max-examples",
            "100",
            "--seed",
            "0",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_description_names_every_route_and_status(service: Running) -> None:
    described = service.ask("GET", "/openapi.json").json()
    routes = {route for route in service.service.app._paths if not route.startswith(("/static", "/docs", "/openapi"))}
    assert set(described["paths"]) == routes
    for reference in {part.split('"')[0] for part in json.dumps(described).split('"#/components/schemas/')[1:]}:
        assert reference in described["components"]["schemas"]
