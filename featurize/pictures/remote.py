"""Pictures that lie at an address: `https://museum.org/scans/1.jpg`, `s3://museum/scans/1.jpg`.

The dataset table names them in its column `path`. One request fetches a picture whole; what fails is asked for again
with growing pauses. obstore speaks to the stores and to web servers (extra `objects`), with credentials from the
environment. `path_of` makes a `Path` of an address, and `address_of` gives it back; a path has no empty steps and none
that stand still, so these are marked in between.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from urllib.parse import unquote

from cache.buckets import ObjectBucket
from cache.errors import CacheError
from featurize.errors import Undecodable
from featurize.pictures import hub
from featurize.reasons import Reason

_TRIES = 5  # about three seconds of pauses in all
_MOST = 2 << 30  # bytes of one picture
_SCHEMES = ("http", "https", "s3", "s3a", "gs", "az", hub.SCHEME)
_OTHERS = "abfss?|hdfs|ftps?|sftp|file|data"  # of other programs: named, and not looked for on this machine
_LOST = ("", ".", "..")  # steps that a path does not keep, or that lead elsewhere
_MARK = "\x1f"  # no character of an address
_ADDRESS = re.compile(rf"({'|'.join(_SCHEMES)}|{_OTHERS}):/+([^/].*)", re.DOTALL | re.IGNORECASE)


def path_of(address: str) -> Path:
    """An address as a path, from which `address_of` makes it again."""
    scheme, _, rest = address.partition("://")
    return Path(f"{scheme}:/" + "/".join(f"{_MARK}{step}" if step in _LOST else step for step in rest.split("/")))


def address_of(path: Path | str) -> str:
    """The address that a path means; empty where it is a path on this machine."""
    text = path.as_posix() if isinstance(path, Path) else path
    found = _ADDRESS.fullmatch(text)
    return f"{found[1].lower()}://{found[2].replace(_MARK, '')}" if found else ""


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
    if address.startswith(f"{hub.SCHEME}://"):
        address = hub.web_address(address)
    scheme, _, rest = address.partition("://")
    host, _, name = rest.partition("/")
    if scheme not in _SCHEMES:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        raise Undecodable(Reason.NOT_FETCHED, f"an address of {scheme}:// is not supported: give a path, or {known}")
    if scheme in ("http", "https"):
        name = _decoded(name)
    if not name.strip("/"):
        raise Undecodable(Reason.NOT_FETCHED, "the address names no picture")
    if name.startswith("/") or name.endswith("/"):
        raise Undecodable(Reason.NOT_FETCHED, "the first or last name in the address is empty: no store can have it")
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


def _decoded(name: str) -> str:
    """A path on a web server without its percent signs, which the client adds again.

    Raises
    ------
    Undecodable
        The client would ask for another address.
    """
    if found := re.search("[?#]|%2[fF]", name):
        raise Undecodable(Reason.NOT_FETCHED, f"an address with {found[0]} is not supported")
    try:
        return unquote(name, errors="strict")
    except UnicodeDecodeError as error:
        raise Undecodable(Reason.NOT_FETCHED, "percent signs in an address must be of UTF-8") from error


@functools.lru_cache(maxsize=64)
def _root(host: str) -> ObjectBucket:
    """A web server, or a bucket; connections are kept and shared by all threads."""
    return ObjectBucket(host)
