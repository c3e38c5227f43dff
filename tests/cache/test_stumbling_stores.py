"""How an object store is asked: how often, for how much at once, and what is kept of what it gave."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cache import files, ids
from cache.buckets import DiskBucket, MemoryBucket, ObjectBucket, clients, copies, objects
from cache.buckets.answers import in_short
from cache.errors import StorageFailed, Unreadable
from cache.segments import listing, spans

pytest.importorskip("obstore")


@pytest.fixture(autouse=True)
def _own_copies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE", str(tmp_path / "copies"))


@pytest.fixture
def bucket() -> ObjectBucket:
    from obstore.store import MemoryStore

    return ObjectBucket("memory://museum/f", MemoryStore(), "f")


class Bad:
    """A store of which one call is another."""

    def __init__(self, bucket: ObjectBucket, name: str, call: Callable[..., Any]) -> None:
        self._good, self._name, self._call = bucket._store, name, call

    def __getattr__(self, name: str) -> Any:
        return self._call if name == self._name else getattr(self._good, name)


def test_each_pause_is_twice_the_one_before_and_spread_by_half(
    bucket: ObjectBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from obstore.exceptions import GenericError

    asked: list[str] = []
    slept: list[float] = []
    spread: list[tuple[float, float]] = []

    def stumble(path: str) -> None:
        asked.append(path)
        raise GenericError("the store stumbles")

    monkeypatch.setattr(objects.time, "sleep", slept.append)
    monkeypatch.setattr(objects.random, "uniform", lambda *ends: spread.append(ends) or 1.0)
    monkeypatch.setattr(bucket, "_store", Bad(bucket, "head", stumble))
    with pytest.raises(Unreadable, match="in 8 tries: the store stumbles"):
        bucket.has("x")
    assert asked == ["f/x"] * 8
    assert slept[0] == pytest.approx(0.2)
    assert [b / a for a, b in pairwise(slept)] == pytest.approx([2] * 6)
    assert spread == [(0.5, 1.5)] * 7


def test_the_client_never_tries_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write whose answer was lost may have been carried out: who asked must know of it. Plain HTTP is meant so."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for address, folder in (("s3://museum/a/b", "a/b"), ("s3://museum", ""), ("https://museum.org/a", "a")):
        store, prefix = clients.connect(address)
        assert prefix == folder
        assert store.retry_config["max_retries"] == 0
        assert store.client_options == {"allow_http": "true", "timeout": "120.0 seconds"}


def test_a_large_object_is_asked_for_in_blocks_and_no_byte_twice(
    bucket: ObjectBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_BLOCK", 4)
    asked: list[tuple[int, int]] = []
    get = bucket._store.get
    bucket.create("x", [b"0123456789"])
    counted = Bad(bucket, "get", lambda path, options: asked.append(options["range"]) or get(path, options=options))
    monkeypatch.setattr(bucket, "_store", counted)
    for offset, length, ranges in (
        (0, None, [(0, 4), (4, 8), (8, 10)]),
        (3, None, [(3, 7), (7, 10)]),
        (2, 6, [(2, 6), (6, 8)]),
        (1, 4, [(1, 5)]),
        (7, 99, [(7, 11)]),
    ):
        asked.clear()
        expected = b"0123456789"[offset : None if length is None else offset + length]
        assert b"".join(bucket.read("x", offset, length)) == expected
        assert asked == ranges


@pytest.mark.parametrize("small", [0, 23, 24, 1 << 20])
def test_a_range_is_mapped_alike_from_memory_and_from_a_copy(
    bucket: ObjectBucket, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    """Up to a size it is read, and no copy is kept of it; one that goes beyond the object is no range."""
    monkeypatch.setattr(copies, "SMALL", small)
    monkeypatch.setattr(objects, "_BLOCK", 10)
    numbers = np.arange(8, dtype=np.float32)
    bucket.create("x", [numbers.tobytes()])
    found = bucket.map("x", 8, (2, 3), np.dtype(np.float32))
    assert found.tolist() == numbers[2:].reshape(2, 3).tolist()
    assert not found.flags.writeable
    assert copies.folder().is_dir() is (small < 24)
    with pytest.raises(Unreadable, match="is shorter than it was"):
        bucket.map("x", 12, (2, 3), np.dtype(np.float32))


def test_content_comes_with_the_size_where_it_is_wanted(bucket: ObjectBucket) -> None:
    """One of another size than asked for, or above the most, is not fetched."""
    bucket.create("x", [b"12345"])
    for size, most, content in ((-1, 9, b"12345"), (5, 5, b"12345"), (5, 4, None), (4, 9, None), (-1, 4, None)):
        assert bucket.size_and_content("x", size, most, 1) == (5, content)
    with pytest.raises(FileNotFoundError):
        bucket.size_and_content("y", -1, 9, 1)


@pytest.mark.parametrize(
    ("kept", "said"), [(b"precious", "did not keep .*: other bytes"), (b"dust and ash!!", "or another process")]
)
def test_a_store_that_keeps_other_bytes_is_found_out(
    bucket: ObjectBucket, monkeypatch: pytest.MonkeyPatch, kept: bytes, said: str
) -> None:
    put = bucket._store.put
    monkeypatch.setattr(bucket, "_store", Bad(bucket, "put", lambda path, _, **how: put(path, kept, **how)))
    for name, write in (("x", bucket.create), ("y", bucket.replace)):
        with pytest.raises(StorageFailed, match=f"f/{name}' did not keep what was written.*{said.split('.*')[-1]}"):
            write(name, [b"precious", b" bytes"])


def test_of_what_a_client_says_two_hundred_letters_are_shown() -> None:
    assert in_short(ValueError("x" * 300)) == "x" * 200
    assert in_short(ValueError("Generic S3 error: it is broken\n Debug source: much more")) == "it is broken"
    assert in_short(ValueError("<Code>NoSuchBucket</Code><Message>no such bucket</Message>")) == (
        "NoSuchBucket: no such bucket"
    )


def test_a_copy_that_is_used_counts_as_new_and_the_limit_may_be_filled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of three copies the one that was not used for longest goes; two fill the limit exactly."""
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE_GB", "0.000004")  # 4,000 bytes
    kept: dict[int, Path] = {}
    for n in (0, 1):
        before = set(copies.folder().iterdir()) if kept else set()
        copies.local_copy(n, 2000, [bytes(2000)])
        (kept[n],) = set(copies.folder().iterdir()) - before
        os.utime(kept[n], (1000 + n, 1000 + n))
    assert all(path.exists() for path in kept.values())
    copies.local_copy(0, 2000, iter(()))  # used again, and not fetched
    copies.local_copy(2, 2000, [bytes(2000)])
    assert (kept[0].exists(), kept[1].exists()) == (True, False)


def test_bytes_of_a_copy_come_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "_BLOCK", 4)
    copy = copies.local_copy("x", 12, [b"0123456789ab"])
    assert list(copies.blocks_of(copy, 3, 6)) == [b"3456", b"78"]
    assert list(copies.blocks_of(np.arange(4, dtype=np.uint16), 2, 4)) == [np.arange(1, 3, dtype=np.uint16).tobytes()]


def test_a_setting_may_hold_spaces_and_there_may_be_room_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_PROFILE", "my own profile")
    assert clients.connect("s3://museum/f")[1] == "f"
    monkeypatch.setenv("AWS_PROFILE", "my\x1fprofile")
    with pytest.raises(StorageFailed, match="AWS_PROFILE holds the end of a line or another control character"):
        clients.connect("s3://museum/f")
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE_GB", "0")
    assert copies.limit() == 0
    copies.local_copy(0, 9, [bytes(9)])
    copies.local_copy(1, 9, [bytes(9)])
    assert len(list(copies.folder().iterdir())) == 1, "the newest stays as long as it is used"


def test_every_bucket_reads_in_blocks_of_eight_mebibytes() -> None:
    """So that no object is in memory as a whole while it is read; one of a mebibyte is not worth a copy."""
    assert files._READ_BLOCK == objects._BLOCK == copies._BLOCK == 8 * 2**20
    assert copies.SMALL == 2**20
    assert ObjectBucket.ahead == 64 * 1024, "what a request brings in about the time that it takes anyway"
    assert [(one.ahead, one.at_once, one.maps_copies) for one in (DiskBucket, MemoryBucket)] == [(0, 1, False)] * 2
    assert spans._SHORTEST == 16 * 2**20, "bytes of vectors that are checked together"
    assert listing.IDS_IN_MEMORY * ids.ID_BYTES == 128_000_000, "bytes of ids that a cache holds in memory"
    assert list(files.read_blocks(Path(__file__), 0, 3)) == [b'"""']
