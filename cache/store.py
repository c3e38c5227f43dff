"""The store of embeddings in a bucket: on a disk, a folder.

A key's bucket `features/<backbone>-<digest>/` holds `key.json`, immutable segments, and artifacts beside them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cache.artifacts import Artifacts
from cache.buckets import Bucket, Place, bucket_at
from cache.contract import Store, check_all_found
from cache.errors import CacheError, ForeignKey, StorageFailed
from cache.ids import ID_DTYPE, Ids, to_hex
from cache.key import KEY_FILE, Json, Key, Recipe
from cache.rows import OK, Failure, Rows
from cache.schema1 import earlier_cache
from cache.segments.compact import TARGET_BYTES, Compaction, compact, drop
from cache.segments.index import Found
from cache.segments.listing import Segments
from cache.segments.mapped import Mapped

_log = logging.getLogger(__name__)


class FeatureCache(Store):
    """The bucket of one key.

    Parameters
    ----------
    place : str, Path or Bucket
        A key's folder, or its bucket.

    Raises
    ------
    ForeignKey
        `key.json` is missing, changed, or belongs elsewhere.
    EarlierVersion
        An earlier version made it; `cache.adopt` takes it over.
    """

    def __init__(self, place: Place) -> None:
        self.bucket = bucket_at(place)
        self.key = read_key(self.bucket)
        self.artifacts = Artifacts(self.bucket, self.key.digest)
        self._segments = Segments(self.bucket, self.key.digest)

    @classmethod
    def create(cls, root: Place, key: Key) -> FeatureCache:
        """Open a key's bucket within `root`; make it if it is not there."""
        above = bucket_at(root)
        bucket = above.within(key.folder_name)
        bucket.create(KEY_FILE, [key.canonical])
        above.settle()  # a process may have written these names and died before they were flushed
        bucket.settle()
        cache = cls(bucket)
        if cache.key.digest != key.digest:
            raise ForeignKey(
                f"{bucket.where(KEY_FILE)!r} holds another key than {key.digest[:12]}: move the folder away"
            )
        return cache

    @property
    def place(self) -> str:
        return self.bucket.where()

    def recipes(self) -> list[Recipe]:
        found = {r for s in self._segments.opened if (s.status == OK).any() for r in s.recipes}
        return sorted(found, key=lambda r: (r.name, r.digest))

    def ids(self) -> Ids:
        return self._segments.steadily(lambda: self._segments.index().ids())

    def status(self, wanted: Ids) -> NDArray[np.uint8]:
        return self._find(wanted).status

    def embedded(self, wanted: Ids, recipe: Recipe) -> NDArray[np.bool_]:
        return self._find(wanted, recipe).segment >= 0

    def _find(self, wanted: Ids, recipe: Recipe | None = None) -> Found:
        return self._segments.steadily(lambda: self._segments.index().find(wanted, recipe))

    def failures(self) -> list[Failure]:
        return self._segments.steadily(self._failures)

    def _failures(self) -> list[Failure]:
        index = self._segments.index()
        failed = [s.ids[s.status != OK] for s in index.segments if (s.status != OK).any()]
        ids = np.unique(np.concatenate(failed)) if failed else np.empty(0, ID_DTYPE)
        found = index.find(ids)
        return [
            Failure(
                to_hex(ids[i : i + 1])[0],
                int(found.status[i]),
                index.segments[found.segment[i]].details.get(int(found.row[i]), ""),
            )
            for i in np.flatnonzero(found.status != OK)
        ]

    def environments(self) -> list[Mapping[str, Json]]:
        found: list[Mapping[str, Json]] = []
        for opened in self._segments.opened:
            found += [e for e in opened.environments if e not in found]
        return found

    @property
    def segment_count(self) -> int:
        return len(self._segments.opened)

    @property
    def nbytes(self) -> int:
        return sum(s.size for s in self._segments.opened)

    def gather(self, wanted: Ids, recipe: Recipe) -> NDArray[np.floating]:
        return self.mapped(wanted, recipe).read()

    def mapped(self, wanted: Ids, recipe: Recipe) -> Mapped:
        return self._segments.steadily(lambda: self._map(wanted, recipe))

    def _map(self, wanted: Ids, recipe: Recipe) -> Mapped:
        index = self._segments.index()
        found = index.find(wanted, recipe)
        check_all_found(self, wanted, found.segment >= 0, recipe)
        used, number = np.unique(found.segment, return_inverse=True)
        arrays = self.bucket.each(lambda n: index.segments[n].vectors(recipe), used.tolist())
        return Mapped(arrays, number, found.row)

    def append(self, rows: Rows) -> None:
        """Write rows as one new segment."""
        if len(rows):
            self._segments.add(rows)
            _log.info("%d rows stored under the key %s", len(rows), self.key.folder_name)

    def drop(self, unwanted: Ids) -> None:
        drop(self._segments, unwanted)

    @property
    def problems(self) -> Sequence[CacheError]:
        return self._segments.problems

    def refresh(self) -> None:
        self._segments.refresh()

    def verify(self) -> list[CacheError]:
        self._segments.verify()
        return [*self._segments.problems, *self.artifacts.verify()]

    def repair(self) -> list[str]:
        self.bucket.sweep()
        self._segments.verify()
        return [*self._segments.set_aside_damaged(), *self.artifacts.set_aside_damaged()]

    def compact(self, target_bytes: int | None = None) -> Compaction:
        return compact(self._segments, TARGET_BYTES if target_bytes is None else target_bytes)


def read_key(bucket: Bucket) -> Key:
    """The key of a bucket.

    Raises
    ------
    ForeignKey
        `key.json` is missing, changed, or belongs elsewhere.
    EarlierVersion
        An earlier version made it.
    """
    try:
        text = b"".join(bucket.read(KEY_FILE))
    except (FileNotFoundError, StorageFailed) as error:
        raise ForeignKey(f"{bucket.where()!r} is not a feature cache: it has no readable {KEY_FILE}") from error
    earlier = earlier_cache(bucket)
    if earlier:
        raise earlier.refusal()
    key = Key.from_json(text)
    if bucket.name != key.folder_name:
        raise ForeignKey(
            f"{bucket.where(KEY_FILE)!r} was changed, or its folder renamed: its content belongs into a folder "
            f"{key.folder_name!r}"
        )
    return key
