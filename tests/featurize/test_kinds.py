"""PNG, BMP, GIF, JPEG, WebP: each kind that is decoded has its pixels, and each other kind is refused by its name.

PNG, BMP and GIF are computed here from their definition; of JPEG and WebP, which lose something, imagecodecs is the
judge, which shares no code with Pillow.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from featurize.errors import Undecodable
from featurize.pictures import decoding
from featurize.reasons import Reason
from tests.featurize.hazards import chunk, photo
from tests.featurize.rasters import Numbers, bits, bmp, gif, png

WIDTH, HEIGHT = 37, 21
X, Y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
SHARES = np.stack([X, Y, 1 - X, (X + Y) / 2], axis=-1)
COLOURED = np.rint(SHARES[..., :3] * 255).astype(np.int64)
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PNG_KINDS = (
    [(0, d) for d in (1, 2, 4, 8, 16)] + [(3, d) for d in (1, 2, 4, 8)] + [(c, d) for c in (2, 4, 6) for d in (8, 16)]
)


def seen(data: bytes) -> Numbers:
    return np.asarray(decoding.decode(data)).astype(int)


def on_white(colours: NDArray[np.floating], cover: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.broadcast_to(colours * cover + 255 * (1 - cover), (HEIGHT, WIDTH, 3))


def refusal(data: bytes) -> str:
    with pytest.raises(Undecodable) as refused:
        decoding.probe(data)
    assert refused.value.reason == Reason.UNSUPPORTED, refused.value
    assert "convert it" in refused.value.detail or "export it" in refused.value.detail
    return refused.value.detail


@pytest.mark.parametrize("keyed", [False, True], ids=["", "keyed"])
@pytest.mark.parametrize("interlaced", [False, True], ids=["", "interlaced"])
@pytest.mark.parametrize(("colour", "depth"), PNG_KINDS)
def test_png(colour: int, depth: int, interlaced: bool, keyed: bool) -> None:
    """`keyed`: with a transparent colour, or with coverages of a palette."""
    most = (1 << depth) - 1
    shares = SHARES[..., [0, 3]] if colour == 4 else SHARES[..., : CHANNELS[colour]]
    samples = np.rint(shares * most).astype(np.int64)
    scaled, cover, chunks = samples * 255 / most, np.ones((HEIGHT, WIDTH, 1)), b""
    if colour == 3:
        drawn = np.random.default_rng(depth)
        palette, covers = drawn.integers(0, 256, (most + 1, 3)), drawn.integers(0, 256, most + 1)
        chunks = chunk(b"PLTE", palette.astype(np.uint8).tobytes())
        scaled = palette[samples[..., 0]]
        if keyed:
            chunks += chunk(b"tRNS", covers.astype(np.uint8).tobytes())
            cover = covers[samples[..., 0], None] / 255
    elif colour in (4, 6):
        scaled, cover = scaled[..., :-1], scaled[..., -1:] / 255
    elif keyed:
        key = samples[HEIGHT // 2, WIDTH // 2]
        chunks = chunk(b"tRNS", key.astype(">u2").tobytes())
        cover = 1.0 - (samples == key).all(axis=-1, keepdims=True)
        assert cover.min() == 0
    data = png(samples, depth, colour, chunks, interlaced)
    assert np.abs(seen(data) - on_white(scaled, cover)).max() <= 2


@pytest.mark.parametrize("depth", [2, 8, 16])
def test_png_with_a_key_of_more_bits_than_its_samples(depth: int) -> None:
    """The lower bits count (PNG specification, 11.3.2.1), and a 16-bit colour must be equal in all of its bits."""
    samples = np.full((16, 16, 1), 1)
    high = 0 if depth == 16 else 0xFF00
    data = png(samples, depth, 0, chunk(b"tRNS", struct.pack(">H", high | 1)))
    assert (seen(data) == 255).all()
    near = png(np.full((16, 16, 3), 0x1234), 16, 2, chunk(b"tRNS", struct.pack(">3H", 0x1234, 0x1234, 0x1235)))
    assert (seen(near) == 0x12).all()


def test_png_that_says_its_gamma_is_seen_without_it() -> None:
    """As documented: profiles are applied, a bare gamma is not, which browsers and viewers handle each in their way."""
    samples = COLOURED
    plain = png(samples, 8, 2)
    for more in (
        chunk(b"gAMA", struct.pack(">I", 45455)),
        chunk(b"sRGB", b"\0"),
        chunk(b"gAMA", struct.pack(">I", 100000)),
    ):
        assert np.array_equal(seen(png(samples, 8, 2, more)), seen(plain))


HEADERS = (12, 40, 64, 108, 124)


@pytest.mark.parametrize(("header", "from_top"), [(h, t) for h in HEADERS for t in (False, True) if h > 12 or not t])
@pytest.mark.parametrize("depth", [1, 4, 8])
def test_bmp_with_a_palette(depth: int, header: int, from_top: bool) -> None:
    count = 1 << depth
    places = np.rint(SHARES[..., 3] * (count - 1)).astype(np.int64)
    grey = np.repeat(np.linspace(0, 255, count).astype(np.int64)[:, None], 3, axis=1)
    for palette in (np.random.default_rng(depth).integers(0, 256, (count, 3)), grey, grey[::-1]):
        data = bmp(places, depth, palette, header, from_top)
        assert np.array_equal(seen(data), palette[places])


FULL = {  # masks of red, green, blue, perhaps of coverage
    16: [(0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F), (0xF00, 0xF0, 0xF), (0x1F, 0x7E0, 0xF800)],
    32: [
        *((0xFF << a, 0xFF << b, 0xFF << c) for a, b, c in itertools.permutations((0, 8, 16, 24), 3)),
        *((0xFF << a, 0xFF << b, 0xFF << c, 0xFF << d) for a, b, c, d in itertools.permutations((0, 8, 16, 24))),
        (0x3FF00000, 0xFFC00, 0x3FF),
    ],
}


@pytest.mark.parametrize("from_top", [False, True], ids=["", "from-top"])
@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize(("depth", "masks"), [(d, m) for d, all_masks in FULL.items() for m in all_masks])
def test_bmp_with_masks(depth: int, masks: Sequence[int], header: int, from_top: bool) -> None:
    pixels = np.zeros((HEIGHT, WIDTH), np.int64)
    found = []
    for share, mask in zip(np.moveaxis(SHARES, -1, 0), masks, strict=False):
        lowest = (mask & -mask).bit_length() - 1
        level = np.rint(share * (mask >> lowest)).astype(np.int64)
        pixels |= level << lowest
        found.append(level * 255 / (mask >> lowest))
    has_room = len(masks) == 3 or header >= 56
    cover = found[3][..., None] / 255 if len(masks) == 4 else np.ones((HEIGHT, WIDTH, 1))
    data = bmp(pixels, depth, None, header, from_top, masks, 3 if has_room else 6)
    assert np.abs(seen(data) - on_white(np.stack(found[:3], axis=-1), cover)).max() <= 2


@pytest.mark.parametrize("from_top", [False, True], ids=["", "from-top"])
def test_bmp_without_palette_and_masks(from_top: bool) -> None:
    assert np.array_equal(seen(bmp(COLOURED, 24, from_top=from_top)), COLOURED)
    assert np.array_equal(seen(bmp(COLOURED, 24, header=12)), COLOURED)
    five = COLOURED >> 3
    sixteen = bmp(five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2], 16, from_top=from_top)
    assert np.abs(seen(sixteen) - five * 255 / 31).max() <= 1
    filled = COLOURED[..., 0] << 16 | COLOURED[..., 1] << 8 | COLOURED[..., 2] | 0x80 << 24
    assert np.array_equal(seen(bmp(filled, 32, from_top=from_top)), COLOURED), "the fourth byte means nothing"


def runs(rows: Numbers, depth: int, single: bool) -> bytes:
    """Run lengths: of equal pixels, or where `single` of up to nine that are listed."""
    out = b""
    for row in rows[::-1].tolist():
        at = 0
        while at < len(row):
            part = row[at : at + 9]
            if single and len(part) > 2:
                packed = bits(np.array(part + [0] * (len(part) % 2 if depth == 4 else 0)), depth, "<")
                out += bytes([0, len(part)]) + packed + bytes(len(packed) % 2)
            else:
                part = next(list(equal) for _, equal in itertools.groupby(row[at : at + 255]))
                out += bytes([len(part), part[0] * (17 if depth == 4 else 1)])
            at += len(part)
        out += b"\0\0"
    return out + b"\0\1"


@pytest.mark.parametrize("header", [40, 64, 124])
@pytest.mark.parametrize("single", [False, True], ids=["runs", "listed"])
@pytest.mark.parametrize("depth", [4, 8])
def test_bmp_with_run_lengths(depth: int, single: bool, header: int) -> None:
    count = 1 << depth
    palette = np.random.default_rng(depth).integers(0, 256, (count, 3))
    places = (np.arange(WIDTH) // 3 + 5 * np.arange(HEIGHT)[:, None]) % count
    packed = runs(places, depth, single)
    data = bmp(places, depth, palette, header, compression=1 if depth == 8 else 2, data=packed)
    assert np.array_equal(seen(data), palette[places])
    endless = bmp(places, depth, palette, header, compression=1 if depth == 8 else 2, data=packed[:-2])
    assert np.array_equal(seen(endless), palette[places])


def test_bmp_with_two_pixels_in_a_run() -> None:
    """In 4 bits a run alternates between the two halves of its byte."""
    palette = np.random.default_rng(4).integers(0, 256, (16, 3))
    data = bmp(np.zeros((8, 8)), 4, palette, compression=2, data=(b"\5\x12\3\x34\0\0" * 8) + b"\0\1")
    assert np.array_equal(seen(data), np.tile(palette[[1, 2, 1, 2, 1, 3, 4, 3]], (8, 1, 1)))


GREYS = np.repeat(np.arange(256)[:, None], 3, axis=1)
BLANK = np.zeros((16, 16), np.int64)
BAD_RUNS = {
    "a line that ends early": (b"\5\1\0\0" * 16 + b"\0\1", Reason.UNSUPPORTED),
    "a picture that ends early": (b"\x10\1\0\0" * 9 + b"\0\1", Reason.UNSUPPORTED),
    "a move": (b"\0\2\1\1" + b"\x0f\1\0\0" * 16 + b"\0\1", Reason.UNSUPPORTED),
    "an empty line": (b"\0\0" + b"\x10\1\0\0" * 15 + b"\0\1", Reason.UNSUPPORTED),
    "a run that is too long": (b"\x11\1\0\0" * 16 + b"\0\1", Reason.BROKEN),
    "data that are cut": (b"\x10\1\0\0" * 9, Reason.TRUNCATED),
}


@pytest.mark.parametrize("name", BAD_RUNS)
def test_bmp_with_run_lengths_that_say_nothing_of_some_pixels(name: str) -> None:
    data, reason = BAD_RUNS[name]
    with pytest.raises(Undecodable) as refused:
        decoding.decode(bmp(BLANK, 8, GREYS, compression=1, data=data))
    assert refused.value.reason == reason, refused.value


def test_bmp_that_uses_a_colour_it_does_not_have() -> None:
    with pytest.raises(Undecodable, match="uses colour 9, its palette has 4"):
        decoding.decode(bmp(BLANK, 8, GREYS[:4], compression=1, data=b"\x10\x09\0\0" * 16))


SIXTEEN = np.random.default_rng(3).integers(0, 256, (16, 3))
PLACES = (np.arange(WIDTH) + np.arange(HEIGHT)[:, None]) % 16


@pytest.mark.parametrize("interlaced", [False, True])
def test_gif(interlaced: bool) -> None:
    assert np.array_equal(seen(gif(PLACES, SIXTEEN, interlaced=interlaced)), SIXTEEN[PLACES])
    other = gif(PLACES, SIXTEEN, interlaced=interlaced, local=SIXTEEN[::-1])
    assert np.array_equal(seen(other), SIXTEEN[::-1][PLACES])
    white = np.where(PLACES[..., None] == 3, 255, SIXTEEN[PLACES])
    assert np.array_equal(seen(gif(PLACES, SIXTEEN, interlaced=interlaced, transparent=3)), white)


def test_gif_whose_first_frame_is_smaller_than_the_picture() -> None:
    """What it leaves open is white where it is transparent, the background where Pillow paints that, or refused."""
    placed = {"at": (5, 4), "screen": (60, 40)}
    clear = seen(gif(PLACES, SIXTEEN, transparent=3, **placed))
    assert (clear[0, 0] == 255).all()
    assert np.array_equal(seen(gif(PLACES, SIXTEEN, **placed))[0, 0], SIXTEEN[0])
    for how in ({"background": 5}, {"local": SIXTEEN[::-1]}):
        assert "leaves part of the picture open" in refusal(gif(PLACES, SIXTEEN, **placed, **how))


def header_of_jpeg(
    code: int, precision: int = 8, factors: Sequence[int] = (0x22, 0x11, 0x11), height: int = 48
) -> bytes:
    """A JPEG as far as it says what it is."""
    parts = b"".join(bytes([n + 1, f, 0]) for n, f in enumerate(factors))
    frame = struct.pack(">BHHB", precision, height, 64, len(factors)) + parts
    return b"\xff\xd8\xff" + bytes([code]) + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xda" + bytes(40)


REFUSED = {
    "JPEG of 12 bits": (header_of_jpeg(0xC1, 12), "a JPEG of 12 bits"),
    "JPEG, lossless, of 16 bits": (header_of_jpeg(0xC3, 16), "a JPEG of 16 bits"),
    **{f"JPEG, hierarchical {c:X}": (header_of_jpeg(c), "hierarchical") for c in (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)},
    "JPEG, lossless and arithmetic": (header_of_jpeg(0xCB), "lossless JPEG with arithmetic coding"),
    "JPEG-LS": (header_of_jpeg(0xF7), "JPEG-LS"),
    "JPEG with two components": (header_of_jpeg(0xC0, factors=(0x11, 0x11)), "2 components"),
    "JPEG with five components": (header_of_jpeg(0xC0, factors=(0x11,) * 5), "5 components"),
    "JPEG with its height at its end": (header_of_jpeg(0xC0, height=0), "height behind its data"),
    "JPEG with odd sampling": (header_of_jpeg(0xC0, factors=(0x31, 0x21, 0x11)), "don't divide each other"),
    "PNG of Apple": (b"\x89PNG\r\n\x1a\n" + chunk(b"CgBI", bytes(4)), "Apple's own variant"),
    "BMP of 2 bits": (bmp(BLANK, 2, GREYS[:4]), "2 bits a pixel"),
    "BMP of 64 bits": (bmp(BLANK, 64), "64 bits a pixel"),
    "BMP with JPEG": (bmp(BLANK, 0, compression=4, data=b"x"), "the compression 4"),
    "BMP with PNG": (bmp(BLANK, 0, compression=5, data=b"x"), "the compression 5"),
    "BMP in CMYK": (bmp(BLANK, 32, compression=11), "the compression 11"),
    "BMP of OS/2, Huffman": (bmp(BLANK, 1, GREYS[:2], 64, compression=3, data=b"x"), "compression of OS/2"),
    "BMP of OS/2, RLE24": (bmp(BLANK, 24, header=64, compression=4, data=b"x"), "compression of OS/2"),
    "BMP with a header of 16 bytes": (
        b"BM" + bytes(12) + struct.pack("<IIIHH", 16, 16, 16, 1, 24) + bytes(99),
        "16 bytes",
    ),
    "BMP with a mask with holes": (bmp(BLANK, 16, masks=(0xF0F0, 0xF00, 0xF), compression=3), "a mask with holes"),
    "an array of bitmaps": (b"BA" + bytes(12) + bmp(BLANK, 8, GREYS), "array of OS/2 bitmaps"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_decoded_is_unsupported_by_name(name: str) -> None:
    data, said = REFUSED[name]
    with pytest.raises(Undecodable, match=said) as refused:
        decoding.decode(data)
    assert refused.value.reason == Reason.UNSUPPORTED
    assert "convert it" in refused.value.detail or "export it" in refused.value.detail


PAINTED = np.asarray(photo((48, 32)))
JPEGS = {
    **{f"{s} {m}": (m, {"subsampling": s}) for s in ("444", "422", "420", "440", "411") for m in ("RGB", "L")},
    "lossless RGB": ("RGB", {"lossless": True}),
    "lossless grey": ("L", {"lossless": True}),
    "RGB inside": ("RGB", {"colorspace": "RGB", "outcolorspace": "RGB"}),
    "CMYK": ("CMYK", {"colorspace": "CMYK", "outcolorspace": "CMYK"}),
    "YCCK": ("CMYK", {"colorspace": "CMYK", "outcolorspace": "YCCK"}),
}


@pytest.mark.parametrize("name", JPEGS)
def test_jpeg_is_what_the_judge_sees(name: str) -> None:
    judge = pytest.importorskip("imagecodecs")
    mode, how = JPEGS[name]
    data = judge.jpeg8_encode(np.asarray(photo((48, 32)).convert(mode)), level=90, **how)
    found = judge.jpeg8_decode(data, outcolorspace=mode if mode == "CMYK" else None).astype(float)
    if mode == "CMYK":  # as Adobe writes it: 255 is no ink
        found = found[..., :3] * found[..., 3:] / 255
    found = found.reshape(*found.shape, 1) if found.ndim == 2 else found
    assert np.abs(seen(data) - found).max() <= 1


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("channels", [3, 4])
def test_webp_is_what_the_judge_sees(lossless: bool, channels: int) -> None:
    judge = pytest.importorskip("imagecodecs")
    layered = np.ascontiguousarray(np.dstack([PAINTED, PAINTED[..., 0]])[..., :channels])
    data = judge.webp_encode(layered, lossless=lossless, level=80)
    found = judge.webp_decode(data).astype(float)
    cover = found[..., 3:] / 255 if channels == 4 else 1
    assert np.abs(seen(data) - (found[..., :3] * cover + 255 * (1 - cover))).max() <= 1


@pytest.mark.parametrize(("colour", "depth"), [(c, d) for c, d in PNG_KINDS if c != 3 and d >= 8])
def test_the_judge_reads_the_same_samples_in_png(colour: int, depth: int) -> None:
    """So what is compared above is what these files hold. (Smaller samples and palettes it hands out scaled.)"""
    judge = pytest.importorskip("imagecodecs")
    samples = np.rint(SHARES[..., : CHANNELS[colour]] * ((1 << depth) - 1)).astype(f"u{depth // 8}")
    for interlaced in (False, True):
        read = judge.png_decode(png(samples.astype(np.int64), depth, colour, interlaced=interlaced))
        assert np.array_equal(read.reshape(samples.shape), samples)


def test_the_judge_reads_the_same_places_in_gif() -> None:
    judge = pytest.importorskip("imagecodecs")
    for interlaced in (False, True):
        assert np.array_equal(judge.gif_decode(gif(PLACES, SIXTEEN, interlaced=interlaced)), SIXTEEN[PLACES])
