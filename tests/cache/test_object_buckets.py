"""Buckets in object stores keep the contract: in obstore's memory, and at a server that speaks S3, also a bad one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cache import create_cache, open_cache
from cache.buckets import Bucket, ObjectBucket, bucket_at, copies, objects
from cache.errors import StorageFailed, Unreadable
from tests.cache.s3 import Trouble, environment, new_bucket, s3_server, troubled
from tests.cache.samples import AVGPOOL, KEY, ids_of, rows_of
from tests.cache.test_buckets import BucketContract

pytest.importorskip("obstore")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(objects, "_PAUSE", 0.001)
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE", str(tmp_path / "copies"))


class ObjectContract(BucketContract):
    def raw(self, bucket: Bucket, name: str) -> bytes | None:
        assert isinstance(bucket, ObjectBucket)
        try:
            return bytes(bucket._store.get(bucket._full(name)).bytes())
        except FileNotFoundError:
            return None

    def put_raw(self, bucket: Bucket, name: str, data: bytes) -> None:
        assert isinstance(bucket, ObjectBucket)
        bucket._store.put(bucket._full(name), data)

    def test_there_is_no_file(self, bucket: Bucket) -> None:
        assert bucket.path("x") is None


class TestObstoreInMemory(ObjectContract):
    @pytest.fixture
    def bucket(self, tmp_path: Path) -> Bucket:
        from obstore.store import MemoryStore

        return ObjectBucket("memory://museum/features", MemoryStore(), "features")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("moto")
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def at(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    return new_bucket(server)


class TestS3(ObjectContract):
    @pytest.fixture
    def bucket(self, at: str) -> Bucket:
        return bucket_at(f"{at}/features")


class TestTroubledS3(ObjectContract):
    """A third of the requests fail, are lost after they were carried out, or come back cut."""

    @pytest.fixture
    def bucket(self, at: str, server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
        monkeypatch.setattr(objects, "_TRIES", 12)
        with troubled(server, Trouble(failing=0.1, lost=0.1, cut=0.1)) as endpoint:
            monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
            yield bucket_at(f"{at}/features")

    def test_of_many_at_once_one_gets_the_name_and_its_bytes_stay(self, bucket: Bucket) -> None:
        pytest.skip("slow there; TestS3 does it")

    def raw(self, bucket: Bucket, name: str) -> bytes | None:
        return b"".join(bucket.read(name)) if bucket.has(name) else None

    def put_raw(self, bucket: Bucket, name: str, data: bytes) -> None:
        bucket.replace(name, [data])


def test_vectors_travel_once_and_a_damaged_copy_is_made_anew(
    at: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a copy is, another process asks for no vectors; where its bytes were changed, for them once more."""
    monkeypatch.setattr(copies, "SMALL", 0)
    trouble = Trouble()
    with troubled(server, trouble) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        cache = create_cache(f"{at}/features", KEY)
        before = trouble.requests
        cache.append(rows_of([1, 2, 3]))
        assert trouble.requests - before == 4, "written, read back; looked at and opened"

        def read() -> tuple[bytes, int]:
            before = trouble.kinds["GET"]
            found = open_cache(f"{at}/features").gather(ids_of([1, 2, 3]), AVGPOOL)
            return found.tobytes(), trouble.kinds["GET"] - before

        vectors, first = read()
        assert read() == (vectors, first - 1)
        (copy,) = copies.folder().iterdir()
        copy.write_bytes(b"x" + copy.read_bytes()[1:])
        assert read() == (vectors, first)
        assert read() == (vectors, first - 1)


def test_a_refused_clock_is_named(at: str, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with troubled(server, Trouble(way="skewed", nth=1, for_good=True)) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with pytest.raises(StorageFailed, match="clock of this machine"):
            bucket_at(f"{at}/features").create("x", [b"x"])


def test_a_write_whose_answer_was_lost_is_ours(at: str, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was carried out: the name is ours, though the store says on the second try that it is taken."""
    trouble = Trouble()
    with troubled(server, trouble) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        bucket = bucket_at(f"{at}/features")
        answers = iter(["lost"])
        monkeypatch.setattr(trouble, "next", lambda kind: next(answers, ""))
        assert bucket.create("x", [b"ours"])
        answers = iter(["lost"])
        assert not bucket.create("x", [b"another's"])


def test_a_store_that_is_gone_is_one_sentence(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_TRIES", 2)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    bucket = bucket_at(f"{at}/features")
    monkeypatch.setattr(bucket, "_store", objects._connect(bucket.where()))
    with pytest.raises(Unreadable, match="did not answer for"):
        bucket.names()


def test_copies_keep_to_their_limit_and_maps_of_removed_ones_stay_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE_GB", "0.005")  # two copies of 2 MB
    fetched: list[int] = []

    def blocks(n: int) -> Iterator[bytes]:
        fetched.append(n)
        yield np.random.default_rng(n).bytes(2_000_000)

    first = copies.local_copy(0, 2_000_000, blocks(0))
    kept = first.tobytes()
    for n in (1, 0, 2, 3):
        assert copies.local_copy(n, 2_000_000, blocks(n)).tobytes() == np.random.default_rng(n).bytes(2_000_000)
    assert fetched == [0, 1, 2, 3], "the second 0 was there"
    assert first.tobytes() == kept
    assert sum(path.stat().st_size for path in copies.folder().iterdir()) <= 5_000_000


def test_a_limit_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE_GB", "much")
    with pytest.raises(StorageFailed, match="'much'"):
        copies.limit()
