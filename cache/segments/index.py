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

import numpy as np
from numpy.typing import NDArray

from cache.ids import ID_DTYPE, Ids
from cache.ids import short as short_of
from cache.key import Recipe
from cache.rows import ABSENT, OK
from cache.segments.mapped import places_of_each
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
        short = np.empty(total - old, np.uint64)
        status = np.empty(total - old, np.uint8)
        for number in range(known, len(self.segments)):
            part = slice(*(self._starts[number : number + 2] - old))
            short[part], status[part] = short_of(self.segments[number].ids), self.segments[number].status
        order = np.argsort(short, kind="stable")
        short.sort(kind="stable")
        at: NDArray[np.unsignedinteger] = order.astype(np.uint32 if total < 1 << 32 else np.uint64)
        if earlier is None:
            self._short, self._at, self._status = short, at, status
        else:  # what is sorted already is not sorted again: a long run continues its index after each part of its table
            place = np.searchsorted(earlier._short, short, "right")
            self._short = np.insert(earlier._short, place, short)
            self._at = np.insert(earlier._at.astype(at.dtype, copy=False), place, at + at.dtype.type(old))
            self._status = np.concatenate([earlier._status, status])

    def __len__(self) -> int:
        return len(self._short)

    def find(self, wanted: Ids, recipe: Recipe | None = None) -> Found:
        """Where ids stand, or where their vectors of a recipe do; (M,) S32.

        Raises
        ------
        FileNotFoundError
            The ids of a segment are not in memory, and it is gone: the caller lists again.
        """
        first, stop = self._stretches(short_of(wanted))
        best = np.full(len(wanted), -1, np.intp)  # a row of all rows, counted through the segments
        worth = np.full(len(wanted), np.iinfo(np.intp).max)
        for step in range(int((stop - first).max(initial=0))):
            asked = np.flatnonzero(first + step < stop)
            at = self._at[first[asked] + step].astype(np.intp)
            number = self._number(at)
            failed = self._status[at] != OK
            rank = self._rank[number] + failed * len(self.segments)
            better = rank < worth[asked]
            if recipe is not None:
                better &= ~failed & self._have(number, recipe)
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

    def _stretches(self, short: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Where the rows with these first eight bytes begin and end in the index, (M,) each."""
        order = np.argsort(short)  # neighbours are looked up one after the other: the index is far larger than a cache
        first, stop = np.empty(len(short), np.intp), np.empty(len(short), np.intp)
        first[order] = np.searchsorted(self._short, short[order])
        stop[order] = np.searchsorted(self._short, short[order], "right")
        return first, stop

    def _have(self, number: NDArray[np.intp], recipe: Recipe) -> NDArray[np.bool_]:
        """Whether segments (M,) hold vectors of a recipe; only those that are asked for are looked at."""
        distinct, back = np.unique(number, return_inverse=True)
        found: NDArray[np.bool_] = np.array([recipe in self.segments[n].recipes for n in distinct], bool)[back]
        return found

    def _number(self, at: NDArray[np.intp]) -> NDArray[np.intp]:
        """The segments that rows lie in."""
        found: NDArray[np.intp] = np.searchsorted(self._starts, at, "right") - 1
        return found

    def _ids_at(self, at: NDArray[np.intp]) -> Ids:
        """The whole ids of some rows, each segment's read once."""
        found = np.empty(len(at), ID_DTYPE)
        for n, places in places_of_each(self._number(at)):
            found[places] = self.segments[n].ids[at[places] - self._starts[n]]
        return found


def _absent(count: int) -> NDArray[np.uint8]:
    return np.full(count, ABSENT, np.uint8)
