"""TIFF: each kind that is decoded has its pixels in every layout, and each other kind is refused by its name.

The judge is tifffile with imagecodecs, which share no code with Pillow's reader: what the files of these tests hold
is what it reads in them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from featurize.errors import Undecodable
from featurize.pictures import decoding
from featurize.reasons import Reason
from tests.featurize import tiffs
from tests.featurize.hazards import encoded, linear_profile, photo

GREY_NEGATIVE, GREY, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
COLOURS = {GREY_NEGATIVE: 1, GREY: 1, RGB: 3, PALETTE: 1, CMYK: 4}
WIDTH, HEIGHT = 37, 21  # no multiple of a tile, nor of a byte's bits
X, Y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
SHARES = np.stack([X, Y, 1 - X, (X + Y) / 2, (X * 7) % 1, (Y * 5) % 1], axis=-1)
ROUNDING = 2.5  # levels: 16 bits are cut to 8 before they are laid over white


@dataclass(frozen=True)
class Kind:
    """What the samples are."""

    photometric: int
    bits: int
    number: str = "u"
    extra: Sequence[int] = ()

    def __str__(self) -> str:
        name = {0: "white-is-zero", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK"}[self.photometric]
        return f"{name}-{self.number}{self.bits}" + "".join(f"+{n}" for n in self.extra)

    @property
    def channels(self) -> int:
        return COLOURS[self.photometric] + len(self.extra)

    @property
    def palette(self) -> list[int]:
        if self.photometric != PALETTE:
            return []
        return np.random.default_rng(self.bits).integers(256, 65536, 3 << self.bits).tolist()

    def samples(self) -> NDArray[Any]:
        shares = SHARES[..., : self.channels]
        if self.number == "f":
            return shares.astype(f"f{self.bits // 8}")
        size = 1 if self.bits <= 8 else 2
        return np.rint(shares * ((1 << self.bits) - 1)).astype(f"u{size}")

    def seen(self) -> NDArray[np.float64]:
        """The picture on white paper, computed from the definition of each kind."""
        samples = self.samples().astype(np.float64)
        share = samples / (1 if self.number == "f" else (1 << self.bits) - 1)
        colours = share[..., : COLOURS[self.photometric]]
        if self.photometric == PALETTE:
            table = np.array(self.palette).reshape(3, -1).T / 65535
            colours = table[self.samples()[..., 0]]
        elif self.photometric == CMYK:
            colours = (1 - colours[..., :3]) * (1 - colours[..., 3:])
        elif self.photometric == GREY_NEGATIVE:
            colours = 1 - colours
        for place, meaning in enumerate(self.extra, COLOURS[self.photometric]):
            if meaning in (1, 2):
                cover = share[..., place : place + 1]
                colours = np.minimum(colours * (1 if meaning == 1 else cover) + 1 - cover, 1)
                break
        return np.broadcast_to(colours * 255, (HEIGHT, WIDTH, 3))


KINDS = [
    *(Kind(p, bits) for p in (GREY_NEGATIVE, GREY, RGB) for bits in (1, 2, 4, 8, 12, 16)),
    *(Kind(p, bits, "f") for p in (GREY_NEGATIVE, GREY, RGB) for bits in (16, 32, 64)),
    *(Kind(PALETTE, bits) for bits in (1, 2, 4, 8, 16)),
    *(Kind(CMYK, bits, extra=extra) for bits in (8, 16) for extra in ((), (0,), (2,))),
    *(Kind(GREY, bits, extra=extra) for bits in (8, 16) for extra in ((0,), (1,), (2,))),
    *(Kind(GREY_NEGATIVE, bits, extra=extra) for bits in (8, 16) for extra in ((0,), (2,))),
    *(Kind(RGB, bits, extra=e) for bits in (8, 16) for e in ((0,), (1,), (2,), (0, 0), (2, 0), (1, 0), (0, 2))),
    Kind(RGB, 32, "f", (2,)),
    Kind(GREY, 32, "f", (0, 2)),
    Kind(PALETTE, 8, extra=(0,)),
    Kind(PALETTE, 8, extra=(2,)),
]


def layouts(kind: Kind) -> Iterator[dict[str, Any]]:
    """Byte order, planes, compression, pieces, predictor and order of bits, in all combinations that mean something."""
    for order in "<>":
        for planar in (1, 2) if kind.channels > 1 and not (kind.photometric == PALETTE and 2 in kind.extra) else (1,):
            for compression in (tiffs.NONE, tiffs.LZW, tiffs.DEFLATE, tiffs.OLD_DEFLATE, tiffs.PACKBITS):
                for pieces in ({}, {"rows": 8}, {"tile": (16, 16)}):
                    whole = {"order": order, "planar": planar, "compression": compression, **pieces}
                    yield whole
                    if compression in (tiffs.LZW, tiffs.DEFLATE) and (kind.number == "f" or kind.bits in (8, 16)):
                        yield {**whole, "predictor": 3 if kind.number == "f" else 2}
                    if kind.bits <= 8 and compression == tiffs.NONE:
                        yield {**whole, "fill_order": 2}


def file_of(kind: Kind, layout: Mapping[str, Any]) -> bytes:
    return tiffs.tiff(kind.samples(), kind.bits, kind.photometric, extra=kind.extra, palette=kind.palette, **layout)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_each_kind_has_its_pixels_whatever_the_layout(kind: Kind) -> None:
    """The same samples are the same picture, bit for bit, however they lie in the file."""
    whole = np.asarray(decoding.decode(file_of(kind, {})))
    assert np.abs(whole - kind.seen()).max() <= ROUNDING
    for layout in layouts(kind):
        assert np.array_equal(decoding.decode(file_of(kind, layout)), whole), layout


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_judge_reads_the_same_samples(kind: Kind) -> None:
    """Of a third of the layouts, drawn for each kind anew."""
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    samples = kind.samples()
    drawn = np.random.default_rng(KINDS.index(kind))
    for layout in layouts(kind):
        if drawn.random() > 1 / 3:
            continue
        shape = (kind.channels, HEIGHT, WIDTH) if layout["planar"] == 2 else (HEIGHT, WIDTH, kind.channels)
        read = tifffile.imread(io.BytesIO(file_of(kind, layout))).reshape(shape)
        assert np.array_equal(read.transpose(1, 2, 0) if layout["planar"] == 2 else read, samples), layout


GREYS = Kind(GREY, 8).samples()
COLOURED = Kind(RGB, 8).samples()
WIDE = Kind(GREY, 16).samples()
JPEG_TAGS = {256: (3, [64]), 257: (3, [48]), 258: (3, [8] * 3), 259: (3, [7]), 277: (3, [3]), 278: (3, [48])}


def with_tag(number: int, value: int) -> bytes:
    return tiffs.tiff(COLOURED, 8, RGB, more={number: (3, [value])})


def jpeg_inside(photometric: int, channels: int = 3, **how: object) -> bytes:
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[channels]
    tags = {**JPEG_TAGS, 258: (3, [8] * channels), 262: (3, [photometric]), 277: (3, [channels])}
    return tiffs.file_of(tags, [encoded(photo().convert(mode), "JPEG", quality=95, **how)])


OTHER_COMPRESSIONS = {
    2: "CCITT RLE",
    3: "Group 3",
    4: "Group 4",
    6: "old style",
    32809: "ThunderScan",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    12345: "12345",
}
REFUSED = {
    **{f"compression {n}": (with_tag(259, n), name) for n, name in OTHER_COMPRESSIONS.items()},
    **{f"photometric {n}": (with_tag(262, n), name) for n, name in ((9, "ICC Lab"), (10, "ITU"), (32803, "raw"))},
    "a mask": (tiffs.tiff(GREYS // 128, 1, 4), "transparency mask"),
    **{f"{n} bits": (tiffs.tiff(WIDE, n, GREY), f"whole numbers of {n} bits") for n in (6, 10, 14)},
    "32 bits": (tiffs.tiff(WIDE.astype(np.uint32), 32, GREY), "whole numbers of 32 bits"),
    "64 bits": (tiffs.tiff(WIDE.astype(np.uint64), 64, GREY, ">"), "whole numbers of 64 bits"),
    **{f"signed {n}": (tiffs.tiff((WIDE // 2).astype(f"i{n // 8}"), n, GREY), "signed") for n in (8, 16, 32)},
    "complex": (tiffs.tiff(WIDE, 16, GREY, more={339: (3, [6])}), "complex numbers"),
    "depths that differ": (tiffs.tiff(COLOURED, 8, RGB, more={258: (3, [5, 6, 5])}), "different depths"),
    "CMYK of floats": (tiffs.tiff(SHARES[..., :4].astype("f4"), 32, CMYK), "floating-point"),
    "other inks": (tiffs.tiff(Kind(CMYK, 8).samples(), 8, CMYK, more={332: (3, [2])}), "other inks"),
    "silent channels": (tiffs.tiff(Kind(GREY, 8, extra=(2,)).samples(), 8, GREY), "says nothing about"),
    "twenty channels": (tiffs.tiff(np.repeat(GREYS, 20, axis=-1), 8, GREY), "20 channels"),
    "several layers": (with_tag(32997, 4), "layers of depth"),
    "predictor without compression": (with_tag(317, 2), "predictor 2"),
    "YCbCr that is not compressed": (tiffs.tiff(COLOURED, 8, YCBCR), "YCbCr that is not compressed"),
    "YCbCr in planes": (tiffs.tiff(COLOURED, 8, YCBCR, planar=2, compression=tiffs.LZW), "YCbCr in separate planes"),
    "JPEG in planes": (tiffs.file_of({**JPEG_TAGS, 262: (3, [2]), 284: (3, [2])}, [b"x"]), "separate planes"),
    "JPEG of YCbCr that should be RGB": (jpeg_inside(RGB), "not those of its directory"),
    "JPEG of RGB that should be YCbCr": (jpeg_inside(YCBCR, keep_rgb=True), "not those of its directory"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_decoded_is_unsupported_by_name(name: str) -> None:
    data, said = REFUSED[name]
    with pytest.raises(Undecodable, match=said) as refused:
        decoding.probe(data)
    assert refused.value.reason == Reason.UNSUPPORTED
    assert "convert it to PNG" in refused.value.detail


DAMAGED = {
    "no width": (
        tiffs.file_of({tag: v for tag, v in {**JPEG_TAGS, 262: (3, [2])}.items() if tag != 256}, [b"x"]),
        Reason.BROKEN,
    ),
    "no place": (b"II*\0\x08\0\0\0\0\0", Reason.BROKEN),
    "a directory behind the end": (b"II*\0\xff\xff\0\0" + bytes(40), Reason.TRUNCATED),
    "values behind the end": (tiffs.tiff(COLOURED, 8, RGB)[:-4], Reason.TRUNCATED),
    "a piece behind the end": (with_tag(273, 65000), Reason.TRUNCATED),
    "a width that is a text": (with_tag(256, 0).replace(b"\0\1\3\0", b"\0\1\2\0", 1), Reason.BROKEN),
    "a palette that is too short": (tiffs.tiff(GREYS, 8, PALETTE, palette=[0] * 30), Reason.BROKEN),
    "deflate that is cut": (
        tiffs.tiff(COLOURED, 8, RGB, compression=tiffs.DEFLATE, more={279: (4, [200])}),
        Reason.TRUNCATED,
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_damaged_is_no_matter_of_support(name: str) -> None:
    data, reason = DAMAGED[name]
    with pytest.raises(Undecodable) as refused:
        decoding.decode(data)
    assert refused.value.reason == reason, refused.value


def test_jpeg_inside_has_the_colours_of_its_directory() -> None:
    expected = np.asarray(photo()).astype(int)
    grey = np.asarray(photo().convert("L").convert("RGB")).astype(int)
    for data, seen in (
        (jpeg_inside(YCBCR, subsampling=0), expected),
        (jpeg_inside(RGB, keep_rgb=True), expected),
        (jpeg_inside(GREY, 1), grey),
        (jpeg_inside(GREY_NEGATIVE, 1), 255 - grey),
    ):
        assert np.abs(np.asarray(decoding.decode(data)) - seen).max() <= 12


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("sampling", [(1, 1), (2, 1), (2, 2), (4, 2)], ids=str)
@pytest.mark.parametrize("compression", [tiffs.LZW, tiffs.DEFLATE, tiffs.PACKBITS])
def test_compressed_ycbcr_at_any_sampling(order: str, sampling: tuple[int, int], compression: int) -> None:
    """Flat colours, so that sampling costs nothing: red above, blue below."""
    halves = Image.new("RGB", (64, 48), "red")
    halves.paste("blue", (0, 24, 64, 48))
    samples = np.asarray(halves.convert("YCbCr"))
    across, down = sampling
    units = b"".join(
        samples[top : top + down, left : left + across, 0].tobytes() + samples[top, left, 1:].tobytes()
        for top in range(0, 48, down)
        for left in range(0, 64, across)
    )
    tags = {**JPEG_TAGS, 259: (3, [compression]), 262: (3, [YCBCR]), 530: (3, list(sampling))}
    data = tiffs.file_of(tags, [tiffs.packed(units, compression, len(units))], order)
    assert np.abs(np.asarray(decoding.decode(data)).astype(int) - np.asarray(halves)).max() <= 3


def test_a_fourth_channel_that_nothing_is_said_about_is_coverage_in_rgb() -> None:
    samples = Kind(RGB, 8, extra=(2,)).samples()
    said, silent = tiffs.tiff(samples, 8, RGB, extra=[2]), tiffs.tiff(samples, 8, RGB)
    assert decoding.decode(said).tobytes() == decoding.decode(silent).tobytes()


def test_a_palette_of_8_bits_is_taken_as_such() -> None:
    """Some programs write 0 to 255 where 0 to 65535 is meant; libtiff sees it, too."""
    wide = np.random.default_rng(0).integers(0, 256, 768) * 257
    right, small = (tiffs.tiff(GREYS, 8, PALETTE, palette=p.tolist()) for p in (wide, wide // 257))
    assert decoding.decode(right).tobytes() == decoding.decode(small).tobytes()


def test_lengths_that_are_missing_or_wrong_where_nothing_is_packed() -> None:
    whole = decoding.decode(tiffs.tiff(COLOURED, 8, RGB)).tobytes()
    assert decoding.decode(tiffs.tiff(COLOURED, 8, RGB, more={279: (4, [1])})).tobytes() == whole


@pytest.mark.parametrize("held", range(1, 9))
def test_it_is_turned_as_its_directory_says(held: int) -> None:
    """As the same picture in a PNG is, which Pillow reads."""
    exif = Image.Exif()
    exif[0x0112] = held
    turned = decoding.decode(encoded(Image.fromarray(COLOURED), exif=exif))
    for compression in (tiffs.NONE, tiffs.LZW):
        found = decoding.decode(tiffs.tiff(COLOURED, 8, RGB, compression=compression, more={274: (3, [held])}))
        assert np.array_equal(found, turned)


def test_a_profile_is_applied_at_every_depth() -> None:
    profile = linear_profile()
    more = {34675: (7, list(profile))}
    eight = tiffs.tiff(COLOURED, 8, RGB, more=more)
    sixteen = tiffs.tiff(COLOURED.astype(np.uint16) * 257, 16, RGB, ">", planar=2, more=more)
    seen = decoding.decode(encoded(Image.fromarray(COLOURED), icc_profile=profile))
    assert decoding.decode(eight).tobytes() == decoding.decode(sixteen).tobytes() == seen.tobytes()


def test_floating_point_numbers_above_1_are_seen_relative_to_the_largest() -> None:
    share = SHARES[..., :3].astype(np.float32)
    plain, tall = tiffs.tiff(share, 32, RGB), tiffs.tiff(share * 8, 32, RGB)
    assert decoding.decode(plain).tobytes() == decoding.decode(tall).tobytes()


def test_a_coverage_beyond_1_is_refused() -> None:
    with pytest.raises(Undecodable, match="coverage beyond 0 to 1"):
        decoding.decode(tiffs.tiff(SHARES[..., :4].astype("f4") * 2, 32, RGB, extra=[2]))


def test_a_picture_of_too_many_bytes_is_refused_before_it_is_unpacked() -> None:
    data = tiffs.tiff(np.zeros((8, 8, 16)), 64, RGB, extra=[0] * 13, compression=tiffs.DEFLATE)
    wide = {256: (4, [10_000]), 257: (4, [10_000]), 278: (4, [10_000])}
    whole = tiffs.tiff(np.zeros((8, 8, 16)), 64, RGB, extra=[0] * 13, compression=tiffs.DEFLATE, more=wide)
    assert decoding.probe(data) == (8, 8)
    with pytest.raises(Undecodable) as refused:
        decoding.decode(whole)
    assert refused.value.reason == Reason.TOO_LARGE
