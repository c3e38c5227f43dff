"""The contract of where bytes lie, held against a disk, a disk without hard links, and the memory.

What is looked at, and what strangers put in, goes past the code under test.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cache import StorageFailed, files
from cache.buckets import ASIDE, Bucket, DiskBucket, MemoryBucket, bucket_at
from cache.buckets.memory import _Stored
from cache.errors import Unreadable

THREADS = 8


class BucketContract:
    """What every bucket promises."""

    @pytest.fixture
    def bucket(self, tmp_path: Path) -> Bucket:
        raise NotImplementedError

    def raw(self, bucket: Bucket, name: str) -> bytes | None:
        """An object as it lies there."""
        raise NotImplementedError

    def put_raw(self, bucket: Bucket, name: str, data: bytes) -> None:
        """Another process puts an object there."""
        raise NotImplementedError

    def test_one_that_is_not_there_is_empty(self, bucket: Bucket) -> None:
        assert bucket.names() == set()
        assert bucket.folders() == set()
        assert not bucket.has("x")
        bucket.settle()
        bucket.sweep()
        assert bucket.within("deeper").names() == set()
        assert bucket.folders() == set(), "asking makes nothing"

    def test_what_is_created_is_there_whole(self, bucket: Bucket) -> None:
        assert bucket.create("x", [b"ab", memoryview(b"cd"), b""])
        assert self.raw(bucket, "x") == b"abcd"
        assert b"".join(bucket.read("x")) == b"abcd"
        assert bucket.names() == {"x"}
        assert bucket.has("x")

    def test_a_name_is_given_once(self, bucket: Bucket) -> None:
        assert bucket.create("x", [b"first"])
        before = bucket.stat("x")
        assert not bucket.create("x", [b"second"])
        assert self.raw(bucket, "x") == b"first"
        assert bucket.stat("x") == before
        self.put_raw(bucket, "y", b"another's")
        assert not bucket.create("y", [b"ours"])
        assert self.raw(bucket, "y") == b"another's"
        assert bucket.names() == {"x", "y"}

    def test_of_many_at_once_one_gets_the_name_and_its_bytes_stay(self, bucket: Bucket) -> None:
        barrier = threading.Barrier(THREADS)

        def create(writer: int) -> list[bool]:
            made = []
            for n in range(30):
                barrier.wait()
                made.append(bucket.create(f"x{n}", [b"%d" % writer * 500]))
            return made

        with ThreadPoolExecutor(THREADS) as pool:
            made = np.array(list(pool.map(create, range(THREADS))))  # (writers, names)
        assert made.sum(axis=0).tolist() == [1] * 30
        for n, winner in enumerate(made.argmax(axis=0)):
            assert self.raw(bucket, f"x{n}") == b"%d" % winner * 500
        assert len(bucket.names()) == 30, "nothing is left of the others"

    def test_replacing_replaces_whatever_was_there(self, bucket: Bucket) -> None:
        bucket.replace("x", [b"first"])
        assert self.raw(bucket, "x") == b"first"
        before = bucket.stat("x")
        bucket.replace("x", [b"sec", b"ond"])
        assert self.raw(bucket, "x") == b"second"
        assert bucket.stat("x") != before
        assert bucket.names() == {"x"}

    def test_another_object_of_the_same_size_has_another_identity(self, bucket: Bucket) -> None:
        bucket.create("x", [b"one"])
        before = bucket.stat("x")
        b"".join(bucket.read("x"))
        assert bucket.stat("x") == before
        bucket.delete("x")
        bucket.create("y", [b"another"])
        bucket.create("x", [b"two"])
        assert bucket.stat("x").size == 3
        assert bucket.stat("x").identity != before.identity

    def test_ranges_are_those_of_the_bytes(self, bucket: Bucket) -> None:
        data = b"0123456789"
        bucket.create("x", [data])
        for offset in range(12):
            assert b"".join(bucket.read("x", offset)) == data[offset:]
            for length in range(12):
                assert b"".join(bucket.read("x", offset, length)) == data[offset : offset + length]

    def test_large_objects_come_in_blocks(self, bucket: Bucket) -> None:
        data = np.random.default_rng(0).bytes(17 << 20)
        bucket.create("x", [data])
        assert b"".join(bucket.read("x", 3, 16 << 20)) == data[3 : 3 + (16 << 20)]

    def test_what_is_not_there_is_said_by_one_error(self, bucket: Bucket) -> None:
        bucket.create("other", [b"x"])
        tries: list[Callable[[], object]] = [
            lambda: bucket.stat("x"),
            lambda: list(bucket.read("x")),
            lambda: bucket.map("x", 0, (1,), np.dtype(np.uint8)),
        ]
        for ask in tries:
            with pytest.raises(FileNotFoundError):
                ask()
        bucket.delete("x")
        bucket.set_aside("x")

    def test_a_map_is_a_read_only_view_that_outlives_the_object(self, bucket: Bucket) -> None:
        matrix = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
        bucket.create("x", [bytes(64), matrix.tobytes(), b"behind"])
        mapped = bucket.map("x", 64, (5, 3), np.dtype(np.float32))
        assert not mapped.flags.writeable
        bucket.replace("x", [b"other"])
        bucket.delete("x")
        assert mapped.tobytes() == matrix.tobytes()

    def test_deleting_is_done_once(self, bucket: Bucket) -> None:
        bucket.create("x", [b"x"])
        bucket.delete("x")
        bucket.delete("x")
        assert self.raw(bucket, "x") is None
        assert bucket.create("x", [b"again"])

    def test_what_is_set_aside_is_kept_and_its_name_is_free(self, bucket: Bucket) -> None:
        for content in (b"first", b"second"):
            bucket.create("x", [content])
            bucket.set_aside("x")
            assert self.raw(bucket, "x") is None
            assert self.raw(bucket.within(ASIDE), "x") == content
        assert bucket.names() == set()
        assert bucket.folders() == {ASIDE}

    def test_buckets_within_are_apart(self, bucket: Bucket) -> None:
        bucket.create("x", [b"above"])
        bucket.within("a").create("x", [b"within"])
        assert self.raw(bucket, "x") == b"above"
        assert self.raw(bucket.within("a"), "x") == b"within"
        assert (bucket.names(), bucket.folders()) == ({"x"}, {"a"})
        assert bucket.within("a").name == "a"

    def test_what_others_put_there_is_seen(self, bucket: Bucket) -> None:
        bucket.create("x", [b"x"])
        self.put_raw(bucket, "y", b"from elsewhere")
        assert bucket.names() == {"x", "y"}
        assert b"".join(bucket.read("y")) == b"from elsewhere"
        assert bucket.stat("y").size == 14

    def test_it_says_where_things_lie(self, bucket: Bucket) -> None:
        assert "x.h5" in bucket.where("x.h5")
        assert bucket.where()
        assert bucket_at(bucket) is bucket


class TestMemoryBucket(BucketContract):
    @pytest.fixture
    def bucket(self, tmp_path: Path) -> Bucket:
        return MemoryBucket("bucket")

    def raw(self, bucket: Bucket, name: str) -> bytes | None:
        assert isinstance(bucket, MemoryBucket)
        return bucket._objects[name].content if name in bucket._objects else None

    def put_raw(self, bucket: Bucket, name: str, data: bytes) -> None:
        assert isinstance(bucket, MemoryBucket)
        bucket._objects[name] = _Stored(data)

    def test_there_is_no_file(self, bucket: Bucket) -> None:
        assert bucket.path("x") is None


class TestDiskBucket(BucketContract):
    @pytest.fixture
    def bucket(self, tmp_path: Path) -> Bucket:
        return DiskBucket(tmp_path / "bucket")

    def raw(self, bucket: Bucket, name: str) -> bytes | None:
        path = Path(bucket.where(name))
        return path.read_bytes() if path.exists() else None

    def put_raw(self, bucket: Bucket, name: str, data: bytes) -> None:
        Path(bucket.where()).mkdir(exist_ok=True)
        Path(bucket.where(name)).write_bytes(data)

    def test_a_path_is_a_bucket_on_the_disk(self, tmp_path: Path) -> None:
        for place in (tmp_path, str(tmp_path)):
            assert bucket_at(place) == DiskBucket(tmp_path)
        assert bucket_at(tmp_path).path("x") == tmp_path / "x"
        with pytest.raises(StorageFailed, match="'ftp://museum/features' is no address where features"):
            bucket_at("ftp://museum/features")

    def test_what_is_being_written_is_not_listed(self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[set[str]] = []
        compare = files._compare

        def look(path: Path, chunks: object) -> None:
            assert list(path.parent.glob(f"{files.TEMPORARY}*"))
            seen.append(bucket.names())
            compare(path, chunks)  # type: ignore[arg-type]

        monkeypatch.setattr(files, "_compare", look)
        bucket.create("x", [b"x"])
        bucket.replace("x", [b"y"])
        assert seen == [set(), {"x"}]

    @pytest.mark.parametrize("commit", ["create", "replace"])
    @pytest.mark.parametrize("spoil", ["a bit", "the end", "more"])
    def test_a_write_that_the_disk_did_not_keep_is_found(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, commit: str, spoil: str
    ) -> None:
        """What was written is read back: a disk that keeps other bytes, and says nothing, is found out."""
        bucket.create("kept", [b"as it was"])
        write = os.write

        def forgetful(handle: int, data: memoryview) -> int:
            wrong = {"a bit": bytes([data[0] ^ 1, *data[1:]]), "the end": bytes(data[:-1]), "more": bytes(data) + b"."}
            write(handle, wrong[spoil])
            return len(data)

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", forgetful)
            for name in ("kept", "new") if commit == "replace" else ("new",):
                with pytest.raises(StorageFailed, match=f"{name}.*input/output error"):
                    getattr(bucket, commit)(name, [b"precious bytes"])
        assert bucket.names() == {"kept"}
        assert self.raw(bucket, "kept") == b"as it was"
        assert len(os.listdir(bucket.where())) == 1, "nothing is left behind"  # noqa: PTH208

    @pytest.mark.parametrize("call", ["write", "fsync", "link", "rename"])
    @pytest.mark.parametrize("commit", ["create", "replace"])
    def test_no_error_of_the_file_system_passes_silently(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, commit: str, call: str
    ) -> None:
        if call == {"create": "rename", "replace": "link"}[commit]:
            pytest.skip("not called")
        bucket.create("before", [b"x"])

        def refuse(*_: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(os, call, refuse)
            with pytest.raises(StorageFailed, match="input/output"):
                getattr(bucket, commit)("x", [b"data"])
        assert os.listdir(bucket.where()) == ["before"]  # noqa: PTH208

    @pytest.mark.parametrize("commit", ["create", "replace"])
    def test_bytes_reach_the_disk_before_the_name_and_the_name_before_the_return(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, commit: str
    ) -> None:
        bucket.create("before", [b"x"])
        calls: list[str] = []
        sync = os.fsync

        def traced_sync(handle: int) -> None:
            calls.append("fsync " + ("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file"))  # noqa: PTH112
            sync(handle)

        def traced(name: str) -> Callable[[Path, Path], None]:
            call = getattr(os, name)

            def note(a: Path, b: Path) -> None:
                call(a, b)
                calls.append("name")

            return note

        monkeypatch.setattr(os, "link", traced("link"))
        monkeypatch.setattr(os, "rename", traced("rename"))
        monkeypatch.setattr(os, "fsync", traced_sync)
        getattr(bucket, commit)("x", [b"data"])
        assert calls == ["fsync file", "name", "fsync folder"]
        calls.clear()
        assert commit == "replace" or not bucket.create("x", [b"data"])
        assert commit == "replace" or "fsync folder" in calls, "a name that a dead process gave is made to last"

    def test_bytes_the_disk_can_not_give_are_told_from_other_refusals(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bucket.create("x", [b"x"])

        def refuse_with(number: int) -> Callable[..., object]:
            def refuse(*_: object, **__: object) -> object:
                raise OSError(number, os.strerror(number))

            return refuse

        monkeypatch.setattr(Path, "open", refuse_with(errno.EIO))
        with pytest.raises(Unreadable, match="x' lies"):
            list(bucket.read("x"))
        monkeypatch.setattr(Path, "open", refuse_with(errno.EMFILE))
        with pytest.raises(StorageFailed, match="ulimit -n") as raised:
            list(bucket.read("x"))
        assert not isinstance(raised.value, Unreadable)

    def test_a_folder_that_can_not_be_listed_is_one_sentence(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(StorageFailed, match="ulimit -n"):
            bucket.names()

    def test_a_network_that_carries_a_link_out_twice_does_not_lie(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """NFS repeats a call whose answer was lost, and then the name is taken, by the very file."""
        link = os.link

        def twice(a: Path, b: Path) -> None:
            link(a, b)
            link(a, b)

        monkeypatch.setattr(os, "link", twice)
        assert bucket.create("x", [b"x"])
        assert bucket.names() == {"x"}


class TestDiskWithoutLinks(TestDiskBucket):
    """FAT, and some network file systems."""

    @pytest.fixture
    def bucket(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
        return DiskBucket(tmp_path / "bucket")

    def test_of_many_at_once_one_gets_the_name_and_its_bytes_stay(self, bucket: Bucket) -> None:
        pytest.skip("what is looked at and what is renamed are two moments there")

    def test_a_network_that_carries_a_link_out_twice_does_not_lie(self) -> None:
        pytest.skip("there are no links")

    def test_no_error_of_the_file_system_passes_silently(self) -> None:
        pytest.skip("os.link is replaced already")


@pytest.mark.parametrize(("hours", "stays"), [(0, True), (23, True), (25, False)])
def test_what_another_machine_is_writing_stays_for_a_day(tmp_path: Path, hours: int, stays: bool) -> None:
    """Whether its writer lives can't be asked."""
    half = tmp_path / f"{files.TEMPORARY}elsewhere~1~0~x{files._PART}"
    half.write_bytes(b"half")
    then = time.time() - 3600 * hours
    os.utime(half, (then, then))
    files.sweep(tmp_path)
    assert half.exists() is stays
