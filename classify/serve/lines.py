"""Requests for predictions as lines of text: a path, an address, or JSON with either."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from classify.errors import PictureError
from classify.prediction import Source
from classify.serve.fetching import FetchLimits, fetch
from featurize.pictures.file import read


def requests(lines: Iterable[bytes], limits: FetchLimits) -> Iterator[Source]:
    """The pictures that lines ask for, one a line; empty lines are left out. The line is the source's name.

    A line that asks for none gives a source whose loading raises `PictureError`, so that each line has its answer.
    """
    for line in lines:
        text = line.decode("utf-8-sig", "replace").strip()
        if text:
            yield _source(text, limits)


def _source(text: str, limits: FetchLimits) -> Source:
    try:
        kind, value = _asked(text)
    except PictureError as error:
        return Source(text, partial(_refuse, error))
    return Source(value, partial(fetch, value, limits) if kind == "url" else partial(read, Path(value)))


def _asked(text: str) -> tuple[str, str]:
    """ "path" or "url", and its value."""
    if not text.startswith("{") and "\0" not in text:
        return ("url" if text.lower().startswith(("http://", "https://")) else "path"), text
    try:
        asked = json.loads(text)
    except ValueError as error:
        raise PictureError(f'the line is no JSON ({error}): write {{"path": "picture.jpg"}}') from error
    for kind in ("path", "url"):
        if isinstance(asked.get(kind), str) and "\0" not in asked[kind]:
            return kind, asked[kind]
    raise PictureError('the line names no picture: write {"path": "picture.jpg"} or {"url": "https://..."}')


def _refuse(error: PictureError) -> bytes:
    raise error
