"""The most similar rows, exactly: every row is compared, block by block, and the matrix need not fit into memory.

Arrays alone. Similarity is the cosine of two vectors, taken from a common centre.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Numbers = NDArray[np.intp]

DECIMALS = 6  # of a similarity: float32 products agree that far on all machines, but for the odd rounding
CROWD = 10  # nearest rows whose mean similarity says how crowded it is around a row, as in the paper of CSLS
SAMPLE = 5000  # rows, at most, among which these are looked for
_BLOCK, _ASKED = 4096, 1024  # rows compared at once
_BYTES = 32 << 20  # of a block of rows, at most


class Rows(Protocol):
    """Vectors that can be read in blocks: an array (N, D), or rows that lie in a feature cache."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, block: Any, /) -> Any: ...


@dataclass(frozen=True)
class Nearest:
    """The rows most similar to each of M vectors, the nearest first.

    Parameters
    ----------
    rows : ndarray (M, k) int
        -1 where there are fewer rows.
    similarity : ndarray (M, k) float64
        Cosine from the centre, at most 1, rounded to six decimals; -inf where there are fewer rows.
    """

    rows: Numbers
    similarity: NDArray[np.float64]


class Best:
    """The k largest values of each of M rows, of columns that are offered block by block in ascending order.

    Among equal values the earlier column wins, so that the result does not depend on the size of the blocks.

    Attributes
    ----------
    values : ndarray (M, k) float64, descending; -inf where fewer columns were offered
    columns : ndarray (M, k) int, -1 there
    """

    def __init__(self, rows: int, k: int) -> None:
        self.values = np.full((rows, k), -np.inf)
        self.columns = np.full((rows, k), -1)

    def offer(self, values: Floats, columns: Numbers) -> None:
        """Consider more columns.

        Parameters
        ----------
        values : ndarray (M, B)
            -inf for what must not be taken.
        columns : ndarray (B,) int
            Their numbers, all above those offered before.
        """
        k = self.values.shape[1]
        least = self.values[:, -1]
        wanted = values > least[:, None]
        if np.isneginf(least).any() and values.shape[1] > k:
            edge = values.shape[1] - k
            wanted &= values >= np.partition(values, edge, axis=1)[:, edge, None]
        rows, places = np.nonzero(wanted)
        if not len(rows):
            return
        all_rows = np.concatenate([np.repeat(np.arange(len(values)), k), rows])
        all_values = np.concatenate([self.values.ravel(), values[rows, places].astype(np.float64)])
        all_columns = np.concatenate([self.columns.ravel(), columns[places]])
        order = np.lexsort((all_columns, -all_values, all_rows))
        starts = np.searchsorted(all_rows[order], np.arange(len(values)))
        kept = order[starts[:, None] + np.arange(k)]  # (M, k)
        self.values, self.columns = all_values[kept], all_columns[kept]


def centre_of(X: Rows) -> NDArray[np.float64]:
    """The mean of the rows, (D,)."""
    total = np.zeros(X.shape[1])
    for _, block in _blocks(X):
        total += block.sum(0, dtype=np.float64)
    mean: NDArray[np.float64] = total / max(len(X), 1)
    return mean


def nearest(
    asked: Rows,
    X: Rows,
    k: int,
    *,
    centre: NDArray[np.float64] | None = None,
    own: Numbers | None = None,
    crowded: NDArray[np.float64] | None = None,
) -> Nearest:
    """The rows of X most similar to each of the vectors asked.

    Parameters
    ----------
    asked : rows (M, D)
    X : rows (N, D)
    k : int
        How many; as many as there are if they are fewer.
    centre : ndarray (D,), optional
        What vectors are taken from; by default the mean of X.
    own : ndarray (M,) int, optional
        For each vector the row of X that is its own and is not to be found; -1 for none.
    crowded : ndarray (N,), optional
        From `crowding`: then the order is that of CSLS, 2 cos(a, x) - crowded(x) - crowded(a) (Conneau et al., ICLR
        2018, equation 3; what depends on a alone changes no order). The similarities given stay cosines.
    """
    middle = centre_of(X) if centre is None else centre
    M, k = len(asked), min(k, len(X))
    parts = [slice(start, min(start + _ASKED, M)) for start in range(0, M, _ASKED)]
    best = [Best(part.stop - part.start, k) for part in parts]
    wanted = [unit(asked[part], middle) for part in parts]
    for columns, block in _blocks(X):
        around = unit(block, middle)
        for part, vectors, found in zip(parts, wanted, best, strict=True):
            cosines = rounded(vectors @ around.T)
            values = cosines if crowded is None else 2 * cosines - crowded[columns]
            if own is not None:
                mine = own[part] - columns[0]
                inside = np.flatnonzero((mine >= 0) & (mine < len(columns)))
                values[inside, mine[inside]] = -np.inf
            found.offer(values, columns)
    if not parts:
        return Nearest(np.empty((0, k), np.intp), np.empty((0, k)))
    rows = np.concatenate([found.columns for found in best])
    values = np.concatenate([found.values for found in best])
    if crowded is not None:
        values = np.where(rows >= 0, rounded((values + crowded[rows]) / 2), -np.inf)
    return Nearest(rows, values)


def crowding(X: Rows, centre: NDArray[np.float64], k: int = CROWD, seed: int = 0) -> NDArray[np.float64]:
    """How crowded it is around each row: the mean similarity of its k nearest rows, (N,).

    They are looked for among all rows, or among `SAMPLE` of them, drawn with the seed, where there are more: that
    ranks the rows alike at a cost that grows with N instead of its square.

    Parameters
    ----------
    X : rows (N, D)
    centre : ndarray (D,)
    k, seed : int
    """
    N = len(X)
    chosen = np.arange(N) if N <= SAMPLE else np.sort(np.random.default_rng(seed).choice(N, SAMPLE, replace=False))
    sample = X[chosen]
    place = np.full(N, -1)
    place[chosen] = np.arange(len(chosen))
    found = nearest(X, sample, k, centre=centre, own=place).similarity
    there = np.isfinite(found)
    means: NDArray[np.float64] = np.where(there, found, 0).sum(1) / np.maximum(there.sum(1), 1)
    return means


def unit(vectors: Any, centre: NDArray[np.float64]) -> NDArray[np.float32]:
    """Vectors (n, D) of length 1 around a centre; one that lies at the centre stays 0."""
    around = (np.asarray(vectors, np.float64) - centre).astype(np.float32)
    length = np.sqrt(np.einsum("nd,nd->n", around, around, dtype=np.float64))
    around /= np.maximum(length, np.finfo(np.float32).tiny)[:, None].astype(np.float32)
    return around


def rounded(similarity: Any) -> NDArray[np.float64]:
    """Similarities to six decimals, at most 1."""
    values: NDArray[np.float64] = np.minimum(np.round(np.asarray(similarity, np.float64), DECIMALS), 1.0)
    return values


def _blocks(X: Rows) -> Iterator[tuple[Numbers, Floats]]:
    step = max(1, min(_BLOCK, _BYTES // (8 * max(X.shape[1], 1))))
    for start in range(0, len(X), step):
        stop = min(start + step, len(X))
        yield np.arange(start, stop), np.asarray(X[start:stop])
