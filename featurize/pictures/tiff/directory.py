"""The first directory of a TIFF: what the file says about its picture (TIFF 6.0, section 2)."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from featurize.errors import Undecodable
from featurize.reasons import Reason

MAGIC = {b"II*\0": "<", b"MM\0*": ">"}

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_LENGTHS, PLANAR = 273, 274, 277, 278, 279, 284
PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS = 317, 320, 322, 323, 324, 325
INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, DEPTH, PROFILE = 332, 338, 339, 32997, 34675
_KNOWN = {
    WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP,
    STRIP_LENGTHS, PLANAR, PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS, INK_SET,
    EXTRA_SAMPLES, SAMPLE_FORMAT, DEPTH, PROFILE,
}  # fmt: skip
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i"}  # whole numbers and bytes; all others are of no use
_IDLE = (ORIENTATION, PROFILE)  # what can't be read of these says nothing

Tags = Mapping[int, tuple[int, ...]]


def read_tags(data: bytes) -> Tags:
    """Values of the tags that decide what is seen; of a tag that stands twice the first counts.

    Parameters
    ----------
    data : bytes
        The whole file, which begins with one of `MAGIC`.

    Raises
    ------
    Undecodable
        TRUNCATED where the directory or a value lies behind the end of the file, BROKEN where a type can't be.
    """
    order = MAGIC[data[:4]]
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        entries = [struct.unpack_from(f"{order}HHI", data, start + 2 + 12 * n) for n in range(count)]
        tags: dict[int, tuple[int, ...]] = {}
        for n, (tag, kind, length) in enumerate(entries):
            if tag not in _KNOWN or tag in tags or (tag in _IDLE and kind not in _CODES):
                continue
            tags[tag] = _values(data, order, start + 10 + 12 * n, kind, length)
    except struct.error as error:
        raise Undecodable(Reason.TRUNCATED, "the TIFF's directory is cut") from error
    return tags


def _values(data: bytes, order: str, place: int, kind: int, length: int) -> tuple[int, ...]:
    if kind not in _CODES:
        raise Undecodable(Reason.BROKEN, f"the TIFF's directory has a value of type {kind} where there can be none")
    code = f"{order}{length}{_CODES[kind]}"
    if struct.calcsize(code) > 4:
        (place,) = struct.unpack_from(f"{order}I", data, place)
    return struct.unpack_from(code, data, place)
