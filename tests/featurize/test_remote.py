"""Pictures at addresses give the bits of the same pictures on a disk; what does not come is one row with its reason."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cache import open_cache
from cache.buckets import clients, objects
from featurize.commands.ending import tell
from featurize.dataset.prepare import prepare
from featurize.dataset.table import DatasetTable, read_table, write_table
from featurize.engines.fake import FakeEngines
from featurize.errors import Undecodable
from featurize.networks.recipes import FORMULAS
from featurize.pictures import hub, remote
from featurize.reasons import Reason
from featurize.run.extract import Extraction, Settings, extract
from tests.cache.s3 import Trouble, environment, new_bucket, s3_server, troubled
from tests.featurize import fake

pytest.importorskip("obstore")
AVGPOOL = FORMULAS["avgpool"].recipe


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fake.decode_here(monkeypatch)
    monkeypatch.setattr(objects, "_PAUSE", 0.001)
    monkeypatch.setattr(remote, "_TRIES", 12)
    remote._root.cache_clear()
    yield
    remote._root.cache_clear()


@pytest.fixture
def table(paintings: Path, tmp_path: Path) -> DatasetTable:
    return prepare(paintings, tmp_path / "dataset.csv").table


@contextlib.contextmanager
def served(handler: type[http.server.SimpleHTTPRequestHandler], folder: Path) -> Iterator[str]:
    """The address of a web server for a folder."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def web(table: DatasetTable) -> Iterator[str]:
    """A web server with the pictures."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

    with served(Handler, table.folder) as address:
        yield address


def run(table: DatasetTable, features: Path) -> Extraction:
    settings = Settings(backbone="resnet18", weights="random", batch_size=2)
    return extract(table, features, settings, engines=FakeEngines())


def bits(done: Extraction, table: DatasetTable) -> bytes:
    return open_cache(done.folder).gather(table.ids, AVGPOOL).tobytes()


def at(table: DatasetTable, root: str) -> DatasetTable:
    """The table with addresses for paths, written and read again."""
    paths = [f"{root}/{Path(p).as_posix()}" for p in table.columns["path"]]
    write_table(table.with_columns(path=paths), table.folder / "there.csv")
    return read_table(table.folder / "there.csv")


def test_a_web_server_that_fails_and_cuts_gives_the_bits_of_the_disk(
    table: DatasetTable, web: str, tmp_path: Path
) -> None:
    trouble = Trouble(failing=0.1, lost=0.1, cut=0.1, seed=1)
    with troubled(web, trouble) as address:
        done = run(at(table, address), tmp_path / "far")
    assert (done.embedded, done.failed) == (21, [])
    assert set(trouble.happened) == {"failing", "lost", "cut"}
    assert bits(done, table) == bits(run(table, tmp_path / "near"), table)


def test_pictures_in_an_object_store(table: DatasetTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("moto")
    with s3_server() as endpoint:
        for name, value in environment(endpoint).items():
            monkeypatch.setenv(name, value)
        root = new_bucket(endpoint)
        store = clients.connect(root)[0]
        for path in table.columns["path"]:
            store.put(Path(path).as_posix(), (table.folder / path).read_bytes())
        done = run(at(table, root), tmp_path / "far")
    assert (done.embedded, done.failed) == (21, [])
    assert bits(done, table) == bits(run(table, tmp_path / "near"), table)


def test_what_does_not_come_is_a_row_with_its_reason_and_the_others_are_embedded(
    table: DatasetTable, web: str, tmp_path: Path
) -> None:
    there = at(table, web)
    paths, sizes = list(there.columns["path"]), list(there.columns["size"])
    (table.folder / table.columns["path"][2]).unlink()
    changed = table.folder / table.columns["path"][3]
    changed.write_bytes(changed.read_bytes()[::-1])
    sizes[4] = "7"
    paths[5] = "http://127.0.0.1:9/gone.jpg"
    paths[6] += "?token=1"
    paths[7] = web
    done = run(there.with_columns(path=paths, size=sizes), tmp_path / "far")
    reasons = {there.columns["id"].index(f.id): f.reason for f in done.failed}
    assert reasons == {
        2: Reason.MISSING, 3: Reason.CHANGED, 4: Reason.CHANGED, 5: Reason.NOT_FETCHED, 6: Reason.NOT_FETCHED,
        7: Reason.NOT_FETCHED,
    }  # fmt: skip
    assert done.embedded == 15
    assert done.unfetched == [paths[5], paths[6], paths[7]]
    listed = (Path(done.folder) / "failures.csv").read_text(encoding="utf-8-sig")
    assert web in listed, "with both slashes"
    again = run(at(table, web), tmp_path / "far")
    assert again.embedded == 4, "what was unreachable is tried again"


ODD = {
    "http://museum.org/../a.jpg": "is no address that a store can have",
    "http://museum.org/%2e%2e/a.jpg": "is no address that a store can have",
    "http://museum.org/a%09b.jpg": "is no address that a store can have",
    "http://museum.org/iiif/2/a%2Fb/full.jpg": "an address with %2F is not supported",
    "http://museum.org/%E9.jpg": "percent signs in an address must be of UTF-8",
    "http://museum:99999/a.jpg": "can't be opened: invalid port number; look at the address",
    "http://[::1/a.jpg": "can't be opened: invalid IPv6 address; look at the address",
    "ftp://museum.org/a.jpg": "an address of ftp:// is not supported: give a path, or http://, ",
    "hf://datasets/museum/a.jpg": "an address of the hub is hf://datasets/OWNER/NAME/FILE",
    "hf://datasets/museum/works@refs%2Fpr%2F1/a.jpg": "an address of the hub is hf://datasets/OWNER/NAME/FILE",
    "hdfs://museum/a.jpg": "an address of hdfs:// is not supported",
    "s3://museum:9000/a.jpg": "is no folder in an object store",
}


def test_an_address_that_can_t_be_asked_for_is_a_row_with_its_reason(table: DatasetTable, tmp_path: Path) -> None:
    """It is not taken for another address, or for a path, and it does not end the run."""
    done = run(table.with_columns(path=[*ODD, *table.columns["path"][len(ODD) :]]), tmp_path / "far")
    assert {f.where: f.reason for f in done.failed} == dict.fromkeys(ODD, Reason.NOT_FETCHED)
    assert [f.where for f in done.failed if ODD[f.where] not in f.detail] == []
    assert done.embedded == 21 - len(ODD)


def test_pictures_on_the_hub(table: DatasetTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub sends small files and says of others where they are; names are taken letter by letter."""
    asked = "/datasets/museum/works/resolve/v1.0/"

    class Hub(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(asked):
                super().do_GET()
                return
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix(asked[:-1]))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    odd = table.folder / "50 % of # 1.jpg"
    odd.write_bytes((table.folder / table.columns["path"][0]).read_bytes())
    near = table.with_columns(path=[odd.name, *table.columns["path"][1:]])
    with served(Hub, table.folder) as address:
        for mirror in (address, f"{address}/"):
            monkeypatch.setenv("HF_ENDPOINT", mirror)
            assert hub.web_address("hf://datasets/museum/works@v1.0/a.jpg") == f"{address}{asked}a.jpg"
        done = run(at(near, "hf://datasets/museum/works@v1.0"), tmp_path / "far")
    assert (done.embedded, done.failed) == (21, [])
    assert bits(done, table) == bits(run(table, tmp_path / "near"), table)
    monkeypatch.delenv("HF_ENDPOINT")
    assert hub.web_address("hf://museum/works/a b.jpg") == "https://huggingface.co/museum/works/resolve/main/a%20b.jpg"


def test_what_a_web_server_answers_is_told_in_the_words_of_the_web(web: str) -> None:
    with pytest.raises(Undecodable) as caught:
        remote.fetch("http://127.0.0.1:9/x.jpg")
    assert (
        "the web server did not answer for 'http://127.0.0.1:9/x.jpg' in 12 tries: Connection refused; look at the "
        in (caught.value.detail)
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "the web server refuses access to {}: only what everybody may read is fetched (status 403 Forbidden)"),
        (401, "the web server refuses access to {}: only what everybody may read is fetched (status 401 Unauthorized)"),
        (410, "the web server refuses {}: status 410 Gone; look at the address"),
    ],
)
def test_a_web_server_that_refuses_is_not_called_a_store(status: int, said: str, tmp_path: Path) -> None:
    """Nobody looks for credentials, a clock or a region that a web server does not have."""

    class Refusing(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        def log_message(self, *_: Any) -> None:
            pass

    with served(Refusing, tmp_path) as web, pytest.raises(Undecodable) as caught:
        remote.fetch(f"{web}/x.jpg")
    assert caught.value.reason == Reason.NOT_FETCHED
    assert caught.value.detail == said.format(repr(f"{web}/x.jpg"))


def test_a_bucket_that_is_missing_is_not_taken_for_a_picture_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("moto")
    with s3_server() as endpoint:
        for name, value in environment(endpoint).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(Undecodable) as caught:
            remote.fetch("s3://nobody-made-it/x.jpg")
        assert caught.value.reason == Reason.NOT_FETCHED
        assert "there is no such bucket" in caught.value.detail
        with pytest.raises(Undecodable) as caught:
            remote.fetch(f"{new_bucket(endpoint)}/x.jpg")
        assert caught.value.reason == Reason.MISSING


def test_the_end_of_a_run_names_all_that_lacks_with_its_way_out(
    table: DatasetTable, web: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files, addresses with nothing or something else, and what could not be fetched: one sentence each."""
    there = at(table, web)
    paths = list(there.columns["path"])
    (table.folder / table.columns["path"][1]).unlink()
    (table.folder / table.columns["path"][2]).unlink()
    paths[2] = str(table.folder / table.columns["path"][2])
    paths[3] = "ftp://museum.org/a.jpg"
    assert tell(run(there.with_columns(path=paths), tmp_path / "far"), strict=False) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 3
    assert errors[0].startswith("error: 1 file of the dataset table is not there (")
    assert (
        f"error: 1 address has no picture, or another than the dataset table names ({paths[1]}): look at" in errors[1]
    )
    assert errors[2].startswith("error: 1 picture could not be fetched (ftp://museum.org/a.jpg)")


def test_each_picture_costs_one_request(table: DatasetTable, web: str, tmp_path: Path) -> None:
    trouble = Trouble()
    with troubled(web, trouble) as address:
        run(at(table, address), tmp_path / "far")
    assert trouble.requests == 21 + 4, "and four whose pixels are kept for later comparisons"


def test_a_picture_of_another_size_is_not_fetched(web: str, table: DatasetTable) -> None:
    path = Path(table.columns["path"][0])
    size = (table.folder / path).stat().st_size
    address = f"{web}/{path.as_posix()}"
    assert len(remote.fetch(address, size)) == size
    with pytest.raises(Undecodable) as caught:
        remote.fetch(address, size + 1)
    assert caught.value.reason == Reason.CHANGED


@pytest.mark.parametrize(
    ("path", "address"),
    [
        (Path("https://museum.org/a b.jpg"), "https://museum.org/a b.jpg"),
        (Path("S3://museum/Ä/x.jpg"), "s3://museum/Ä/x.jpg"),
        ("gs://museum/x.jpg", "gs://museum/x.jpg"),
        (Path("C:/pictures/x.jpg"), ""),
        (Path("/data/https:/x.jpg"), ""),
        (Path("pictures/x.jpg"), ""),
        (Path("https:"), ""),
    ],
)
def test_an_address_is_told_from_a_path(path: Path | str, address: str) -> None:
    assert remote.address_of(path) == address


@pytest.mark.parametrize(
    "steps", ["a//b.jpg", "/a/b.jpg", "a/./b.jpg", "a/../b.jpg", "..", "a/b/", "a/...", "a/.b/..c.jpg"]
)
def test_no_step_of_an_address_is_lost(steps: str) -> None:
    """`a//b.jpg` was asked for as `a/b.jpg`: another picture, or none."""
    for address in (f"https://museum.org/{steps}", f"s3://museum/{steps}"):
        columns = {"id": ["0" * 64], "path": [address], "size": ["1"], "mtime_ns": ["0"], "split": ["train"]}
        path = DatasetTable(columns, Path()).picture(0).path
        assert remote.address_of(path) == address
        if set(steps.split("/")) & {"", ".", ".."}:
            with pytest.raises(Undecodable, match=r"no address that a store can have|no store can have it"):
                remote.fetch(address)


def test_pictures_are_fetched_ahead_but_no_more_than_the_batches_under_way(
    table: DatasetTable, web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first batch waits, no more than the batches that two workers have under way are fetched."""
    fetched: Counter[str] = Counter()
    fetch, wait = remote.fetch, threading.Event()

    def counting(address: str, size: int = -1) -> bytes:
        fetched[address] += 1
        return fetch(address, size)

    from featurize.run import pipeline as module

    original = module.pixels

    def slow(*arguments: Any) -> Any:
        wait.wait(1.0)
        most.append(len(fetched))
        wait.set()
        return original(*arguments)

    most: list[int] = []
    monkeypatch.setattr(remote, "fetch", counting)
    monkeypatch.setattr(module, "pixels", slow)
    there = at(table, web)
    settings = Settings(backbone="resnet18", weights="random", batch_size=2, workers=2)
    extract(there, tmp_path / "far", settings, engines=FakeEngines())
    assert 2 < most[0] <= 2 * (2 * 2 + 1), "ahead of the one picture that is decoded, and bounded"
