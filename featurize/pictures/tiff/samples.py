"""Unpacking a TIFF's pieces into samples.

Pieces are unpacked one by one, so beside the file and the picture little is in memory. libtiff, which Pillow brings, is
used for what would be slow here: it is handed LZW and packed bits as rows of bytes, and knows nothing of their meaning.
Depth, byte order, planes and predictors are undone here, the same with every version of Pillow.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.errors import Undecodable
from featurize.pictures.tiff import directory as tag
from featurize.pictures.tiff import kinds
from featurize.pictures.tiff.layout import Layout
from featurize.reasons import Reason

Samples = NDArray[Any]  # (rows, columns, channels)
_REVERSED = bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))


def read_samples(
    data: bytes, layout: Layout, wanted: int, convert: Callable[[Samples], Samples] = lambda piece: piece
) -> Samples:
    """All samples of a picture, (height, width, channels).

    Parameters
    ----------
    data : bytes
        The whole file.
    layout : Layout
    wanted : int
        How many channels are kept; later ones are skipped.
    convert : callable
        Applied to each piece, (rows, columns, channels); keeps rows and columns.

    Raises
    ------
    Undecodable
        TRUNCATED or BROKEN.
    """
    whole: Samples | None = None
    for plane in range(min(layout.planes, wanted)):
        for left, top, piece in _pieces(data, layout, plane):
            made = convert(piece[: layout.height - top, : layout.width - left, :wanted])
            if whole is None:
                depth = made.shape[2] * (wanted if layout.planar else 1)
                whole = np.zeros((layout.height, layout.width, depth), made.dtype)
            rows, columns, channels = made.shape
            whole[top : top + rows, left : left + columns, plane : plane + channels] = made
    assert whole is not None  # a layout has at least one piece
    return whole


def piece_bytes(data: bytes, layout: Layout, number: int, unpacked: int) -> bytes:
    """The bytes of a piece as they lie in the file.

    Parameters
    ----------
    data : bytes
        The whole file.
    layout : Layout
    number : int
        Of the piece, over all planes.
    unpacked : int
        Its length when unpacked. Where pieces are not packed, this is believed and not the directory, which old
        programs filled in wrongly.

    Raises
    ------
    Undecodable
        TRUNCATED, or BROKEN where the piece is not listed.
    """
    if number >= len(layout.offsets):
        needed = layout.pieces * layout.planes
        raise Undecodable(Reason.BROKEN, f"the TIFF lists {len(layout.offsets)} of its {needed} pieces")
    offset = layout.offsets[number]
    listed = layout.lengths[number] if number < len(layout.lengths) else len(data) - offset  # old files list none
    length = unpacked if layout.compression == kinds.NONE else listed
    if offset + length > len(data) or length <= 0:
        raise Undecodable(Reason.TRUNCATED, f"piece {number + 1} of the TIFF ends behind the file")
    return data[offset : offset + length]


def _pieces(data: bytes, layout: Layout, plane: int) -> Iterator[tuple[int, int, Samples]]:
    """Left, top and samples of each piece of a plane."""
    number = plane * layout.pieces
    for top in range(0, layout.height, layout.down):
        rows = layout.down if layout.tiled else min(layout.down, layout.height - top)
        for left in range(0, layout.width, layout.across):
            row_bytes = -(-layout.across * layout.interleaved * layout.bits // 8)
            packed = piece_bytes(data, layout, number, rows * row_bytes)
            if layout.reversed_bits:
                packed = packed.translate(_REVERSED)
            flat = _unpack(packed, layout.compression, row_bytes, rows)
            if len(flat) < rows * row_bytes:
                raise Undecodable(Reason.TRUNCATED, f"piece {number + 1} of the TIFF ends before its pixels do")
            yield left, top, _numbers(np.frombuffer(flat, np.uint8, rows * row_bytes).reshape(rows, -1), layout)
            number += 1


def _unpack(packed: bytes, compression: int, row_bytes: int, rows: int) -> bytes:
    if compression == kinds.NONE:
        return packed
    if compression in (kinds.LZW, kinds.PACKBITS):
        return _unpack_by_libtiff(packed, compression, row_bytes, rows)
    try:
        return zlib.decompressobj().decompress(packed, row_bytes * rows)
    except zlib.error as error:
        raise Undecodable(Reason.BROKEN, str(error)) from error


def _unpack_by_libtiff(packed: bytes, compression: int, row_bytes: int, rows: int) -> bytes:
    """Bytes in rows, unpacked as if they were a grey picture in one strip."""
    from PIL.TiffImagePlugin import TiffImageFile

    values = {
        tag.WIDTH: row_bytes,
        tag.HEIGHT: rows,
        tag.BITS: 8,
        tag.COMPRESSION: compression,
        tag.PHOTOMETRIC: kinds.BLACK_IS_ZERO,
        tag.STRIP_OFFSETS: 8,
        tag.SAMPLES: 1,
        tag.ROWS_PER_STRIP: rows,
        tag.STRIP_LENGTHS: len(packed),
    }
    start = 8 + len(packed) + len(packed) % 2
    entries = [struct.pack("<HHII", number, 4, 1, value) for number, value in values.items()]
    head, count = b"II*\0" + struct.pack("<I", start), struct.pack("<H", len(values))
    file = b"".join([head, packed.ljust(start - 8, b"\0"), count, *entries, bytes(4)])
    return TiffImageFile(io.BytesIO(file)).tobytes()


def _numbers(rows: NDArray[np.uint8], layout: Layout) -> Samples:
    """Rows of bytes -> (rows, columns, channels) in the machine's byte order."""
    shape = (len(rows), layout.across, layout.interleaved)
    if layout.predictor == 3:
        return _from_byte_planes(rows, shape, layout.bits // 8)
    if layout.bits < 8 or layout.bits == 12:
        return _from_bits(rows, layout.bits)[:, : shape[1] * shape[2]].reshape(shape)
    kind = f"{layout.kind}{layout.bits // 8}"
    numbers = rows.view(f"{layout.order}{kind}").astype(kind, copy=False).reshape(shape)
    return np.cumsum(numbers, axis=1, dtype=kind) if layout.predictor == 2 else numbers


def _from_bits(rows: NDArray[np.uint8], bits: int) -> Samples:
    """Samples of 1, 2, 4 or 12 bits, the highest bit first in either byte order (TIFF 6.0, section 3)."""
    if bits == 12:
        triples = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 3))).reshape(len(rows), -1, 3).astype(np.uint16)
        first, middle, last = triples[..., 0], triples[..., 1], triples[..., 2]
        return np.stack([first << 4 | middle >> 4, (middle & 15) << 8 | last], axis=-1).reshape(len(rows), -1)
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    return (rows[..., None] >> shifts & (1 << bits) - 1).reshape(len(rows), -1)


def _from_byte_planes(rows: NDArray[np.uint8], shape: tuple[int, int, int], size: int) -> Samples:
    """Undo the predictor for floating-point numbers (Adobe Photoshop TIFF Technical Note 3).

    In each row the highest bytes of all numbers come first, then the next ones; each byte is the difference to the
    one that lies as many places before as there are channels.
    """
    channels = shape[2]
    summed = np.cumsum(rows.reshape(len(rows), -1, channels), axis=1, dtype=np.uint8)
    planes = summed.reshape(len(rows), size, -1).transpose(0, 2, 1)
    return np.ascontiguousarray(planes).view(f">f{size}").astype(f"f{size}").reshape(shape)
