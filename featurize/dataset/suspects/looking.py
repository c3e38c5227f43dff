"""From a dataset table and its embeddings to the labels that may be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cache import Recipe, Store
from cache.ids import Ids
from featurize.dataset.copies import unit_rows
from featurize.dataset.suspects.finding import Suspects, find_suspects
from featurize.dataset.table import DatasetTable

Vectors = NDArray[np.float32]  # (N, D) of length 1
Embedding = tuple[Store, Recipe]

_MOST_NUMBERS = 64 << 20  # float32 numbers held at once; beyond it vectors are projected (256 MB)
_PROJECTED = 256  # dimensions that keep cosines within a few hundredths (Johnson & Lindenstrauss 1984)
_GATHERED = 4096


def look_at_labels(table: DatasetTable, target: str, embeddings: Sequence[Embedding]) -> Suspects:
    """Set each label of a table against what the other pictures say of it.

    Parameters
    ----------
    table : DatasetTable
    target : str
        The label column.
    embeddings : sequence of (Store, Recipe)
        Their vectors stand side by side; rows that lack one of them are not judged.

    Raises
    ------
    TableError
        The table has no such labels.
    SegmentDamaged, StorageFailed
        Vectors can't be read.
    """
    labels, ids = table.column(target), table.ids
    there = np.array([bool(label) for label in labels], bool)
    for cache, recipe in embeddings:
        there &= cache.embedded(ids, recipe)
    rows = np.flatnonzero(there)
    vectors = [unit_vectors(cache, recipe, ids[rows]) for cache, recipe in embeddings] if len(rows) else []
    return find_suspects(
        np.concatenate(vectors, axis=1) if vectors else np.zeros((0, 1), np.float32),
        [labels[row] for row in rows.tolist()],
        rows.tolist(),
        [table.columns["id"][row] for row in rows.tolist()],
    )


def unit_vectors(cache: Store, recipe: Recipe, ids: Ids) -> Vectors:
    """Vectors of length 1 around their mean, projected to fewer dimensions where they are very many."""
    vectors = np.concatenate(list(_parts(cache, recipe, ids)))
    return unit_rows(
        vectors - vectors.mean(0, dtype=np.float32)
    )  # what all vectors share says nothing about one of them


def _parts(cache: Store, recipe: Recipe, ids: Ids) -> Iterator[Vectors]:
    projection = None
    for start in range(0, len(ids), _GATHERED):
        vectors = unit_rows(cache.gather(ids[start : start + _GATHERED], recipe).astype(np.float32))
        if len(ids) * vectors.shape[1] > _MOST_NUMBERS and vectors.shape[1] > _PROJECTED:
            if projection is None:
                projection = np.random.default_rng(0).standard_normal((vectors.shape[1], _PROJECTED), np.float32)
            vectors = unit_rows(vectors @ projection)
        yield vectors
