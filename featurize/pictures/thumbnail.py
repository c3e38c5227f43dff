"""Small pictures as data URIs, so that a page needs no other file."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featurize.errors import Undecodable
from featurize.pictures.decoding import decode
from featurize.pictures.file import read

if TYPE_CHECKING:
    from PIL import Image

SIDE = 220  # pixels of the longer side
_QUALITY = 72


@dataclass(frozen=True)
class Thumbnail:
    """A picture to embed: its data URI and size in pixels."""

    uri: str
    width: int
    height: int


def thumbnail(path: Path, side: int = SIDE) -> Thumbnail | None:
    """A small JPEG of a picture, also of one inside an archive; None where it is missing or no picture.

    Parameters
    ----------
    path : Path
    side : int
        Pixels of the longer side.
    """
    made = thumbnails(path, (side,))
    return made[0] if made else None


def thumbnails(path: Path, sides: Sequence[int]) -> tuple[Thumbnail, ...] | None:
    """The same in several sizes, from one decoding; a picture is never made larger than it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole = decode(read(path), 2 * max(sides))  # large JPEGs at a reduced size
    except Undecodable:
        return None
    return tuple(_reduced(whole, side) for side in sides)


def _reduced(whole: Image.Image, side: int) -> Thumbnail:
    from PIL import Image

    small = whole.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return Thumbnail("data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode(), *small.size)
