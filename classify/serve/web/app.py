"""The service itself: its routes, and what each of them answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from classify.errors import Refusal
from classify.fitting.question import holds_of
from classify.report.card import head_facts
from classify.serve.heads import ServedHead, close_heads
from classify.serve.settings import ServeSettings
from classify.serve.web import pages
from classify.serve.web.asking import Asking, Options
from classify.serve.web.bodies import MAX_JSON, Intake, is_json, uploads, url_of
from classify.serve.web.layers import Guarded, Json, answer_to
from classify.serve.web.metrics import Metrics
from classify.serve.web.openapi import document
from featurize.wording import plain


class Service:
    """Heads behind HTTP; `app` is the ASGI application.

    Parameters
    ----------
    heads : mapping of str to ServedHead
        The first answers where a request names none.
    settings : ServeSettings
    """

    def __init__(self, heads: Mapping[str, ServedHead], settings: ServeSettings) -> None:
        self.heads = dict(heads)
        self.settings = settings
        self.metrics = Metrics(self.heads)
        self._intake = Intake(settings)
        self._asking = Asking(settings, self.metrics, self._intake)
        routes = [
            Route("/", self._root, methods=["GET", "POST"]),  # one route: what "Allow" lists is a route's methods
            Route("/v1/predict", self._predict, methods=["POST"]),
            Route("/v1/model", self._model, methods=["GET"]),
            Route("/healthz", self._healthz, methods=["GET"]),
            Route("/readyz", self._readyz, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
            Route("/openapi.json", self._openapi, methods=["GET"]),
            Route("/docs", self._docs, methods=["GET"]),
            Route("/static/{name}", self._static, methods=["GET"]),
        ]
        inner = Starlette(
            routes=routes, exception_handlers=dict.fromkeys((Refusal, HTTPException, Exception), answer_to)
        )
        inner.router.redirect_slashes = False
        self.app = Guarded(inner, settings, self.metrics, frozenset(route.path for route in routes))

    def close(self) -> None:
        """Answer what waits, and end the threads."""
        self._asking.close()
        close_heads(self.heads)

    async def _root(self, request: Request) -> Response:
        return await (self._old_protocol(request) if request.method == "POST" else self._front(request))

    async def _front(self, request: Request) -> Response:
        """The page for a browser, a sign of life for programs, as the old demo gave."""
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(pages.front(self.heads, self.settings))
        return Json({"status": 200})

    async def _old_protocol(self, request: Request) -> Response:
        """The old demo's one question: an address in, a style out."""
        asked, url = await self._address(request)
        answer = _predicted(await self._asking.by_address(self._head(request), url, Options(top=1)))
        return Json({"status": 200, "req": asked, "url": url, "predict": plain(answer["predictions"][0]["label"])})

    async def _predict(self, request: Request) -> Response:
        """Pictures, or the address of one, in; classes with probabilities out."""
        started = time.perf_counter()
        head = self._head(request)
        options = Options.of(request, head)
        if is_json(request):
            _, url = await self._address(request)
            pictures = [await self._asking.by_address(head, url, options)]
        else:
            async with self._intake.body(request) as body:
                sent = await uploads(request, body, self.settings.max_pictures)
                pictures = await self._asking.answers(head, sent, options)
        if len(pictures) == 1:
            _predicted(pictures[0])
        return Json({**_about(head), "pictures": pictures, "seconds": round(time.perf_counter() - started, 4)})

    async def _model(self, request: Request) -> Response:
        """What is known of each head."""
        return Json({"status": 200, "heads": {n: head_facts(h.predictor.saved) for n, h in self.heads.items()}})

    async def _healthz(self, request: Request) -> Response:
        return Json({"status": 200})

    async def _readyz(self, request: Request) -> Response:
        if self.app.draining:
            raise Refusal(503, "ending", "the service is about to end", 5)
        return Json({"status": 200})

    async def _metrics(self, request: Request) -> Response:
        return PlainTextResponse(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def _openapi(self, request: Request) -> Response:
        return Json(document(self.settings))

    async def _docs(self, request: Request) -> Response:
        return HTMLResponse(pages.docs(document(self.settings)))

    async def _static(self, request: Request) -> Response:
        return pages.static(request.path_params["name"])

    async def _address(self, request: Request) -> tuple[dict[str, Any], str]:
        if not is_json(request):
            raise Refusal(415, "unsupported_type", 'send {"url": "https://..."} with Content-Type: application/json')
        async with self._intake.body(request, MAX_JSON) as body:
            return url_of(body)

    def _head(self, request: Request) -> ServedHead:
        name = request.query_params.get("head", next(iter(self.heads)))
        if name not in self.heads:
            raise Refusal(404, "no_head", f"no head of that name answers here; there are: {', '.join(self.heads)}")
        return self.heads[name]


def _predicted(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with predictions; what is wrong with the request's only picture is wrong with the request."""
    if "error" in answer:
        raise Refusal(422, answer["error"]["code"], answer["error"]["message"])
    return answer


def _about(head: ServedHead) -> dict[str, Any]:
    saved = head.predictor.saved
    return {
        "status": 200,
        "head": head.name,
        "target": saved.target,
        "question": saved.question,
        "holds": holds_of(saved),
        "coverage": head.predictor.coverage,
        "backbone": head.predictor.network.description,
        "untrained": saved.key.untrained,
        "key": saved.key.digest,
    }
