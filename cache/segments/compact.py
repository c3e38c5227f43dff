"""Writing segments again: many small ones merged into few, which hold the same rows, or one without some rows.

The merged segment names those it replaces and is committed before any of them is deleted. A crash between
leaves rows that stand twice, which readers see once and the next compaction clears away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cache.ids import Ids
from cache.key import Json
from cache.rows import Rows
from cache.segments import segment
from cache.segments.index import Index
from cache.segments.listing import Segments
from cache.segments.mapped import places_of_each
from cache.segments.segment import Segment

TARGET_BYTES = 256 << 20  # of a merged segment; it passes through memory once, so this bounds the memory


@dataclass(frozen=True)
class Compaction:
    """What a compaction did: how many segments there were before and after."""

    before: int
    after: int


def compact(segments: Segments, target_bytes: int = TARGET_BYTES) -> Compaction:
    """Merge segments up to a size each.

    Parameters
    ----------
    segments : Segments
    target_bytes : int
        Segments of half this size or more are left as they are.

    Raises
    ------
    SegmentDamaged, StorageFailed
        Nothing that was there before is gone.
    """
    segments.refresh()
    before = len(segments.opened)
    _delete_replaced(segments)
    for group in _groups(segments.opened, target_bytes):
        try:
            merged = _merge(group)
        except FileNotFoundError:
            continue  # another process merged some of these meanwhile
        names = [s.name for s in group]
        whole = segment.name_of(segments.key_digest, merged)  # an old one's own, where it held all rows of the others
        replaced = [name for name in names if name != whole]
        segment.write(segments.bucket, segments.key_digest, merged, replaced)
        segments.bucket.each(segments.bucket.delete, replaced)
    segments.refresh()
    return Compaction(before, len(segments.opened))


def drop(segments: Segments, unwanted: Ids) -> None:
    """Write the segments that hold some pictures again without them.

    As with merging, the new segment names the one that it replaces, and is committed first: a crash between leaves
    rows that stand twice, and those that were to go, until the same is done again.

    Raises
    ------
    SegmentDamaged, StorageFailed
        Some may be gone already; all other rows are there.
    """
    segments.steadily(lambda: _drop(segments, unwanted))
    segments.refresh()


def _drop(segments: Segments, unwanted: Ids) -> None:
    for opened in segments.opened:
        kept = np.flatnonzero(~np.isin(opened.ids, unwanted))
        if len(kept) == len(opened):
            continue
        if len(kept):
            segment.write(segments.bucket, segments.key_digest, opened.rows().take(kept), [opened.name])
        segments.bucket.delete(opened.name)


def _delete_replaced(segments: Segments) -> None:
    segments.bucket.settle()  # the writer of a merged segment may have died before its name was flushed to the disk
    there = {s.name: s for s in segments.opened}
    for merged in list(there.values()):
        leftovers = [name for name in merged.replaces if name in there and name != merged.name]
        try:
            if leftovers:
                merged.verify()  # the copy is whole, so the originals may go
        except FileNotFoundError:
            continue  # another process merged it meanwhile
        for name in leftovers:
            segments.bucket.delete(name)
    segments.refresh()


def _groups(segments: Sequence[Segment], target_bytes: int) -> Iterator[list[Segment]]:
    """Small segments with the same recipes, in groups of two or more that together stay under the size."""
    by_recipes: dict[tuple[tuple[str, str], ...], list[Segment]] = {}
    for opened in segments:
        if opened.size < target_bytes // 2:
            kind = tuple(sorted((r.digest, s.dtype.str) for r, s in opened.recipes.items()))
            by_recipes.setdefault(kind, []).append(opened)
    for alike in by_recipes.values():
        group: list[Segment] = []
        size = 0
        for opened in alike:
            if group and size + opened.size > target_bytes:
                yield group
                group, size = [], 0
            group.append(opened)
            size += opened.size
        if len(group) > 1:
            yield group


def _merge(group: Sequence[Segment]) -> Rows:
    index = Index(group)
    found = index.find(index.ids())
    chosen = [(group[n], np.sort(found.row[places])) for n, places in places_of_each(found.segment)]
    parts = group[0].bucket.each(lambda one: one[0].rows().take(one[1]), chosen)
    starts = np.cumsum([0, *(len(p) for p in parts)])
    return Rows(
        np.concatenate([p.ids for p in parts]),
        np.concatenate([p.status for p in parts]),
        {recipe: np.concatenate([p.vectors[recipe] for p in parts]) for recipe in parts[0].vectors},
        {
            int(start) + place: said
            for start, p in zip(starts, parts, strict=False)
            for place, said in p.details.items()
        },
        _environment(group),
    )


def _environment(group: Sequence[Segment]) -> Mapping[str, Json]:
    distinct: list[Mapping[str, Json]] = []
    for opened in group:
        distinct += [e for e in opened.environments if e not in distinct]
    return distinct[0] if len(distinct) == 1 else {"merged": distinct}
