"""Rows that lie scattered over several arrays, read when they are asked for: a matrix that need not fit in memory.

The arrays are memory maps of a cache's segments, each holding some of the rows in an order of its own. Heads read it
in blocks, as they read any other matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from classify.heads.rows.blocks import Array, take


class Source(Protocol):
    """Where N rows lie: what `Store.mapped` of the feature cache gives.

    Attributes
    ----------
    arrays : sequence of (n_i, D) arrays, for instance read-only memory maps
    number : (N,) int, which of the arrays holds a row
    row : (N,) int, its place in that array
    shape : (N, D)
    dtype : of the rows as they come
    """

    @property
    def arrays(self) -> Sequence[Array]: ...
    @property
    def number(self) -> Array: ...
    @property
    def row(self) -> Array: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...


def read(source: Source, at: Array, out: Array) -> None:
    """Rows `at` (n,) into out (n, D), one array after the other."""
    number, row = source.number[at], source.row[at]
    order = np.argsort(number, kind="stable")  # a mask for each array would take as many steps as there are arrays
    for mine in np.split(order, np.flatnonzero(np.diff(number[order])) + 1) if len(order) else ():
        out[mine] = take(source.arrays[number[mine[0]]], row[mine])


class Gathered:
    """The rows of several sources side by side, (N, D): `matrix[index]` and `matrix[start:stop]` are arrays in memory.

    Parameters
    ----------
    sources : sequence of Source, of the same N rows each

    Attributes
    ----------
    shape : (N, D)
    dtype : the type that holds the rows of all sources
    """

    ndim = 2

    def __init__(self, sources: Sequence[Source]):
        widths = [source.shape[1] for source in sources]
        self.shape = (sources[0].shape[0], sum(widths))
        self.dtype = np.result_type(*(source.dtype for source in sources))
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
            read(source, index, out[:, start:stop])
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("rows that lie on disk can't be an array without being copied")
        return self[:].astype(dtype or self.dtype, copy=False)
