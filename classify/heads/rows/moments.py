"""Mean and deviation of each feature, of some rows or of each fold's training rows in one pass, without cancellation.

A variance as a difference of sums, E[x^2] - mean^2, is rounding noise where the mean is large beside the deviation, or
where the rows of a fold are all the same. Here deviations are squared in float64, and the moments of several parts are
merged by the pairwise update of Chan, Golub & LeVeque (The American Statistician 1983), which only adds numbers that
are not negative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from classify.heads.rows.blocks import Array, block_rows, blocks, forget

AT_ONCE = 256  # rows that are copied as float64
NOISE = 10  # rounding errors of the mean: rounding alone can give a constant feature a deviation of this size
TINIEST = 1e-150  # float64 can't square what is smaller


@dataclass(frozen=True)
class Moments:
    """Of some rows.

    Parameters
    ----------
    count : int, or the sum of the rows' weights
    mean : (D,) float64
    squares : (D,) float64, sums of squared deviations from the mean
    kind : the type of float that the rows came in
    """

    count: float
    mean: Array
    squares: Array
    kind: np.dtype[Any]

    @classmethod
    def of(cls, rows: Array, weights: Array | None = None) -> Moments:
        """Of rows (n, D), n > 0, each counted as often as its weight (n,) > 0 says."""
        if weights is not None:
            return cls._weighted(rows, weights)
        deviations = rows.astype(np.float64)
        mean = deviations.mean(0)
        deviations -= mean
        rest = deviations.mean(0)  # what rounding left in the mean
        squares = np.einsum("ij,ij->j", deviations, deviations) - len(rows) * rest**2
        return cls(len(rows), mean + rest, np.maximum(squares, 0), rows.dtype)

    @classmethod
    def _weighted(cls, rows: Array, weights: Array) -> Moments:
        total = float(weights.sum())
        deviations = rows.astype(np.float64)
        mean = weights @ deviations / total
        deviations -= mean
        rest = weights @ deviations / total
        squares = np.einsum("i,ij,ij->j", weights, deviations, deviations) - total * rest**2
        return cls(total, mean + rest, np.maximum(squares, 0), rows.dtype)

    def merge(self, other: Moments) -> Moments:
        """Of the rows of both."""
        count = self.count + other.count
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        squares = self.squares + other.squares + delta**2 * (self.count * other.count / count)
        return Moments(count, mean, squares, self.kind)

    @property
    def scale(self) -> Array:
        """Deviation (D,); infinite for a constant feature, so that dividing by it makes 0 of whatever a later row has.

        Scikit-learn's scale of 1 would let such a row through in the units it came in.
        """
        deviation = np.sqrt(self.squares / self.count)
        precision = np.finfo(self.kind)
        noise = np.maximum(NOISE * precision.eps * np.abs(self.mean), max(precision.tiny, TINIEST))
        scale: Array = np.where(deviation <= noise, np.inf, deviation)
        return scale


def merged(parts: Iterable[Moments]) -> Moments:
    """Of the rows of all parts, one or more."""
    return reduce(Moments.merge, parts)


def moments(
    prepare: Callable[[Array], Array], X: Array, index: Array | None = None, weights: Array | None = None
) -> Moments:
    """Of the prepared rows X (N, D), or of its rows `index`; weights (N,) are those of X."""
    if weights is None:
        return merged(_in_chunks(prepare(part)) for part in blocks(X, index))
    own = weights if index is None else weights[index]
    found, start = [], 0
    for part in blocks(X, index):
        found.append(_in_chunks(prepare(part), own[start : start + len(part)]))
        start += len(part)
    return merged(found)


@dataclass(frozen=True)
class Pieces:
    """Rows cut so that each part of them (a fold's training rows) is a union of pieces.

    With five folds the pieces are what each fold holds out. Each row is read once, and a part's moments are merged
    from those of its pieces: nothing is subtracted from a total.

    Parameters
    ----------
    moments : of each piece
    members : (parts, pieces) bool, which pieces make up a part
    """

    moments: Sequence[Moments]
    members: Array

    @classmethod
    def of(
        cls, prepare: Callable[[Array], Array], X: Array, parts: Sequence[Array], weights: Array | None = None
    ) -> Pieces:
        """Of X (N, D) and the row numbers of each part; rows of no part are not looked at.

        Parameters
        ----------
        prepare : (n, D) as stored -> (n, D), row by row
        weights : (N,) > 0, how often each row counts
        """
        number, members = _cut(len(X), parts)
        found: list[Moments | None] = [None] * members.shape[1]
        step = block_rows(X.shape[1])
        for start in range(0, len(X), step):
            here = number[start : start + step]
            rows = prepare(X[start : start + step])
            forget(X, start, start + step)
            for piece in np.unique(here[here >= 0]).tolist():
                mine = np.flatnonzero(here == piece)
                own = None if weights is None else weights[start + mine]
                more, before = _in_chunks(rows[mine], own), found[piece]
                found[piece] = before.merge(more) if before else more
        return cls([one for one in found if one], members)

    def parts(self) -> list[Moments]:
        """Moments of each part."""
        return [
            merged(one for one, inside in zip(self.moments, member, strict=True) if inside) for member in self.members
        ]

    def middle(self) -> Array:
        """The median of the pieces' means, (D,): near the mean of every part, also where one picture is far off.

        A feature that is active in a single picture is constant in the fold that holds this picture out; taking off the
        mean of all rows would leave that fold a mean far from 0, whose digits its own deviations would lack.
        """
        middle: Array = np.median([piece.mean for piece in self.moments], axis=0)
        return middle


def _in_chunks(rows: Array, weights: Array | None = None) -> Moments:
    chunks = [slice(start, start + AT_ONCE) for start in range(0, len(rows), AT_ONCE)]
    return merged(Moments.of(rows[at], None if weights is None else weights[at]) for at in chunks)


def _cut(count: int, parts: Sequence[Array]) -> tuple[Array, Array]:
    """The piece of each row (count,), -1 for rows of no part, and which pieces make up each part, (parts, pieces)."""
    inside = np.zeros((len(parts), count), bool)
    number = np.zeros(count, np.int64)
    for member, part in zip(inside, parts, strict=True):
        member[part] = True
        number = np.unique(2 * number + member, return_inverse=True)[1]
    used = inside.any(0)
    _, first, number[used] = np.unique(number[used], return_index=True, return_inverse=True)
    number[~used] = -1
    return number, inside[:, np.flatnonzero(used)[first]]
