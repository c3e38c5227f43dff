"""Pictures with captions, drawn by Pillow in the project's style: some milliseconds each, where matplotlib takes 0.3 s.

For pictures that are made by the hundred. Figures with axes and ticks are matplotlib's (featurize/theme.py).
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurize.fonts import fonts_of
from featurize.theme import INK, PAPER

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFont import FreeTypeFont

Pixels = NDArray[np.uint8]
DOTS = 112  # an inch: a square of 216 points is 336 pixels, one and a half times what most networks see
SCALE = DOTS / 72  # pixels of a point
_LINE = 1.3  # from one line of text to the next, in its size
_QUALITY = 93  # letters keep clean edges
_KEPT = 4096  # words that are remembered as they are drawn
_FROM_RIGHT = ("R", "AL")  # classes of letters that are read from the right, as Unicode names them


class Canvas:
    """An empty sheet of paper to draw on; places and sizes are in points, 1/72 inch, from the upper left corner.

    Parameters
    ----------
    width, height : float
    """

    image: Image.Image

    def __init__(self, width: float, height: float) -> None:
        from PIL import Image, ImageDraw

        self.image = Image.new("RGB", (_dots(width), _dots(height)), PAPER)
        self._draw = ImageDraw.Draw(self.image)

    def text(
        self, x: float, y: float, text: str, size: float, colour: str = INK, *, bold: bool = False, anchor: str = "la"
    ) -> None:
        """A line of text; the anchor says which of its points lies at (x, y), as Pillow writes it: "ms", "rm"."""
        parts, length = _laid(text, size, bold)
        left = x * SCALE - {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]] * length
        foot = y * SCALE + _below(text, size, bold, anchor[1])
        for part, path, start in parts:
            mask, across, down = _mask(part, size, bold, path)
            self.image.paste(colour, (round(left + start) + across, round(foot) + down), mask)

    def upwards(self, x: float, y: float, text: str, size: float, colour: str = INK) -> None:
        """A line of text that is read from below; its middle lies at (x, y)."""
        from PIL import Image, ImageDraw

        font = _font(size)
        left, top, right, bottom = font.getbbox(text)
        across, down = round(right - left) + 2, round(bottom - top) + 2
        strip = Image.new("L", (across, down))
        ImageDraw.Draw(strip).text((1 - left, 1 - top), text, 255, font)
        turned = strip.transpose(Image.Transpose.ROTATE_90)
        place = (_dots(x) - down // 2, _dots(y) - across // 2)
        self.image.paste(colour, (*place, place[0] + down, place[1] + across), turned)

    def lines(self, x: float, y: float, text: str, size: float, width: float, colour: str = INK) -> None:
        """A text in as many lines as it needs, the first of which begins at (x, y)."""
        for number, line in enumerate(wrapped(text, size, width)):
            self.text(x, y + number * size * _LINE, line, size, colour)

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle; at least a pixel wide and high."""
        left, top = _dots(x), _dots(y)
        right, bottom = max(_dots(x + width), left + 1), max(_dots(y + height), top + 1)
        self._draw.rectangle((left, top, right - 1, bottom - 1), colour)

    def picture(self, x: float, y: float, width: float, height: float, pixels: Pixels) -> None:
        """A picture (h, w, 3) uint8, resized to its place."""
        from PIL import Image

        size = (_dots(width), _dots(height))
        shown = Image.fromarray(pixels)
        if shown.size != size:
            shown = shown.resize(size, Image.Resampling.BICUBIC)
        self.image.paste(shown, (_dots(x), _dots(y)))


def save_jpeg(image: Image.Image, path: Path) -> None:
    """Write a picture as JPEG, with full colour at every pixel; the file exists whole or not at all.

    Where most of a picture is a photograph, that takes an eighth of a PNG's time and a quarter of its bytes.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    import io

    from cache import files

    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, subsampling=0, dpi=(DOTS, DOTS))
    files.make_folder(path.absolute().parent)
    files.write_atomic(path, [buffer.getvalue()])


def dots(points: float) -> int:
    """Pixels of a length in points."""
    return _dots(points)


def coloured(values: NDArray[np.floating], colours: str) -> Pixels:
    """Values from 0 to 1 in the colours of one of the theme's colour maps, (..., 3) uint8."""
    table = _table(colours)
    found: Pixels = table[(np.clip(values, 0, 1) * (len(table) - 1) + 0.5).astype(np.intp)]
    return found


def fitting(text: str, size: float, width: float, bold: bool = False) -> str:
    """The beginning of a text that is too long for a width in points."""
    most = width * SCALE
    if _length(text, size, bold) <= most:
        return text
    low, high = 0, len(text)  # characters that fit with an ellipsis, and one more than that
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _length(f"{text[:middle].rstrip()}…", size, bold) <= most else (low, middle)
    return f"{text[:low].rstrip()}…"


def wrapped(text: str, size: float, width: float) -> list[str]:
    """A text cut between its words into lines of a width in points; a longer word is a line of its own."""
    found: list[list[str]] = []
    length, space = 0.0, _advance(" ", size)
    for word in text.split():
        own = _length(word, size)
        if found and length + space + own <= width * SCALE:
            found[-1].append(word)
            length += space + own
        else:
            found.append([word])
            length = own
    return [" ".join(words) for words in found]


def _dots(points: float) -> int:
    return round(points * SCALE)


def _length(text: str, size: float, bold: bool = False) -> float:
    """Pixels of a line of text."""
    return _laid(text, size, bold)[1]


def _laid(text: str, size: float, bold: bool) -> tuple[list[tuple[str, Path | None, float]], float]:
    """The parts of a line with their fonts and where each begins, in pixels, and the length of all.

    Parts are words where the text runs from left to right: most of them stand on many pictures, and are drawn once.
    """
    words = [text] if any(unicodedata.bidirectional(c) in _FROM_RIGHT for c in text) else text.split(" ")
    found, length = [], -_advance(" ", size, bold)
    for word in words:
        length += _advance(" ", size, bold)
        for part, path in _in_fonts(word):
            found.append((part, path, length))
            length += _advance(part, size, bold, path)
    return found, length


def _in_fonts(text: str) -> list[tuple[str, Path | None]]:
    """A text in parts, each with the font file that has its letters, None for the project's own; most are one part."""
    if text.isascii():
        return [(text, None)] if text else []
    others = fonts_of(text)
    return [("".join(letters), path) for path, letters in itertools.groupby(text, others.get)]


@lru_cache(_KEPT)
def _advance(text: str, size: float, bold: bool = False, path: Path | None = None) -> float:
    """Pixels from the beginning of a text to the beginning of the next."""
    return _font(size, bold, path).getlength(text)


@lru_cache(_KEPT)
def _mask(text: str, size: float, bold: bool, path: Path | None) -> tuple[Image.Image, int, int]:
    """A text's letters as a mask, and how far right and down it lies from where their baseline begins, in pixels."""
    from PIL import Image, ImageDraw

    font = _font(size, bold, path)
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    across, down = math.floor(left), math.floor(top)
    mask = Image.new("L", (math.ceil(right) - across, math.ceil(bottom) - down))
    ImageDraw.Draw(mask).text((-across, -down), text, 255, font, "ls")
    return mask, across, down


@lru_cache(_KEPT)
def _below(text: str, size: float, bold: bool, anchor: str) -> float:
    """How far a text's baseline lies below the point of it that the second letter of an anchor means, in pixels."""
    if anchor == "s":
        return 0.0
    font = _font(size, bold)
    return font.getbbox(text, anchor=f"l{anchor}")[1] - font.getbbox(text, anchor="ls")[1]


@cache
def _font(size: float, bold: bool = False, path: Path | None = None) -> FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along and writes its figures in, or the font in a file."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(path or Path(matplotlib.get_data_path(), "fonts", "ttf", name), size * SCALE)


@cache
def _table(colours: str) -> Pixels:
    import matplotlib

    found: Pixels = (matplotlib.colormaps[colours](np.linspace(0, 1, 511))[:, :3] * 255 + 0.5).astype(np.uint8)
    return found
