"""PNG, BMP and GIF of every kind, written here from numbers: no library's encoder decides what the tests can try."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tests.featurize.hazards import chunk

Numbers = NDArray[np.integer]
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(samples: Numbers, depth: int, colour: int, chunks: bytes = b"", interlaced: bool = False) -> bytes:
    """A PNG of samples (rows, columns, channels), its other chunks before its data."""
    height, width, _ = samples.shape
    passes = [samples[y::dy, x::dx] for x, y, dx, dy in (_ADAM7 if interlaced else ((0, 0, 1, 1),))]
    rows = [b"\0" + bits(row.reshape(-1), depth, ">") for part in passes if part.size for row in part]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    data = chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + data + chunk(b"IEND", b"")


def bits(row: Numbers, depth: int, order: str) -> bytes:
    """Samples as bytes, the first in the highest bits."""
    if depth >= 8:
        return row.astype(f"{order}u{depth // 8}").tobytes()
    single = row[:, None] >> np.arange(depth - 1, -1, -1) & 1
    return np.packbits(single.astype(np.uint8).reshape(-1)).tobytes()


def bmp(
    pixels: Numbers,
    depth: int,
    palette: Numbers | None = None,
    header: int = 40,
    from_top: bool = False,
    masks: Sequence[int] = (),
    compression: int = 0,
    data: bytes | None = None,
) -> bytes:
    """A BMP of pixels (rows, columns), or (rows, columns, 3) of 24 bits; or of data that are packed already."""
    height, width = pixels.shape[:2]
    if data is None:
        rows = [bits(r, depth, "<") if r.ndim == 1 else r[:, ::-1].astype(np.uint8).tobytes() for r in pixels]
        data = b"".join(row.ljust(-(-len(row) // 4) * 4, b"\0") for row in (rows if from_top else rows[::-1]))
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, depth)
    else:
        high = -height if from_top else height
        head = struct.pack("<IiiHHIIiiII", header, width, high, 1, depth, compression, len(data), 0, 0, 0, 0)
        head = (head + struct.pack(f"<{len(masks)}I", *masks)).ljust(header, b"\0")
    entries = [] if palette is None else palette[:, ::-1].astype(np.uint8)
    colours = b"".join(bytes(entry) + (b"" if header == 12 else b"\0") for entry in entries)
    start = 14 + len(head) + len(colours)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + colours + data


def gif(
    places: Numbers,
    palette: Numbers,
    at: tuple[int, int] = (0, 0),
    screen: tuple[int, int] | None = None,
    transparent: int | None = None,
    interlaced: bool = False,
    local: Numbers | None = None,
    background: int = 0,
) -> bytes:
    """A GIF with one frame of places in a palette of 16 colours."""
    height, width = places.shape
    whole = screen or (width, height)
    out = b"GIF89a" + struct.pack("<HHBBB", *whole, 0x80 | 3, background, 0) + palette.astype(np.uint8).tobytes()
    if transparent is not None:
        out += b"\x21\xf9\4" + struct.pack("<BHB", 1, 0, transparent) + b"\0"
    flags = (0x40 if interlaced else 0) | (0x80 | 3 if local is not None else 0)
    out += b"\x2c" + struct.pack("<HHHHB", *at, width, height, flags)
    out += b"" if local is None else local.astype(np.uint8).tobytes()
    rows = np.concatenate([places[0::8], places[4::8], places[2::4], places[1::2]]) if interlaced else places
    flat = rows.reshape(-1).tolist()
    codes = [code for n in range(0, len(flat), 100) for code in (256, *flat[n : n + 100])] + [257]  # 9 bits each
    single = np.array(codes)[:, None] >> np.arange(9) & 1
    packed = np.packbits(single.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
    blocks = [packed[n : n + 255] for n in range(0, len(packed), 255)]
    return out + b"\x08" + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0;"
