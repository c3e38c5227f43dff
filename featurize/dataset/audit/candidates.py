"""Pairs of pictures that may be near-duplicates: all against all, by a short description of each.

The description is a perceptual hash whose values are not cut down to bits: the lowest frequencies of the discrete
cosine transform of the tiny grey version, square roots taken so that the strongest do not decide alone, scaled to
length 1. Bits find as much only at ten times as many false candidates. A mirrored picture has the same
frequencies with the odd ones across negated, so both ways are compared in one go; slightly cropped ones are
compared with the inner part of each picture as well.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from featurize import processors
from featurize.dataset.audit.fingerprints import SIDE, Prints

THRESHOLD = 0.8  # agreement of the descriptions; measured, see docs/datasets.md
_FREQUENCIES = 8
_CROPS = (0.0, 0.04)  # of each side
_TILE = 512  # a tile of agreements stays in the processor's cache
_MOST_EACH = 200  # candidates of a picture; more only where masses of pictures look alike

Descriptions = NDArray[np.float32]  # (N, 63)


@dataclass(frozen=True)
class Candidates:
    """K pairs of rows, each pair at most once upright and once mirrored.

    Parameters
    ----------
    first, second : ndarray (K,) intp
        first < second.
    mirrored : ndarray (K,) bool
        Whether the one agrees with the other's mirror image.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, part: slice) -> Candidates:
        return Candidates(self.first[part], self.second[part], self.mirrored[part])


def find_candidates(prints: Prints, threshold: float = THRESHOLD, workers: int | None = None) -> Candidates:
    """Pairs whose descriptions agree, upright or mirrored, whole or slightly cropped."""
    whole, *inner = (_Halves.of(describe(prints["grey"], crop)) for crop in _CROPS)
    tasks = [(whole, whole, top) for top in range(0, len(prints), _TILE)]
    tasks += [(whole, other, top) for other in inner for top in range(0, len(prints), _TILE)]
    # each tile is one small product: threads of its own would only wait for each other
    with threadpool_limits(1), ThreadPoolExecutor(workers or processors.count()) as pool:
        found = list(pool.map(lambda task: _strip(task[0], task[1], task[2], threshold), tasks))
    pairs = np.concatenate([*found, np.zeros((0, 3), np.intp)])
    pairs[:, :2].sort(axis=1)
    first, second, mirrored = np.unique(pairs, axis=0).T
    return Candidates(first, second, mirrored.astype(bool))


def describe(grey: NDArray[np.int8], crop: float) -> Descriptions:
    """Descriptions of tiny grey versions, (N, 32, 32) -> (N, 63); all 0 for a picture of one tone.

    Parameters
    ----------
    grey : ndarray (N, 32, 32) int8
    crop : float
        Share of each side that is left out.
    """
    basis = _cosines() @ _window(crop)  # (8, 32)
    described = np.empty((len(grey), _FREQUENCIES**2 - 1), np.float32)
    for start in range(0, len(grey), _TILE):
        block = np.asarray(grey[start : start + _TILE], np.float32)
        frequencies = (basis @ block @ basis.T).reshape(len(block), -1)[:, 1:]
        rooted = np.sign(frequencies) * np.sqrt(np.abs(frequencies))
        length = np.linalg.norm(rooted, axis=1, keepdims=True)
        described[start : start + _TILE] = rooted / np.where(length > 0, length, 1)
    return described


@dataclass(frozen=True)
class _Halves:
    """Descriptions cut into the frequencies that are even and odd across: mirroring negates the odd ones."""

    even: Descriptions
    odd: Descriptions

    @classmethod
    def of(cls, described: Descriptions) -> _Halves:
        across = np.arange(1, _FREQUENCIES**2) % _FREQUENCIES % 2
        return cls(np.ascontiguousarray(described[:, across == 0]), np.ascontiguousarray(described[:, across == 1]))


def _strip(a: _Halves, b: _Halves, top: int, threshold: float) -> NDArray[np.intp]:
    """Agreeing descriptions of the rows of a from `top` on and all of b, (K, 3): row, row, 1 for mirrored.

    Where b is a itself, each pair is met once.
    """
    found = [np.zeros((0, 3), np.intp)]
    for left in range(top if a is b else 0, len(b.odd), _TILE):
        rows, columns = slice(top, top + _TILE), slice(left, left + _TILE)
        agreement = a.odd[rows] @ b.odd[columns].T
        np.abs(agreement, out=agreement)
        agreement += a.even[rows] @ b.even[columns].T  # the better of upright and mirrored
        agreeing = agreement >= threshold
        if agreeing.any():
            row, column = np.nonzero(agreeing)
            kept = _strongest(row, agreement[row, column])
            row, column = row[kept] + top, column[kept] + left
            mirrored = (a.odd[row] * b.odd[column]).sum(1) < 0
            found.append(np.stack([row, column, mirrored.astype(np.intp)], 1))
    pairs = np.concatenate(found)
    return pairs[pairs[:, 0] < pairs[:, 1]] if a is b else pairs[pairs[:, 0] != pairs[:, 1]]


def _strongest(row: NDArray[np.intp], agreement: NDArray[np.float32]) -> NDArray[np.intp]:
    """The entries to keep: of each row no more than `_MOST_EACH`, those that agree best."""
    if np.bincount(row).max() <= _MOST_EACH:
        return np.arange(len(row))
    order = np.lexsort((-agreement, row))
    sorted_rows = row[order]
    rank = np.arange(len(row)) - np.searchsorted(sorted_rows, sorted_rows)
    return order[rank < _MOST_EACH]


def _cosines() -> NDArray[np.float32]:
    """The lowest frequencies of the discrete cosine transform (type II) as a matrix, (8, 32)."""
    frequency, place = np.arange(_FREQUENCIES)[:, None], np.arange(SIDE)[None]
    basis: NDArray[np.float32] = np.cos(np.pi * frequency * (place + 0.5) / SIDE).astype(np.float32)
    return basis


def _window(crop: float) -> NDArray[np.float32]:
    """The matrix (32, 32) that stretches the inner part of a side to its whole length."""
    places = (crop + (1 - 2 * crop) * (np.arange(SIDE) + 0.5) / SIDE) * SIDE - 0.5
    left = np.minimum(np.floor(places).clip(0).astype(int), SIDE - 2)
    matrix = np.zeros((SIDE, SIDE), np.float32)
    matrix[np.arange(SIDE), left] = 1 - (places - left)
    matrix[np.arange(SIDE), left + 1] = places - left
    return matrix
