"""A server that speaks S3 on this machine, and a proxy before it that fails, stalls, cuts and repeats."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_NAMES = itertools.count()


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a server with no buckets."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(endpoint: str) -> str:
    """Make a bucket; gives its address."""
    name = f"museum-{next(_NAMES)}"
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}", method="PUT"), timeout=30)
    return f"s3://{name}"


def environment(endpoint: str) -> dict[str, str]:
    """What makes programs talk to that server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }


@dataclass
class Trouble:
    """How often what goes wrong, and what did."""

    seed: int = 0
    failing: float = 0.0  # answered with 500 or 503, and not passed on
    lost: float = 0.0  # passed on, but the answer is lost
    cut: float = 0.0  # the body of the answer ends early
    requests: int = 0
    happened: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def next(self) -> str:
        with self._lock:
            self.requests += 1
            chance = self._random.random()
            for what in ("failing", "lost", "cut"):
                chance -= getattr(self, what)
                if chance < 0:
                    self.happened[what] = self.happened.get(what, 0) + 1
                    return what
            return ""


@contextmanager
def troubled(endpoint: str, trouble: Trouble) -> Iterator[str]:
    """The address of a proxy before a server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def answer(self) -> None:
            what = trouble.next()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if what == "failing":
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=60)
            passed = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "expect")}
            connection.request(self.command, self.path, body, passed)
            reply = connection.getresponse()
            content = reply.read()
            connection.close()
            if what == "lost":
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                    self.send_header(name, value)
            length = reply.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            if what == "cut" and content:
                self.wfile.write(content[: len(content) // 2])
                self.close_connection = True
                return
            self.wfile.write(content)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = answer  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
