"""What the embeddings say: copies in different splits, pictures far from their class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache import Recipe, Store
from cache.ids import Ids
from featurize.choices import SPLITS
from featurize.dataset.audit.coverage import COMPARED
from featurize.dataset.audit.result import CopyPair, Strange
from featurize.dataset.copies import find_copies
from featurize.dataset.table import DatasetTable

Vectors = NDArray[np.float32]  # (N, D) of length 1

_MOST_NUMBERS = 64 << 20  # float32 numbers held at once; beyond it vectors are projected (256 MB)
_PROJECTED = 256  # dimensions that keep cosines within a few hundredths (Johnson & Lindenstrauss)
_GATHERED = 4096
_TILE = 1024
_NEAREST = 5  # pictures of a class whose similarity counts
_EACH_CLASS = 1500  # pictures of a class that others are compared with, so that 100,000 take minutes, not hours


@dataclass(frozen=True)
class Embedded:
    """Rows of a table that have a vector.

    Parameters
    ----------
    rows : ndarray (N,) intp
    vectors : ndarray (N, D) float32
        Of length 1, around their mean.
    """

    rows: NDArray[np.intp]
    vectors: Vectors


def load_vectors(table: DatasetTable, cache: Store, recipe: Recipe) -> Embedded:
    """Unit vectors of the rows that the cache knows, projected to fewer dimensions where they are very many."""
    ids = table.ids
    rows = np.flatnonzero(cache.embedded(ids, recipe))
    projection, parts = None, []
    for start in range(0, len(rows), _GATHERED):
        vectors = cache.gather(ids[rows[start : start + _GATHERED]], recipe).astype(np.float32)
        if len(rows) * vectors.shape[1] > _MOST_NUMBERS and vectors.shape[1] > _PROJECTED:
            if projection is None:
                rng = np.random.default_rng(0)
                projection = rng.standard_normal((vectors.shape[1], _PROJECTED), np.float32)
            vectors = _unit(vectors) @ projection
        parts.append(_unit(vectors))
    if not parts:
        return Embedded(rows, np.zeros((0, 1), np.float32))
    vectors = np.concatenate(parts)
    around_mean = vectors - vectors.mean(0, dtype=np.float32)  # what all vectors share says nothing about one of them
    return Embedded(rows, _unit(around_mean))


def copies_across(table: DatasetTable, cache: Store, recipe: Recipe) -> list[CopyPair]:
    """Rows of different splits that show one picture by their embeddings, though their files differ.

    A comparison of heads on two of the splits names the same pairs: both ask `find_copies`.
    """
    names = np.array(table.columns["id"])
    embedded = cache.embedded(table.ids, recipe)
    splits = np.array(table.columns["split"])
    rows = {split: np.flatnonzero(embedded & (splits == split)) for split in SPLITS}
    stored = {split: _Stored(cache, recipe, table.ids[rows[split]]) for split in SPLITS}
    found = []
    for part, against in COMPARED:
        here, there = rows[part], rows[against]
        for copy in find_copies(
            stored[part], stored[against], names[here].tolist(), names[there].tolist(), by_embedding=True
        ):
            pair = sorted((int(here[copy.row]), int(there[copy.other])))
            if not copy.identical:
                found.append(CopyPair((pair[0], pair[1]), round(copy.similarity, 4)))
    return sorted(found, key=lambda pair: (-pair.similarity, pair.rows))


@dataclass(frozen=True)
class _Stored:
    """Vectors that stay in the feature cache until a block of them is asked for."""

    cache: Store
    recipe: Recipe
    ids: Ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, block: slice) -> NDArray[np.floating]:
        return self.cache.gather(self.ids[block], self.recipe)


def strangers(embedded: Embedded, labels: Sequence[str], most: int) -> list[Strange]:
    """Pictures that are nearer to another class than to their own, by the largest margin first.

    Nearness is the mean cosine to the nearest five pictures of a class, the picture itself left out. An artist's
    other pictures count as any others.
    """
    known = np.array([bool(labels[row]) for row in embedded.rows.tolist()], bool)
    rows, vectors = embedded.rows[known], embedded.vectors[known]
    names, code = np.unique([labels[row] for row in rows.tolist()], return_inverse=True)
    if len(names) < 2:
        return []
    nearness = np.stack([_nearness(vectors, np.flatnonzero(code == c)) for c in range(len(names))], 1)  # (N, C)
    own = nearness[np.arange(len(rows)), code]
    nearness[np.arange(len(rows)), code] = -np.inf
    other = nearness.argmax(1)
    best = nearness.max(1)
    margin = np.where(np.isfinite(own), own - best, np.inf)  # the only picture of a class is far from nobody
    order = np.argsort(margin, kind="stable")[:most]
    return [
        Strange(int(rows[n]), str(names[other[n]]), round(float(own[n]), 4), round(float(best[n]), 4))
        for n in order.tolist()
        if margin[n] < 0
    ]


def _nearness(vectors: Vectors, members: NDArray[np.intp]) -> NDArray[np.float32]:
    """Mean cosine of each picture to its nearest members of a class, itself left out; (N,)."""
    if len(members) > _EACH_CLASS:
        members = np.random.default_rng(0).choice(members, _EACH_CLASS, replace=False)
    reference = vectors[members].T
    found = np.empty(len(vectors), np.float32)
    place = np.full(len(vectors), -1)
    place[members] = np.arange(len(members))
    for start in range(0, len(vectors), _TILE):
        cosine = vectors[start : start + _TILE] @ reference
        mine = np.flatnonzero(place[start : start + _TILE] >= 0)
        cosine[mine, place[start + mine]] = -np.inf
        nearest = (
            np.sort(cosine, axis=1)[:, ::-1][:, :_NEAREST]
            if cosine.shape[1] <= _NEAREST
            else -np.partition(-cosine, _NEAREST - 1, axis=1)[:, :_NEAREST]
        )
        finite = np.isfinite(nearest)
        total = np.where(finite, nearest, 0).sum(1)
        found[start : start + _TILE] = np.where(finite.any(1), total / finite.sum(1).clip(1), -np.inf)
    return found


def _unit(vectors: Vectors) -> Vectors:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32, copy=False)
