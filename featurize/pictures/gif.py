"""GIF: whether the first frame says of every pixel what it is."""

from __future__ import annotations

import struct

from featurize.errors import Undecodable
from featurize.reasons import Reason

_EXTENSION, _IMAGE, _CONTROL = 0x21, 0x2C, 0xF9  # GIF89a specification, sections 20, 23 and 24
_HAS_PALETTE, _HAS_TRANSPARENCY = 0x80, 0x01


def refuse_unread(data: bytes) -> None:
    """Raise where the first frame leaves part of the picture open, and no two viewers show that part alike.

    Transparent frames are fine: what they leave open is transparent, too. So are those over a background that is the
    first colour of the palette, which is what Pillow paints.

    Raises
    ------
    Undecodable
        UNSUPPORTED.
    """
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        return
    try:
        width, height, flags, background = struct.unpack_from("<HHBB", data, 6)
        at = 13 + (6 << (flags & 7) if flags & _HAS_PALETTE else 0)
        transparent = False
        while data[at] == _EXTENSION:
            if data[at + 1] == _CONTROL:
                transparent = bool(data[at + 3] & _HAS_TRANSPARENCY)
            at = _behind_blocks(data, at + 2)
        if data[at] != _IMAGE:
            return
        left, top, across, down, local = struct.unpack_from("<HHHHB", data, at + 1)
    except (struct.error, IndexError):
        return  # it is cut: decoding says so
    covers = left == 0 and top == 0 and across >= width and down >= height
    painted = flags & _HAS_PALETTE and not local & _HAS_PALETTE and background == 0
    if not (covers or transparent or painted):
        raise Undecodable(
            Reason.UNSUPPORTED, "a GIF whose first frame leaves part of the picture open: convert it to PNG"
        )


def _behind_blocks(data: bytes, at: int) -> int:
    """The place behind a row of blocks, each with its length before it, an empty one last."""
    while data[at]:
        at += 1 + data[at]
    return at + 1
