"""Vectors that an earlier edition of the decoder made of wrong pixels don't stay, and all others do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cache import OK, FeatureCache, Rows
from cache.ids import from_hex
from featurize.pictures import archives, mended
from featurize.pictures.file import digest
from featurize.reasons import Reason
from featurize.run import editions
from featurize.run.extract import Extraction
from tests.featurize import tiffs
from tests.featurize.fake import decode_here
from tests.featurize.hazards import JPEG, PIXELS, PNG, REASONS, TIFF, chunk, encoded, photo
from tests.featurize.rasters import bmp, gif, png
from tests.featurize.test_blobs import make_zip
from tests.featurize.test_hazards import AVGPOOL, embed, table_of

WIDE = np.random.default_rng(0).integers(0, 65536, (16, 16, 4)).astype(np.uint16)
EIGHT = (WIDE >> 8).astype(np.uint8)
FLOATS = (WIDE / 65535).astype(np.float32)
PLANAR = tiffs.tiff(WIDE[..., :3], 16, 2, planar=2)
PALETTE = np.random.default_rng(1).integers(0, 256, (16, 3))
PLACES = np.arange(16) + np.zeros((16, 1), np.int64)
WAYS = {"none": tiffs.NONE, "LZW": tiffs.LZW, "deflate": tiffs.DEFLATE, "packed bits": tiffs.PACKBITS}


def keyed(depth: int, colour: int, key: bytes) -> bytes:
    return png(np.zeros((16, 16, 1 if colour == 0 else 3), np.int64), depth, colour, chunk(b"tRNS", key))


WRONG = {
    **{f"TIFF, 16 bits in planes, {order}": tiffs.tiff(WIDE[..., :3], 16, 2, order, planar=2) for order in "<>"},
    "TIFF, CMYK of 16 bits in planes": tiffs.tiff(WIDE, 16, 5, planar=2, tile=(16, 16)),
    "TIFF, RGBA of 16 bits in planes": tiffs.tiff(WIDE, 16, 2, planar=2, extra=[2], rows=5),
    "TIFF, coverage in a plane": tiffs.tiff(EIGHT[..., :2], 8, 1, planar=2, extra=[2], compression=tiffs.LZW),
    "TIFF in planes, low bits first": tiffs.tiff(EIGHT[..., :3], 8, 2, planar=2, fill_order=2),
    **{
        f"TIFF, big-endian floating-point numbers, {name}": tiffs.tiff(FLOATS[..., :1], 32, 1, ">", compression=way)
        for name, way in WAYS.items()
        if way != tiffs.NONE
    },
    "TIFF, signed": tiffs.tiff(EIGHT[..., :1].astype(np.int8), 8, 1),
    "TIFF of 32 bits": tiffs.tiff(EIGHT[..., :1].astype(np.uint32), 32, 1),
    "TIFF in YCbCr, not compressed": tiffs.tiff(EIGHT[..., :3], 8, 6),
    "TIFF with a palette of 8 bits": tiffs.tiff(EIGHT[..., :1], 8, 3, palette=list(range(256)) * 3),
    "BMP with RLE4": bmp(PLACES, 4, PALETTE, compression=2, data=b"x"),
    "BMP with RLE8": bmp(PLACES, 8, PALETTE, compression=1, data=b"x"),
    "PNG, a key at 2 bits": keyed(2, 0, b"\0\1"),
    "PNG, a key at 4 bits": keyed(4, 0, b"\0\1"),
    "PNG, a key in 16-bit RGB": keyed(16, 2, bytes(6)),
    "PNG, a key of too many bits": keyed(8, 0, b"\1\1"),
    "GIF that leaves part open": gif(PLACES, PALETTE, (4, 4), (40, 40), background=3),
}
RIGHT = {
    "JPEG": JPEG,
    "PNG": PNG,
    "TIFF": TIFF,
    **{f"TIFF of 16 bits, {n}": tiffs.tiff(WIDE[..., :3], 16, 2, compression=way) for n, way in WAYS.items()},
    **{f"TIFF in planes, {n}": tiffs.tiff(EIGHT[..., :3], 8, 2, planar=2, compression=w) for n, w in WAYS.items()},
    "TIFF, little-endian floating-point numbers": tiffs.tiff(FLOATS[..., :1], 32, 1, compression=tiffs.LZW),
    "TIFF, big-endian floating-point numbers": tiffs.tiff(FLOATS[..., :1], 32, 1, ">"),
    "TIFF with a palette": tiffs.tiff(EIGHT[..., :1], 8, 3, palette=list(range(0, 65536, 256)) * 3),
    "TIFF with JPEG": encoded(photo(), "TIFF", compression="jpeg"),
    "BMP": bmp(PLACES, 4, PALETTE),
    "PNG, a key at 8 bits": keyed(8, 2, b"\0\1\0\1\0\1"),
    "PNG, a key at 1 bit": keyed(1, 0, b"\0\1"),
    "PNG, a key in 16-bit grey": keyed(16, 0, b"\1\1"),
    "GIF": gif(PLACES, PALETTE),
    "GIF with a small transparent frame": gif(PLACES, PALETTE, (4, 4), (40, 40), transparent=3),
}


@pytest.mark.parametrize(("name", "wrong"), [*((n, True) for n in WRONG), *((n, False) for n in RIGHT)])
def test_kinds_that_came_out_wrong_are_told_from_those_that_came_out_right(
    name: str, wrong: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what they say about themselves; a file is not read whole for it."""
    data = (WRONG if wrong else RIGHT)[name]
    path = tmp_path / "picture"
    path.write_bytes(data)
    make_zip(tmp_path / "all.zip", {"picture": data})
    assert mended.was_wrong(Path(archives.location(tmp_path / "all.zip", "picture"))) is wrong
    monkeypatch.setattr(mended, "read", lambda where: pytest.fail("it was read whole"))
    assert mended.was_wrong(path) is wrong


def test_pictures_of_every_kind_that_came_out_right_are_not_embedded_again(tmp_path: Path) -> None:
    """The hazards' pixels are those of the version before, so nothing may be doubted without need."""
    doubted = []
    for name, (make, _, _) in PIXELS.items():
        (tmp_path / "x").write_bytes(make())
        if mended.was_wrong(tmp_path / "x"):
            doubted.append(name)
    assert doubted == []


def earlier(done: Extraction, *wrong: bytes, status: int = OK) -> None:
    """Make a cache what an earlier version would have left: no word of editions, and other rows of some pictures."""
    cache = FeatureCache(done.folder)
    for record in list(cache.artifacts.every(editions._SEEN)):
        cache.artifacts.forget(editions._SEEN, record)
    ids = from_hex([digest(data) for data in wrong])
    vectors = {AVGPOOL: cache.gather(ids, AVGPOOL) + 1 if status == OK else np.full((len(ids), 1), np.nan, "f4")}
    cache.drop(ids)
    cache.append(Rows(ids, np.full(len(ids), status, np.uint8), vectors))


def bits(done: Extraction, *pictures: bytes) -> list[bytes]:
    ids = from_hex([digest(p) for p in pictures])
    return [row.tobytes() for row in FeatureCache(done.folder).gather(ids, AVGPOOL)]


def test_a_vector_of_wrong_pixels_is_made_again_and_no_other_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode_here(monkeypatch)
    table = table_of(tmp_path / "pictures", {"a": JPEG, "b": PLANAR, "c": PNG, "d": TIFF})
    done = embed(table, tmp_path / "features")
    right = bits(done, JPEG, PLANAR, PNG, TIFF)
    earlier(done, PLANAR)
    assert bits(done, PLANAR) != right[1:2]
    said: list[str] = []
    again = embed(table, tmp_path / "features", say=said.append)
    assert (again.embedded, again.failed) == (1, [])
    assert bits(done, JPEG, PNG, TIFF) == [right[0], *right[2:]]
    assert np.allclose(np.frombuffer(bits(done, PLANAR)[0], "f4"), np.frombuffer(right[1], "f4"), rtol=1e-4)
    assert "1 picture that an earlier version may have decoded wrongly: embedding again" in said
    monkeypatch.setattr(editions, "was_wrong", lambda where: pytest.fail("it was looked at again"))
    said.clear()
    assert embed(table, tmp_path / "features", say=said.append).embedded == 0
    assert said == []


def test_a_new_cache_is_never_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even if its run is stopped at once: what it will embed is of this edition."""
    decode_here(monkeypatch)
    table = table_of(tmp_path / "pictures", {"a": JPEG, "b": PLANAR})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("featurize.run.part.failures", lambda *_: {}["stopped at the end"])
        with pytest.raises(KeyError):
            embed(table, tmp_path / "features")
    monkeypatch.setattr(editions, "was_wrong", lambda where: pytest.fail("it was looked at"))
    assert embed(table, tmp_path / "features").embedded == 0


@pytest.mark.parametrize("stopped", ["featurize.run.editions.note_seen", "cache.store.FeatureCache.drop"])
def test_a_run_that_is_stopped_anywhere_leaves_no_wrong_vector(
    stopped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode_here(monkeypatch)
    table = table_of(tmp_path / "pictures", {"a": JPEG, "b": PLANAR})
    done = embed(table, tmp_path / "features")
    right = bits(done, PLANAR)
    earlier(done, PLANAR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stopped, lambda *_: {}["the power went"])
        with pytest.raises(KeyError):
            embed(table, tmp_path / "features")
    assert embed(table, tmp_path / "features").embedded == 1
    assert np.allclose(np.frombuffer(bits(done, PLANAR)[0], "f4"), np.frombuffer(right[0], "f4"), rtol=1e-4)


def test_what_can_not_be_looked_at_stays_until_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures may be moved away once they are embedded."""
    decode_here(monkeypatch)
    table = table_of(tmp_path / "pictures", {"a": JPEG, "b": PLANAR})
    done = embed(table, tmp_path / "features")
    earlier(done, PLANAR)
    wrong = bits(done, PLANAR)
    (tmp_path / "pictures" / "b").rename(tmp_path / "away")
    said: list[str] = []
    assert embed(table, tmp_path / "features", say=said.append).embedded == 0
    assert bits(done, PLANAR) == wrong
    assert any("can't be looked at now, and stay" in line for line in said)
    (tmp_path / "away").rename(tmp_path / "pictures" / "b")
    assert embed(table, tmp_path / "features").embedded == 1
    assert bits(done, PLANAR) != wrong


def test_what_failed_with_an_earlier_version_is_tried_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode_here(monkeypatch)
    cut = REASONS["JPEG, cut"][0]()
    table = table_of(tmp_path / "pictures", {"a": JPEG, "b": PLANAR, "c": cut})
    done = embed(table, tmp_path / "features")
    earlier(done, PLANAR, status=Reason.NOT_A_PICTURE)
    said: list[str] = []
    again = embed(table, tmp_path / "features", say=said.append)
    assert [(f.path.name, f.reason) for f in again.failed] == [("c", Reason.TRUNCATED)]
    assert "2 pictures that failed with an earlier version: trying again" in said
    said.clear()
    embed(table, tmp_path / "features", say=said.append)
    assert said == [], "what fails again is not tried by every run"
