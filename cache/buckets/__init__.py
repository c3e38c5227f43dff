"""Where bytes lie: one small contract, a disk and the memory behind it, and the choice between them."""

from __future__ import annotations

from pathlib import Path

from cache.buckets.base import ASIDE, Bucket, Stat
from cache.buckets.disk import DiskBucket
from cache.buckets.memory import MemoryBucket

Place = str | Path | Bucket  # where something lies, as callers may say it


def bucket_at(place: Place) -> Bucket:
    """The bucket at a place: a path is a folder on this machine's disks."""
    return place if isinstance(place, Bucket) else DiskBucket(Path(place))


__all__ = ["ASIDE", "Bucket", "DiskBucket", "MemoryBucket", "Place", "Stat", "bucket_at"]
