"""Small pictures as data URIs, so that a page needs no other file."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from featurize.errors import Undecodable
from featurize.pictures.decoding import decode
from featurize.pictures.file import read

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
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            small = decode(read(path), 2 * side)  # large JPEGs at a reduced size
    except Undecodable:
        return None
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return Thumbnail("data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode(), *small.size)
