"""Small pictures as data URIs, so that the page needs no other file; a picture that can't be had is simply missing."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

SIDE = 220  # pixels of the longer side
_QUALITY = 72


@dataclass(frozen=True)
class Thumbnail:
    """A picture to embed: its data URI and size in pixels."""

    uri: str
    width: int
    height: int


def thumbnail(path: Path, side: int = SIDE) -> Thumbnail | None:
    """A small JPEG of a picture file, or None where it is missing or no picture."""
    from PIL import Image, ImageOps

    from featurize.pictures.formats import DECODED

    try:
        with warnings.catch_warnings(), Image.open(path, formats=DECODED) as opened:
            warnings.simplefilter("ignore")
            opened.draft("RGB", (2 * side, 2 * side))  # decodes large JPEGs at a reduced size
            small = ImageOps.exif_transpose(opened).convert("RGB")
            small.thumbnail((side, side), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            small.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return Thumbnail("data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode(), *small.size)
