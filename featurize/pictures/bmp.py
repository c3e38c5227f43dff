"""BMP: which kinds are decoded, and the two that are unpacked here, because versions of Pillow differ about them.

Run lengths (RLE4, RLE8) and pixels whose channels are given by masks ("bit fields"). The rest is Pillow's.
Source of the layouts: Microsoft's documentation of BITMAPINFOHEADER to BITMAPV5HEADER, and of bitmap compression.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurize.errors import Undecodable
from featurize.pictures.layers import Layers
from featurize.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image

_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes
_OS2_HEADER = 64  # in which compressions 3 and 4 mean others
_RAW, _RLE8, _RLE4, _MASKS, _MASKS_WITH_ALPHA = 0, 1, 2, 3, 6
_DEPTHS = {
    _RAW: (1, 4, 8, 16, 24, 32),
    _RLE8: (8,),
    _RLE4: (4,),
    _MASKS: (16, 32),
    _MASKS_WITH_ALPHA: (16, 32),
}  # compression -> bits of a pixel
_END_OF_LINE, _MOVE = 0, 2  # what follows a count of 0; 1 is the end, above 2 is a number of single pixels


@dataclass(frozen=True)
class Header:
    """What a BMP says about its picture.

    Parameters
    ----------
    length : int
        Bytes of the header.
    width, height : int
        Pixels.
    from_top : bool
        Whether the first row is the top one.
    bits : int
        Of a pixel.
    compression : int
    start : int
        Where the pixels are.
    """

    length: int
    width: int
    height: int
    from_top: bool
    bits: int
    compression: int
    start: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    @property
    def has_runs(self) -> bool:
        """Whether its rows are run lengths."""
        return self.compression in (_RLE4, _RLE8)

    @property
    def is_ours(self) -> bool:
        """Whether it is unpacked here."""
        return self.compression != _RAW


def is_bmp(data: bytes) -> bool:
    """Whether a file begins like a BMP."""
    return data[:2] == b"BM"


def read_header(data: bytes) -> Header:
    """The header of a BMP of a kind that is decoded.

    Raises
    ------
    Undecodable
        UNSUPPORTED with the name of what is not decoded, or TRUNCATED.
    """
    try:
        start, length = struct.unpack_from("<II", data, 10)
        if length not in _HEADERS:
            raise _unsupported(f"a header of {length} bytes")
        if length == 12:
            width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
            compression = _RAW
        else:
            width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    except struct.error as error:
        raise Undecodable(Reason.TRUNCATED, "the BMP's header is cut") from error
    if length == _OS2_HEADER and compression > _RLE4:
        raise _unsupported("a compression of OS/2")
    if bits not in _DEPTHS.get(compression, ()):
        raise _unsupported(f"{bits} bits a pixel and the compression {compression}")
    return Header(length, width, abs(height), height < 0, bits, compression, start)


def decode_bmp(data: bytes, header: Header) -> Layers:
    """The colours of a BMP with run lengths or masks.

    Raises
    ------
    Undecodable
        TRUNCATED, BROKEN, or UNSUPPORTED where run lengths leave pixels out.
    """
    if header.has_runs:
        return Layers(_in_order(_from_runs(data, header), header))
    return _from_masks(data, header)


def _unsupported(what: str) -> Undecodable:
    return Undecodable(Reason.UNSUPPORTED, f"a BMP with {what}: convert it to PNG")


def _in_order(rows: NDArray[np.uint8], header: Header) -> Image.Image:
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(rows if header.from_top else rows[::-1]))


def _from_masks(data: bytes, header: Header) -> Layers:
    count = 4 if header.compression == _MASKS_WITH_ALPHA or header.length >= 56 else 3
    stride = -(-header.width * header.bits // 32) * 4
    if len(data) < max(header.start + stride * header.height, 54 + 4 * count):
        raise Undecodable(Reason.TRUNCATED, "the BMP ends before its pixels do")
    masks = struct.unpack_from(f"<{count}I", data, 54)
    rows = np.frombuffer(data, np.uint8, stride * header.height, header.start).reshape(header.height, stride)
    pixels = rows.view(f"<u{header.bits // 8}")[:, : header.width]
    if not all(masks[:3]):
        raise _unsupported("a mask that leaves a colour out")
    colour = np.stack([_channel(pixels, mask) for mask in masks[:3]], axis=-1)
    alpha = _in_order(_channel(pixels, masks[3]), header) if count == 4 and masks[3] else None
    return Layers(_in_order(colour, header), alpha)


def _channel(pixels: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.uint8]:
    """The bits under a mask, scaled to 8."""
    lowest = (mask & -mask).bit_length() - 1
    most = mask >> lowest
    if most & (most + 1):
        raise _unsupported("a mask with holes")
    return ((pixels & mask).astype(np.uint64) * 255 // (most << lowest)).astype(np.uint8)


def _from_runs(data: bytes, header: Header) -> NDArray[np.uint8]:
    """Rows of RGB in the order of the file."""
    places = _unpack_runs(data, header)
    first = 14 + header.length
    known = max(min(header.start, len(data)) - first, 0) // 4
    if places.max() >= known:
        raise Undecodable(Reason.BROKEN, f"the BMP uses colour {places.max()}, its palette has {known}")
    palette = np.frombuffer(data, np.uint8, 4 * known, first).reshape(known, 4)  # blue, green, red, nothing
    return palette[places][..., 2::-1]


def _unpack_runs(data: bytes, header: Header) -> NDArray[np.uint8]:
    """Places in the palette, (height, width), in the order of the file."""
    rows = bytearray()
    at, row = header.start, bytearray()
    while len(rows) + len(row) < header.width * header.height:
        if at + 2 > len(data):
            raise Undecodable(Reason.TRUNCATED, "the BMP's run lengths end before its pixels do")
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            row += _places(bytes([value]) * -(-count // (2 if header.bits == 4 else 1)), header.bits)[:count]
        elif value > _MOVE:
            length = -(-value * header.bits // 8)
            row += _places(data[at : at + length], header.bits)[:value]
            at += length + length % 2
        elif value == _END_OF_LINE and len(row) == header.width:
            rows += row
            row = bytearray()
        else:
            raise _unsupported("run lengths that leave pixels out")
        if len(row) > header.width:
            raise Undecodable(Reason.BROKEN, "a run of the BMP is longer than its row")
    return np.frombuffer(bytes(rows + row), np.uint8).reshape(header.height, header.width)


def _places(packed: bytes, bits: int) -> bytes:
    """One byte a pixel; of 4 bits the upper ones come first."""
    if bits == 8:
        return packed
    return bytes(half for byte in packed for half in (byte >> 4, byte & 15))
