"""What happens seldom: objects that go while they are looked at, file systems that can do less, damage of each kind."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cache import (
    ArtifactDamaged,
    Artifacts,
    FeatureCache,
    ForeignKey,
    Key,
    Kind,
    NotStored,
    Plan,
    Recipe,
    StorageFailed,
    UnclearKey,
    create_cache,
    files,
    open_cache,
)
from cache.buckets import DiskBucket, MemoryBucket, ObjectBucket, copies
from cache.buckets.answers import in_short
from cache.buckets.clients import connect
from cache.errors import SegmentDamaged, Unreadable
from cache.places import remember_place, remembered_places
from cache.plan import unfinished
from cache.schema1 import earlier_cache
from cache.segments import compact, segment, spans
from cache.segments.segment import Segment
from cache.store import read_key
from cache.writable import check_folder
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, network, rows_of

BODY = Kind("body", ".onnx")


def gone(*_: object, **__: object) -> Any:
    raise FileNotFoundError("gone meanwhile")


def unreadable(*_: object, **__: object) -> Any:
    raise Unreadable("the disk reports an input/output error")


# ---- file systems


@pytest.mark.parametrize(("number", "passes"), [(errno.EINVAL, True), (errno.ENOTSUP, True), (errno.EIO, False)])
def test_a_file_system_that_can_not_flush_folders_is_let_pass_and_no_other_error(
    number: int, passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems can't; the handle of the folder is closed in any case."""
    sync, closed, close = os.fsync, [], os.close

    def refuse_folders(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):  # noqa: PTH112
            raise OSError(number, os.strerror(number))
        sync(handle)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    monkeypatch.setattr(os, "close", lambda handle: closed.append(handle) or close(handle))
    if passes:
        files.write_atomic(tmp_path / "x", [b"data"])
    else:
        with pytest.raises(StorageFailed, match="input/output"):
            files.write_atomic(tmp_path / "x", [b"data"])
    assert len(closed) == 2


def test_without_links_of_two_that_create_a_name_at_once_the_later_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is taken between the first look and the commit."""

    def taken(_: Path, path: Path) -> None:
        path.write_bytes(b"another's")
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", taken)
    assert not files.create(tmp_path / "x", [b"mine"])
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("x", b"another's")]


def test_what_a_process_of_somebody_else_writes_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half = files.temporary_of(tmp_path / "x")
    half.write_bytes(b"half")

    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "kill", forbidden)
    files.sweep(tmp_path)
    assert half.exists()


def test_a_read_only_file_system_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Facts:
        f_flag = os.ST_RDONLY

    monkeypatch.setattr(os, "statvfs", lambda _: Facts())
    with pytest.raises(StorageFailed, match=r"can't write to .*: the file system is read-only: choose another folder"):
        check_folder(tmp_path / "new")


# ---- artifacts and plans


def test_an_artifact_that_is_not_there_or_can_not_be_read_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = Artifacts(tmp_path, KEY.digest)
    with pytest.raises(NotStored, match=r"there is no '.*missing'"):
        artifacts.glance("missing", 9)
    name = artifacts.keep(BODY, b"network")
    assert artifacts.verify() == []
    with monkeypatch.context() as patch:
        patch.setattr(DiskBucket, "read", gone)
        assert artifacts.verify() == [], "what goes meanwhile is no damage"
    with monkeypatch.context() as patch:
        patch.setattr(DiskBucket, "read", unreadable)
        (problem,) = artifacts.verify()
        assert isinstance(problem, Unreadable)
        assert artifacts.set_aside_damaged() == [], "only what was changed is put aside"
        assert list(artifacts.every(BODY)) == []
    (tmp_path / name).write_bytes(b"netware")
    assert [type(one) for one in artifacts.verify()] == [ArtifactDamaged]


def test_a_plan_of_another_length_or_that_is_gone_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts, plan = Artifacts(tmp_path, KEY.digest), Plan(ids_of([1, 2, 3]), ["r"], 2, 8)
    line, _, rest = plan._content().partition(b"\n")
    artifacts.keep(Kind("plan", ".ids"), json.dumps({**json.loads(line), "pictures": 4}).encode() + b"\n" + rest)
    assert unfinished(artifacts) == []
    plan.save(artifacts)
    assert len(unfinished(artifacts, ids_of([2]))) == 1
    assert unfinished(artifacts, ids_of([7])) == []
    monkeypatch.setattr(DiskBucket, "read", gone)
    assert unfinished(artifacts, ids_of([2])) == []


# ---- keys and names


@pytest.mark.parametrize("provider", ["", "Timm", "tim m", None, 3])
def test_what_can_not_name_a_provider_is_named(provider: object) -> None:
    with pytest.raises(ValueError, match=f"{provider!r} can't name a provider of networks"):
        Key({"provider": provider, "name": "x", "stages": []}, "w", {})


def test_keys_and_recipes_of_the_same_content_are_one_in_sets() -> None:
    assert len({KEY, Key(dict(KEY.network), KEY.weights, dict(KEY.transform)), Key(network("vgg"), "w", {})}) == 2
    assert len({AVGPOOL, Recipe("avgpool", {"formula": "mean"}), Recipe("avgpool", {"formula": "max"})}) == 2
    with pytest.raises(ValueError, match="'avg pool' can't name a recipe: letters"):
        Recipe("avg pool")


def test_a_recipe_stands_for_itself_among_names(tmp_path: Path) -> None:
    cache = create_cache(tmp_path, KEY)
    cache.append(rows_of([1], (AVGPOOL, STATS)))
    other = Recipe("other")
    assert cache.recipes_named(other) == [other]
    assert cache.recipes_named("stats,avgpool") == cache.recipes_named(" stats + avgpool") == [STATS, AVGPOOL]
    assert cache.recipes_named(["stats", other]) == [STATS, other]


def test_a_folder_that_holds_the_key_of_another_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Key(network("vgg"), "w", {})
    monkeypatch.setattr(Key, "folder_name", "same")
    create_cache(tmp_path, KEY)
    with pytest.raises(ForeignKey, match=f"key.json' holds another key than {other.digest[:12]}: move the folder away"):
        create_cache(tmp_path, other)


def test_a_folder_without_a_key_that_can_be_read_is_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = MemoryBucket("nothing")
    with pytest.raises(
        ForeignKey, match=r"'nothing \(in memory\)' is not a feature cache: it has no readable key.json"
    ):
        read_key(bucket)
    assert earlier_cache(bucket) is None
    bucket.create("key.json", [KEY.canonical])
    with monkeypatch.context() as patch:
        patch.setattr(MemoryBucket, "read", unreadable)
        assert earlier_cache(bucket) is None
        with pytest.raises(ForeignKey, match=r"it has no readable key\.json"):
            read_key(bucket)


def test_of_several_caches_one_that_is_spoiled_is_listed_by_its_name(tmp_path: Path) -> None:
    caches = [create_cache(tmp_path, Key(network(name), "w", {})) for name in ("a", "b")]
    remember_place(caches[0].artifacts, tmp_path / "w.safetensors")
    (Path(caches[0].place) / "key.json").write_text("{}")
    with pytest.raises(UnclearKey, match=rf"there are: {caches[0].key.folder_name}, {caches[1].key.folder_name}$"):
        open_cache(tmp_path)


# ---- segments


def test_a_segment_that_is_merged_while_it_is_written_again_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is taken, and when it is looked at, it is gone."""
    bucket, rows = MemoryBucket(), rows_of([1, 2])
    name = segment.write(bucket, KEY.digest, rows)
    opened = Segment.open

    def merged_away(*how: Any) -> Segment:
        monkeypatch.setattr(Segment, "open", opened)
        bucket.delete(name)
        return opened(*how)

    monkeypatch.setattr(Segment, "open", merged_away)
    assert segment.write(bucket, KEY.digest, rows) == name
    assert bucket.names() == {name}


@pytest.mark.parametrize("spoil", [b"", b"\x89HDF\r\n\x1a\n"])
def test_a_segment_whose_checksums_hold_and_which_is_no_hdf5_is_damaged(spoil: bytes) -> None:
    bucket, image = MemoryBucket(), spoil + bytes(100)
    bucket.create("x.h5", [spans.list_spans(image, []), image])
    with pytest.raises(SegmentDamaged, match="HDF5 can't read it"):
        Segment.open(bucket, "x.h5", KEY.digest)


def test_a_segment_of_another_format_is_named_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = MemoryBucket()
    with monkeypatch.context() as patch:
        patch.setattr(spans, "_FORMAT", "artstyle segment 9")
        name = segment.write(bucket, KEY.digest, rows_of([1, 2]))
    with pytest.raises(SegmentDamaged, match="its format is 'artstyle segment 9', this version reads 'artstyle segm"):
        Segment.open(bucket, name, KEY.digest)


@pytest.mark.parametrize("refuse", [gone, unreadable])
def test_a_segment_that_can_not_be_looked_at_is_not_there(
    refuse: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = MemoryBucket()
    opened = Segment.open(bucket, segment.write(bucket, KEY.digest, rows_of([1])), KEY.digest)
    assert opened.is_there()
    monkeypatch.setattr(MemoryBucket, "stat", refuse)
    assert not opened.is_there()


@pytest.mark.parametrize("error", [FileNotFoundError("gone"), ForeignKey("another's")])
def test_a_damaged_segment_that_is_gone_or_another_s_by_now_is_not_put_aside(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FeatureCache.create(MemoryBucket(), KEY)
    cache.append(rows_of([1, 2, 3]))
    (name,) = cache._segments._opened

    def refuse(*_: object) -> None:
        raise error

    cache._segments.problems.append(SegmentDamaged(name, "there", "it was"))
    with monkeypatch.context() as patch:
        patch.setattr(Segment, "open", refuse)
        assert not cache._segments._is_damaged(name)
    cache._segments.problems.append(SegmentDamaged(name, "there", "it was"))
    assert cache._segments.set_aside_damaged() == []


def test_segments_that_others_merge_are_left_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a compaction can't read any more it does not write, and what it can't verify it does not clear away."""
    cache = FeatureCache.create(MemoryBucket(), KEY)
    for n in range(3):
        cache.append(rows_of([n]))
    with monkeypatch.context() as patch:
        patch.setattr(compact, "_merge", gone)
        assert cache.compact() == compact.Compaction(3, 3)
    with monkeypatch.context() as patch:
        patch.setattr(MemoryBucket, "delete", lambda *_: None)  # killed before it cleared away
        cache.compact()
    assert cache.segment_count == 4
    with monkeypatch.context() as patch:
        patch.setattr(Segment, "verify", gone)
        compact._delete_replaced(cache._segments)
    assert cache.segment_count == 4
    compact._delete_replaced(cache._segments)
    assert cache.segment_count == 1


# ---- object stores


class Answering:
    """A store in memory, some of whose calls are others."""

    def __init__(self, **calls: Callable[..., Any]) -> None:
        from obstore.store import MemoryStore

        self._store, self._calls = MemoryStore(), calls

    def __getattr__(self, name: str) -> Any:
        return self._calls.get(name) or getattr(self._store, name)


class Other:
    """What a store gives for a range: too few bytes, or those of another object."""

    def __init__(self, found: Any, cut: int = 0, **meta: object) -> None:
        self.meta, self._bytes = {**found.meta, **meta}, bytes(found.bytes())[cut:]

    def bytes(self) -> bytes:
        return self._bytes


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., ObjectBucket]:
    pytest.importorskip("obstore")
    monkeypatch.setattr("cache.buckets.objects._PAUSE", 0.0)
    monkeypatch.setattr("cache.buckets.objects._BLOCK", 4)
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE", str(tmp_path / "copies"))

    def make(**calls: Callable[..., Any]) -> ObjectBucket:
        return ObjectBucket("s3://museum/f/", Answering(**calls), "f")

    return make


def test_an_object_bucket_shows_its_address(stored: Callable[..., ObjectBucket]) -> None:
    bucket = stored()
    assert repr(bucket) == "ObjectBucket('s3://museum/f')"
    assert (bucket.where(), bucket.where("x"), bucket.name) == ("s3://museum/f", "s3://museum/f/x", "f")
    assert (bucket.within("deep").where("x"), bucket.within("deep").name) == ("s3://museum/f/deep/x", "deep")


def test_another_object_that_took_the_name_is_no_rest_of_the_first(stored: Callable[..., ObjectBucket]) -> None:
    asked: list[str] = []

    def get(path: str, **how: Any) -> Any:
        asked.append(path)
        found = bucket._store._store.get(path, **how)
        return Other(found, e_tag="another") if len(asked) == 2 else found

    bucket = stored(get=get)
    bucket._store._store.put("f/x", b"0123456789")
    with pytest.raises(FileNotFoundError, match="there is no 's3://museum/f/x'"):
        list(bucket.read("x"))
    assert len(asked) == 2, "it is not asked for again: the caller lists anew"
    assert b"".join(bucket.read("x")) == b"0123456789"


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_range_that_comes_cut_is_asked_for_again(stored: Callable[..., ObjectBucket], nth: int) -> None:
    asked: list[object] = []

    def get(path: str, **how: Any) -> Any:
        asked.append(how.get("options"))
        return Other(bucket._store._store.get(path, **how), cut=int(len(asked) == nth))

    bucket = stored(get=get)
    bucket._store._store.put("f/x", b"0123456789")
    assert b"".join(bucket.read("x")) == b"0123456789"
    assert len(asked) == 4
    asked.clear()
    assert bucket.size_and_content("x", -1, 99, 5) == (10, b"0123456789")
    assert len(asked) == 1 + (nth == 1)


def test_a_bucket_that_is_not_there_is_told_from_an_object(stored: Callable[..., ObjectBucket]) -> None:
    def missing(code: str) -> Callable[..., Any]:
        def refuse(*_: object, **__: object) -> Any:
            raise FileNotFoundError(f"<Error><Code>{code}</Code></Error>")

        return refuse

    for code in ("NoSuchBucket", "ContainerNotFound"):
        with pytest.raises(StorageFailed, match=rf"can't read 's3://museum/f': there is no such bucket \({code}\)"):
            stored(get=missing(code)).size_and_content("x", -1, 9, 1)
    with pytest.raises(FileNotFoundError):
        stored(get=missing("NoSuchKey")).size_and_content("x", -1, 9, 1)


def test_what_others_remove_or_never_was_is_no_error(stored: Callable[..., ObjectBucket]) -> None:
    bucket = stored(delete=gone, get=gone)
    bucket.delete("x")
    bucket.replace("x", [b"data"])  # written, and removed by another process before it was read back
    assert stored().create("y", [b"data"])
    copied = stored(copy=gone)
    copied.set_aside("x")


def test_an_address_that_no_store_can_have_is_one_sentence(stored: Callable[..., ObjectBucket]) -> None:
    def refuse(*_: object) -> Any:
        raise ValueError("path contained an empty segment")

    with pytest.raises(
        StorageFailed, match="'s3://museum/f/x' is no address that a store can have: a name in it is em"
    ):
        stored(head=refuse).has("x")


def test_a_client_that_is_not_installed_or_refuses_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise ValueError("unknown configuration key")

    pytest.importorskip("obstore")
    monkeypatch.setattr("obstore.store.from_url", refuse)
    with pytest.raises(StorageFailed, match=r"'s3://museum/f' can't be opened: unknown .*; look at AWS_... in the env"):
        connect("s3://museum/f")
    with pytest.raises(StorageFailed, match="can't be opened: unknown configuration key; look at the address"):
        connect("https://museum.org/f")
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(StorageFailed, match=r"lies in an object store: install what speaks to it with `pip install"):
        connect("s3://museum/f")


def test_a_host_that_nobody_knows_is_said_so() -> None:
    said = 'Generic S3 error: error sending request Debug source: Reqwest { ConnectError("dns error", Custom) }'
    assert in_short(ValueError(said)) == "no host of that name is known"


def test_copies_lie_in_the_user_s_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARTSTYLE_OBJECT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert copies.folder() == tmp_path / "artstyle" / "objects"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "me")
    assert copies.folder() == tmp_path / "me" / ".cache" / "artstyle" / "objects"
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE", str(tmp_path / "elsewhere"))
    assert copies.folder() == tmp_path / "elsewhere"


def test_numbers_of_another_kind_are_kept_as_they_are(tmp_path: Path) -> None:
    """float16 from a disk and from memory, and more of it than one block."""
    for bucket in (DiskBucket(tmp_path), MemoryBucket()):
        numbers = np.arange(12, dtype=np.float16)
        bucket.create("x", [numbers])
        assert bucket.map("x", 4, (2, 5), numbers.dtype).tolist() == numbers[2:].reshape(2, 5).tolist()


def test_the_place_of_weights_is_written_as_people_write_it(tmp_path: Path) -> None:
    """Absolute, since commands are started in other folders; whatever the script."""
    artifacts = Artifacts(tmp_path, KEY.digest)
    remember_place(artifacts, Path("Gemälde/重み.safetensors"))
    remember_place(artifacts, Path("Gemälde/重み.safetensors"))
    (path,) = tmp_path.iterdir()
    assert "Gemälde/重み.safetensors" in path.read_text("utf-8")
    assert remembered_places(artifacts) == [Path.cwd() / "Gemälde" / "重み.safetensors"]


def test_names_that_a_process_wrote_before_it_died_are_made_to_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the key's file, and of its folder, each time a cache is opened to be filled."""
    create_cache(tmp_path, KEY)
    settled: list[Path] = []
    monkeypatch.setattr(DiskBucket, "settle", lambda bucket: settled.append(bucket.folder))
    create_cache(tmp_path, KEY)
    assert settled == [tmp_path, tmp_path / KEY.folder_name]


def test_a_disk_bucket_is_settled_with_the_folder_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", flushed.append)
    DiskBucket(tmp_path / "a").settle()
    assert flushed == [tmp_path / "a", tmp_path]
