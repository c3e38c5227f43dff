"""Rows that lie scattered over several arrays, read when they are asked for: a matrix that need not fit in memory.

The arrays are memory maps of a cache's segments, each holding some of the rows in an order of its own. Heads read it
in blocks, as they read any other matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from classify.heads.rows.blocks import Array, take


@dataclass(frozen=True)
class Source:
    """Where N rows lie.

    Parameters
    ----------
    arrays : sequence of (n_i, D) arrays, for instance read-only memory maps
    number : (N,) int, which of the arrays holds a row
    row : (N,) int, its place in that array
    """

    arrays: Sequence[Array]
    number: Array
    row: Array

    def read(self, at: Array, out: Array) -> None:
        """Rows `at` (n,) into out (n, D), one array after the other."""
        number, row = self.number[at], self.row[at]
        for n in np.unique(number):
            mine = np.flatnonzero(number == n)
            out[mine] = take(self.arrays[n], row[mine])


class Gathered:
    """The rows of several sources side by side, (N, D): `matrix[index]` and `matrix[start:stop]` are arrays in memory.

    Parameters
    ----------
    sources : sequence of Source, of the same N rows each
    widths : their numbers of features
    dtype : of the rows as they come

    Attributes
    ----------
    shape : (N, D)
    """

    ndim = 2

    def __init__(self, sources: Sequence[Source], widths: Sequence[int], dtype: np.dtype[Any]):
        self.shape = (len(sources[0].row), sum(widths))
        self.dtype = dtype
        self._sources = sources
        self._edges = [0, *np.cumsum(widths).tolist()]

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """N D."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """What all rows would take in memory."""
        return self.size * self.dtype.itemsize

    def __getitem__(self, at: Any) -> Array:
        """Rows by a slice, by numbers (n,) or by a mask (N,): (n, D)."""
        index = np.arange(*at.indices(len(self))) if isinstance(at, slice) else np.arange(len(self))[at]
        out = np.empty((len(index), self.shape[1]), self.dtype)
        for source, start, stop in zip(self._sources, self._edges, self._edges[1:], strict=False):
            source.read(index, out[:, start:stop])
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("rows that lie on disk can't be an array without being copied")
        return self[:].astype(dtype or self.dtype, copy=False)
