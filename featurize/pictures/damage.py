"""Damage that Pillow lets pass: files that are cut or changed, and decode all the same.

Decoders are forgiving, because people would rather see half a picture than none. Here half a picture would become
a row that looks like all the others. What a file's own checksums and lengths tell is therefore compared. What a
format has no means to tell stays unknown: a changed bit in the middle of a JPEG's data is a slightly other picture.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from featurize.errors import Undecodable
from featurize.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image

_AHEAD = bytes(8)  # libjpeg looks so far beyond the bits it needs (BIT_BUF_SIZE of jdhuff.c)
_PIECE = 1 << 20  # bytes unpacked at a time
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_TIFF_JPEG = 7  # the tag "compression"
_HUFFMAN_SEQUENTIAL = (0xC0, 0xC1)  # frames of ITU T.81, table B.1


def check_container(data: bytes, form: str | None) -> None:
    """Compare the lengths and checksums that a file declares with what is there.

    Parameters
    ----------
    data : bytes
        The whole file.
    form : str or None
        The format, as Pillow names it.

    Raises
    ------
    Undecodable
        TRUNCATED where bytes are missing, BROKEN where a checksum differs.
    """
    if form == "WEBP" and struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise Undecodable(Reason.TRUNCATED, "the file is shorter than it says")
    if form == "PNG":
        _check_png(data)


def _check_png(data: bytes) -> None:
    """The checksums of all chunks up to the last one (PNG specification, section 5): Pillow skips those of the data."""
    view = memoryview(data)
    at, kind = 8, b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise Undecodable(Reason.TRUNCATED, "it has no end")
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise Undecodable(Reason.TRUNCATED, f"{kind.decode('latin-1')!r} is cut")
        if zlib.crc32(view[at + 4 : at + 8 + length]) != struct.unpack_from(">I", data, at + 8 + length)[0]:
            raise Undecodable(Reason.BROKEN, f"the checksum of {kind.decode('latin-1')!r} differs")
        at += 12 + length


def check_png_rows(data: bytes, picture: Image.Image) -> None:
    """Find out whether a PNG is black at its end because its data hold fewer rows than it declares.

    Pillow leaves the missing rows as they were: zero. Only where the last row is zero are the data counted.

    Raises
    ------
    Undecodable
        TRUNCATED.
    """
    last = picture.crop((0, picture.height - 1, picture.width, picture.height))
    if np.asarray(last).any():
        return
    found, unpacked = 0, zlib.decompressobj()
    for piece in _png_data(data):
        rest = piece
        while rest and not unpacked.eof:
            found += len(unpacked.decompress(rest, _PIECE))
            rest = unpacked.unconsumed_tail
    found += len(unpacked.flush())
    if found < _png_size(data):
        raise Undecodable(Reason.TRUNCATED, "its data end before the picture does")


def _png_data(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length


def _png_size(data: bytes) -> int:
    """Bytes of a PNG's rows, each with its filter's number (PNG specification, sections 7 and 8)."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes]
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 and rows > 0)


def without_end(data: bytes) -> bytes:
    """A JPEG whose data must suffice: without its end marker, so that an early end is no end.

    Where data are missing before the end marker, libjpeg fills the picture up with grey and says so only where
    Pillow doesn't listen. Where the marker itself is missing, it waits for more, and Pillow refuses the file as cut;
    a picture that is complete by then needs no marker. A loss of the last eight bytes can't be told this way, nor
    one in a progressive or arithmetic-coded JPEG: those are returned as they are, as are other formats.
    """
    scan = _only_scan(data) if data[:2] == b"\xff\xd8" else None
    end = data.find(b"\xff\xd9", scan) if scan else -1
    return data[:end] + _AHEAD if end > 0 else data


def _only_scan(data: bytes) -> int | None:
    """Where the data of a Huffman-coded JPEG with one scan begin; None for others."""
    components = 0
    for at, marker in _segments(data, 2):
        if marker in _HUFFMAN_SEQUENTIAL:
            components = data[at + 9]
        elif marker == 0xDA:
            return at if components and data[at + 4] == components else None
    return None


def _segments(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Place and code of each marker of a JPEG up to its first scan (ITU T.81, B.1.1.4)."""
    while at + 10 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        yield at, marker
        if marker == 0xDA:
            return
        at += 2 + (0 if marker == 0xD8 else int.from_bytes(data[at + 2 : at + 4], "big"))


def check_tiff(data: bytes, tags: Mapping[int, Any]) -> None:
    """See that a TIFF lists all its pieces, and that each piece with JPEG data is a whole JPEG of the size it must be.

    Pillow and libtiff decode what is there and leave the rest as they find the memory.

    Parameters
    ----------
    data : bytes
        The whole file.
    tags : mapping of int to value
        The first picture's (TIFF 6.0, section 8).

    Raises
    ------
    Undecodable
        TRUNCATED, BROKEN or UNSUPPORTED.
    """
    width, height = tags[256], tags[257]
    across, down = (tags[322], tags[323]) if 324 in tags else (width, min(tags.get(278, height), height))
    tiled = 324 in tags
    offsets, lengths = tags[324 if tiled else 273], tags.get(325 if tiled else 279, ())  # old files have no lengths
    planes = tags.get(277, 1) if tags.get(284, 1) == 2 else 1
    pieces = -(-width // across) * -(-height // down)
    if len(offsets) < pieces * planes:
        raise Undecodable(Reason.BROKEN, f"the TIFF lists {len(offsets)} of its {pieces * planes} pieces")
    if tags.get(259) != _TIFF_JPEG:
        return
    if planes > 1:
        raise Undecodable(Reason.UNSUPPORTED, "a TIFF with JPEG data in separate planes: convert it to PNG")
    for number, (offset, length) in enumerate(zip(offsets[:pieces], lengths, strict=False)):
        if b"\xff\xd9" not in data[max(offset, offset + length - 16) : offset + length]:
            raise Undecodable(Reason.TRUNCATED, f"piece {number + 1} of the TIFF has no end")
        rows = down if tiled else min(down, height - number * down)
        frame = next((at for at, code in _segments(data, offset) if code in range(0xC0, 0xC4)), None)
        if frame is None:
            raise Undecodable(Reason.BROKEN, f"piece {number + 1} of the TIFF is no JPEG")
        high, wide = struct.unpack_from(">HH", data, frame + 5)
        if high < rows or wide < across:
            raise Undecodable(Reason.BROKEN, f"piece {number + 1} of the TIFF is too small")
