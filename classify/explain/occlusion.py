"""Occlusion: how much a score falls when a part of the picture is covered (Zeiler & Fergus 2014, section 4.2).

It asks the network and the head as they are, knows nothing of maps or gradients, and so checks the other methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
CELLS = 8  # of the grid, along a side
COVERED = 2  # cells along a side of what is covered


def occlusion(
    pixels: Pixels, score: Callable[[Pixels], NDArray[Any]], fill: Pixels, cells: int = CELLS
) -> NDArray[np.float64]:
    """The mean fall of a score where a cell is covered.

    Parameters
    ----------
    pixels : ndarray (H, W, 3) uint8
    score : callable
        Pixels (n, H, W, 3) -> the score of each, (n,).
    fill : ndarray (3,) uint8
        The colour that covers.
    cells : int
        The picture is cut into so many cells along each side; a square of 2 x 2 cells is covered at a time.

    Returns
    -------
    ndarray (cells, cells)
        In units of the score, above 0 where covering lowers it. Every cell is covered four times.
    """
    whole = float(score(pixels[None])[0])
    falls = np.zeros((cells, cells))
    for rows, columns in _squares(cells):
        covered = pixels.copy()
        covered[_part(rows, cells, len(pixels)), _part(columns, cells, pixels.shape[1])] = fill
        falls[rows, columns] += whole - float(score(covered[None])[0])
    return falls / COVERED**2


def _squares(cells: int) -> Iterator[tuple[slice, slice]]:
    """Squares of cells; the first and last lie half outside, so that every cell is in as many."""
    spans = [slice(max(n, 0), min(n + COVERED, cells)) for n in range(1 - COVERED, cells)]
    for rows in spans:
        for columns in spans:
            yield rows, columns


def _part(span: slice, cells: int, side: int) -> slice:
    return slice(span.start * side // cells, span.stop * side // cells)
