"""A picture on its way to RGB: its colours and its coverage, before profile, paper and orientation are applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Layers:
    """What a decoder made of a file.

    Parameters
    ----------
    colour : Image
        8 bits a channel, of mode L, RGB, CMYK or LAB.
    alpha : Image, optional
        Coverage, of mode L: 0 is transparent. None where the picture covers everything.
    profile : bytes, optional
        The ICC profile of the colours.
    held : int
        How the camera was held, 1..8 (EXIF 2.3, table 6); 1 is upright.
    """

    colour: Image.Image
    alpha: Image.Image | None = None
    profile: bytes | None = None
    held: int = 1
