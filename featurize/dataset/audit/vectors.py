"""What the embeddings say: copies in different splits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache import Recipe, Store
from cache.ids import Ids
from featurize.choices import SPLITS
from featurize.dataset.audit.coverage import COMPARED
from featurize.dataset.audit.result import CopyPair
from featurize.dataset.copies import find_copies
from featurize.dataset.table import DatasetTable


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
