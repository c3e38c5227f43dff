"""A map snapped to a grid: every picture has a square of its own, near those that it was near to."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SHAPE = 1.5  # columns to rows, about as a screen has them


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
