"""What the embeddings say: pictures of different splits that look alike, pictures far from their class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache import Recipe, Store
from featurize.dataset.audit.result import Neighbours, Strange
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
    return Embedded(
        rows, _unit(vectors - vectors.mean(0, dtype=np.float32))
    )  # what all have in common tells none apart


def nearest_across(embedded: Embedded, splits: Sequence[str], most: int) -> list[Neighbours]:
    """For pictures to test on, the nearest one to train on; the closest pairs first."""
    here = np.array([splits[row] for row in embedded.rows.tolist()])
    train, others = np.flatnonzero(here == "train"), np.flatnonzero((here == "val") | (here == "test"))
    if not len(train) or not len(others):
        return []
    nearest, similarity = _nearest(embedded.vectors, others, train)
    order = np.argsort(-similarity, kind="stable")[:most]
    rows = embedded.rows
    return [
        Neighbours((int(rows[nearest[n]]), int(rows[others[n]])), round(float(similarity[n]), 4))
        for n in order.tolist()
    ]


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


def _nearest(
    vectors: Vectors, these: NDArray[np.intp], among: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each of these, the nearest among others and its cosine."""
    reference = vectors[among].T
    nearest, similarity = np.empty(len(these), np.intp), np.empty(len(these), np.float32)
    for start in range(0, len(these), _TILE):
        cosine = vectors[these[start : start + _TILE]] @ reference
        best = cosine.argmax(1)
        nearest[start : start + _TILE] = among[best]
        similarity[start : start + _TILE] = cosine[np.arange(len(best)), best]
    return nearest, similarity


def _unit(vectors: Vectors) -> Vectors:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32, copy=False)
