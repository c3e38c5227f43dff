"""Copies of a picture, found by their embeddings: among all pictures, or those of one part in another.

Re-encoded, resized, mirrored, brightened and slightly cropped copies are found without opening a picture. It knows
arrays alone. docs/comparison.md says how the constants were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

SIMILAR = 0.65  # cosine, after subtracting the mean of the part searched in, that a copy reaches at least
RATIO = 0.5  # a copy is at most this far from its original, as a share of the distance to the next other picture
FEWEST = 64  # numbers of a vector: with D of them a random row passes the ratio test with probability 2^-((D - 1) / 2)
SAME = 0.98  # from here on the ratio is not asked
MOST = 8  # copies of one picture; a longer series of pictures that look alike is no set of copies
_TILE = 2048  # rows of either part that are compared at once


class Rows(Protocol):
    """Vectors that can be read in blocks: an array (N, D), or rows that lie in a feature cache."""

    def __len__(self) -> int: ...

    def __getitem__(self, block: slice, /) -> Any: ...


@dataclass(frozen=True)
class Copy:
    """A picture and what seems to be the same picture in the other part.

    Parameters
    ----------
    row, other : int
        Row in the part that is looked through, and in the part that is searched.
    similarity : float
        Cosine of their embeddings, at most 1.
    identical : bool
        Whether they are the same file.
    """

    row: int
    other: int
    similarity: float
    identical: bool


def find_copies(
    part: Rows, against: Rows, part_ids: Sequence[str], against_ids: Sequence[str], *, by_embedding: bool
) -> list[Copy]:
    """Look for each picture of one part in another part.

    The pictures nearest to it are its copies where they stand out: their cosine similarities are `SIMILAR` or more,
    and 1 - similarity is at most `RATIO` times that of the next picture. This is the ratio test of Lowe (IJCV 2004,
    section 7.1), with the next picture that is no copy itself as the second neighbour, so that several copies of a
    picture do not hide each other. Without it, series of nearly monochrome paintings would all be called copies.

    Parameters
    ----------
    part, against : rows (M, D), (N, D)
        Embeddings, in any floating type.
    part_ids, against_ids : sequence of str
        Equal ids are equal files.
    by_embedding : bool
        False looks at ids alone: neighbours in an untrained network's space mean nothing.

    Returns
    -------
    list of Copy
        Equal files first, then by similarity, descending; up to `MOST` copies of a picture.
    """
    first: dict[str, int] = {}
    for row, name in enumerate(against_ids):
        first.setdefault(name, row)
    found = [Copy(row, first[name], 1.0, True) for row, name in enumerate(part_ids) if name in first]
    if by_embedding and len(first) > 1:
        distinct = np.array(list(first.values()))  # the same file several times must not look like several copies
        found += [copy for copy in _alike(part, against, distinct) if part_ids[copy.row] != against_ids[copy.other]]
    return sorted(found, key=lambda copy: (not copy.identical, -copy.similarity, copy.row, copy.other))


def find_pairs(pictures: Rows) -> list[Copy]:
    """Copies among distinct pictures: each is looked for among all others, as in `find_copies`.

    Parameters
    ----------
    pictures : rows (N, D)
        Embeddings of pictures whose files differ.

    Returns
    -------
    list of Copy
        Each pair once, where either names the other, `row` below `other`; by similarity, descending.
    """
    if len(pictures) < 3:
        return []  # nothing that a copy could stand out from
    best: dict[tuple[int, int], float] = {}
    for copy in _alike(pictures, pictures, np.arange(len(pictures)), itself=True):
        rows = min(copy.row, copy.other), max(copy.row, copy.other)
        best[rows] = max(copy.similarity, best.get(rows, -1.0))
    return [Copy(*rows, cosine, False) for rows, cosine in sorted(best.items(), key=lambda item: (-item[1], item[0]))]


def _alike(part: Rows, against: Rows, distinct: NDArray[np.intp], itself: bool = False) -> Iterator[Copy]:
    blocks = _Blocks(against, distinct)
    centre = blocks.mean()
    for start in range(0, len(part), _TILE):
        wanted = _unit(part[start : start + _TILE], centre)  # (m, D)
        nearest, similarity = _nearest(wanted, blocks, centre, start if itself else -1)
        for n, count in enumerate(count_copies(similarity).tolist()):
            for other, cosine in zip(nearest[n, :count].tolist(), similarity[n, :count].tolist(), strict=True):
                yield Copy(start + n, other, min(cosine, 1.0), False)


def count_copies(similarity: NDArray[np.float32]) -> NDArray[np.intp]:
    """How many of the nearest pictures are copies, (M,).

    Parameters
    ----------
    similarity : ndarray (M, K + 1) float32
        Of the nearest pictures, descending; -1 where there are fewer.
    """
    here, following = similarity[:, :-1], similarity[:, 1:]
    stands_out = (here >= SIMILAR) & (1 - here <= RATIO * (1 - following))  # (M, K)
    last = np.where(stands_out, np.arange(1, here.shape[1] + 1), 0).max(1)
    counts: NDArray[np.intp] = np.maximum(last, (here >= SAME).sum(1))
    return counts


def _nearest(
    wanted: NDArray[np.float32], blocks: _Blocks, centre: NDArray[np.float32], own: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The `MOST` + 1 nearest rows of each of the wanted ones, and their cosines; (m, K + 1) each.

    `own` is the number of the first wanted row among the rows searched, -1 where it is not there.
    """
    rows = np.full((len(wanted), MOST + 1), -1)
    cosines = np.full((len(wanted), MOST + 1), -1, np.float32)  # stays where there are fewer rows
    for numbers, vectors in blocks:
        alike = wanted @ _unit(vectors, centre).T
        if own >= 0:
            alike[(own + np.arange(len(wanted)))[:, None] == numbers] = -1  # a picture is no copy of itself
        together = np.concatenate([cosines, alike], axis=1)
        all_rows = np.concatenate([rows, np.broadcast_to(numbers, (len(wanted), len(numbers)))], axis=1)
        best = np.argpartition(-together, MOST, axis=1)[:, : MOST + 1]
        cosines, rows = np.take_along_axis(together, best, 1), np.take_along_axis(all_rows, best, 1)
    order = np.lexsort((rows, -cosines), axis=1)
    return np.take_along_axis(rows, order, 1), np.take_along_axis(cosines, order, 1)


@dataclass(frozen=True)
class _Blocks:
    """Some of the rows, in blocks: their numbers (n,) and their vectors (n, D)."""

    rows: Rows
    chosen: NDArray[np.intp]

    def __iter__(self) -> Iterator[tuple[NDArray[np.intp], NDArray[np.floating]]]:
        for start in range(0, len(self.rows), _TILE):
            numbers = self.chosen[(self.chosen >= start) & (self.chosen < start + _TILE)]
            if len(numbers):
                yield numbers, np.asarray(self.rows[start : start + _TILE])[numbers - start]

    def mean(self) -> NDArray[np.float32]:
        """Their mean, (D,)."""
        total = np.sum([vectors.sum(0, dtype=np.float64) for _, vectors in self], axis=0)
        mean: NDArray[np.float32] = (total / len(self.chosen)).astype(np.float32)
        return mean


def unit_rows(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Vectors (n, D) at length 1, as float32; a row of zeros stays one."""
    _, powers = np.frexp(np.abs(vectors).max(axis=1, keepdims=True))
    scaled = np.ldexp(vectors, -powers)  # by a power of two no digit changes, and no square is infinite or lost
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.asarray(scaled / np.where(length > 0, length, 1), np.float32)


def _unit(vectors: Any, centre: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors of length 1 around a centre."""
    return unit_rows(np.asarray(vectors, np.float32) - centre)
