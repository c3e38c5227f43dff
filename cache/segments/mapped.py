"""Vectors that stay where they lie until they are read: a matrix of which no row need be in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Mapped:
    """N rows, each a row of one of several read-only arrays: the memory maps of segments.

    Parameters
    ----------
    arrays : sequence of ndarray (n_i, D)
    number : ndarray (N,) int
        In which of the arrays a row lies.
    row : ndarray (N,) int
        Its place in that array.
    """

    arrays: Sequence[NDArray[np.floating]]
    number: NDArray[np.intp]
    row: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.row)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D); D is 0 where there is no row."""
        return len(self), self.arrays[0].shape[1] if self.arrays else 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that holds the rows of all arrays."""
        return np.result_type(*(a.dtype for a in self.arrays)) if self.arrays else np.dtype(np.float32)

    def read(self) -> NDArray[np.floating]:
        """All rows in memory, (N, D)."""
        out = np.empty(self.shape, self.dtype)
        for n, mine in places_of_each(self.number):
            out[mine] = self.arrays[n][self.row[mine]]
        return out


def places_of_each(number: NDArray[np.intp]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Each number that stands in an array (N,), ascending, and its places, ascending; in time that grows with N alone.

    A mask for each number would take N times as many steps as there are numbers, and a cache has a segment for each 256
    pictures before it is merged.
    """
    order = np.argsort(number, kind="stable")
    cuts: Sequence[int] = np.flatnonzero(np.diff(number[order], prepend=-1, append=-1)).tolist() if len(order) else []
    for a, b in pairwise(cuts):
        yield int(number[order[a]]), order[a:b]
