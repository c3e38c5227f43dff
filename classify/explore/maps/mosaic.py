"""A map snapped to a grid: every picture has a square of its own, near those that it was near to."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classify.explore.maps.atlas import Grid

SHAPE = 1.5  # columns to rows, about as a screen has them
GAP = 0.06  # between two pictures, in their side
WIDE = 4096  # pixels of the picture of a mosaic, at most


def snapped(xy: NDArray[np.floating], shape: float = SHAPE) -> tuple[NDArray[np.intp], int, int]:
    """A square of a grid for each point.

    The grid is cut in two across its longer side, and the points with it, in their order along that side; the halves
    are cut again until one square is left. Where there are more squares than points, the last ones of a half stay
    empty. Points that lie equally are taken in their order.

    Parameters
    ----------
    xy : ndarray (N, 2)
    shape : float
        Columns for each row, at least roughly.

    Returns
    -------
    squares : ndarray (N, 2) int
        Column and row of each, no two the same.
    columns, rows : int
    """
    N = len(xy)
    columns = max(1, round(math.sqrt(N * shape)))
    rows = math.ceil(N / columns)
    squares = np.zeros((N, 2), np.intp)
    waiting = [(np.arange(N), 0, 0, columns, rows)]
    while waiting:
        points, left, top, width, height = waiting.pop()
        if len(points) <= 1:
            squares[points] = left, top
            continue
        across = 0 if width >= height else 1
        first = (width, height)[across] // 2
        room = first * (height if across == 0 else width)
        order = points[np.argsort(xy[points, across], kind="stable")]
        count = round(len(order) * room / (width * height))  # as full as the whole is, so that empty squares spread
        if across == 0:
            waiting += [
                (order[:count], left, top, first, height),
                (order[count:], left + first, top, width - first, height),
            ]
        else:
            waiting += [
                (order[:count], left, top, width, first),
                (order[count:], left, top + first, width, height - first),
            ]
    return squares, columns, rows


def pasted(sheets: Sequence[bytes], grid: Grid, squares: NDArray[np.intp]) -> bytes:
    """The mosaic for print, as a JPEG: small pictures of an atlas, each in its square, on white.

    Parameters
    ----------
    sheets : sequence of bytes
        WebP files from `atlas.sheets`.
    grid : Grid
        How the pictures lie on them.
    squares : ndarray (N, 2) int
        Column and row of each picture, from `snapped`.
    """
    from PIL import Image

    columns, rows = (int(n) + 1 for n in squares.max(0))
    side = min(grid.side, max(WIDE // columns, 4))
    step = side + max(round(GAP * side), 1)
    whole = Image.new("RGB", (columns * step, rows * step), "white")
    per = grid.columns * grid.rows
    for number, data in enumerate(sheets):
        with Image.open(io.BytesIO(data)) as opened:
            sheet = opened.convert("RGBA")
        for place, (column, row) in enumerate(squares[number * per : (number + 1) * per].tolist()):
            left, top = place % grid.columns * grid.side, place // grid.columns * grid.side
            small = sheet.crop((left, top, left + grid.side, top + grid.side))
            if side < grid.side:
                small = small.resize((side, side), Image.Resampling.BOX)
            whole.paste(small, (column * step, row * step), small)
    buffer = io.BytesIO()
    whole.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
