"""What the embeddings say: rows that show one picture, though their files differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache import Recipe, Store
from cache.ids import Ids
from featurize.choices import SPLITS
from featurize.dataset.audit.coverage import COMPARED
from featurize.dataset.audit.result import CopyPair
from featurize.dataset.audit.twice.members import row_of_each, rows_of_pictures
from featurize.dataset.copies import find_copies, find_pairs
from featurize.dataset.table import DatasetTable

Embedding = tuple[Store, Recipe]

WHOLE = 20_000  # pictures up to which all are compared with all; beyond it those of different splits


def width(table: DatasetTable, embeddings: Sequence[Embedding]) -> int:
    """How many numbers stand side by side; 0 where no row has them all."""
    there = np.flatnonzero(_embedded(table, embeddings))[:1]
    return _Stored(embeddings, table.ids[there])[:1].shape[1] if len(there) else 0


def _embedded(table: DatasetTable, embeddings: Sequence[Embedding]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.logical_and.reduce(
        [cache.embedded(table.ids, recipe) for cache, recipe in embeddings]
    )
    return found


def copies_by_embedding(table: DatasetTable, embeddings: Sequence[Embedding]) -> list[CopyPair]:
    """Pairs of pictures that seem to be one; a picture of several rows is named once.

    Parameters
    ----------
    table : DatasetTable
    embeddings : sequence of (Store, Recipe)
        Their vectors stand side by side; rows that lack one of them are not looked at.
    """
    there = _embedded(table, embeddings)
    ids, splits = table.columns["id"], table.columns["split"]
    members = rows_of_pictures(ids, np.flatnonzero(there).tolist())
    rows = np.array([own[0] for own in members.values()], np.intp)
    if len(rows) <= WHOLE:
        stored = _Stored(embeddings, table.ids[rows])
        found = [(int(rows[c.row]), int(rows[c.other]), c.similarity) for c in find_pairs(stored)]
    else:
        found = _between_splits(table, embeddings, rows)
    best: dict[tuple[int, int], CopyPair] = {}
    for a, b, similarity in found:
        first, second = members[ids[a]], members[ids[b]]
        across = len({splits[row] for row in (*first, *second)}) > 1
        one, other = sorted(row_of_each(first, second, splits))
        best.setdefault((one, other), CopyPair((one, other), round(similarity, 4), across))
    return sorted(best.values(), key=lambda pair: (-pair.similarity, pair.rows))


def _between_splits(
    table: DatasetTable, embeddings: Sequence[Embedding], rows: NDArray[np.intp]
) -> list[tuple[int, int, float]]:
    splits = np.array(table.columns["split"])[rows]
    ids = np.array(table.columns["id"])
    parts = {split: rows[splits == split] for split in SPLITS}
    stored = {split: _Stored(embeddings, table.ids[part]) for split, part in parts.items()}
    found: list[tuple[int, int, float]] = []
    for one, other in COMPARED:
        here, there = parts[one], parts[other]
        names = ids[here].tolist(), ids[there].tolist()
        for copy in find_copies(stored[one], stored[other], *names, by_embedding=True):
            found.append((int(here[copy.row]), int(there[copy.other]), copy.similarity))
    return found


@dataclass(frozen=True)
class _Stored:
    """Vectors that stay in the feature caches until a block of them is asked for."""

    embeddings: Sequence[Embedding]
    ids: Ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, block: slice) -> NDArray[np.floating]:
        vectors = [cache.gather(self.ids[block], recipe) for cache, recipe in self.embeddings]
        return vectors[0] if len(vectors) == 1 else np.concatenate(vectors, axis=1)
