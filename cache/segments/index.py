"""Who is in the cache: the ids of all segments, sorted, and for each recipe where its vector lies.

Made anew from the segments whenever their list changes; it is never written to disk, so it can't disagree
with them. Where an id stands in several segments (after a crash during compaction, or when two machines did
the same work), an embedded row comes before a failed one, then the segment that was named first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache.ids import ID_DTYPE, Ids, positions
from cache.key import Recipe
from cache.rows import ABSENT, OK
from cache.segments.segment import Segment


@dataclass(frozen=True)
class Places:
    """For sorted, distinct ids: the segment and the row in it.

    Parameters
    ----------
    ids : ndarray (N,) S32
    segment : ndarray (N,) int
    row : ndarray (N,) int
    status : ndarray (N,) uint8
    """

    ids: Ids
    segment: NDArray[np.intp]
    row: NDArray[np.intp]
    status: NDArray[np.uint8]

    @classmethod
    def of(cls, segments: Sequence[Segment], recipe: Recipe | None = None) -> Places:
        """Places of all ids, or of those embedded with a recipe."""
        chosen = [n for n, s in enumerate(segments) if recipe is None or recipe in s.recipes]
        if not chosen:
            empty = np.empty(0, np.intp)
            return cls(np.empty(0, ID_DTYPE), empty, empty, np.empty(0, np.uint8))
        ids = np.concatenate([segments[n].ids for n in chosen])
        status = np.concatenate([segments[n].status for n in chosen])
        number = np.repeat(chosen, [len(segments[n]) for n in chosen])
        row = np.concatenate([np.arange(len(segments[n])) for n in chosen])
        # lexsort: the last is the first criterion; ids as two big-endian halves would not be faster
        order = np.lexsort((number, status != OK, ids))
        first = np.ones(len(order), bool)
        first[1:] = ids[order][1:] != ids[order][:-1]
        kept = order[first]
        if recipe is not None:
            kept = kept[status[kept] == OK]
        return cls(ids[kept], number[kept], row[kept], status[kept])

    def find(self, wanted: Ids) -> NDArray[np.intp]:
        """Positions of wanted ids in these places, -1 where absent."""
        return positions(wanted, self.ids)

    def status_of(self, wanted: Ids) -> NDArray[np.uint8]:
        """Status of wanted ids, `ABSENT` where the cache has no row for them."""
        place = self.find(wanted)
        if not len(self.ids):
            return np.full(len(wanted), ABSENT, np.uint8)
        return np.where(place >= 0, self.status[place], ABSENT).astype(np.uint8)
