"""IIIF manifests of both versions from a server of one's own: pictures at the needed size, politely, nothing lost."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

pytest.importorskip("urllib3")

import cache
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.prepare import prepare
from featurize.dataset.sources.base import Asking, Reading
from featurize.dataset.sources.iiif.client import Client
from featurize.dataset.sources.iiif.fetching import fetch_source
from featurize.dataset.sources.iiif.image_api import picture_address
from featurize.dataset.sources.iiif.presentation import Image, images, members, text_of
from featurize.engines.fake import FakeEngines
from featurize.errors import NotFetched, SourceError
from tests.featurize import fake


def jpeg(seed: int, size: tuple[int, int]) -> bytes:
    small = PillowImage.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8))
    written = io.BytesIO()
    small.resize(size, PillowImage.Resampling.BICUBIC).save(written, "JPEG")
    return written.getvalue()


@dataclass
class Museum:
    """A server with answers by path; what was asked is remembered."""

    root: str = ""
    answers: dict[str, tuple[int, bytes, dict[str, str]]] = field(default_factory=dict)
    once: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def says(self, path: str, body: object, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = status, data, headers

    def pictures(self) -> list[str]:
        return [path for path in self.asked if path.endswith(".jpg")]


@pytest.fixture
def museum() -> Iterator[Museum]:
    there = Museum()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            there.asked.append(self.path)
            status, body, headers = there.answers.get(self.path, (404, b"", {}))
            if there.once.get(self.path):
                status, headers = there.once[self.path].pop(0)
                body = b""
            elif headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                status, body = 304, b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    there.root = f"http://127.0.0.1:{server.server_port}"
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def manifest_3(museum: Museum, name: str, style: str, services: list[tuple[str, str]]) -> str:
    """A manifest of version 3 with a canvas for each (Image API 3 service, level)."""
    at = f"{museum.root}/{name}.json"
    canvases = [
        {
            "id": f"{at}/canvas/{n}",
            "type": "Canvas",
            "width": 1500,
            "height": 1000,
            "label": {"none": [f"p. {n}"]},
            "items": [{"type": "AnnotationPage", "items": [{"type": "Annotation", "motivation": "painting", "body": {
                "id": f"{service}/full/max/0/default.jpg", "type": "Image", "width": 1500, "height": 1000,
                "service": [{"id": service, "type": "ImageService3", "profile": level}]}}]}],
        }
        for n, (service, level) in enumerate(services)
    ]  # fmt: skip
    museum.says(f"/{name}.json", {
        "@context": "http://iiif.io/api/presentation/3/context.json", "id": at, "type": "Manifest",
        "label": {"de": ["Ein Bild"], "en": ["A Painting"]},
        "metadata": [{"label": {"en": ["Artist"]}, "value": {"none": ["Berthe Morisot"]}},
                     {"label": {"en": ["Style"]}, "value": {"none": [f"<b>{style}</b>"]}},
                     {"label": {"en": ["Date"]}, "value": {"none": ["1881"]}}],
        "items": canvases,
    }, ETag=f'"{name}"')  # fmt: skip
    return at


def manifest_2(museum: Museum, name: str, style: str, service: str, level: int = 2) -> str:
    at = f"{museum.root}/{name}.json"
    resource = {
        "@id": f"{service}/full/full/0/default.jpg", "@type": "dctypes:Image", "width": 1000, "height": 2000,
        "service": {"@context": "http://iiif.io/api/image/2/context.json", "@id": service,
                    "profile": f"http://iiif.io/api/image/2/level{level}.json"},
    }  # fmt: skip
    museum.says(f"/{name}.json", {
        "@context": "http://iiif.io/api/presentation/2/context.json", "@id": at, "@type": "sc:Manifest",
        "label": "Another Painting", "metadata": [{"label": "Style", "value": style}],
        "sequences": [{"@type": "sc:Sequence", "canvases": [{"@id": f"{at}/canvas", "@type": "sc:Canvas",
            "label": "recto", "images": [{"@type": "oa:Annotation", "resource": resource}]}]}],
    })  # fmt: skip
    return at


def serve_picture(museum: Museum, service: str, size: str, seed: int) -> None:
    path = service.removeprefix(museum.root)
    museum.says(f"{path}/full/{size}/0/default.jpg", jpeg(seed, (96, 64)))


@pytest.fixture
def collection(museum: Museum) -> str:
    """Two manifests of version 3 and one of version 2, in a collection within a collection."""
    services = [f"{museum.root}/img/{n}" for n in range(4)]
    one = manifest_3(museum, "one", "Impressionism", [(services[0], "level1"), (services[1], "level2")])
    two = manifest_2(museum, "two", "Baroque", services[2])
    three = manifest_3(museum, "three", "Impressionism", [(services[3], "level0")])
    serve_picture(museum, services[0], "768,", 1)  # shorter side of 1500 x 1000 to 512
    serve_picture(museum, services[1], "768,", 2)
    serve_picture(museum, services[2], "512,", 3)
    serve_picture(museum, services[3], "600,900", 4)
    museum.says("/img/3/info.json", {"width": 1500, "height": 1000, "sizes": [
        {"width": 300, "height": 200}, {"width": 600, "height": 400},
        {"width": 600, "height": 900}, {"width": 1200, "height": 800}]})  # fmt: skip
    museum.says("/inner.json", {"@type": "sc:Collection", "@id": "x", "label": "inner", "manifests": [{"@id": two}]})
    museum.says("/all.json", {"type": "Collection", "id": "y", "label": {"en": ["All"]}, "items": [
        {"id": one, "type": "Manifest"}, {"id": f"{museum.root}/inner.json", "type": "Collection"},
        {"id": three, "type": "Manifest"}]})  # fmt: skip
    return f"{museum.root}/all.json"


QUICK = Reading(asking=Asking(512, 1000.0))


def rejected(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "dataset.rejected.csv").read_text(encoding="utf-8-sig"))))


def test_a_collection_of_both_versions_becomes_a_table(museum: Museum, collection: str, tmp_path: Path) -> None:
    done = prepare(collection, tmp_path / "dataset.csv", reading=QUICK)
    table = done.table.columns
    assert done.format == "iiif"
    assert list(table["style"]) == ["Impressionism", "Impressionism", "Baroque", "Impressionism"]
    assert list(table["year"])[:2] == ["1881", "1881"]
    assert table["artist"][0] == "Berthe Morisot"
    assert list(table["title"])[:3] == ["A Painting", "A Painting", "Another Painting"]
    assert list(table["canvas"])[1:3] == [f"{museum.root}/one.json/canvas/1", f"{museum.root}/two.json/canvas"]
    sizes = {path.split("/")[2]: path.split("/")[4] for path in museum.pictures()}
    assert sizes == {"0": "768,", "1": "768,", "2": "512,", "3": "600,900"}, "the needed size, of level 0 a listed one"
    assert done.named == len(done.table) == 4


def test_a_second_run_asks_for_no_picture_again(museum: Museum, collection: str, tmp_path: Path) -> None:
    prepare(collection, tmp_path / "dataset.csv", reading=QUICK)
    before = len(museum.pictures())
    again = prepare(collection, tmp_path / "dataset.csv", reading=QUICK)
    assert len(museum.pictures()) == before
    assert len(again.table) == 4
    assert again.reused == 4
    museum.answers.clear()
    offline = prepare(collection, tmp_path / "dataset.csv", reading=QUICK)
    assert len(offline.table) == 4, "copies of manifests serve where the server does not"


def test_broken_manifests_and_pictures_are_named_and_stop_nothing(
    museum: Museum, collection: str, tmp_path: Path
) -> None:
    museum.says("/inner.json", {"@type": "sc:Collection", "manifests": [
        {"@id": f"{museum.root}/two.json"}, {"@id": f"{museum.root}/gone.json"}, {"@id": f"{museum.root}/page.json"},
        {"@id": f"{museum.root}/empty.json"}, {"@id": f"{museum.root}/odd.json"}]})  # fmt: skip
    museum.says("/page.json", b"<html>moved</html>")
    museum.says("/empty.json", {"type": "Manifest", "items": []})
    museum.says("/odd.json", {"type": "Manifest", "items": ["x"]})
    del museum.answers["/img/2/full/512,/0/default.jpg"]
    museum.says("/img/3/full/600,900/0/default.jpg", b"<html>busy</html>")
    done = prepare(collection, tmp_path / "dataset.csv", reading=QUICK)
    assert len(done.table) == 2
    named = {row["detail"] for row in rejected(tmp_path)}
    assert {row["reason"] for row in rejected(tmp_path)} == {"not fetched"}
    for name, why in {
        "gone.json": "status 404", "page.json": "no JSON", "empty.json": "has no picture",
        "odd.json": "not built like a manifest", "img/2": "status 404", "img/3": "no picture format is recognised",
    }.items():  # fmt: skip
        assert any(f"{museum.root}/{name}: " in text and why in text for text in named), name
    assert len(done.table) + len(named) == done.named == 8
    serve_picture(museum, f"{museum.root}/img/2", "512,", 3)
    serve_picture(museum, f"{museum.root}/img/3", "600,900", 4)
    assert len(prepare(collection, tmp_path / "dataset.csv", reading=QUICK).table) == 4, "the next run tries again"


def odd_manifests(museum: Museum) -> dict[str, str]:
    """Manifests as they are met in the wild: what each is like, and its picture's title in the table."""
    plain = {"@id": f"{museum.root}/plain.jpg", "@type": "dctypes:Image", "width": 96, "height": 64}
    mixed = {"@type": "oa:Annotation", "motivation": "sc:painting", "resource": plain}
    sequence = [{"canvases": [{"@id": "c2", "height": 64, "width": 96, "images": [mixed]}]}]
    service = {"id": f"{museum.root}/img/7", "type": "ImageService3"}  # says no level
    body = {"id": f"{museum.root}/img/7/full/max/0/default.jpg", "type": "Image", "service": service}
    page = [{"type": "AnnotationPage", "items": [{"type": "Annotation", "motivation": "painting", "body": body}]}]
    by_text = {**body, "id": f"{museum.root}/plain.jpg", "service": f"{museum.root}/img/8"}
    texts = [{"items": [{"motivation": ["painting"], "body": by_text}]}]
    museum.says("/plain.jpg", jpeg(5, (96, 64)))
    museum.says("/img/7/info.json", {"width": 1500, "height": 1000, "profile": "level1"})
    museum.says("/img/7/full/768,/0/default.jpg", jpeg(6, (96, 64)))
    museum.says("/v2-in-v3.json", {"type": "Manifest", "@type": "sc:Manifest", "label": "浮世絵 – Привет",
                                   "sequences": sequence})  # fmt: skip
    museum.says("/no-level.json", {"type": "Manifest", "label": {"ja": ["神奈川沖浪裏"]}, "items": [
        {"id": "c3", "type": "Canvas", "width": 1500, "height": 1000, "items": page}]})  # fmt: skip
    museum.says("/text-service.json", {"type": "Manifest", "label": ["Ohne Titel", "Untitled"], "items": [
        {"id": "c4", "width": None, "height": "unknown", "items": texts}]})  # fmt: skip
    return {
        "v2-in-v3": "浮世絵 – Привет",
        "no-level": "神奈川沖浪裏",
        "text-service": "Ohne Titel; Untitled",
    }


def test_odd_manifests_give_their_pictures(museum: Museum, tmp_path: Path) -> None:
    titles = odd_manifests(museum)
    members = [{"id": f"{museum.root}/{name}.json", "type": "Manifest"} for name in titles]
    museum.says("/all.json", {"type": "Collection", "items": [*members, None, "x", {"type": "Manifest"}]})
    done = prepare(f"{museum.root}/all.json", tmp_path / "dataset.csv", reading=QUICK)
    assert list(done.table.columns["title"]) == list(titles.values())
    assert done.named == 4
    (why,) = [row["detail"] for row in rejected(tmp_path)]
    assert "x: 'x' is no address that begins with https:// or http://" in why


def simple(museum: Museum, name: str, picture: str, label: object = "A") -> dict[str, str]:
    """A manifest with one picture; gives what names it in a collection."""
    body = {"id": picture, "type": "Image"}
    museum.says(f"/{name}", {"type": "Manifest", "label": label, "items": [
        {"id": f"{museum.root}/{name}/canvas", "type": "Canvas", "items": [{"items": [{"body": body}]}]}]})  # fmt: skip
    return {"id": f"{museum.root}/{name}", "type": "Manifest"}


def test_whatever_a_manifest_holds_it_costs_itself_alone(museum: Museum, tmp_path: Path) -> None:
    """Addresses that are none, half letters, names that no file can have, documents without end."""
    museum.says("/pic.jpg", jpeg(1, (96, 64)))
    museum.says("/redirect.json", b"", 302, Location="http://[nowhere")
    museum.says("/deep.json", b"[" * 100_000)
    label: object = "x"
    for _ in range(900):
        label = [label]
    pic = f"{museum.root}/pic.jpg"
    good = [
        simple(museum, "half.json", pic, "half \ud83c letter"),
        simple(museum, "long.json", pic, "\U00020000" * 300),
        simple(museum, f"{'漢' * 70}.json", pic),
    ]
    museum.answers[f"/{'%E6%BC%A2' * 70}.json"] = museum.answers[f"/{'漢' * 70}.json"]
    bad = {
        "http://[bad/m.json": "no address",
        f"{museum.root}/redirect.json": "no address",
        f"{museum.root}/deep.json": "nested too deeply",
        "http://[bad/x.jpg": "no address",
    }
    members = [*({"id": address, "type": "Manifest"} for address in list(bad)[:3]), *good]
    members += [simple(museum, "picture.json", "http://[bad/x.jpg"), simple(museum, "label.json", pic, label)]
    museum.says("/all.json", {"type": "Collection", "items": members})
    done = prepare(f"{museum.root}/all.json", tmp_path / "dataset.csv", reading=QUICK)
    assert done.table.columns["title"][0] == "half ? letter"
    why = [row["detail"] for row in rejected(tmp_path)]
    for address, reason in bad.items():
        assert any(address in text and reason in text for text in why), (address, why)
    assert len(done.table) + len(why) == done.named == 8


@pytest.mark.parametrize("text", ["{broken", "[]", '{"document": 1}'])
def test_a_damaged_copy_of_a_document_is_fetched_again(museum: Museum, tmp_path: Path, text: str) -> None:
    museum.says("/pic.jpg", jpeg(1, (96, 64)))
    at = simple(museum, "one.json", f"{museum.root}/pic.jpg")["id"]
    prepare(at, tmp_path / "dataset.csv", reading=QUICK)
    (copy,) = tmp_path.glob("iiif/*/manifests/*.json")
    copy.write_text(text)
    assert len(prepare(at, tmp_path / "dataset.csv", reading=QUICK).table) == 1


def test_an_address_that_can_not_be_cut_into_parts_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'http://\[x' can't be fetched: it is no address"):
        fetch_source("http://[x", tmp_path, Asking(512, 1000))


def test_a_size_that_is_refused_is_answered_by_the_whole_picture(museum: Museum, tmp_path: Path) -> None:
    at = manifest_2(museum, "two", "Baroque", f"{museum.root}/img/9")
    serve_picture(museum, f"{museum.root}/img/9", "full", 3)
    assert len(prepare(at, tmp_path / "dataset.csv", reading=QUICK).table) == 1
    assert [path.split("/")[4] for path in museum.pictures()] == ["512,", "full"]


def test_an_address_that_is_no_manifest_is_one_sentence(
    museum: Museum, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    museum.says("/x.json", {"hello": "world"})
    assert run(cli, ["prepare", f"{museum.root}/x.json", "--out", str(tmp_path / "d.csv")]) == 1
    assert "is no IIIF manifest and no collection" in capsys.readouterr().err
    with pytest.raises(SourceError, match="can't be fetched: the server answers with status 404"):
        fetch_source(f"{museum.root}/none.json", tmp_path, Asking(512, 1000))


# ---- politeness


@dataclass
class Time:
    """A clock that stands still unless somebody sleeps."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


def client(rate: float) -> tuple[Client, Time]:
    time = Time()
    return Client(rate, time.sleep, lambda: time.now), time


def test_no_more_requests_a_second_than_allowed(museum: Museum) -> None:
    asking, time = client(2.0)
    museum.says("/a", b"")
    for _ in range(3):
        asking.get(f"{museum.root}/a")
    assert time.slept == [0.5, 0.5]
    time.now += 60
    asking.get(f"{museum.root}/a")
    asking.get(f"{museum.root}/a")
    assert time.slept == [0.5, 0.5, 0.5], "time without requests is not saved up"


def test_a_busy_server_is_asked_again_when_it_says(museum: Museum) -> None:
    asking, time = client(1e9)
    museum.says("/a", b"at last")
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    museum.once["/a"] = [(429, {"Retry-After": "7"}), (503, {"Retry-After": soon}), (500, {"Retry-After": "²"})]
    assert asking.get(f"{museum.root}/a").body == b"at last"
    waited = [seconds for seconds in time.slept if seconds > 0.01]
    assert waited[0] == 7
    assert 25 <= waited[1] <= 30
    assert waited[2] == 8, "without a time that the server names, longer each time"


def test_a_server_is_not_asked_for_ever(museum: Museum) -> None:
    asking, _ = client(1e9)
    museum.once["/a"] = [(503, {})] * 9
    with pytest.raises(NotFetched, match="status 503, 4 times"):
        asking.get(f"{museum.root}/a")
    assert len(museum.asked) == 4
    museum.once["/b"] = [(429, {"Retry-After": "86400"})]
    with pytest.raises(NotFetched, match=r"asks to wait 86,400 seconds"):
        asking.get(f"{museum.root}/b")
    with pytest.raises(NotFetched, match="can't be reached"):
        asking.get("http://127.0.0.1:9/nothing")


# ---- what documents say


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a <i>b</i> &amp; c", "a b & c"),
        (["a", "b"], "a; b"),
        ({"@value": "x", "@language": "de"}, "x"),
        ([{"@value": "x", "@language": "de"}, {"@value": "y", "@language": "en"}], "y"),
        ({"fr": ["un", "deux"]}, "un; deux"),
        (None, ""),
        (1881, "1881"),
    ],
)
def test_texts_of_both_versions(value: object, expected: str) -> None:
    assert text_of(value) == expected


def test_choices_and_other_services_are_understood() -> None:
    body = {"type": "Choice", "items": [
        {"id": "http://x/1.jpg", "type": "Image", "service": [
            {"@context": "http://iiif.io/api/auth/1/context.json", "@id": "http://x/login", "profile": "login"},
            {"@id": "http://x/1/", "@type": "ImageService2", "profile": "level1"}]},
        {"id": "http://x/2.jpg", "type": "Image"}]}  # fmt: skip
    canvas = {"id": "c", "width": 10, "height": 20, "items": [{"items": [{"motivation": "painting", "body": body}]}]}
    (found,) = images({"type": "Manifest", "items": [canvas, {"id": "text only", "items": []}]}, "m")
    assert (found.url, found.service, found.level, found.version) == ("http://x/1.jpg", "http://x/1", 1, 2)
    assert members({"members": [{"@id": "a", "@type": "sc:Manifest"}], "first": "b", "items": []}) == ["a", "b"]


@pytest.mark.parametrize("info", [
    {"width": "wide", "height": None, "sizes": "none"}, {"width": -1, "height": 1e400, "sizes": [None, "x", {}]},
    {"sizes": [{"width": "a", "height": 2}]}, {"sizes": {"width": 1000}},
])  # fmt: skip
@pytest.mark.parametrize("level", [0, 1])
def test_a_service_that_says_nonsense_is_asked_as_the_manifest_says(info: dict[str, object], level: int) -> None:
    image = Image("m", "c", "http://x/whole.jpg", "http://x/1", 2, level, 4000, 3000)
    assert picture_address(image, 512, info) == (
        "http://x/1/full/683,/0/default.jpg" if level else "http://x/whole.jpg"
    )


@pytest.mark.parametrize(
    ("size", "version", "side", "expected"),
    [
        ((4000, 3000), 2, 512, "683,"),
        ((3000, 4000), 3, 512, "512,"),
        ((400, 300), 2, 512, "full"),
        ((400, 300), 3, 512, "max"),
    ],
)
def test_a_picture_is_asked_for_at_the_size_that_is_needed(
    size: tuple[int, int], version: int, side: int, expected: str
) -> None:
    image = Image("m", "c", "u", "http://x/1", version, 1, *size)
    assert picture_address(image, side) == f"http://x/1/full/{expected}/0/default.jpg"


# ---- annotations


def test_annotations_carry_the_digest_of_the_key(
    museum: Museum, collection: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fake.decode_here(monkeypatch)
    assert run(cli, ["prepare", collection, "--fetch-rate", "50", "--split", "random"]) == 0
    assert run(cli, ["run", "--backbone", "resnet18", "--weights", "random"], FakeEngines()) == 0
    assert run(cli, ["export", "annotations", "--iiif"]) == 0
    store = cache.open_cache("features")
    pages = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((tmp_path / "annotations").iterdir())]
    assert [page["type"] for page in pages] == ["AnnotationPage"] * 3
    items = [item for page in pages for item in page["items"]]
    assert {item["generator"]["id"] for item in items} == {f"urn:sha256:{store.key.digest}"}
    assert len({item["id"] for item in items}) == len(items) == 4
    assert items[0]["target"] == f"{museum.root}/one.json/canvas/0"
    body = json.loads(items[0]["body"]["value"])
    vector = store.gather(np.array([bytes.fromhex(body["picture"].rpartition(":")[2])], "S32"), store.recipe("avgpool"))
    assert np.allclose(body["vector"], vector[0], rtol=1e-6)
    capsys.readouterr()
    table = (tmp_path / "dataset.csv").read_text(encoding="utf-8-sig")
    (tmp_path / "plain.csv").write_text(table.replace("canvas", "kanvas"), encoding="utf-8")
    assert run(cli, ["export", "annotations", "--iiif", "--dataset", "plain.csv"]) == 1
    assert "has no column 'canvas', so there is nothing to annotate" in capsys.readouterr().err
