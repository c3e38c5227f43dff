"""The store's contract in memory: for tests, and for embedding a handful of pictures without leaving a trace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cache.contract import Store, check_all_found
from cache.ids import ID_DTYPE, Ids, to_hex
from cache.key import Key, Recipe
from cache.rows import ABSENT, OK, Failure, Rows


class MemoryCache(Store):
    """Embeddings in a dictionary; forgotten with the object."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self._status: dict[bytes, int] = {}
        self._details: dict[bytes, str] = {}
        self._vectors: dict[Recipe, dict[bytes, NDArray[np.floating]]] = {}

    def append(self, rows: Rows) -> None:
        for place, picture in enumerate(rows.ids.tolist()):
            status = int(rows.status[place])
            if status != OK and self._status.get(picture) == OK:
                continue  # an embedded row comes before a failed one
            self._status[picture] = status
            self._details[picture] = rows.details.get(place, "")
            if status == OK:
                for recipe, matrix in rows.vectors.items():
                    self._vectors.setdefault(recipe, {}).setdefault(picture, matrix[place].copy())

    def recipes(self) -> list[Recipe]:
        return sorted(self._vectors, key=lambda r: (r.name, r.digest))

    def status(self, wanted: Ids) -> NDArray[np.uint8]:
        return np.array([self._status.get(p, ABSENT) for p in wanted.tolist()], np.uint8)

    def embedded(self, wanted: Ids, recipe: Recipe) -> NDArray[np.bool_]:
        stored = self._vectors.get(recipe, {})
        return np.array([p in stored for p in wanted.tolist()], bool)

    def gather(self, wanted: Ids, recipe: Recipe) -> NDArray[np.floating]:
        check_all_found(self.key, wanted, self.embedded(wanted, recipe), recipe)
        if not len(wanted):
            return np.empty((0, 0), np.float32)
        return np.stack([self._vectors[recipe][p] for p in wanted.tolist()])

    def ids(self) -> Ids:
        return np.array(sorted(self._status), ID_DTYPE)

    def failures(self) -> list[Failure]:
        failed = sorted(p for p, status in self._status.items() if status != OK)
        hexed = to_hex(np.array(failed, ID_DTYPE))
        return [Failure(h, self._status[p], self._details[p]) for h, p in zip(hexed, failed, strict=True)]
