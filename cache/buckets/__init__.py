"""Where bytes lie: one small contract, a disk and the memory behind it, and the choice between them."""

from __future__ import annotations

from pathlib import Path

from cache.buckets.base import ASIDE, Bucket, Stat
from cache.buckets.disk import DiskBucket
from cache.buckets.memory import MemoryBucket
from cache.errors import StorageFailed

Place = str | Path | Bucket  # where something lies, as callers may say it


def bucket_at(place: Place) -> Bucket:
    """The bucket at a place: a path is a folder on this machine's disks.

    Raises
    ------
    StorageFailed
        It is an address, and no storage of that kind is known.
    """
    if isinstance(place, Bucket):
        return place
    if isinstance(place, str) and "://" in place:
        raise StorageFailed(f"{place!r} is an address, and features are kept in folders only: give a path")
    return DiskBucket(Path(place))


__all__ = ["ASIDE", "Bucket", "DiskBucket", "MemoryBucket", "Place", "Stat", "bucket_at"]
