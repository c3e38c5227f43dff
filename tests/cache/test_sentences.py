"""Names that outlive a version, and the figures in what the cache refuses with: each names what was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cache import Artifacts, FeatureCache, Key, Kind, NotStored, StorageFailed, UnclearKey, create_cache, open_cache
from cache.buckets import DiskBucket, MemoryBucket
from cache.errors import NotFinite, SegmentDamaged
from cache.ids import to_hex
from cache.segments import listing, segment
from cache.segments.segment import Segment
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, network, rows_of


def test_names_are_those_that_earlier_versions_gave(tmp_path: Path) -> None:
    """Else a cache would be filled with a second copy of what it holds."""
    assert segment.name_of(KEY.digest, rows_of([4, 8, 15], (AVGPOOL, STATS), failed=(8,))) == "be146477bb9a957b1644.h5"
    assert segment.name_of(KEY.digest, rows_of([4, 8, 15], failed=(8,))) == "46ab97aa3ce2ed461623.h5"
    assert (
        Artifacts(tmp_path, KEY.digest).keep(Kind("body", ".onnx"), b"network")
        == "body-7507c7fdcc89a7c63f7d0212af958eda.onnx"
    )


@pytest.mark.parametrize("recipes", [(AVGPOOL,), (AVGPOOL, STATS)])
@pytest.mark.parametrize("count", [4, 7, 64])
def test_vectors_of_a_cache_line_and_more_begin_on_one(count: int, recipes: tuple[object, ...], tmp_path: Path) -> None:
    bucket = DiskBucket(tmp_path)
    name = segment.write(bucket, KEY.digest, rows_of(list(range(count)), recipes))  # type: ignore[arg-type]
    stored = Segment.open(bucket, name, KEY.digest).recipes.values()
    assert [one.offset % 64 for one in stored] == [0] * len(recipes)
    assert [one.nbytes for one in stored] == [count * 5 * 4] * len(recipes)


def test_bytes_that_were_changed_are_named_from_the_first_to_the_last(tmp_path: Path) -> None:
    bucket = DiskBucket(tmp_path)
    name = segment.write(bucket, KEY.digest, rows_of([1, 2, 3]))
    whole = bytearray((tmp_path / name).read_bytes())
    offset = Segment.open(bucket, name, KEY.digest).recipes[AVGPOOL].offset
    whole[offset] ^= 1
    (tmp_path / name).write_bytes(whole)
    with pytest.raises(SegmentDamaged, match=f"the bytes {offset} to {offset + 3 * 5 * 4 - 1} are not those that were"):
        Segment.open(bucket, name, KEY.digest).verify()
    (tmp_path / name).write_bytes(whole + b"more")
    with pytest.raises(SegmentDamaged, match=f"it has {len(whole) + 4} bytes, {len(whole)} were written"):
        Segment.open(bucket, name, KEY.digest)


def test_vectors_that_are_missing_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    cache = create_cache(tmp_path, KEY)
    cache.append(rows_of([1, 2, 3], failed=(2,)))
    said = rf"3 of 5 pictures have no 'avgpool' embedding .* \(the first has id {to_hex(ids_of([2]))[0][:12]}\)"
    with pytest.raises(NotStored, match=said):
        cache.gather(ids_of([1, 2, 3, 4, 5]), AVGPOOL)
    with pytest.raises(NotStored, match=r"holds no embedding 'stats' \(it holds: avgpool\)"):
        cache.recipe("stats")
    with pytest.raises(NotStored, match=r"\(it holds: none yet\)"):
        create_cache(tmp_path, Key(network("resnet18"), "w", {})).recipe("stats")


def test_rows_that_do_not_fit_are_counted() -> None:
    rows = rows_of([1, 2, 3, 4], failed=(2,))
    matrix = rows.vectors[AVGPOOL].copy()
    matrix[[0, 3], 2] = np.inf, np.nan
    with pytest.raises(NotFinite, match="2 of 4 vectors of 'avgpool' hold numbers that are not finite"):
        replace(rows, vectors={AVGPOOL: matrix})
    with pytest.raises(ValueError, match="4 ids, but 3 rows of status"):
        replace(rows, status=rows.status[:3])
    with pytest.raises(ValueError, match="4 ids, but 5 rows of avgpool"):
        replace(rows, vectors={AVGPOOL: np.zeros((5, 5), np.float32)})
    with pytest.raises(ValueError, match="an id stands twice"):
        replace(rows, ids=ids_of([1, 2, 3, 1]))
    assert replace(rows, vectors={AVGPOOL: rows.vectors[AVGPOOL]}).details == {1: "cut short at 2"}


def test_several_caches_are_counted_and_an_empty_one_is_no_choice_beside_another(tmp_path: Path) -> None:
    caches = [create_cache(tmp_path, Key(network(name), "w", {})) for name in ("a", "ab", "c")]
    with pytest.raises(UnclearKey, match=r"2 feature caches in .* fit: choose one with --key") as raised:
        open_cache(tmp_path, "a")
    assert "(empty)" not in str(raised.value), "all are"
    caches[1].append(rows_of([1]))
    assert open_cache(tmp_path).key.backbone == "ab"
    assert open_cache(tmp_path, "a").key.backbone == "ab"
    caches[2].append(rows_of([1]))
    with pytest.raises(
        UnclearKey,
        match=rf"2 feature caches in .*: {caches[0].key.folder_name} \(empty\), {caches[1].key.folder_name}, ",
    ):
        open_cache(tmp_path)
    with pytest.raises(UnclearKey, match=r"no feature cache in .* has 'vgg' in its name"):
        open_cache(tmp_path, "vgg")


def test_segments_that_are_merged_all_the_time_are_read_a_hundred_times() -> None:
    segments, tried = FeatureCache.create(MemoryBucket(), KEY)._segments, []

    def read() -> object:
        tried.append(1)
        if len(tried) == 100:
            return "at last"
        raise FileNotFoundError

    assert segments.steadily(read) == "at last"
    tried.append(1)
    with pytest.raises(StorageFailed, match="change faster than they can be read: try again"):
        segments.steadily(read)
    assert len(tried) == 201


def test_a_bucket_that_changes_with_each_look_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a hundred listings, each of which differs from the one before."""
    segments, looks = FeatureCache.create(MemoryBucket(), KEY)._segments, []
    monkeypatch.setattr(segments, "_listed", lambda: looks.append(1) or {f"{len(looks)}.h5"})
    segments.refresh()
    assert len(looks) == 1 + listing._LISTINGS == 101
    assert segments.opened == []


def test_a_name_of_the_package_is_loaded_when_it_is_asked_for_and_once() -> None:
    import cache

    vars(cache).pop("open_cache", None)
    assert cache.open_cache is open_cache
    assert vars(cache)["open_cache"] is open_cache, "from now on it is found without being looked for"
    assert {"open_cache", "FeatureCache", "__doc__"} <= set(dir(cache))
    assert dir(cache) == sorted(dir(cache))
    assert list(cache.__all__) == sorted(cache.__all__)
    with pytest.raises(AttributeError, match="module 'cache' has no attribute 'opn_cache'"):
        cache.opn_cache  # type: ignore[attr-defined]  # noqa: B018


def test_vectors_of_nobody_are_a_matrix_without_rows() -> None:
    cache = FeatureCache.create(MemoryBucket(), KEY)
    cache.append(rows_of([1, 2]))
    none = cache.mapped(ids_of([]).astype("S32"), AVGPOOL)
    assert (len(none), none.shape, none.dtype, none.read().shape) == (0, (0, 0), np.float32, (0, 0))
    some = cache.mapped(ids_of([2, 1, 2]), AVGPOOL)
    assert (len(some), some.shape, some.dtype) == (3, (3, 5), np.float32)


def test_what_is_stored_is_told_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    cache = FeatureCache.create(MemoryBucket(), KEY)
    with caplog.at_level("INFO", "cache"):
        cache.append(rows_of([1, 2]))
        cache.append(rows_of([1, 2]).take(np.array([], np.intp)))
    assert [record.getMessage() for record in caplog.records] == [f"2 rows stored under the key {KEY.folder_name}"]


def test_an_artifact_is_held_where_its_bytes_are_whole(tmp_path: Path) -> None:
    artifacts, kind = Artifacts(tmp_path, KEY.digest), Kind("body", ".onnx")
    assert not artifacts.holds(kind, b"network")
    name = artifacts.keep(kind, b"network")
    assert artifacts.holds(kind, b"network")
    assert not artifacts.holds(kind, b"another")
    assert (artifacts.glance(name, 3), artifacts.glance(name, 99)) == (b"net", b"network")
    (tmp_path / name).write_bytes(b"netware")
    assert not artifacts.holds(kind, b"network")
    artifacts.keep(kind, b"network")  # made again
    assert artifacts.load(name) == b"network"


def test_a_list_for_people_is_written_where_it_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one is the beginning of the other."""
    artifacts, written = Artifacts(tmp_path, KEY.digest), []
    replaced = DiskBucket.replace
    monkeypatch.setattr(DiskBucket, "replace", lambda *how: written.append(how[-1][0]) or replaced(*how))
    for text in (b"a", b"a", b"ab", b"ab", b"a"):
        artifacts.write("failures.csv", text)
        assert (tmp_path / "failures.csv").read_bytes() == text
    assert written == [b"a", b"ab", b"a"]


def test_what_is_not_stored_is_one_sentence_with_the_command() -> None:
    assert str(NotStored("2 pictures have none", KEY, "avgpool")) == (
        "2 pictures have none: run `featurize run --embedding avgpool`"
    )
    assert str(NotStored("2 pictures have none", KEY)) == "2 pictures have none: run `featurize run`"
    assert str(NotStored("there is no plan")) == "there is no plan"
