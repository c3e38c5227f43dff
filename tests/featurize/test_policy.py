"""The pixels of the decode policy, recorded: what the number in every key stands for.

A key says "policy 2" and nothing of Pillow's version, so all versions that setup.cfg allows must give these pixels. A
test here that fails on a new version of Pillow (or of what it brings along: libjpeg-turbo, libwebp, littleCMS) means
that the version makes other vectors under the same key. Then either keep it out (the upper bound in setup.cfg), or
raise `featurize.pictures.decoding.POLICY`, which gives every cache a new key: record the digests of the new policy with
`python -m tests.featurize.test_policy`, and write into docs/pictures.md what changed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from PIL import Image

from featurize.pictures import decoding
from featurize.pictures.transform import Transform
from tests.featurize import tiffs
from tests.featurize.hazards import ARITHMETIC, chunk
from tests.featurize.rasters import bmp, gif, png
from tests.featurize.recorded import FILES, profile

X, Y = np.meshgrid(np.arange(24), np.arange(16))
SHARES = np.stack([X / 23, Y / 15, (X * 7 + Y * 13) % 29 / 28, (X + Y) / 38, (X * Y) % 11 / 10], axis=-1)
COLOURED = np.rint(SHARES[..., :3] * 255).astype(np.int64)
EIGHT, WIDE = np.rint(SHARES * 255).astype(np.uint8), np.rint(SHARES * 65535).astype(np.uint16)
SIXTEEN = np.random.default_rng(1).integers(0, 256, (16, 3))
PLACES = (X + Y) % 16
NOISE = np.random.default_rng(2).integers(0, 256, (200, 200, 3), dtype=np.uint8)
SHAPES = {"wide": (150, 120), "high": (120, 150), "narrow": (100, 190)}
ICC = {34675: (7, list(profile()))}
ICCP = chunk(b"iCCP", b"wide\0\0" + zlib.compress(profile()))


def transformed(shape: str, side: int, interpolation: str) -> Callable[[], bytes]:
    width, height = SHAPES[shape]
    picture = Image.fromarray(NOISE[:height, :width])
    return lambda: Transform(side * 8 // 7, side, interpolation)(picture).tobytes()


def decoded(data: bytes, draft: int | None = None) -> Callable[[], bytes]:
    return lambda: decoding.decode(data, draft).tobytes()


PIXELS: Mapping[str, Callable[[], bytes]] = {
    **{name: decoded(data) for name, data in FILES.items()},
    "JPEG with arithmetic coding": decoded(ARITHMETIC),
    "JPEG at reduced size": decoded(FILES["JPEG, 4:2:0"], 8),
    "PNG": decoded(png(COLOURED, 8, 2)),
    "PNG of 16 bits": decoded(png(WIDE[..., :3].astype(np.int64), 16, 2)),
    "PNG in grey of 16 bits": decoded(png(WIDE[..., :1].astype(np.int64), 16, 0)),
    "PNG in grey of 2 bits": decoded(png(COLOURED[..., :1] >> 6, 2, 0)),
    "PNG with a palette": decoded(png(PLACES[..., None], 4, 3, chunk(b"PLTE", SIXTEEN.astype(np.uint8).tobytes()))),
    "PNG, transparent": decoded(png(EIGHT[..., :4].astype(np.int64), 8, 6)),
    "PNG with a transparent colour": decoded(png(COLOURED, 8, 2, chunk(b"tRNS", bytes(6)))),
    "PNG with a profile": decoded(png(COLOURED, 8, 2, ICCP)),
    "BMP": decoded(bmp(COLOURED, 24)),
    "BMP of 16 bits": decoded(
        bmp(COLOURED[..., 0] >> 3 << 10 | COLOURED[..., 1] >> 3 << 5 | COLOURED[..., 2] >> 3, 16)
    ),
    "BMP with a palette": decoded(bmp(PLACES, 4, SIXTEEN)),
    "GIF": decoded(gif(PLACES, SIXTEEN)),
    "GIF, transparent": decoded(gif(PLACES, SIXTEEN, transparent=3)),
    "TIFF": decoded(tiffs.tiff(EIGHT[..., :3], 8, 2)),
    "TIFF with LZW": decoded(tiffs.tiff(EIGHT[..., :3], 8, 2, compression=tiffs.LZW, predictor=2)),
    "TIFF of 16 bits": decoded(tiffs.tiff(WIDE[..., :3], 16, 2)),
    "TIFF in grey of 16 bits": decoded(tiffs.tiff(WIDE[..., :1], 16, 1)),
    "TIFF of floating-point numbers": decoded(tiffs.tiff(SHARES[..., :1].astype("f4"), 32, 1)),
    "TIFF in CMYK": decoded(tiffs.tiff(EIGHT[..., :4], 8, 5)),
    "TIFF in Lab": decoded(tiffs.tiff(EIGHT[..., :3], 8, 8)),
    "TIFF, transparent": decoded(tiffs.tiff(EIGHT[..., :4], 8, 2, extra=[2])),
    "TIFF, multiplied by its coverage": decoded(tiffs.tiff(EIGHT[..., :4], 8, 2, extra=[1])),
    "TIFF with a profile": decoded(tiffs.tiff(EIGHT[..., :3], 8, 2, more=ICC)),
    "TIFF in YCbCr": decoded(tiffs.tiff(EIGHT[..., :3], 8, 6, compression=tiffs.LZW, more={530: (3, [1, 1])})),
    **{
        f"{shape}, resized for {side}, {how}": transformed(shape, side, how)
        for shape in SHAPES
        for side in (56, 98, 126, 182)
        for how in ("bilinear", "bicubic")
    },
}
RECORDED: Mapping[int, Mapping[str, str]] = {
    2: {
        "JPEG, 4:2:0": "78732414f165ab2a",
        "JPEG, 4:4:4": "b5c181035ee2df50",
        "JPEG, 4:2:2": "83705e3b156a9270",
        "JPEG, 4:4:0": "faa6d45f54bfe109",
        "JPEG, progressive": "78732414f165ab2a",
        "JPEG, grey": "db6b77fecc4903b8",
        "JPEG, RGB inside": "10b1e2c4fb9a4b01",
        "JPEG, CMYK": "618876177601a402",
        "JPEG, YCCK": "878ceb871420bc75",
        "JPEG, lossless": "af07acead78798f9",
        "WebP": "5dd67b689aa560c3",
        "WebP, lossless": "c93d513d31be82b8",
        "WebP, transparent": "24fe96643bca0125",
        "JPEG with arithmetic coding": "e49b6e6556188f7f",
        "JPEG at reduced size": "98126f45f6904cc0",
        "PNG": "e08cd1937153cf97",
        "PNG of 16 bits": "a9e9d60d0c3f3a6b",
        "PNG in grey of 16 bits": "7efcf959e7bbf960",
        "PNG in grey of 2 bits": "11f3bfd28967f58f",
        "PNG with a palette": "10789dce96a05db8",
        "PNG, transparent": "1d093d6215790dc1",
        "PNG with a transparent colour": "621097f466cf35c7",
        "PNG with a profile": "513a73c9a5c24270",
        "BMP": "e08cd1937153cf97",
        "BMP of 16 bits": "6557440152389b2d",
        "BMP with a palette": "10789dce96a05db8",
        "GIF": "10789dce96a05db8",
        "GIF, transparent": "587c72fa3074302a",
        "TIFF": "e08cd1937153cf97",
        "TIFF with LZW": "e08cd1937153cf97",
        "TIFF of 16 bits": "a9e9d60d0c3f3a6b",
        "TIFF in grey of 16 bits": "7efcf959e7bbf960",
        "TIFF of floating-point numbers": "87f816d0c2836828",
        "TIFF in CMYK": "7f08ae6d3f142551",
        "TIFF in Lab": "13e7a1aeb9d5561a",
        "TIFF, transparent": "1d093d6215790dc1",
        "TIFF, multiplied by its coverage": "ea5c90ed0c3a3887",
        "TIFF with a profile": "513a73c9a5c24270",
        "TIFF in YCbCr": "6261beb37f0b3543",
        "wide, resized for 56, bilinear": "831d61e9c2718810",
        "wide, resized for 56, bicubic": "52ab2d123c545aa4",
        "wide, resized for 98, bilinear": "0b703f45c6e72b97",
        "wide, resized for 98, bicubic": "22b4832d6dd12673",
        "wide, resized for 126, bilinear": "f8574992bf8fdd23",
        "wide, resized for 126, bicubic": "7b7e2f8ac427076d",
        "wide, resized for 182, bilinear": "f618bfd6c9953cd2",
        "wide, resized for 182, bicubic": "b292ba9723f3909f",
        "high, resized for 56, bilinear": "a7db321ebf60c529",
        "high, resized for 56, bicubic": "5ea0a99a0671ecf2",
        "high, resized for 98, bilinear": "a302c53a8e76bfae",
        "high, resized for 98, bicubic": "3885627ba9e81abf",
        "high, resized for 126, bilinear": "2271f5bbb9ad1248",
        "high, resized for 126, bicubic": "28b6c2e8103cea67",
        "high, resized for 182, bilinear": "6bab33a73d5e9962",
        "high, resized for 182, bicubic": "a699bf5a93b6eab7",
        "narrow, resized for 56, bilinear": "1dfdd8b98f88d2b0",
        "narrow, resized for 56, bicubic": "8d0eae5b02d9c4e2",
        "narrow, resized for 98, bilinear": "e46667696833e1bc",
        "narrow, resized for 98, bicubic": "95d748514bae66dd",
        "narrow, resized for 126, bilinear": "68cdfd443fb67022",
        "narrow, resized for 126, bicubic": "27345d47b2945232",
        "narrow, resized for 182, bilinear": "11925bfd2e24b02e",
        "narrow, resized for 182, bicubic": "c3e19f2b078faf04",
    },
}


def digest(name: str) -> str:
    """Of a picture's pixels."""
    return hashlib.sha256(PIXELS[name]()).hexdigest()[:16]


@pytest.mark.parametrize("name", PIXELS)
def test_pixels_are_those_that_the_policy_stands_for(name: str) -> None:
    assert decoding.POLICY in RECORDED, __doc__
    assert digest(name) == RECORDED[decoding.POLICY][name], f"{name} has other pixels than before. {__doc__}"


if __name__ == "__main__":
    print("\n".join(f'        "{name}": "{digest(name)}",' for name in PIXELS))
