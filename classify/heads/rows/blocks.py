"""Going through many rows in blocks, so that a matrix larger than memory is never held at once."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

BLOCK_BYTES = 1 << 24  # a block of float32 rows; small enough to stay in the last-level cache between two uses
TAKE_ROWS = 512  # rows read from a map before their pages are given back
TAKE_PAGES = 16  # large pages read before that: where the system keeps files in them, one row maps a whole one
LARGE_PAGE = 1 << 21  # bytes
KEEP_BYTES = 1 << 30  # prepared rows up to this size are kept in memory, larger ones are prepared at each pass


def block_rows(features: int) -> int:
    """Number of rows of a block."""
    return max(64, BLOCK_BYTES // (4 * max(features, 1)))


def blocks(X: Array, index: Array | None = None) -> Iterator[Array]:
    """X (N, D), or its rows `index`, in consecutive parts."""
    step = block_rows(X.shape[1])
    count = len(X) if index is None else len(index)
    for start in range(0, count, step):
        if index is None:
            yield X[start : start + step]
            forget(X, start, start + step)
        else:
            yield take(X, index[start : start + step])


class Rows:
    """Prepared rows, one block after the other, as often as wanted.

    They are prepared once and kept when they fit in KEEP_BYTES, else prepared anew at each pass: a caller does
    not see the difference.

    Parameters
    ----------
    X
        (N, D) of any float type, for instance a read-only memory map.
    prepare
        From (n, D) as stored to (n, features), row by row.
    features
        Width of prepared rows, D by default.

    Attributes
    ----------
    shape : (N, features)
    step : int, the number of rows of a block
    kept : bool, whether they are in memory
    """

    def __init__(self, X: Array, prepare: Callable[[Array], Array], features: int | None = None):
        self.shape: tuple[int, int] = (len(X), features or X.shape[1])
        self.step = block_rows(max(X.shape[1], self.shape[1]))
        self._X, self._prepare = X, prepare
        self.kept = 4 * self.shape[0] * self.shape[1] <= KEEP_BYTES
        self._all = np.empty(self.shape if self.kept else (0, 0), np.float32)
        for start in range(0, len(self._all), self.step):
            self._all[start : start + self.step] = self._read(slice(start, start + self.step))

    def slices(self, at_least: int = 1) -> list[slice]:
        """The row numbers of all blocks; of smaller ones where there would be too few."""
        step = max(1, min(self.step, -(-self.shape[0] // at_least)))
        return [slice(start, min(start + step, self.shape[0])) for start in range(0, self.shape[0], step)]

    def __iter__(self) -> Iterator[tuple[slice, Array]]:
        """Pairs of a slice of row numbers and those rows (n, features) float32."""
        for at in self.slices():
            yield at, self[at]

    def __getitem__(self, at: slice | Array) -> Array:
        """Some rows, (n, features) float32; not to be written to."""
        return self._all[at] if self.kept else self._read(at)

    def _read(self, at: slice | Array) -> Array:
        rows = self._prepare(self._X[at] if isinstance(at, slice) else take(self._X, at))
        if isinstance(at, slice):
            forget(self._X, at.start, at.stop)
        return rows.astype(np.float32, copy=False)

    def dot(self, W: Array, index: Array) -> Array:
        """Products (len(index), K) float32 of some rows with W (K, features)."""
        out = np.empty((len(index), len(W)), np.float32)
        for start in range(0, len(index), self.step):
            at = slice(start, start + self.step)
            out[at] = self[index[at]] @ W.T
        return out


def take(X: Array, index: Array) -> Array:
    """Rows `index` of X; of a map on disk in the file's order and a few at a time, whatever the order asked for."""
    if _mapped(X) is None:
        return X[index]
    out = np.empty((len(index), X.shape[1]), X.dtype)
    order = np.argsort(index, kind="stable")
    pages = index[order] * X.strides[0] // LARGE_PAGE
    nth = np.cumsum(np.diff(pages, prepend=pages[:1]) != 0) // TAKE_PAGES
    cuts = np.union1d(np.arange(0, len(order), TAKE_ROWS), np.flatnonzero(np.diff(nth)) + 1)
    for places in np.split(order, cuts[1:]) if len(order) else []:
        out[places] = X[index[places]]
        forget(X, int(index[places[0]]), int(index[places[-1]]) + 1)
    return out


def forget(X: Array, start: int, stop: int) -> None:
    """Let the system take back the memory of mapped rows that were read; the file keeps them.

    Without it every page ever read counts as this process's memory. Does nothing for arrays in memory, nor for a map
    that may hold changes of its own.
    """
    mapped = _mapped(X)
    if mapped is None or not X.flags.c_contiguous:
        return
    place = X.ctypes.data - np.frombuffer(mapped, np.uint8).ctypes.data  # of X in the map
    first = place + start * X.strides[0]
    last = min(place + stop * X.strides[0], len(mapped))
    first -= first % mmap.PAGESIZE  # a page shared with the rows before is only read again
    if last > first:
        mapped.madvise(mmap.MADV_DONTNEED, first, last - first)


def _mapped(X: Array) -> mmap.mmap | None:
    """The read-only map that X is a view of, if it is one and pages of it can be given back."""
    root: Any = X
    while isinstance(getattr(root, "base", None), np.ndarray):
        root = root.base
    mapped: Any = getattr(root, "base", None)
    usable = isinstance(root, np.memmap) and root.mode == "r" and isinstance(mapped, mmap.mmap)
    return mapped if usable and hasattr(mapped, "madvise") else None
