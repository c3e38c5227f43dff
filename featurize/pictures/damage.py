"""Damage that Pillow lets pass: files that are cut or changed, and decode all the same.

Decoders are forgiving, because people would rather see half a picture than none. Here half a picture would become
a row that looks like all the others. What a file's own checksums and lengths tell is therefore compared. What a
format has no means to tell stays unknown: a changed bit in the middle of a JPEG's data is a slightly other picture.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from featurize.errors import Undecodable
from featurize.pictures.jpeg import RGB_INSIDE, YCBCR_INSIDE, YCCK_INSIDE, Frame, only_scan, read_frame
from featurize.pictures.png import chunks
from featurize.pictures.tiff import kinds
from featurize.pictures.tiff.layout import Layout
from featurize.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image

_AHEAD = bytes(8)  # libjpeg looks so far beyond the bits it needs (BIT_BUF_SIZE of jdhuff.c)
_PIECE = 1 << 20  # bytes unpacked at a time
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


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
    for kind, place in chunks(data):
        rest = data[place] if kind == b"IDAT" else b""
        while rest and not unpacked.eof:
            found += len(unpacked.decompress(rest, _PIECE))
            rest = unpacked.unconsumed_tail
    found += len(unpacked.flush())
    if found < _png_size(data):
        raise Undecodable(Reason.TRUNCATED, "its data end before the picture does")


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
    a picture that is complete by then needs no marker. A loss of the last eight bytes can't be found this way, nor
    one in a progressive or arithmetic-coded JPEG: those are returned as they are, as are other formats.
    """
    scan = only_scan(data) if data[:2] == b"\xff\xd8" else None
    end = data.find(b"\xff\xd9", scan) if scan else -1
    return data[:end] + _AHEAD if end > 0 else data


def is_one_scan(data: bytes) -> bool:
    """Whether a JPEG's data lie in one Huffman-coded scan with an end marker."""
    scan = only_scan(data)
    return scan is not None and data.find(b"\xff\xd9", scan) > 0


def check_tiff(data: bytes, layout: Layout) -> None:
    """See that a TIFF lists all its pieces, and that JPEG data in them are whole JPEGs of the right size and colours.

    Pillow and libtiff decode what is there, leave the rest as they find the memory, and take the directory's word for
    the colours.

    Parameters
    ----------
    data : bytes
        The whole file.
    layout : Layout
        Of a TIFF that libtiff decodes.

    Raises
    ------
    Undecodable
        TRUNCATED, BROKEN or UNSUPPORTED.
    """
    if len(layout.offsets) < layout.pieces:
        raise Undecodable(Reason.BROKEN, f"the TIFF lists {len(layout.offsets)} of its {layout.pieces} pieces")
    if layout.compression != kinds.JPEG:
        return
    columns = -(-layout.width // layout.across)
    for number, (offset, length) in enumerate(zip(layout.offsets[: layout.pieces], layout.lengths, strict=False)):
        if b"\xff\xd9" not in data[max(offset, offset + length - 16) : offset + length]:
            raise Undecodable(Reason.TRUNCATED, f"piece {number + 1} of the TIFF has no end")
        frame = read_frame(data, offset)
        if frame is None:
            raise Undecodable(Reason.BROKEN, f"piece {number + 1} of the TIFF is no JPEG")
        rows = layout.down if layout.tiled else min(layout.down, layout.height - number // columns * layout.down)
        if frame.height < rows or frame.width < layout.across:
            raise Undecodable(Reason.BROKEN, f"piece {number + 1} of the TIFF is too small")
        if frame.bits != 8 or len(frame.factors) != layout.channels or _contradicts(frame, layout.photometric):
            raise kinds.unsupported("JPEG data whose colours are not those of its directory")


def _contradicts(frame: Frame, photometric: int) -> bool:
    """Whether a JPEG says that its colours are others than the TIFF's directory has it."""
    if photometric == kinds.RGB:
        return frame.jfif or frame.adobe == YCBCR_INSIDE
    if photometric == kinds.YCBCR:
        return frame.adobe == RGB_INSIDE
    return photometric == kinds.CMYK and frame.adobe == YCCK_INSIDE
