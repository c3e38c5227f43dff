"""Pictures that lie at an address: `https://museum.org/scans/1.jpg`, `s3://museum/scans/1.jpg`.

The dataset table names them in its column `path`. One request fetches a picture whole; what fails is asked for again
with growing pauses. obstore speaks to the stores and to web servers (extra `objects`), with credentials from the
environment. In a `Path` an address has one slash behind its scheme; `address_of` gives it back.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from urllib.parse import unquote

from cache.buckets import ObjectBucket
from cache.errors import CacheError
from featurize.errors import Undecodable
from featurize.reasons import Reason

_TRIES = 5  # about three seconds of pauses in all
_MOST = 2 << 30  # bytes of one picture
_ADDRESS = re.compile(r"(https?|s3|gs):/+([^/].*)", re.DOTALL | re.IGNORECASE)


def address_of(path: Path | str) -> str:
    """The address that a path means; empty where it is a path on this machine."""
    text = path.as_posix() if isinstance(path, Path) else path
    found = _ADDRESS.fullmatch(text)
    return f"{found[1].lower()}://{found[2]}" if found else ""


def fetch(address: str, size: int = -1) -> bytes:
    """The bytes of a picture.

    Parameters
    ----------
    address : str
    size : int
        Bytes that the table says it has; where the server says otherwise nothing is fetched. -1 where not known.

    Raises
    ------
    Undecodable
        With reason MISSING, CHANGED, or NOT_FETCHED and what the server answered.
    """
    scheme, _, rest = address.partition("://")
    host, _, name = rest.partition("/")
    if scheme in ("http", "https"):
        if "?" in name or "#" in name:
            raise Undecodable(Reason.NOT_FETCHED, "an address with ? or # is not supported")
        name = unquote(name)
    if not name.strip("/"):
        raise Undecodable(Reason.NOT_FETCHED, "the address names no picture")
    try:
        bucket = _root(f"{scheme}://{host}")
        there, content = bucket.size_and_content(name, size, _MOST, _TRIES)
    except FileNotFoundError as error:
        raise Undecodable(Reason.MISSING) from error
    except CacheError as error:
        raise Undecodable(Reason.NOT_FETCHED, str(error)) from error
    if content is not None:
        return content
    if there > _MOST:
        raise Undecodable(Reason.NOT_FETCHED, f"it has {there:,} bytes, up to {_MOST:,} are fetched")
    raise Undecodable(Reason.CHANGED, f"it has {there:,} bytes, the table says {size:,}")


@functools.lru_cache(maxsize=64)
def _root(host: str) -> ObjectBucket:
    """A web server, or a bucket; connections are kept and shared by all threads."""
    return ObjectBucket(host)
