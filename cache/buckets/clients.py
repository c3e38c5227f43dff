"""Clients of object stores: from an address, and from what the environment says of endpoint, region and credentials.

obstore (extra `objects`) reads the environment by itself. What would make it crash, or what it would pass over, is
found here beforehand.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import Any

from cache.addresses import scheme_of
from cache.buckets.answers import in_short
from cache.errors import StorageFailed

_SETTINGS = {"s3": "AWS", "s3a": "AWS", "gs": "GOOGLE", "az": "AZURE", "abfs": "AZURE", "abfss": "AZURE"}
SCHEMES = tuple(_SETTINGS)

PATIENCE = 120.0  # seconds that a request may take

_NAME = r"(?!\.{1,2}(?:/|$))[^/?#\x00-\x1f\x7f]+"
_FOLDER = re.compile(rf"(?P<root>\w+://(?P<bucket>[^\s/?#]+))(?:/(?P<prefix>{_NAME}(?:/{_NAME})*))?")
_BUCKET = re.compile(r"[^:@]+|[^:@]+@[^:@]+\.[^:@]+")  # without a port or a password; Azure's long form has an "@"
_ENDPOINT = re.compile(r"https?://([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?(/[^\s?#]*)?", re.ASCII)


def connect(url: str) -> tuple[Any, str]:
    """A client of the bucket in an address, and the folder in it: its name letter by letter, as other programs take it.

    Raises
    ------
    StorageFailed
        obstore is not installed, or the address or the environment is not understood.
    """
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise StorageFailed(
            f"{url!r} lies in an object store: install what speaks to it with `pip install 'artstyle[objects]'`"
        ) from error
    kind = _SETTINGS.get(scheme_of(url), "")  # none of a web server, whose port belongs to the address
    found = _FOLDER.fullmatch(url)
    if not found or (kind and not _BUCKET.fullmatch(found["bucket"])):
        raise StorageFailed(
            f"{url!r} is no folder in an object store: give an address such as s3://BUCKET/FOLDER, in which no name is "
            "empty, '.' or '..', and without '?' and '#'; endpoint and credentials stand in the environment"
        )
    if kind:
        _check_environment(kind)
    once = {"max_retries": 0, "retry_timeout": timedelta(seconds=60)}  # the caller must know of every failed write
    client = {"timeout": f"{PATIENCE} seconds", "allow_http": True}  # a plain endpoint was meant
    try:
        store = from_url(found["root"], client_options=client, retry_config=once)  # type: ignore[call-overload]
    except Exception as error:
        look = f"{kind}_... in the environment" if kind else "the address"
        raise StorageFailed(f"{url!r} can't be opened: {in_short(error)}; look at {look}") from error
    return store, found["prefix"] or ""


def _check_environment(kind: str) -> None:
    """Find what would make the client crash: it puts these texts into requests as they are."""
    for name, said in os.environ.items():
        if not name.startswith(f"{kind}_"):
            continue
        if "ENDPOINT" in name and not _ENDPOINT.fullmatch(said):
            raise StorageFailed(
                f"{name} is {said!r}, which is no address of a store: give one such as https://HOST:PORT, or unset it"
            )
        if any(ord(letter) < ord(" ") for letter in said):  # it may be a secret, so it is not shown
            raise StorageFailed(
                f"{name} holds the end of a line or another control character: set it anew, without that"
            )
