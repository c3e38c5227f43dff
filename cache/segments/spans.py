"""The checksums of a segment: a list at its beginning that covers the rest of the file without a gap.

The list is a text of 4096 bytes in HDF5's user block: the checksum of all that follows in it, then JSON with the
file's size and, for each span, offset, length, XXH3 checksum, and whether it holds vectors. No span holds both
vectors and anything else, so that everything but the vectors can be checked, and read, alone.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from cache import files
from cache.buckets import Bucket
from cache.errors import SegmentDamaged

if TYPE_CHECKING:
    from typing_extensions import Buffer

USER_BLOCK = 4096
_FORMAT = "artstyle segment 1"
_MOST = 48  # as many spans as the user block has room for
_SHORTEST = 16 << 20  # bytes of a span of vectors, where there are so many


class Span(NamedTuple):
    """A stretch of a segment's file."""

    offset: int
    length: int
    checksum: str
    vectors: bool


def list_spans(image: bytes, payload: Sequence[tuple[int, int]]) -> bytes:
    """The user block of a segment.

    Parameters
    ----------
    image : bytes
        What follows it in the file.
    payload : sequence of (offset, length)
        Where vectors lie in the file.
    """
    size = USER_BLOCK + len(image)
    longest = max(_SHORTEST, -(-size // max(_MOST - 2 * len(payload) - 1, 1)))  # of very many vectors none is cut
    cuts = {USER_BLOCK, size}
    for offset, length in payload:
        cuts.update(range(offset, offset + length, longest))
        cuts.add(offset + length)
    view = memoryview(image)
    spans = [
        Span(
            a,
            b - a,
            files.checksum([view[a - USER_BLOCK : b - USER_BLOCK]]),
            any(start <= a < start + length for start, length in payload),
        )
        for a, b in pairwise(sorted(cuts))
    ]
    body = json.dumps({"format": _FORMAT, "size": size, "spans": spans}, separators=(",", ":")).encode()
    text = files.checksum([body]).encode() + b" " + body + b"\n"
    if len(text) > USER_BLOCK:
        raise ValueError(f"{len(spans)} checksums don't fit the segment's user block of {USER_BLOCK} bytes")
    return text.ljust(USER_BLOCK, b"\0")


def read_header(bucket: Bucket, name: str, size: int) -> tuple[Header, list[Span]]:
    """Everything of a segment but the vectors, checked, and the spans of the vectors, which are not checked yet.

    Parameters
    ----------
    bucket : Bucket
    name : str
    size : int
        Of the object.

    Raises
    ------
    SegmentDamaged
    """
    ahead = b"".join(bucket.read(name, 0, max(USER_BLOCK, bucket.ahead)))
    spans = _parse(bucket, name, size, ahead[:USER_BLOCK])
    parts = {0: ahead[:USER_BLOCK]}
    for span in spans:
        if not span.vectors:
            stop = span.offset + span.length
            known = stop <= len(ahead)
            part = ahead[span.offset : stop] if known else b"".join(bucket.read(name, span.offset, span.length))
            _check(bucket, name, span, [part])
            parts[span.offset] = part
    return Header(parts, size), [span for span in spans if span.vectors]


def check(
    bucket: Bucket, name: str, spans: Sequence[Span], read: Callable[[int, int], Iterable[bytes]] | None = None
) -> None:
    """Compare some spans of a segment with their checksums.

    Parameters
    ----------
    bucket : Bucket
    name : str
    spans : sequence of Span
    read : callable, optional
        Gives `length` bytes from `offset` on, where they are not those in the bucket that are to be checked.

    Raises
    ------
    SegmentDamaged
    """
    for span in spans:
        blocks = read(span.offset, span.length) if read else bucket.read(name, span.offset, span.length)
        _check(bucket, name, span, blocks)


def _parse(bucket: Bucket, name: str, size: int, block: bytes) -> list[Span]:
    """The spans listed in a user block."""
    text, newline, padding = block.partition(b"\n")
    checksum, _, body = text.partition(b" ")
    if not newline or files.checksum([body]).encode() != checksum:
        raise _damaged(bucket, name, "it does not begin with a segment's list of checksums")
    if padding.strip(b"\0") or len(block) != USER_BLOCK:
        raise _damaged(bucket, name, "bytes were changed behind its list of checksums")
    facts = json.loads(body)
    if facts["format"] != _FORMAT:
        raise _damaged(bucket, name, f"its format is {facts['format']!r}, this version reads {_FORMAT!r}")
    if size != facts["size"]:
        raise _damaged(bucket, name, f"it has {size} bytes, {facts['size']} were written")
    return [Span(*span) for span in facts["spans"]]


def _check(bucket: Bucket, name: str, span: Span, blocks: Iterable[bytes]) -> None:
    if files.checksum(blocks) != span.checksum:
        last = span.offset + span.length - 1
        raise _damaged(bucket, name, f"the bytes {span.offset} to {last} are not those that were written")


def _damaged(bucket: Bucket, name: str, what: str) -> SegmentDamaged:
    return SegmentDamaged(name, bucket.where(name), what)


class Header(io.RawIOBase):
    """A segment's file as HDF5 may read it: the parts that were checked, and zeros where the vectors are.

    HDF5 sees only bytes that were checked, each was read once, and the vectors are not read at all.

    Parameters
    ----------
    parts : mapping of int to bytes
        Offset -> bytes.
    size : int
        Of the whole file.
    """

    def __init__(self, parts: dict[int, bytes], size: int) -> None:
        self._parts, self._size, self._at = parts, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        out = memoryview(buffer).cast("B")
        out[:] = bytes(len(out))
        for offset, data in self._parts.items():
            start, stop = max(offset, self._at), min(offset + len(data), self._at + len(out))
            if start < stop:
                out[start - self._at : stop - self._at] = data[start - offset : stop - offset]
        self._at += len(out)
        return len(out)
