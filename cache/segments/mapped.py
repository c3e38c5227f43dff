"""Vectors that stay where they lie until they are read: a matrix of which no row need be in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
        for n, array in enumerate(self.arrays):
            mine = np.flatnonzero(self.number == n)
            out[mine] = array[self.row[mine]]
        return out
