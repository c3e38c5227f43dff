"""A service in a thread of this process, asked over a real socket."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from classify.prediction import load_predictors
from classify.serve.heads import ServedHead, open_heads
from classify.serve.running import bind, configuration
from classify.serve.settings import ServeSettings
from classify.serve.web.app import Service
from featurize.engines.fake import FakeEngines
from tests.classify.serve import rooms


@dataclass(frozen=True)
class Running:
    """A service that answers.

    Parameters
    ----------
    service : Service
    port : int
    """

    service: Service
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request on a connection of its own."""
        with httpx.Client(base_url=self.address, timeout=30, trust_env=False, verify=False) as client:
            return client.request(method, path, **options)

    def predict(self, data: bytes, path: str = "/v1/predict", **headers: str) -> httpx.Response:
        return self.ask("POST", path, content=data, headers={"Content-Type": "image/png", **headers})

    def raw(self, data: bytes, seconds: float = 5.0) -> bytes:
        """What comes back when these bytes are sent, whatever they are, until the other side hangs up or is silent."""
        found = b""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as line:
            line.sendall(data)
            with contextlib.suppress(OSError):
                while block := line.recv(1 << 16):
                    found += block
        return found


def make_heads(waiting: int = 64, **engine: float) -> dict[str, ServedHead]:
    """Two heads, "first" and "second", on one fake engine."""
    predictors = load_predictors([rooms.make_head(0), rooms.make_head(1)], engines=FakeEngines(**engine), workers=2)
    return open_heads(predictors, ["first", "second"], waiting)


@contextmanager
def serving(
    settings: ServeSettings, heads: Mapping[str, ServedHead] | None = None, **engine: float
) -> Iterator[Running]:
    """A service that runs for the length of a block."""
    service = Service(heads or make_heads(settings.waiting, **engine), settings)
    with bind(settings) as listening:
        server = uvicorn.Server(configuration(service))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield Running(service, listening.getsockname()[1])
        server.should_exit = True
        thread.join(30)
    service.close()
