"""A pen for lines and flat shapes, in units of the picture's height, on top of Pillow's drawing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from featurize.gallery.brush import Floats, Pair

Ink = tuple[int, ...]


def ink(colour: Floats) -> Ink:
    """A colour in 0..1, (3,), as Pillow wants it."""
    return tuple(int(value) for value in np.clip(colour, 0, 1) * 255)


class Pen:
    """Draws on an image of its own; colours are RGB in 0..1, places and sizes in units of the image's height."""

    def __init__(self, ground: Floats) -> None:
        self._image = Image.fromarray((np.clip(ground, 0, 1) * 255).astype(np.uint8))
        self._draw = ImageDraw.Draw(self._image)
        self.height = self._image.height
        self.aspect = self._image.width / self._image.height

    @property
    def picture(self) -> Floats:
        """What has been drawn so far, (H, W, 3) in 0..1."""
        return np.asarray(self._image, np.float32) / 255

    def polygon(self, outline: Floats, colour: Floats, edge: Floats | None = None, breadth: float = 0.0) -> None:
        """A filled polygon, (K, 2), with an outline if ``edge`` is a colour."""
        flat = (outline * self.height).ravel().tolist()
        self._draw.polygon(flat, fill=ink(colour))
        if edge is not None:
            self._draw.line([*flat, *flat[:2]], fill=ink(edge), width=self._pixels(breadth))

    def line(self, outline: npt.ArrayLike, colour: Floats, breadth: float) -> None:
        """An open line through the points, (K, 2)."""
        flat = (np.asarray(outline) * self.height).ravel().tolist()
        self._draw.line(flat, fill=ink(colour), width=self._pixels(breadth))

    def disc(self, at: Sequence[float], radius: float | Pair, colour: Floats, edge: Floats | None = None) -> None:
        """A disc, or an upright ellipse, with a thin outline if ``edge`` is a colour."""
        fine = max(1, self.height // 400)
        self._draw.ellipse(self._around(at, radius), ink(colour), None if edge is None else ink(edge), fine)

    def ring(self, at: Sequence[float], radius: float, colour: Floats, breadth: float) -> None:
        """A ring that is this thick inwards."""
        self._draw.ellipse(self._around(at, radius), outline=ink(colour), width=self._pixels(breadth))

    def box(self, left: float, top: float, right: float, bottom: float, colour: Floats) -> None:
        """An upright rectangle."""
        self._draw.rectangle([v * self.height for v in (left, top, right, bottom)], fill=ink(colour))

    def frame(self, inset: float, colour: Floats, breadth: float) -> None:
        """A rectangle along the edges of the image."""
        at = round(inset * self.height)
        right, bottom = self._image.width - 1 - at, self._image.height - 1 - at
        self._draw.rectangle((at, at, right, bottom), outline=ink(colour), width=self._pixels(breadth))

    def _pixels(self, breadth: float) -> int:
        return max(1, round(breadth * self.height))

    def _around(self, at: Sequence[float], radius: float | Pair) -> list[float]:
        rx, ry = radius if isinstance(radius, tuple) else (radius, radius)
        return [v * self.height for v in (at[0] - rx, at[1] - ry, at[0] + rx, at[1] + ry)]
