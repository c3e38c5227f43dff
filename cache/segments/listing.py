"""The segments of one key as last listed: who is there, who is damaged, and where each vector lies.

The list of names in the bucket is the manifest: what is listed is there whole, and nothing else knows better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cache.buckets import Bucket
from cache.errors import CacheError, ForeignKey, SegmentDamaged, StorageFailed
from cache.key import KEY_FILE
from cache.rows import Rows
from cache.segments import segment
from cache.segments.index import Index
from cache.segments.segment import Segment

IDS_IN_MEMORY = 4_000_000  # rows; beyond, the segments' ids (32 bytes each) are read again when they are needed
_LISTINGS = 100  # of a bucket that changes all the time, before its state is taken as it is

T = TypeVar("T")


class Segments:
    """The undamaged segments in a bucket.

    Parameters
    ----------
    bucket : Bucket
        A key's.
    key_digest : str

    Attributes
    ----------
    problems : list of CacheError
        Segments that were left out because they are damaged or foreign.
    """

    def __init__(self, bucket: Bucket, key_digest: str) -> None:
        self.bucket = bucket
        self.key_digest = key_digest
        self.problems: list[CacheError] = []
        self._opened: dict[str, Segment] = {}
        self._index: Index | None = None
        self.refresh()

    @property
    def opened(self) -> list[Segment]:
        """All of them, by name."""
        return [self._opened[name] for name in sorted(self._opened)]

    def index(self) -> Index:
        """Where each picture's row lies; its segments are in an order of its own."""
        known = self._index
        if known is None:
            self._index = Index(self.opened)
        elif len(known.segments) < len(self._opened):  # some were added here since
            there = {s.name for s in known.segments}
            self._index = Index([*known.segments, *(s for s in self.opened if s.name not in there)], known)
        else:
            return known
        if len(self._index) > IDS_IN_MEMORY:
            for opened in self._opened.values():
                opened.forget_ids()
        return self._index

    def refresh(self) -> None:
        """List again: other processes may have added or merged segments.

        A listing is not a moment: while it is made, a merged segment can appear where it has looked already, and
        the originals vanish where it has not. So it counts only when the next one is the same.

        Raises
        ------
        StorageFailed
            The bucket can't be listed, or is gone.
        """
        listed = self._listed()
        for _ in range(_LISTINGS):
            whole = self._take(listed)
            before, listed = listed, self._listed()
            if whole and listed == before:
                break
        self._index = None

    def steadily(self, read: Callable[[], T]) -> T:
        """What a reader gives, called again after a new listing where segments were merged or replaced under it.

        Raises
        ------
        StorageFailed
            They change faster than they can be read.
        """
        for _ in range(_LISTINGS):
            try:
                return read()
            except FileNotFoundError:
                self.refresh()
        raise StorageFailed(f"the segments in {self.bucket.where()!r} change faster than they can be read: try again")

    def add(self, rows: Rows) -> None:
        """Write rows as one new segment; raises `StorageFailed`, and nothing was added."""
        name = segment.write(self.bucket, self.key_digest, rows)
        try:
            if name in self._opened:
                self._index = None
            self._opened[name] = Segment.open(self.bucket, name, self.key_digest)
        except FileNotFoundError:
            self.refresh()  # another process merged it at once

    def verify(self) -> None:
        """Check every byte; what does not hold is left out and listed in `problems`."""
        self.steadily(self._verify)

    def _verify(self) -> None:
        for problem in filter(None, self.bucket.each(_damage, list(self._opened.values()))):
            del self._opened[problem.name]
            self._index = None
            self.problems.append(problem)

    def set_aside_damaged(self) -> list[str]:
        """Put aside the damaged ones that `problems` lists; gives their names."""
        damaged = [p.name for p in self.problems if isinstance(p, SegmentDamaged) and self._is_damaged(p.name)]
        for name in damaged:
            self.bucket.set_aside(name)
        self.refresh()
        return damaged

    def _is_damaged(self, name: str) -> bool:
        """Whether it still is: another process may have set it aside and made it again meanwhile."""
        try:
            Segment.open(self.bucket, name, self.key_digest).verify()
        except SegmentDamaged:
            return True
        except (FileNotFoundError, ForeignKey):
            return False
        return False

    def _listed(self) -> set[str]:
        names = self.bucket.names()
        if KEY_FILE not in names:
            raise StorageFailed(f"the feature cache {self.bucket.where()!r} is gone: moved, or its disk taken away?")
        return {name for name in names if name.endswith(segment.SUFFIX)}

    def _take(self, listed: set[str]) -> bool:
        """Open the segments that are new in a listing, drop those that are not in it; whether none had gone."""
        known = [opened for name, opened in self._opened.items() if name in listed]
        there = self.bucket.each(Segment.is_there, known)
        self._opened = {opened.name: opened for opened, still in zip(known, there, strict=True) if still}
        found = self.bucket.each(self._open, sorted(listed - self._opened.keys()))
        self._opened.update((opened.name, opened) for opened in found if isinstance(opened, Segment))
        self.problems = [problem for problem in found if isinstance(problem, CacheError)]
        return None not in found

    def _open(self, name: str) -> Segment | CacheError | None:
        """A segment, or what is wrong with it; None where it was merged away, or replaced by the same rows."""
        try:
            return Segment.open(self.bucket, name, self.key_digest)
        except FileNotFoundError:
            return None
        except (SegmentDamaged, ForeignKey) as problem:
            return problem


def _damage(opened: Segment) -> SegmentDamaged | None:
    """What is wrong with the vectors of a segment."""
    try:
        opened.verify()
    except SegmentDamaged as problem:
        return problem
    return None
