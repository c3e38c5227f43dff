"""Running a service: the socket, the signals, and connections that never say what they want."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from classify.errors import ServeError
from classify.serve.settings import ServeSettings
from classify.serve.web.app import Service

HEAD_SECONDS = 10.0  # in which a connection must say what it wants
LINGER = 2.0  # in which a client may stop sending what is not wanted
GRACE = 0.5  # seconds in which requests are still taken, and refused, before connections are closed
_BACKLOG = 1024
_MAX_HEAD = 1 << 16  # bytes of a request's line and headers


class Impatient(H11Protocol):
    """HTTP that hangs up on a client whose request's head does not come, or that goes on sending after its answer.

    The server's own timeout is for connections without any request; bodies come under the deadline of each request.
    """

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait(HEAD_SECONDS)
        elif self._answered_early():
            self._wait(LINGER)  # to let the client read why, before the connection is reset
        else:
            self._calm()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._answered_early():
            self._wait(LINGER)

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def _answered_early(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY and self.cycle.response_complete

    def _wait(self, seconds: float) -> None:
        if self._patience is None and not self.transport.is_closing():
            self._patience = self.loop.call_later(seconds, self._hang_up)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _hang_up(self) -> None:
        self._patience = None
        if self.conn.their_state is h11.IDLE or self._answered_early():
            self.transport.close()


class _Server(uvicorn.Server):
    """A server that refuses new requests for a moment before it closes connections, so that none is cut in its way."""

    def __init__(self, config: uvicorn.Config, service: Service, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = service
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.app.draining = True
        await asyncio.sleep(GRACE)
        await super().shutdown(sockets)


def bind(settings: ServeSettings) -> socket.socket:
    """The socket that the service listens on.

    Raises
    ------
    ServeError
        The address or the port can't be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # with the protocol named, asyncio sets TCP_NODELAY: otherwise an answer's body waits 40 ms for the client's system
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except (OSError, OverflowError, UnicodeError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or str(error)
        raise ServeError(
            f"{settings.host} port {settings.port} can't be listened on ({why}): give another --port or --host"
        ) from error
    return listening


def configuration(service: Service) -> uvicorn.Config:
    """How the server is to behave."""
    return uvicorn.Config(
        service.app,
        http=Impatient,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(service.settings.seconds) + 5,
        h11_max_incomplete_event_size=_MAX_HEAD,
    )


def run(service: Service, listening: socket.socket, started: Callable[[], None] = lambda: None) -> None:
    """Answer until SIGTERM or Ctrl-C; then finish what runs, refuse what comes, and return.

    Parameters
    ----------
    service : Service
    listening : socket
        From `bind`.
    started : callable
        Called as soon as requests are taken.
    """
    server = _Server(configuration(service), service, started)
    before: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):  # the server raises them again at its end
            before[number] = signal.signal(number, _nothing)
        server.run([listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        service.close()


def _nothing(number: int, frame: FrameType | None) -> None:
    """The service has ended as it should."""
