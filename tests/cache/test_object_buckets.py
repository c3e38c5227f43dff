"""Buckets in object stores keep the contract: in obstore's memory, and at a server that speaks S3, also a bad one."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from cache import create_cache, open_cache
from cache.buckets import Bucket, ObjectBucket, base, bucket_at, clients, copies, objects
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


def test_sixteen_objects_are_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/scale.md counts on."""
    from obstore.store import MemoryStore

    sizes: list[int] = []
    pool = base.ThreadPoolExecutor
    monkeypatch.setattr(base, "ThreadPoolExecutor", lambda size: sizes.append(size) or pool(size))
    bucket = ObjectBucket("memory://museum/features", MemoryStore(), "features")
    assert bucket.each(abs, range(-40, 0)) == list(range(40, 0, -1))
    assert bucket.each(abs, [-3, -2, -1]) == [3, 2, 1]
    assert sizes == [16, 3]


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


@pytest.mark.parametrize(
    "address",
    ["s3://", "s3:///f", "s3://a b/f", "s3://museum//f", "s3://museum/f/../g", "s3://museum/./f", "s3://museum/f?x=1",
     "s3://museum/f#x", "gs://", "az://", "s3://museum:9000/f", "s3://name:secret@museum/f", "s3://name@museum/f",
     "s3://museum/a\tb", "s3://museum/a\nb"],
)  # fmt: skip
def test_what_is_no_folder_in_a_store_is_refused_by_its_address(address: str) -> None:
    """Port, password, tab, "?" and what follows would otherwise be dropped, and two addresses mean the same folder."""
    with pytest.raises(StorageFailed, match=f"^{re.escape(repr(address))} is no folder in an object store: give"):
        bucket_at(address)


@pytest.mark.parametrize("place", ["s3:/museum/f", "s3:museum/f", Path("s3://museum/f"), "S3:/museum/f"])
def test_a_path_that_was_meant_to_be_an_address_makes_no_folder(place: str | Path) -> None:
    with pytest.raises(StorageFailed, match=r"is nearly an address: write '(s3|S3)://museum/f', as a text"):
        bucket_at(place)


def test_a_folder_whose_name_begins_like_an_address_can_be_given(tmp_path: Path) -> None:
    bucket_at(tmp_path / "s3:").create("x", [b"x"])
    assert (tmp_path / "s3:" / "x").read_bytes() == b"x"


@pytest.mark.parametrize("address", ["s3://museum", "s3://museum/", "s3://museum/a b/ü", "s3://museum/f.v1/..x"])
def test_spaces_and_letters_of_any_script_may_stand_in_an_address(address: str, at: str) -> None:
    assert bucket_at(address).where() == address.rstrip("/")


@pytest.mark.parametrize("name", ["a%2Fb", "a%20b", "a b", "100%", "a+b", "ä", "a\u0308", "features", "features-2"])
def test_the_name_of_a_folder_is_taken_letter_by_letter(name: str, at: str, server: str) -> None:
    """As other programs take it: "%2F" is no slash and "%20" no space, and no folder shows what lies in another."""
    assert bucket_at(f"{at}/{name}").create("x", [name.encode()])
    store, prefix = clients.connect(f"{at}/{name}")
    assert prefix == name
    assert bytes(store.get(f"{name}/x").bytes()) == name.encode()
    assert bucket_at(f"{at}/{name}").names() == {"x"}
    assert name in bucket_at(at).folders()


@pytest.mark.parametrize(
    "endpoint",
    ["127.0.0.1:9000", "nonsense", "ftp://127.0.0.1:9000", "", "http://", "http://a b", "http://[::1", "http://a:b",
     "http://127.0.0.1:9?x=1", "http://127.0.0.1:9\n", "http://name:secret@127.0.0.1:9"],
)  # fmt: skip
def test_an_endpoint_that_is_no_address_is_named(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client would end in a panic."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(StorageFailed, match=re.escape(f"AWS_ENDPOINT_URL is {endpoint!r}, which is no address of a")):
        bucket_at("s3://museum/f")


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_REGION"])
def test_a_setting_with_the_end_of_a_line_is_named_and_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file of Windows gives it; the client would end in a panic."""
    monkeypatch.setenv(name, "secret\r")
    with pytest.raises(StorageFailed, match=f"^{name} holds the end of a line") as caught:
        bucket_at("s3://museum/f")
    assert "secret" not in str(caught.value)


def test_a_client_that_crashes_is_one_sentence(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        """As pyo3 makes it."""

    class Store:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def list_with_delimiter(self, prefix: str) -> None:
            raise self.error

    with pytest.raises(StorageFailed, match=r"has crashed: look at endpoint, region and credentials.*InvalidUri"):
        ObjectBucket("s3://museum", Store(PanicException("request valid: InvalidUri"))).names()
    with pytest.raises(KeyboardInterrupt):
        ObjectBucket("s3://museum", Store(KeyboardInterrupt())).names()


@pytest.mark.parametrize(
    ("status", "code", "tries", "said"),
    [
        (403, "AccessDenied", 1, "the store refuses access to 's3://museum/f': look at the credentials"),
        (403, "RequestTimeTooSkewed", 1, "clock of this machine \\(RequestTimeTooSkewed"),
        (401, "", 1, "the store refuses access to .*status 401"),
        (404, "NoSuchBucket", 1, "the store refuses 's3://museum/f': NoSuchBucket; look at the address"),
        (400, "AuthorizationHeaderMalformed", 1, "AuthorizationHeaderMalformed; look at the address, and at region"),
        (301, "PermanentRedirect", 1, "the store refuses .* configured region"),
        (501, "NotImplemented", 1, "the store refuses .*NotImplemented"),
        (400, "RequestTimeout", 3, "did not answer for .* in 3 tries: RequestTimeout"),
        (503, "SlowDown", 3, "did not answer for .* in 3 tries: SlowDown"),
        (429, "", 3, "did not answer for .* in 3 tries: status 429 Too Many Requests; look at the network and at the"),
        (410, "", 1, "the store refuses .*status 410"),
        (302, "", 1, "the store refuses "),
        (409, "OperationAborted", 3, "did not answer for .*OperationAborted"),
        (408, "", 3, "did not answer for .*status 408"),
        (423, "", 3, "did not answer for .*status 423"),
        (425, "", 3, "did not answer for .*status 425"),
        (505, "", 1, "the store refuses .*status 505"),
    ],
)
def test_what_would_be_answered_alike_again_is_asked_once(
    status: int, code: str, tries: int, said: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the store's reason is named; what may pass is asked for again."""
    monkeypatch.setattr(objects, "_TRIES", 3)
    with answering(status, f"<Error><Code>{code}</Code></Error>" if code else "") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(StorageFailed, match=said):
            bucket_at("s3://museum/f").names()
    assert server.asked == tries  # type: ignore[attr-defined]


@contextmanager
def answering(status: int, body: str) -> Iterator[HTTPServer]:
    """A server that answers everything alike, and counts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.asked += 1  # type: ignore[attr-defined]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.asked = 0  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def test_writing_into_a_bucket_that_is_not_there_is_one_sentence(at: str) -> None:
    bucket = bucket_at("s3://nobody-made-it/f")
    for write in (bucket.create, bucket.replace):
        with pytest.raises(StorageFailed, match="can't write to 's3://nobody-made-it/f': there is no such bucket"):
            write("x", [b"x"])


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
    monkeypatch.setattr(bucket, "_store", clients.connect(bucket.where())[0])
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


def test_what_else_lies_in_the_folder_of_copies_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may name a folder that holds their own files, older than every copy."""
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE", str(tmp_path))
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE_GB", "0.000001")
    (tmp_path / "thesis.txt").write_bytes(bytes(2000))
    (tmp_path / "scans").mkdir()
    named_alike = tmp_path / ("0" * 40)
    named_alike.mkdir()
    os.utime(named_alike, (0, 0))
    os.utime(tmp_path / "thesis.txt", (0, 0))
    for n in range(3):
        copies.local_copy(n, 2000, [bytes(2000)])
    assert (tmp_path / "thesis.txt").stat().st_size == 2000
    assert named_alike.is_dir()
    assert len(list(tmp_path.iterdir())) == 4, "and of the copies, only the newest stays"


@pytest.mark.parametrize("chosen", ["much", "", "nan", "-1"])
def test_a_limit_that_is_no_number_is_named(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE_GB", chosen)
    with pytest.raises(StorageFailed, match=f"ARTSTYLE_OBJECT_CACHE_GB is '{chosen}': give a number of gigabytes"):
        copies.limit()


def test_copies_may_be_without_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARTSTYLE_OBJECT_CACHE_GB", raising=False)
    assert copies.limit() == 20e9, "as the documentation says"
    monkeypatch.setenv("ARTSTYLE_OBJECT_CACHE_GB", "inf")
    copies.local_copy(0, 9, [bytes(9)])
    assert copies.limit() == float("inf")
