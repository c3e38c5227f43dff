"""A server that speaks S3 on this machine, and a proxy before it that fails, stalls, cuts and loses.

`python -m tests.cache.s3` is both in a process of their own, for those who fork: it prints the two addresses, and the
proxy is set by PUT and asked by GET at its address `/-/trouble`.
"""

from __future__ import annotations

import http.client
import itertools
import json
import logging
import random
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTROL = "/-/trouble"
STALL = 3.0  # seconds without an answer; whoever asks has given up before
SKEWED = b"""<?xml version="1.0" encoding="UTF-8"?><Error><Code>RequestTimeTooSkewed</Code><Message>The difference
between the request time and the current time is too large.</Message></Error>"""  # as S3 answers, with status 403
_NAMES = itertools.count()
_SHARES = ("failing", "lost", "cut", "stalled")


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
    stalled: float = 0.0  # passed on, and answered when nobody waits any more
    way: str = ""  # of the `nth` request, and of those after it where it is for good; one of the above, or "skewed"
    nth: int = 0  # from 1; 0 is none
    for_good: bool = False
    requests: int = 0
    happened: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)  # how many requests of each kind, such as "GET"

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def next(self, kind: str = "") -> str:
        with self._lock:
            self.requests += 1
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            what = self._what()
            if what:
                self.happened[what] = self.happened.get(what, 0) + 1
            return what

    def _what(self) -> str:
        if self.nth and (self.requests == self.nth or (self.for_good and self.requests > self.nth)):
            return self.way
        chance = self._random.random()
        for what in _SHARES:
            chance -= getattr(self, what)
            if chance < 0:
                return what
        return ""

    def set(self, **new: Any) -> None:
        """Begin anew with other figures; what happened is counted on."""
        with self._lock:
            fresh = Trouble(**new)
            for name in ("seed", *_SHARES, "way", "nth", "for_good", "requests"):
                setattr(self, name, getattr(fresh, name))
            self._random = fresh._random


@contextmanager
def troubled(endpoint: str, trouble: Trouble) -> Iterator[str]:
    """The address of a proxy before a server."""
    one_write = threading.Lock()  # moto looks whether a name is taken and then writes: two steps, where a store has one

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == CONTROL:
                if self.command == "PUT":
                    trouble.set(**json.loads(body))
                self.say(200, json.dumps(asdict(trouble)).encode())
                return
            what = trouble.next("LIST" if "list-type" in self.path else self.command)
            if what == "failing":
                self.say(503 if trouble.requests % 2 else 500, b"")
                return
            if what == "skewed":
                self.say(403, SKEWED)
                return
            reply, content = self.passed_on(body)
            if what == "stalled":
                time.sleep(STALL)
            if what in ("lost", "stalled"):
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

        def say(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def passed_on(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
            connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=60)
            passed = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "expect")}
            with one_write if self.command == "PUT" else nullcontext():
                connection.request(self.command, self.path, body, passed)
                reply = connection.getresponse()
                content = reply.read()
            connection.close()
            return reply, content

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = answer  # noqa: N815

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Who asked was killed: nothing to say."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def serve() -> None:
    """A server and a proxy until the standard input ends, as it does when the process that asked for them dies."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    with s3_server() as endpoint, troubled(endpoint, Trouble()) as proxy:
        print(endpoint, proxy, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve()
