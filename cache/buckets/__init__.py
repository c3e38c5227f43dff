"""Where bytes lie: one small contract; a disk, the memory and object stores behind it; the choice between them."""

from __future__ import annotations

from pathlib import Path

from cache.addresses import meant_address, scheme_of
from cache.buckets.base import ASIDE, Bucket, Stat
from cache.buckets.clients import SCHEMES
from cache.buckets.disk import DiskBucket
from cache.buckets.memory import MemoryBucket
from cache.buckets.objects import ObjectBucket
from cache.errors import StorageFailed

Place = str | Path | Bucket  # where something lies, as callers may say it


def bucket_at(place: Place) -> Bucket:
    """The bucket at a place: a path is a folder on this machine's disks, "s3://..." is in an object store.

    Raises
    ------
    StorageFailed
        It is an address, and no storage of that kind is known, or what speaks to it is not installed; or it is nearly
        an address, as "s3:/museum" is, and what `Path("s3://museum")` makes of one.
    """
    if isinstance(place, Bucket):
        return place
    if isinstance(place, str) and (scheme := scheme_of(place)):
        if scheme in SCHEMES:
            return ObjectBucket(place)
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise StorageFailed(f"{place!r} is no address where features can be kept: give a path, or one of {known}")
    if address := meant_address(place):
        raise StorageFailed(
            f"{str(place)!r} is nearly an address: write {address!r}, as a text; for a folder of that name, give its "
            "whole path"
        )
    return DiskBucket(Path(place))


__all__ = ["ASIDE", "Bucket", "DiskBucket", "MemoryBucket", "ObjectBucket", "Place", "Stat", "bucket_at"]
