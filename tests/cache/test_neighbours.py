"""Other processes add, merge, replace and mend segments while this one looks: it sees every row, and the right bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cache import FeatureCache, SegmentDamaged, StorageFailed, files, segment
from cache.compact import compact
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, rows_of, vector_of


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    cache = FeatureCache.create(tmp_path, KEY)
    cache.append(rows_of([1, 2, 3]))
    cache.append(rows_of([4, 5]))
    return cache


def neighbour(cache: FeatureCache) -> FeatureCache:
    """The same folder as another process sees it."""
    return FeatureCache(cache.folder)


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
    assert compact(cache).after == 1
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
        compact(cache)
        there = neighbour(cache).gather(ids_of([first, first + 1]), AVGPOOL)
        assert there.tobytes() == bits(first, first + 1)
    assert sum(map(len, cache.segments)) == 2, "each row stands once"


def test_the_same_rows_written_again_by_another_machine_are_no_damage(cache: FeatureCache) -> None:
    """Same name, other facts of the environment, so other bytes."""
    reader, lazy = neighbour(cache), neighbour(cache)
    lazy.gather(ids_of([1]), AVGPOOL)  # has checked and mapped the first file
    other = replace(rows_of([1, 2, 3]), environment={"engine": "another", "remark": "x" * 9000})
    segment.write(cache.folder, KEY.digest, other)
    for each in (reader, lazy):
        assert everything(each) == bits(1, 2, 3, 4, 5)
        each.verify()
        assert not each.problems
        each.refresh()
        assert any(s.environment["engine"] == "another" for s in each.segments)


def test_a_compaction_during_a_listing_hides_no_row(cache: FeatureCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder read while segments are merged can show neither the originals nor the merged one."""
    compact(cache)
    whole = cache._listed()

    def listings() -> Iterator[set[str]]:
        yield set()
        while True:
            yield whole

    views = listings()
    monkeypatch.setattr(FeatureCache, "_listed", lambda self: next(views))
    assert everything(neighbour(cache)) == bits(1, 2, 3, 4, 5)


def test_a_segment_replaced_while_it_is_opened_is_opened_again(
    cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = segment.Segment.open
    gone = iter([True, False, False, False])

    def unlucky(path: Path, digest: str) -> segment.Segment:
        if next(gone):
            raise FileNotFoundError(path)
        return opened(path, digest)

    monkeypatch.setattr(segment.Segment, "open", unlucky)
    assert everything(neighbour(cache)) == bits(1, 2, 3, 4, 5)


def test_an_append_that_is_merged_at_once_is_seen(cache: FeatureCache, monkeypatch: pytest.MonkeyPatch) -> None:
    write = segment.write

    def write_and_lose(*arguments: object) -> Path:
        path = write(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(segment, "write", write)
        compact(neighbour(cache))
        return path

    monkeypatch.setattr(segment, "write", write_and_lose)
    cache.append(rows_of([6]))
    assert cache.gather(ids_of([1, 6]), AVGPOOL).tobytes() == bits(1, 6)


def test_a_segment_that_another_process_made_again_is_not_set_aside(cache: FeatureCache) -> None:
    (hurt,) = [s for s in cache.segments if len(s) == 3]
    content = hurt.path.read_bytes()
    flip(hurt.path, hurt.recipes[AVGPOOL].offset)
    late = neighbour(cache)
    late.verify()
    assert len(late.problems) == 1
    hurt.path.write_bytes(content)
    assert late.set_aside_damaged() == []
    assert everything(late) == bits(1, 2, 3, 4, 5)


def test_leftovers_of_a_compaction_that_was_killed_are_cleared_away(cache: FeatureCache) -> None:
    originals = {s.path: s.path.read_bytes() for s in cache.segments}
    compact(cache)
    for path, content in originals.items():
        path.write_bytes(content)
    again = neighbour(cache)
    assert len(again.segments) == 3
    assert compact(again).after == 1
    assert everything(again) == bits(1, 2, 3, 4, 5)


def test_a_damaged_merged_segment_lets_no_original_go(cache: FeatureCache) -> None:
    originals = {s.path: s.path.read_bytes() for s in cache.segments}
    compact(cache)
    (merged,) = cache.segments
    for path, content in originals.items():
        path.write_bytes(content)
    flip(merged.path, merged.recipes[AVGPOOL].offset)
    with pytest.raises(SegmentDamaged, match=merged.path.name):
        compact(neighbour(cache))
    assert all(path.exists() for path in originals)


def test_a_folder_that_can_not_be_read_is_one_sentence(cache: FeatureCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> Iterator[Path]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(StorageFailed, match="ulimit -n"):
        cache.refresh()


def test_a_segment_the_disk_can_not_read_is_set_aside_and_others_are_used(
    cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = min(cache.segments, key=len).path
    read = files.read_blocks

    def unreadable(path: Path, offset: int, length: int) -> Iterator[bytes]:
        if path == bad:
            raise OSError(5, "Input/output error")
        return read(path, offset, length)

    monkeypatch.setattr(files, "read_blocks", unreadable)
    reader = neighbour(cache)
    assert [type(p) for p in reader.problems] == [SegmentDamaged]
    assert "input/output error" in str(reader.problems[0])
    assert reader.gather(ids_of([1, 2, 3]), AVGPOOL).tobytes() == bits(1, 2, 3)
    assert reader.set_aside_damaged() == [bad]


def test_recipes_are_kept_apart_while_segments_merge(cache: FeatureCache) -> None:
    cache.append(rows_of([1, 2], (STATS,)))
    compact(cache)
    reader = neighbour(cache)
    assert everything(reader) == bits(1, 2, 3, 4, 5)
    assert np.array_equal(reader.gather(ids_of([2]), STATS)[0], vector_of(2, STATS))
