"""Who is in the cache: for each id, the segment and the row in it, in 13 bytes a row.

Made anew from the segments whenever their list changes; it is never written to disk, so it can't disagree
with them. The first eight bytes of each id are held, sorted; whether a row found by them is the one that is
meant is decided by the whole id, which its segment has. Where an id stands in several segments (after a crash during
compaction, or when two machines did the same work), an embedded row comes before a failed one, then the segment that
was named first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cache.ids import ID_DTYPE, Ids
from cache.ids import short as short_of
from cache.key import Recipe
from cache.rows import ABSENT, OK
from cache.segments.segment import Segment


@dataclass(frozen=True)
class Found:
    """Where wanted ids stand.

    Parameters
    ----------
    segment : ndarray (M,) intp
        Number of the segment in the index, -1 where the id is absent.
    row : ndarray (M,) intp
        Its place in that segment.
    status : ndarray (M,) uint8
        `ABSENT` where the id is absent.
    """

    segment: NDArray[np.intp]
    row: NDArray[np.intp]
    status: NDArray[np.uint8]


class Index:
    """The rows of some segments, by id.

    Parameters
    ----------
    segments : sequence of Segment
    earlier : Index, optional
        An index of the first of them, which is continued.
    """

    def __init__(self, segments: Sequence[Segment], earlier: Index | None = None) -> None:
        self.segments = list(segments)
        self._starts = np.cumsum([0, *(len(s) for s in self.segments)])
        self._rank = np.empty(len(self.segments), np.intp)
        self._rank[np.argsort([s.name for s in self.segments], kind="stable")] = np.arange(len(self.segments))
        known = 0 if earlier is None else len(earlier.segments)
        old = int(self._starts[known])
        total = int(self._starts[-1])
        short = np.empty(total, np.uint64)
        self._status = np.empty(total, np.uint8)
        if earlier is not None:
            short[:old], self._status[:old] = earlier._short, earlier._status
        for number in range(known, len(self.segments)):
            part = slice(*self._starts[number : number + 2])
            short[part], self._status[part] = short_of(self.segments[number].ids), self.segments[number].status
        order = np.argsort(short, kind="stable")
        short.sort(kind="stable")
        self._short: NDArray[np.uint64] = short
        self._at: NDArray[np.unsignedinteger] = order.astype(np.uint32 if total < 1 << 32 else np.uint64)
        if earlier is not None:
            first = order < old
            self._at[first] = earlier._at[order[first]]

    def __len__(self) -> int:
        return len(self._short)

    def find(self, wanted: Ids, recipe: Recipe | None = None) -> Found:
        """Where ids stand, or where their vectors of a recipe do; (M,) S32.

        Raises
        ------
        FileNotFoundError
            The ids of a segment are not in memory, and it is gone: the caller lists again.
        """
        short = short_of(wanted)
        first, stop = np.searchsorted(self._short, short), np.searchsorted(self._short, short, "right")
        has = np.array([recipe is None or recipe in s.recipes for s in self.segments], bool)
        best = np.full(len(wanted), -1, np.intp)  # a row of all rows, counted through the segments
        worth = np.full(len(wanted), np.iinfo(np.intp).max)
        for step in range(int((stop - first).max(initial=0))):
            asked = np.flatnonzero(first + step < stop)
            at = self._at[first[asked] + step].astype(np.intp)
            number = self._number(at)
            failed = self._status[at] != OK
            rank = self._rank[number] + failed * len(self.segments)
            better = has[number] & (rank < worth[asked])
            if recipe is not None:
                better &= ~failed
            asked, at, rank = asked[better], at[better], rank[better]
            same = self._ids_at(at) == wanted[asked]
            best[asked[same]], worth[asked[same]] = at[same], rank[same]
        there = best >= 0
        segment = np.where(there, self._number(best), -1)
        row = np.where(there, best - self._starts[segment], -1)
        return Found(segment, row, np.where(there, self._status[best], ABSENT) if len(self) else _absent(len(wanted)))

    def ids(self) -> Ids:
        """All ids, ascending; raises like `find`."""
        if not self.segments:
            return np.empty(0, ID_DTYPE)
        found: Ids = np.unique(np.concatenate([s.ids for s in self.segments]))
        return found

    def _number(self, at: NDArray[np.intp]) -> NDArray[np.intp]:
        """The segments that rows lie in."""
        found: NDArray[np.intp] = np.searchsorted(self._starts, at, "right") - 1
        return found

    def _ids_at(self, at: NDArray[np.intp]) -> Ids:
        """The whole ids of some rows, each segment's read once."""
        found = np.empty(len(at), ID_DTYPE)
        order = np.argsort(at, kind="stable")
        number = self._number(at[order])
        cuts = np.flatnonzero(np.diff(number, prepend=-1, append=-1))
        for a, b in pairwise(cuts):
            rows = at[order[a:b]] - self._starts[number[a]]
            found[order[a:b]] = self.segments[number[a]].ids[rows]
        return found


def _absent(count: int) -> NDArray[np.uint8]:
    return np.full(count, ABSENT, np.uint8)
