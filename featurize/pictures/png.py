"""PNG: its chunks, and the one colour that it may declare transparent.

Pillow compares that colour with samples that it has already scaled to 8 bits, so at 2, 4 and 16 bits it finds none.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurize.errors import Undecodable
from featurize.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image, ImageFile

_BEGINNING = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2  # colour types that may declare a colour transparent (PNG specification, section 11.3.2)


def refuse_unread(data: bytes) -> None:
    """Raise where a PNG is of a kind that is not decoded.

    Raises
    ------
    Undecodable
        UNSUPPORTED.
    """
    if data[:8] == _BEGINNING and data[12:16] == b"CgBI":
        raise Undecodable(Reason.UNSUPPORTED, "a PNG in Apple's own variant, as apps for phones hold them: export it")


def chunks(data: bytes) -> Iterator[tuple[bytes, slice]]:
    """Name of each chunk, and where its content is."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, slice(at + 8, at + 8 + length)
        at += 12 + length


def has_unusual_key(data: bytes) -> bool:
    """Whether a file is a PNG that declares a colour transparent at 2 or 4 bits of grey, 16 of RGB, or in more bits."""
    if data[:8] != _BEGINNING or len(data) < 26:
        return False
    depth, colour = data[24], data[25]
    key = _key(data, colour)
    if key is None:
        return False
    return depth in (2, 4) or (colour == _RGB and depth == 16) or max(key) >> depth > 0


def coverage_of_key(data: bytes, picture: ImageFile.ImageFile) -> Image.Image | None:
    """Coverage (L) of a grey or RGB picture that declares one colour transparent; None for others.

    Parameters
    ----------
    data : bytes
        The whole file.
    picture : ImageFile
        As Pillow decoded it.
    """
    from PIL import Image

    depth, colour = data[24], data[25]
    declared = _key(data, colour)
    if declared is None:
        return None
    key = tuple(value & (1 << depth) - 1 for value in declared)
    samples = np.asarray(picture)
    if colour == _RGB and depth == 16:
        samples = samples.astype(np.uint16) << 8 | _lower_bytes(data)
    elif depth < 8:
        samples = samples.astype(np.uint8) // (1 if depth == 1 else 255 // ((1 << depth) - 1))
    same = samples == key[0] if colour == _GREY else (samples == key).all(axis=-1)
    return Image.fromarray(np.where(same, 0, 255).astype(np.uint8))


def _key(data: bytes, colour: int) -> tuple[int, ...] | None:
    """The colour that is declared transparent, in samples of the file."""
    count = {_GREY: 1, _RGB: 3}.get(colour)
    for kind, place in chunks(data):
        if kind == b"IDAT" or count is None:
            break
        if kind == b"tRNS" and len(data[place]) >= 2 * count:
            return struct.unpack_from(f">{count}H", data[place])
    return None


def _lower_bytes(data: bytes) -> NDArray[np.uint8]:
    """The lower bytes of 16-bit RGB, of which Pillow keeps the upper ones only, (height, width, 3).

    Read as if the bytes of each sample stood in the other order, the lower ones are what it keeps.
    """
    from PIL import Image

    picture = Image.open(io.BytesIO(data), formats=("PNG",))
    picture.tile = [piece._replace(args="RGB;16L") for piece in picture.tile]
    return np.asarray(picture)
