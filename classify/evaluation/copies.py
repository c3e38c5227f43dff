"""Test pictures that are in the training part, too: the same file, or the same painting photographed again.

Found by embedding neighbours, so that re-encoded, resized, mirrored, brightened and cropped copies are found without
opening a picture. docs/comparison.md tells how the constants were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIMILAR = 0.75  # cosine, after subtracting the training mean, that a copy reaches at least
RATIO = 0.5  # a copy is at most this far from its original, as a share of the distance to the next picture
SAME = 0.98  # from here on the ratio is not asked: the training part may hold several copies
_BLOCK = 1 << 24  # similarities held at once


@dataclass(frozen=True)
class Neighbour:
    """A test row, the training row that it seems to be a copy of, and their similarity."""

    row: int
    train_row: int
    similarity: float
    identical: bool


def find_duplicates(
    train: NDArray[Any], test: NDArray[Any], train_ids: Sequence[str], test_ids: Sequence[str], *, by_embedding: bool
) -> list[Neighbour]:
    """Look for each test picture in the training part.

    A picture is a copy where its cosine similarity to the nearest training picture is `SIMILAR` or more and stands out:
    1 - similarity is at most `RATIO` times that of the second nearest (the ratio test of Lowe, IJCV 2004, section
    7.1), without which series of nearly monochrome paintings would all be called copies.

    Parameters
    ----------
    train, test : (N, D), (M, D)
        Embeddings.
    train_ids, test_ids : sequence of str
        Equal ids are equal files.
    by_embedding : bool
        False looks at ids alone: neighbours in an untrained network's space mean nothing.

    Returns
    -------
    list of Neighbour
        Equal files first, then by similarity, descending.
    """
    place = {name: n for n, name in enumerate(train_ids)}
    equal = {row: place[name] for row, name in enumerate(test_ids) if name in place}
    found = [Neighbour(row, train_row, 1.0, True) for row, train_row in equal.items()]
    if by_embedding and len(train) > 1:
        found += [n for n in _similar(train, test) if n.row not in equal]
    return sorted(found, key=lambda n: (not n.identical, -n.similarity, n.row))


def _similar(train: NDArray[Any], test: NDArray[Any]) -> Iterator[Neighbour]:
    centre = train.mean(0, dtype=np.float64).astype(np.float32)
    wanted = _unit(test, centre)  # (M, D)
    best = np.zeros(len(test), int)
    first, second = np.full((2, len(test)), -1.0, np.float32)  # cosines of the nearest training row and the next
    step = max(1, _BLOCK // len(test))
    for start in range(0, len(train), step):
        cosines = wanted @ _unit(train[start : start + step], centre).T  # (M, n)
        nearest = cosines.argmax(1)
        top = cosines[np.arange(len(test)), nearest]
        cosines[np.arange(len(test)), nearest] = -1
        better = top > first
        second = np.maximum(np.where(better, first, top), np.maximum(second, cosines.max(1)))
        best, first = np.where(better, start + nearest, best), np.maximum(first, top)
    copies = (first >= SAME) | ((first >= SIMILAR) & (1 - first <= RATIO * (1 - second)))
    for n in np.flatnonzero(copies).tolist():
        yield Neighbour(n, int(best[n]), min(float(first[n]), 1.0), False)


def _unit(X: NDArray[Any], centre: NDArray[np.float32]) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = X.astype(np.float32) - centre
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return rows
