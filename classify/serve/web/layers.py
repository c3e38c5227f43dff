"""What stands around every request: checks before it, a deadline, one form of error, headers and counts behind it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from classify.errors import Refusal
from classify.serve.settings import ServeSettings
from classify.serve.web import guard
from classify.serve.web.metrics import Metrics

_log = logging.getLogger("artstyle.serve")
_OF_HTTP = {
    404: Refusal(404, "not_found", "there is nothing under this path: see /docs"),
    405: Refusal(405, "wrong_method", "this path is asked in another way: see /docs"),
}
_FAILED = Refusal(500, "failed", "the service failed; whoever runs it finds the reason on its screen")


class Json(JSONResponse):
    """JSON that holds ASCII alone, whatever it answers, and ends its line."""

    def render(self, content: Any) -> bytes:
        return (json.dumps(content, allow_nan=False) + "\n").encode()


def refused(refusal: Refusal) -> Json:
    """The answer that says why there is none."""
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    facts = {"status": refusal.status, "code": refusal.code, "message": str(refusal)}
    return Json(facts, refusal.status, headers)


class Guarded:
    """An application with everything that stands around it.

    Parameters
    ----------
    app : ASGI application
    settings : ServeSettings
    metrics : Metrics
    paths : frozenset of str
        Those that are counted by their names.

    Attributes
    ----------
    draining : bool
        Whether the service is about to end: what runs is finished, what comes is refused.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, metrics: Metrics, paths: frozenset[str]) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._paths = paths
        self._rate = guard.RateLimit(settings.rate)
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in guard.SECURITY_HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
                if self.draining:
                    headers["Connection"] = "close"
            await send(message)

        try:
            self._check(scope)
            async with asyncio.timeout(self._settings.seconds):
                await self._app(scope, receive, with_headers)
        except Exception as error:
            if not status:
                await refused(_reason(error, self._settings.seconds))(scope, receive, with_headers)
            elif status != 500:  # an answer had begun
                raise
        path = scope["path"] if scope["path"] in self._paths else "other"
        self._metrics.request(path, status, time.perf_counter() - started)

    def _check(self, scope: Scope) -> None:
        headers: Mapping[str, str] = Headers(scope=scope)
        method, path = scope["method"], scope["path"]
        guard.check_host(headers, self._settings)
        guard.check_origin(method, headers)
        guard.check_token(path, method, headers, self._settings)
        if method not in guard.READING:
            if self.draining:
                raise Refusal(503, "ending", "the service is about to end", 5)
            self._rate.check(scope["client"][0] if scope.get("client") else "")


async def answer_to(request: Request, error: Exception) -> Json:
    """The answer to a request that ended with an error."""
    answer = refused(_reason(error))
    if isinstance(error, HTTPException):
        answer.headers.update(error.headers or {})  # which methods are allowed
    return answer


def _reason(error: Exception, seconds: float = 0) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException):
        return _OF_HTTP.get(error.status_code) or Refusal(error.status_code, "refused", "the request is refused")
    if isinstance(error, TimeoutError) and seconds:
        return Refusal(503, "late", f"the answer took more than {seconds:g} seconds", 1)
    _log.error("a request failed", exc_info=error)
    return _FAILED
