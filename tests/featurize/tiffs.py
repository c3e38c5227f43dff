"""A TIFF of any layout, written here from its samples: no library's encoder decides what the tests can try."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 5, 8, 32946, 32773
Samples = NDArray[Any]  # (rows, columns, channels)
Tags = Mapping[int, tuple[int, Sequence[int]]]  # tag -> type, values


def tiff(
    samples: Samples,
    bits: int,
    photometric: int,
    order: str = "<",
    planar: int = 1,
    compression: int = NONE,
    tile: tuple[int, int] | None = None,
    rows: int | None = None,
    predictor: int = 1,
    extra: Sequence[int] = (),
    palette: Sequence[int] = (),
    fill_order: int = 1,
    more: Tags | None = None,
) -> bytes:
    """A TIFF of these samples: whole numbers, signed ones or floating-point ones, by their type."""
    height, width, channels = samples.shape
    tags: dict[int, tuple[int, Sequence[int]]] = {
        256: (3, [width]),
        257: (3, [height]),
        258: (3, [bits] * channels),
        259: (3, [compression]),
        262: (3, [photometric]),
        277: (3, [channels]),
    }
    tags |= {322: (3, [tile[0]]), 323: (3, [tile[1]])} if tile else {278: (3, [rows or height])}
    optional: dict[int, tuple[int, Sequence[int]]] = {
        266: (3, [fill_order]) if fill_order != 1 else (3, []),
        284: (3, [planar]) if planar != 1 else (3, []),
        317: (3, [predictor]) if predictor != 1 else (3, []),
        320: (3, palette),
        338: (3, extra),
        339: (3, [{"u": 1, "i": 2, "f": 3}[samples.dtype.kind]] * channels if samples.dtype.kind != "u" else []),
    }
    tags |= {tag: entry for tag, entry in optional.items() if entry[1]} | dict(more or {})
    planes = [samples[..., n : n + 1] for n in range(channels)] if planar == 2 else [samples]
    pieces = []
    for plane in planes:
        for piece in _pieces(plane, tile, rows or height):
            flat = _differences(piece, predictor, bits, order)
            made = packed(flat, compression, len(flat) // len(piece))
            pieces.append(made if fill_order == 1 else _mirrored(made))
    return file_of(tags, pieces, order)


def file_of(tags: Tags, pieces: Sequence[bytes], order: str = "<") -> bytes:
    """A TIFF with one picture: its pieces, then the directory with their places."""
    body, offsets = b"", []
    for piece in pieces:
        offsets.append(8 + len(body))
        body += piece + bytes(len(piece) % 2)
    tiled = 322 in tags
    places = {324 if tiled else 273: (4, offsets), 325 if tiled else 279: (4, [len(p) for p in pieces])}
    entries = sorted({**places, **tags}.items())
    start = 8 + len(body)
    late, tail, listed = start + 2 + 12 * len(entries) + 4, b"", b""
    for tag, (kind, values) in entries:
        value = struct.pack(f"{order}{len(values)}{ {1: 'B', 3: 'H', 4: 'I', 7: 'B'}[kind] }", *values)
        if len(value) > 4:
            place, tail = struct.pack(f"{order}I", late + len(tail)), tail + value + bytes(len(value) % 2)
        else:
            place = value.ljust(4, b"\0")
        listed += struct.pack(f"{order}HHI", tag, kind, len(values)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    return head + body + struct.pack(f"{order}H", len(entries)) + listed + bytes(4) + tail


def _pieces(samples: Samples, tile: tuple[int, int] | None, rows: int) -> Iterator[Samples]:
    height, width, _ = samples.shape
    if not tile:
        yield from (samples[top : top + rows] for top in range(0, height, rows))
        return
    across, down = tile
    padded = np.pad(samples, ((0, -height % down), (0, -width % across), (0, 0)), "edge")
    for top in range(0, height, down):
        yield from (padded[top : top + down, left : left + across] for left in range(0, width, across))


def _differences(piece: Samples, predictor: int, bits: int, order: str) -> bytes:
    if predictor == 2:
        piece = np.concatenate([piece[:, :1], piece[:, 1:] - piece[:, :-1]], axis=1)
    if predictor != 3:
        return _bytes(piece.reshape(len(piece), -1), bits, order)
    size, channels = piece.dtype.itemsize, piece.shape[2]
    high_first = piece.astype(piece.dtype.newbyteorder(">")).reshape(len(piece), -1)
    planes = high_first.view(np.uint8).reshape(len(piece), -1, size).transpose(0, 2, 1).reshape(len(piece), -1)
    return np.concatenate([planes[:, :channels], planes[:, channels:] - planes[:, :-channels]], axis=1).tobytes()


def _bytes(rows: Samples, bits: int, order: str) -> bytes:
    if rows.dtype.itemsize * 8 == bits:
        return rows.astype(rows.dtype.newbyteorder(order)).tobytes()  # type: ignore[arg-type]
    single = rows.astype(np.uint64)[..., None] >> np.arange(bits - 1, -1, -1, dtype=np.uint64) & 1
    return np.packbits(single.astype(np.uint8).reshape(len(rows), -1), axis=1).tobytes()


def packed(flat: bytes, compression: int, row: int) -> bytes:
    """Rows of that many bytes, packed."""
    if compression in (DEFLATE, OLD_DEFLATE):
        return zlib.compress(flat)
    if compression == LZW:
        return _lzw(flat)
    if compression == PACKBITS:
        rows = [flat[at : at + row] for at in range(0, len(flat), row)]
        return b"".join(bytes([len(p) - 1]) + p for r in rows for p in (r[n : n + 128] for n in range(0, row, 128)))
    return flat


def _lzw(flat: bytes) -> bytes:
    """Nothing gained: a table that is cleared before its codes grow beyond 9 bits."""
    codes = [code for at in range(0, len(flat), 250) for code in (256, *flat[at : at + 250])] + [257]
    single = np.array(codes, np.uint16)[:, None] >> np.arange(8, -1, -1, dtype=np.uint16) & 1
    return np.packbits(single.astype(np.uint8).reshape(-1)).tobytes()


def _mirrored(packed: bytes) -> bytes:
    return np.packbits(np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")).tobytes()
