"""Reading what a request brings: counted while it comes, parsed only when it is whole and small enough.

Multipart parsers limit the number of files, not their bytes, so the limit is kept before them; nothing is written to a
disk. JSON that Python takes and that is none (NaN, numbers without end, halves of characters) is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from classify.errors import Refusal
from classify.serve.settings import ServeSettings

MAX_JSON = 1 << 16  # bytes: an address and little else
_NO_JSON = 'the body is no JSON of the form {"url": "https://example.org/picture.jpg"}'


@dataclass(frozen=True)
class Upload:
    """A picture file that was sent.

    Parameters
    ----------
    name : str
        As the sender calls it; "" where it does not.
    data : bytes
    """

    name: str
    data: bytes


class Intake:
    """Reads bodies, and keeps count of the memory that all of them take together.

    Parameters
    ----------
    settings : ServeSettings
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self.held = 0  # bytes

    @contextmanager
    def holding(self, data: bytes) -> Iterator[None]:
        """Count what was fetched for a request as held until the block ends.

        Raises
        ------
        Refusal
            All requests together hold too much.
        """
        self.held += len(data)
        try:
            self._check_held()
            yield
        finally:
            self.held -= len(data)

    def _check_held(self) -> None:
        if self.held > self._settings.max_memory:
            raise Refusal(503, "busy", "too many bytes are waiting: try again later", 1)

    @asynccontextmanager
    async def body(self, request: Request, most: int | None = None) -> AsyncIterator[bytes]:
        """The whole body, counted as held until the block ends.

        Raises
        ------
        Refusal
            It is too large, or all bodies together are, or the sender went away.
        """
        most = min(most or self._settings.max_body, self._settings.max_body)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(415, "unsupported_type", "the body is compressed: send it as it is, without Content-Encoding")
        _refuse_announced(request, most)
        body = bytearray()
        try:
            async for block in _blocks(request):
                self.held += len(block)
                body += block
                if len(body) > most:
                    raise _too_large(most)
                self._check_held()
            yield bytes(body)
        finally:
            self.held -= len(body)


async def uploads(request: Request, body: bytes, most: int) -> list[Upload]:
    """The pictures of a body that was read: a form with files, or the one file that it is.

    Raises
    ------
    Refusal
        It is neither, or holds too many.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("image/") or kind == "application/octet-stream":
        return [Upload("", body)]
    if kind != "multipart/form-data":
        raise Refusal(
            415, "unsupported_type", "send a picture as image/..., as a form with files, or an address as JSON"
        )

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(request.headers, whole(), max_files=most, max_fields=most)
    parser.spool_max_size = len(body) + 1  # nothing is written to a disk
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Refusal(400, "bad_form", f"the form can't be read, or holds more than {most} files") from error
    found = []
    for _, value in form.multi_items():
        if isinstance(value, UploadFile):
            found.append(Upload(value.filename or "", await value.read()))
    await form.close()
    if not found:
        raise Refusal(422, "no_picture", "the form holds no file: send each picture as a file, as in -F picture=@a.jpg")
    return found


def is_json(request: Request) -> bool:
    """Whether a body is sent as JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def url_of(body: bytes) -> tuple[dict[str, Any], str]:
    """The JSON object of a body, and the address in it.

    Raises
    ------
    Refusal
    """
    try:
        asked = json.loads(body.decode(), parse_constant=_no_number, parse_float=_finite)
        json.dumps(asked, ensure_ascii=False).encode()  # refuses halves of characters
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "bad_json", _NO_JSON) from error
    if not isinstance(asked, dict) or not isinstance(asked.get("url"), str):
        raise Refusal(422, "no_url", _NO_JSON)
    return asked, asked["url"]


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _no_number(text)
    return number


def _refuse_announced(request: Request, most: int) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise _too_large(most)


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    from starlette.requests import ClientDisconnect

    try:
        async for block in request.stream():
            yield block
    except ClientDisconnect as error:
        raise Refusal(400, "gone", "the request broke off") from error


def _too_large(most: int) -> Refusal:
    return Refusal(413, "too_large", f"the request has more than {most:,} bytes")
