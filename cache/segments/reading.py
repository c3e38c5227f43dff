"""Reading an object while others may put it aside and make it again under the same name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cache.buckets import Bucket, Stat
from cache.errors import ForeignKey, SegmentDamaged, Unreadable


@contextlib.contextmanager
def of_one_object(bucket: Bucket, name: str, stat: Stat) -> Iterator[None]:
    """What is checked in here and fails was read from that one object; where another took its name, it counts as gone.

    A damaged segment may be put aside and made again while it is read: then parts of two were read. What passes its
    checksums was read from one, whichever it was.
    """
    try:
        with readable(bucket, name):
            yield
    except (SegmentDamaged, ForeignKey):
        compare(bucket, name, stat)
        raise


def compare(bucket: Bucket, name: str, stat: Stat) -> None:
    """Raise FileNotFoundError where the object of that name is another one by now."""
    if stat_of(bucket, name) != stat:
        raise FileNotFoundError(f"another object has taken the name {bucket.where(name)!r}")


def stat_of(bucket: Bucket, name: str) -> Stat:
    """Size and identity of an object; raises SegmentDamaged where the storage can't read it."""
    with readable(bucket, name):
        return bucket.stat(name)


@contextlib.contextmanager
def readable(bucket: Bucket, name: str) -> Iterator[None]:
    """A segment that the storage can't read is a damaged one."""
    try:
        yield
    except Unreadable as error:
        raise SegmentDamaged(name, bucket.where(name), str(error)) from error
