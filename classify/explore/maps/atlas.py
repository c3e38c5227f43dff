"""Small pictures of a collection, many on one sheet: a page loads a sheet when it needs a picture of it."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from classify.explore.works import Works
from featurize import processors
from featurize.errors import Undecodable
from featurize.pictures.decoding import decode
from featurize.pictures.file import read
from featurize.progress import Progress

if TYPE_CHECKING:
    from PIL import Image

COLUMNS = 16  # pictures on a sheet, across and down
SIDES = ((1500, 128), (10_000, 96))  # pictures up to which a small picture has so many pixels
SMALLEST = 64
_QUALITY = 74


@dataclass(frozen=True)
class Grid:
    """How the pictures of N works lie on sheets.

    Parameters
    ----------
    side : int
        Pixels of the square that a picture lies in.
    columns, rows : int
        Squares of a sheet.
    sheets : int
    """

    side: int
    columns: int
    rows: int
    sheets: int

    @classmethod
    def of(cls, count: int) -> Grid:
        """The grid for so many works."""
        side = next((side for most, side in SIDES if count <= most), SMALLEST)
        return cls(side, COLUMNS, COLUMNS, math.ceil(count / COLUMNS**2))


def sheets(works: Works, grid: Grid, progress: Progress | None = None) -> Iterator[tuple[bytes, int]]:
    """The sheets, each as a WebP file with the number of pictures on it; a square without a picture is transparent.

    Parameters
    ----------
    works : Works
    grid : Grid
    progress : callable, optional
        Called with (pictures done, pictures in all).
    """
    from PIL import Image

    per = grid.columns * grid.rows
    with ThreadPoolExecutor(processors.count()) as pool:
        for first in range(0, len(works), per):
            rows = range(first, min(first + per, len(works)))
            sheet = Image.new("RGBA", (grid.columns * grid.side, math.ceil(len(rows) / grid.columns) * grid.side))
            found = 0
            with quietly():
                made = list(pool.map(lambda row: small_picture(works.file(row), grid.side), rows))
            for place, small in enumerate(made):
                if small is not None:
                    found += 1
                    left = place % grid.columns * grid.side + (grid.side - small.width) // 2
                    sheet.paste(small, (left, place // grid.columns * grid.side + (grid.side - small.height) // 2))
            if progress:
                progress(rows.stop, len(works))
            buffer = io.BytesIO()
            sheet.save(buffer, "WEBP", quality=_QUALITY, method=3)
            yield buffer.getvalue(), found


@contextmanager
def quietly() -> Iterator[None]:
    """No warnings of decoders while this lasts. Not for a thread of several: they would leave warnings off for good."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def small_picture(path: Path, side: int) -> Image.Image | None:
    """A picture whose longer side has so many pixels; None where the file is missing or can't be decoded."""
    from PIL import Image

    try:
        small = decode(read(path), 2 * side)
    except Undecodable:
        return None
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small
