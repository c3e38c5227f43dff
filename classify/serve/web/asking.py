"""From pictures that were sent, or an address, to answers as JSON."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request

from classify.errors import AddressError, Refusal
from classify.prediction import Prediction
from classify.prediction.answers import picture_json
from classify.serve.fetching import fetch
from classify.serve.heads import ServedHead
from classify.serve.settings import ServeSettings
from classify.serve.waiting import Found
from classify.serve.web.bodies import Intake, Upload
from classify.serve.web.metrics import Metrics
from featurize.errors import Undecodable

_FETCHERS = 16  # threads that may wait for other servers at the same time
_FETCHES = 64  # addresses that may wait for one of them
_MOST_SIMILAR = 50
_MOST_CLASSES = 10**6  # that may be asked for; as many as there are is what is given
_TRUE, _FALSE = ("1", "true", "yes"), ("0", "false", "no", "")


@dataclass(frozen=True)
class Options:
    """What a request wants to know of each picture.

    Parameters
    ----------
    top : int
        How many classes.
    explain : bool
        Where in the picture the head sees the likeliest one.
    neighbours : int
        How many similar pictures of the collection.
    """

    top: int = 3
    explain: bool = False
    neighbours: int = 0

    @classmethod
    def of(cls, request: Request, head: ServedHead) -> Options:
        """As a request's query says.

        Raises
        ------
        Refusal
            A value is none, or the head can't show that.
        """
        classes = len(head.predictor.saved.classes)
        explain = request.query_params.get("explain", "0").lower()
        if explain not in (*_TRUE, *_FALSE):
            raise Refusal(400, "bad_query", "explain is 1 or 0")
        wanted = cls(
            top=min(_number(request, "top", 3, 1, _MOST_CLASSES), classes),
            explain=explain in _TRUE,
            neighbours=_number(request, "neighbours", 0, 0, _MOST_SIMILAR),
        )
        if wanted.explain and not head.explain:
            raise Refusal(422, "no_heatmaps", "this head has no heatmaps here")
        if wanted.neighbours and not head.similar:
            raise Refusal(422, "no_neighbours", "no similar pictures are known here: the service has no collection")
        return wanted


class Asking:
    """What asks networks and other servers on behalf of requests.

    Parameters
    ----------
    settings : ServeSettings
    metrics : Metrics
    intake : Intake
        Counts the memory that fetched pictures take, too.
    """

    def __init__(self, settings: ServeSettings, metrics: Metrics, intake: Intake) -> None:
        self._settings = settings
        self._metrics = metrics
        self._intake = intake
        limits = settings.fetching
        self._limits = replace(limits, max_bytes=min(limits.max_bytes, settings.max_body))
        self._fetchers = ThreadPoolExecutor(_FETCHERS, thread_name_prefix="fetch")
        self._fetching = 0

    def close(self) -> None:
        """End the threads."""
        self._fetchers.shutdown(wait=False, cancel_futures=True)

    async def fetch(self, url: str) -> bytes:
        """The picture behind an address; one that comes percent-encoded as a whole is taken, as the old demo did.

        Raises
        ------
        Refusal
            Addresses are not fetched here, or too many at the moment.
        AddressError
        """
        if not self._settings.allow_urls:
            raise Refusal(403, "urls_off", "this service fetches no addresses: send the picture itself")
        if self._fetching >= _FETCHES:
            raise Refusal(503, "busy", "too many addresses are being fetched: try again later", 5)
        self._fetching += 1
        try:
            plain = url if "://" in url else unquote(url)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._fetchers, fetch, plain, self._limits)
        finally:
            self._fetching -= 1

    async def by_address(self, head: ServedHead, url: str, options: Options) -> dict[str, Any]:
        """The answer about the picture behind an address."""
        try:
            data = await self.fetch(url)
        except AddressError as why:
            return self._json(head, Prediction(url, (), why))
        with self._intake.holding(data):
            (answer,) = await self.answers(head, [Upload(url, data)], options)
        return answer

    async def answers(self, head: ServedHead, sent: Sequence[Upload], options: Options) -> list[dict[str, Any]]:
        """The answers about some pictures, in their order; either all are taken or none.

        Raises
        ------
        Refusal
            Too many are waiting.
        """
        futures = []
        try:
            for upload in sent:
                futures.append(head.room.predict(upload.data, head.predictor, options.top))
            every = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        answers = []
        for upload, found in zip(sent, every, strict=True):
            if isinstance(found, Undecodable):
                answers.append(self._json(head, Prediction(upload.name, (), found)))
            elif isinstance(found, BaseException):
                raise found
            else:
                answer = self._json(head, replace(found.prediction, path=upload.name))
                answers.append({**answer, **await _beside(head, upload.data, found, options)})
        return answers

    def _json(self, head: ServedHead, prediction: Prediction) -> dict[str, Any]:
        answer = picture_json(prediction)
        self._metrics.picture(head.name, answer["error"]["code"] if prediction.trouble else "predicted")
        return answer


async def _beside(head: ServedHead, data: bytes, found: Found, options: Options) -> dict[str, Any]:
    """What else was asked of a picture."""
    more: dict[str, Any] = {}
    if options.explain and head.explain:
        heatmap = await asyncio.to_thread(head.explain, data, found.styles[0][0])
        transform = head.predictor.network.transform
        more["heatmap"] = {
            "image": "data:image/png;base64," + base64.b64encode(heatmap).decode(),
            "fit": transform.fit,
            "share": transform.crop / transform.resize,
        }
    if options.neighbours and head.similar:
        similar = await asyncio.to_thread(head.similar, data, found.row, options.neighbours)
        more["neighbours"] = [asdict(one) for one in similar]
    return more


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise Refusal(400, "bad_query", f"{name} is a number from {least} to {most}")
    return int(text)
