"""Other processes add, merge, replace and mend segments while this one looks: it sees every row, and the right bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cache import FeatureCache, SegmentDamaged, files
from cache.buckets import Bucket, DiskBucket
from cache.key import KEY_FILE
from cache.segments import segment
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, rows_of, vector_of


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    cache = FeatureCache.create(tmp_path, KEY)
    cache.append(rows_of([1, 2, 3]))
    cache.append(rows_of([4, 5]))
    return cache


def neighbour(cache: FeatureCache) -> FeatureCache:
    """The same folder as another process sees it."""
    return FeatureCache(cache.bucket)


def paths_of(cache: FeatureCache) -> dict[int, Path]:
    """The segments' files, by the number of their rows."""
    return {len(s): Path(s.bucket.where(s.name)) for s in cache._segments.opened}


def bits(*numbers: int) -> bytes:
    return b"".join(vector_of(n).tobytes() for n in numbers)


def everything(cache: FeatureCache) -> bytes:
    return cache.gather(ids_of([1, 2, 3, 4, 5]), AVGPOOL).tobytes()


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_reader_from_before_a_compaction_goes_on_reading(cache: FeatureCache) -> None:
    reader = neighbour(cache)
    assert cache.compact().after == 1
    assert everything(reader) == bits(1, 2, 3, 4, 5)


def test_a_segment_that_holds_the_rows_of_all_others_survives_compaction(tmp_path: Path) -> None:
    """The merged segment has the very rows, and so the name, of one that it replaces."""

    def name(*numbers: int) -> str:
        return segment.name_of(KEY.digest, rows_of(list(numbers)))

    first = next(n for n in range(100) if name(n, n + 1) < min(name(n), name(n + 1)))  # segments merge by name
    cache = FeatureCache.create(tmp_path, KEY)
    for numbers in ([first, first + 1], [first], [first + 1]):
        cache.append(rows_of(numbers))
    for _ in range(2):
        cache.compact()
        there = neighbour(cache).gather(ids_of([first, first + 1]), AVGPOOL)
        assert there.tobytes() == bits(first, first + 1)
    assert list(paths_of(cache)) == [2], "each row stands once"


def test_the_same_rows_made_again_by_another_machine_are_no_damage(cache: FeatureCache) -> None:
    """Same name, other facts of the environment, so other bytes: after the first ones were set aside."""
    reader, lazy = neighbour(cache), neighbour(cache)
    lazy.gather(ids_of([1]), AVGPOOL)  # has checked and mapped the first file
    mapped = lazy.mapped(ids_of([1, 2, 3]), AVGPOOL)
    other = replace(rows_of([1, 2, 3]), environment={"engine": "another", "remark": "x" * 9000})
    cache.bucket.set_aside(paths_of(cache)[3].name)
    segment.write(cache.bucket, KEY.digest, other)
    for each in (reader, lazy):
        assert everything(each) == bits(1, 2, 3, 4, 5)
        assert each.verify() == []
        each.refresh()
        assert any(e["engine"] == "another" for e in each.environments())
    assert mapped.read().tobytes() == bits(1, 2, 3)


def test_rows_mapped_while_segments_are_merged_are_found_where_they_went(cache: FeatureCache) -> None:
    """A reader that was opened before maps what it needs after all segments it knew are gone."""
    reader = neighbour(cache)
    cache.compact()
    assert reader.mapped(ids_of([5, 1]), AVGPOOL).read().tobytes() == bits(5, 1)


def test_a_compaction_during_a_listing_hides_no_row(cache: FeatureCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder read while segments are merged can show neither the originals nor the merged one."""
    cache.compact()
    whole = cache.bucket.names()

    def listings() -> Iterator[set[str]]:
        yield {KEY_FILE}
        while True:
            yield whole

    views = listings()
    monkeypatch.setattr(DiskBucket, "names", lambda self: next(views))
    assert everything(neighbour(cache)) == bits(1, 2, 3, 4, 5)


def test_a_segment_replaced_while_it_is_opened_is_opened_again(
    cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = segment.Segment.open
    gone = iter([True, False, False, False])

    def unlucky(bucket: Bucket, name: str, digest: str) -> segment.Segment:
        if next(gone):
            raise FileNotFoundError(name)
        return opened(bucket, name, digest)

    monkeypatch.setattr(segment.Segment, "open", unlucky)
    assert everything(neighbour(cache)) == bits(1, 2, 3, 4, 5)


def test_an_append_that_is_merged_at_once_is_seen(cache: FeatureCache, monkeypatch: pytest.MonkeyPatch) -> None:
    write = segment.write

    def write_and_lose(*arguments: object) -> str:
        name = write(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(segment, "write", write)
        neighbour(cache).compact()
        return name

    monkeypatch.setattr(segment, "write", write_and_lose)
    cache.append(rows_of([6]))
    assert cache.gather(ids_of([1, 6]), AVGPOOL).tobytes() == bits(1, 6)


def test_a_segment_that_another_process_made_again_is_not_set_aside(cache: FeatureCache) -> None:
    hurt = paths_of(cache)[3]
    content = hurt.read_bytes()
    flip(hurt, -1)
    late = neighbour(cache)
    assert len(late.verify()) == 1
    hurt.write_bytes(content)
    assert late.repair() == []
    assert everything(late) == bits(1, 2, 3, 4, 5)


def test_leftovers_of_a_compaction_that_was_killed_are_cleared_away(cache: FeatureCache) -> None:
    originals = {path: path.read_bytes() for path in paths_of(cache).values()}
    cache.compact()
    for path, content in originals.items():
        path.write_bytes(content)
    again = neighbour(cache)
    assert again.segment_count == 3
    assert again.compact(1).after == 1, "also where nothing is small enough to be merged"
    assert everything(again) == bits(1, 2, 3, 4, 5)


def test_a_damaged_merged_segment_lets_no_original_go(cache: FeatureCache) -> None:
    originals = {path: path.read_bytes() for path in paths_of(cache).values()}
    cache.compact()
    (merged,) = paths_of(cache).values()
    for path, content in originals.items():
        path.write_bytes(content)
    flip(merged, -1)
    with pytest.raises(SegmentDamaged, match=merged.name):
        neighbour(cache).compact()
    assert all(path.exists() for path in originals)


def test_a_segment_the_disk_can_not_read_is_set_aside_and_others_are_used(
    cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = paths_of(cache)[2]
    read = files.read_blocks

    def unreadable(path: Path, offset: int, length: int | None) -> Iterator[bytes]:
        if path == bad:
            raise OSError(5, "Input/output error")
        return read(path, offset, length)

    monkeypatch.setattr(files, "read_blocks", unreadable)
    reader = neighbour(cache)
    assert [type(p) for p in reader.problems] == [SegmentDamaged]
    assert "input/output error" in str(reader.problems[0])
    assert reader.gather(ids_of([1, 2, 3]), AVGPOOL).tobytes() == bits(1, 2, 3)
    assert reader.repair() == [bad.name]


def test_recipes_are_kept_apart_while_segments_merge(cache: FeatureCache) -> None:
    cache.append(rows_of([1, 2], (STATS,)))
    cache.compact()
    reader = neighbour(cache)
    assert everything(reader) == bits(1, 2, 3, 4, 5)
    assert np.array_equal(reader.gather(ids_of([2]), STATS)[0], vector_of(2, STATS))
