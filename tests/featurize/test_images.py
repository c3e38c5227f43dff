"""The decode policy, hazard by hazard: the expected pixels, or the expected reason."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from featurize import images
from featurize.errors import Undecodable
from featurize.reasons import Reason


def encoded(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def photo(size: tuple[int, int] = (64, 48)) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8))


def png_declaring(width: int, height: int) -> bytes:
    """A PNG whose header declares any size, with next to no data behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


JPEG = encoded(photo(), "JPEG", quality=95)

UNREADABLE: dict[str, tuple[bytes, Reason]] = {
    "empty": (b"", Reason.EMPTY),
    "text": (b"I am a text", Reason.NOT_A_PICTURE),
    "zeros": (bytes(1000), Reason.NOT_A_PICTURE),
    "html": (b"<!doctype html><html><body>404</body></html>", Reason.NOT_A_PICTURE),
    "cut JPEG": (JPEG[:-100], Reason.TRUNCATED),
    "JPEG cut in its header": (JPEG[:300], Reason.TRUNCATED),
    "cut PNG": (encoded(photo())[:-60], Reason.TRUNCATED),
    "JPEG header alone": (JPEG[:4], Reason.NOT_A_PICTURE),
    "30,000 x 30,000 declared": (png_declaring(30_000, 30_000), Reason.TOO_LARGE),
    "just above the limit": (png_declaring(16_384, 10_923), Reason.TOO_LARGE),
    "one pixel": (encoded(Image.new("RGB", (1, 1))), Reason.TOO_SMALL),
    "a line": (encoded(Image.new("RGB", (4000, 3))), Reason.TOO_SMALL),
    "PNG without data": (png_declaring(64, 64), Reason.TRUNCATED),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), Reason.UNSUPPORTED),
    "JPEG XL": (b"\xff\x0a" + bytes(100), Reason.UNSUPPORTED),
    "GIF with a broken body": (encoded(photo(), "GIF")[:-400], Reason.TRUNCATED),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_can_not_be_decoded_has_its_reason(name: str) -> None:
    data, reason = UNREADABLE[name]
    with pytest.raises(Undecodable) as caught:
        images.decode(data)
    assert caught.value.reason == reason, caught.value


def test_the_number_of_pixels_is_read_before_any_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    with pytest.raises(Undecodable, match="900000000"):
        images.decode(png_declaring(30_000, 30_000))


def with_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {6: Image.Transpose.ROTATE_90, 3: Image.Transpose.ROTATE_180, 2: Image.Transpose.FLIP_LEFT_RIGHT}
    return encoded(photo().transpose(turned[orientation]), "PNG", exif=exif)


def sixteen_bits() -> bytes:
    samples = (np.asarray(photo().convert("L")).astype(np.uint16)) * 257
    return encoded(Image.fromarray(samples))


def with_alpha(mode: str) -> bytes:
    picture = photo().convert("RGBA")
    picture.putalpha(0)
    return encoded(picture.convert(mode))


def animation() -> bytes:
    return encoded(photo(), "PNG", save_all=True, append_images=[Image.new("RGB", (64, 48), "red")])


WHITE = np.full((48, 64, 3), 255, np.uint8)
PHOTO = np.asarray(photo())
GREY = np.asarray(photo().convert("L").convert("RGB"))

READABLE: dict[str, tuple[Callable[[], bytes], np.ndarray, int]] = {
    "PNG": (lambda: encoded(photo()), PHOTO, 0),
    "BMP": (lambda: encoded(photo(), "BMP"), PHOTO, 0),
    "TIFF": (lambda: encoded(photo(), "TIFF"), PHOTO, 0),
    "TIFF with LZW": (lambda: encoded(photo(), "TIFF", compression="tiff_lzw"), PHOTO, 0),
    "lossless WebP": (lambda: encoded(photo(), "WEBP", lossless=True), PHOTO, 0),
    "JPEG": (lambda: JPEG, PHOTO, 12),
    "progressive JPEG": (lambda: encoded(photo(), "JPEG", quality=95, progressive=True), PHOTO, 12),
    "grey JPEG": (lambda: encoded(photo().convert("L"), "JPEG", quality=95), GREY, 6),
    "CMYK JPEG": (lambda: encoded(photo().convert("CMYK"), "JPEG", quality=95), PHOTO, 16),
    "grey": (lambda: encoded(photo().convert("L")), GREY, 0),
    "16 bits": (sixteen_bits, GREY, 0),
    "palette": (lambda: encoded(photo().convert("P", palette=Image.Palette.ADAPTIVE, colors=256)), PHOTO, 40),
    "black and white": (lambda: encoded(Image.new("1", (64, 48), 1)), WHITE, 0),
    "transparent": (lambda: with_alpha("RGBA"), WHITE, 0),
    "transparent grey": (lambda: with_alpha("LA"), WHITE, 0),
    "animation": (animation, PHOTO, 0),
    "turned by 90 degrees": (lambda: with_exif(6), PHOTO, 0),
    "turned by 180 degrees": (lambda: with_exif(3), PHOTO, 0),
    "mirrored": (lambda: with_exif(2), PHOTO, 0),
    "nonsense in EXIF": (lambda: encoded(photo(), "PNG", exif=b"Exif\0\0MM\0*garbage"), PHOTO, 0),
    "an sRGB profile": (
        lambda: encoded(photo(), "PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
        PHOTO,
        0,
    ),
    "a broken profile": (lambda: encoded(photo(), "PNG", icc_profile=b"no profile"), PHOTO, 0),
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", READABLE)
def test_what_can_be_decoded_has_its_pixels(name: str) -> None:
    make, expected, tolerance = READABLE[name]
    picture = images.decode(make())
    assert picture.mode == "RGB"
    found = np.asarray(picture).astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance


def test_a_profile_other_than_srgb_is_converted() -> None:
    """Lab is a profile every Pillow can make; a linear grey one shows that the conversion happens."""
    linear = _linear_profile()
    plain, tagged = (images.decode(encoded(photo(), "PNG", **o)) for o in ({}, {"icc_profile": linear}))
    difference = np.asarray(tagged).astype(int) - np.asarray(plain)
    assert difference.mean() > 20, "linear light is shown brighter in sRGB"


def _linear_profile() -> bytes:
    """sRGB's primaries with a gamma of 1, made by rewriting the three tone curves of Pillow's sRGB profile."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    for n in range(count):
        entry = 132 + 12 * n
        tag, offset = bytes(data[entry : entry + 4]), int.from_bytes(data[entry + 4 : entry + 8], "big")
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + 12] = b"curv" + bytes(4) + (0).to_bytes(4, "big")
        if tag == b"desc":
            size = int.from_bytes(data[entry + 8 : entry + 12], "big")
            text = bytes(data[offset : offset + size])
            data[offset : offset + size] = text.replace(b"s\0R\0G\0B", b"l\0i\0n\0e").replace(b"sRGB", b"line")
    return bytes(data)


def test_probing_reads_the_header_alone() -> None:
    assert images.probe(JPEG[:-100]) == (64, 48)
