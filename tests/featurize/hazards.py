"""Pictures that are hard to read, each made here, with what must become of it: its pixels, or its one reason.

The files of a museum's or a crawl's worst day: every mode and every flag that a format has, every way to be cut,
and lies about sizes. `PIXELS` is name -> (bytes, pixels, largest difference allowed), `REASONS` is name -> (bytes,
reason).
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from featurize.reasons import Reason

Array = NDArray[np.uint8]
Make = Callable[[], bytes]

# The picture of `photo`, written by libjpeg with arithmetic coding, which Pillow can read and not write.
ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoK"
    "CgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK"
    "CgoKCgoKCgr/yQARCAAwAEADAREAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/AO7g/wAbZYS+MH7XCN1N0o23+8sU"
    "uHuKojKzuIMD9x3+MkidSiJDbI8amafmxJBGx3QHyZtroAtPEGIhnPCTwIP3nplBAqP0VcuQsAUdBsLtUQrsiG/iifQvwjMtqmdk"
    "d4AIfU3KZDyFtPR1PMH1xkANYD0YaPTzFXUcN6n7AzvlcmP0X8Z/LKlZygEbwIcIHXJVPgXjfywg9iJ3qYQuGE26UprkIOfJSUu7"
    "jLWDcjHDNuYW9qJpHbqcbXI265cb2l3Yhb/OcPawKfH4Kfkd6kkNYW+th+LvNeReImpJNfZVsPXllSvJH4qKATjH1kO5NsmGDwuJ"
    "nELGv07iUQsZMgFLIFOgIBfsHR38N8db5YWfRGlM4mkoVTWrze0nyAYOnV/V+og/gtTbslOZcLZXJvDJro02BUccBZIlFG5fn63R"
    "25R9w7Mazs2uxlMi0y0pLCjLjpAtqxFv2FCb3znBG9qg4f8AcnZ/U8mQgsf7NL5kxhjGRPJeuQ9crAZL532QmGFeW2r4Hl0UcRm0"
    "583Uwk9jiM/0lsm60MxnqrZ7IczhuXYvmOtzj3FVNDiC5kMCqW75ttuHTttHmXSL51wZAuRa022nwyMYCsD/2Q=="
)


def encoded(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def photo(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Red from left to right, green from top to bottom, blue from right to left: no two corners alike."""
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8))


def png(width: int, height: int, data: bytes = b"", depth: int = 8, colour: int = 2, extra: bytes = b"") -> bytes:
    """A PNG whose header may declare anything, whatever its data are."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + body + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tiff(tags: dict[int, tuple[int, list[int]]], data: bytes) -> bytes:
    """A little-endian TIFF with one picture: tag -> (type, values), and its data at byte 8."""
    size = {1: 1, 3: 2, 4: 4}
    code = {1: "B", 3: "H", 4: "I"}
    start = 8 + len(data) + len(data) % 2
    late = start + 2 + 12 * len(tags) + 4
    entries, tail = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"<{len(values)}{code[kind]}", *values)
        if size[kind] * len(values) > 4:
            place = struct.pack("<I", late + len(tail))
            tail += packed
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, kind, len(values)) + place
    head = b"II*\0" + struct.pack("<I", start) + data.ljust(start - 8, b"\0")
    return head + struct.pack("<H", len(tags)) + entries + bytes(4) + tail


def grey_tiff(samples: NDArray[np.generic], bits: int, negative: bool = False, **more: tuple[int, list[int]]) -> bytes:
    """An uncompressed one-channel TIFF; `negative`: white is zero."""
    data = samples.tobytes()
    tags = {
        256: (3, [samples.shape[1]]),
        257: (3, [samples.shape[0]]),
        258: (3, [bits]),
        259: (3, [1]),
        262: (3, [0 if negative else 1]),
        273: (4, [8]),
        277: (3, [1]),
        278: (3, [samples.shape[0]]),
        279: (4, [len(data)]),
    }
    return tiff(tags, data)


def turned(form: str, held: int, **options: object) -> bytes:
    """`photo` as a camera held that way stores it."""
    exif = Image.Exif()
    exif[0x0112] = held
    return encoded(_STORED[held](photo()), form, exif=exif, **options)


def _transposed(how: Image.Transpose) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.transpose(how)


_STORED: dict[int, Callable[[Image.Image], Image.Image]] = {
    1: lambda picture: picture,
    2: _transposed(Image.Transpose.FLIP_LEFT_RIGHT),
    3: _transposed(Image.Transpose.ROTATE_180),
    4: _transposed(Image.Transpose.FLIP_TOP_BOTTOM),
    5: _transposed(Image.Transpose.TRANSPOSE),
    6: _transposed(Image.Transpose.ROTATE_90),
    7: _transposed(Image.Transpose.TRANSVERSE),
    8: _transposed(Image.Transpose.ROTATE_270),
}


def sixteen_bits(form: str = "PNG", **options: object) -> bytes:
    """The grey of `photo` in 16 bits."""
    samples = np.asarray(photo().convert("L")).astype(np.uint16) * 257
    return encoded(Image.fromarray(samples), form, **options)


def translucent(mode: str = "RGBA", form: str = "PNG", alpha: int = 0, **options: object) -> bytes:
    """`photo` behind glass of that opacity."""
    picture = photo().convert("RGBA")
    picture.putalpha(alpha)
    return encoded(picture.convert(mode), form, **options)


def animation(form: str, **options: object) -> bytes:
    """`photo`, followed by red."""
    red = Image.new("RGB", photo().size, "red")
    return encoded(photo(), form, save_all=True, append_images=[red], **options)


def srgb() -> bytes:
    """An ICC profile that says sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def linear_profile(old: str = "sRGB", new: str = "line") -> bytes:
    """sRGB's primaries with a gamma of 1, made by rewriting the three tone curves of Pillow's sRGB profile.

    In its description, "sRGB built-in", `old` is replaced by `new`, which is as long.
    """
    data = bytearray(srgb())
    for n in range(int.from_bytes(data[128:132], "big")):
        entry = 132 + 12 * n
        tag, offset = bytes(data[entry : entry + 4]), int.from_bytes(data[entry + 4 : entry + 8], "big")
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + 12] = b"curv" + bytes(4) + (0).to_bytes(4, "big")
        if tag == b"desc":
            size = int.from_bytes(data[entry + 8 : entry + 12], "big")
            text = bytes(data[offset : offset + size])
            for coding in ("utf-16-be", "ascii"):
                text = text.replace(old.encode(coding), new.encode(coding))
            data[offset : offset + size] = text
    return bytes(data)


def _from_linear(samples: Array) -> Array:
    light = samples / 255  # IEC 61966-2-1
    seen = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(seen * 255).astype(np.uint8)


def cut(data: bytes, share: float) -> bytes:
    """The first part of a file."""
    return data[: int(len(data) * share)]


def closed(data: bytes, share: float, end: int = 2) -> bytes:
    """A cut file that ends in the last bytes of the whole."""
    return cut(data, share) + data[-end:]


def changed(data: bytes, at: int, value: int) -> bytes:
    """A file with another byte somewhere."""
    spoiled = bytearray(data)
    spoiled[at] = value
    return bytes(spoiled)


def gif_ending_early() -> bytes:
    """A GIF whose data hold an end code after the first few pixels."""
    data = encoded(photo().convert("P"), "GIF")
    start = data.rindex(b"\x2c\0\0\0\0") + 10
    return data[: start + 1] + b"\x04\x00\x03\x05\x04" + b"\0;"


def _jpeg_of_height(data: bytes, height: int) -> bytes:
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">H", height) + data[frame + 7 :]


def _without_adobe(data: bytes) -> bytes:
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


PHOTO: Array = np.asarray(photo())
GREY: Array = np.asarray(photo().convert("L").convert("RGB"))
WHITE: Array = np.full_like(PHOTO, 255)
JPEG = encoded(photo(), "JPEG", quality=95)
BIG_JPEG = encoded(photo((640, 480)), "JPEG", quality=95)
PNG = encoded(photo())
WEBP = encoded(photo(), "WEBP", lossless=True)
TIFF = encoded(photo(), "TIFF", compression="tiff_lzw")
GIF = encoded(photo(), "GIF")
_NOISE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def _deep_rows() -> bytes:
    deep = PHOTO.astype(">u2") * 257
    return b"".join(b"\0" + row.tobytes() for row in deep.astype(">u2"))


def _exif(held: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = held
    return exif


def _looping_tiff() -> bytes:
    data = bytearray(grey_tiff(np.asarray(photo().convert("L")), 8))
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + 12 * count, start)
    return bytes(data)


def _half_tiff() -> bytes:
    """Twice as high as its one strip."""
    whole = bytearray(grey_tiff(np.full((48, 64), 200, np.uint8), 8))
    start = struct.unpack_from("<I", whole, 4)[0]
    struct.pack_into("<H", whole, start + 2 + 12 + 8, 96)
    return bytes(whole)


def _short_jpeg_tiff() -> bytes:
    inside = encoded(photo((64, 24)).convert("L"), "JPEG")
    tags = {256: (3, [64]), 257: (3, [48]), 258: (3, [8]), 259: (3, [7]), 262: (3, [1]), 273: (4, [8]), 277: (3, [1])}
    return tiff({**tags, 278: (3, [48]), 279: (4, [len(inside)])}, inside)


def _interlaced_black() -> bytes:
    rows = b"".join(
        bytes(h * (1 + 3 * w)) for w, h in ((8, 6), (8, 6), (16, 6), (16, 12), (32, 12), (32, 24), (64, 24))
    )
    data = png(64, 48, rows)
    start = data.index(b"IHDR")
    return data[: start - 4] + chunk(b"IHDR", data[start + 4 : start + 16] + b"\1") + data[start + 21 :]


PIXELS: dict[str, tuple[Make, Array, int]] = {
    "PNG": (lambda: PNG, PHOTO, 0),
    "PNG in grey": (lambda: encoded(photo().convert("L")), GREY, 0),
    "PNG in black and white": (lambda: encoded(Image.new("1", (64, 48), 1)), WHITE, 0),
    "PNG with a palette": (lambda: encoded(photo().convert("P", palette=Image.Palette.ADAPTIVE)), PHOTO, 40),
    "PNG with 16 bits": (sixteen_bits, GREY, 0),
    "PNG with 16 bits in colour": (lambda: png(64, 48, _deep_rows(), depth=16), PHOTO, 0),
    "PNG, transparent": (translucent, WHITE, 0),
    "PNG, half transparent": (lambda: translucent(alpha=128), (PHOTO // 2 + 127).astype(np.uint8), 1),
    "PNG, transparent grey": (lambda: translucent("LA"), WHITE, 0),
    "PNG, a palette with a transparent colour": (
        lambda: png(64, 48, (b"\0" + b"\1" * 64) * 48, 8, 3, chunk(b"PLTE", bytes(6)) + chunk(b"tRNS", b"\xff\0")),
        WHITE,
        0,
    ),
    "PNG, a transparent grey of 16 bits": (
        lambda: png(64, 48, (b"\0" + b"\x12\x34" * 64) * 48, 16, 0, chunk(b"tRNS", b"\x12\x34")),
        WHITE,
        0,
    ),
    "PNG, animated": (lambda: animation("PNG"), PHOTO, 0),
    "PNG with nonsense in EXIF": (lambda: encoded(photo(), exif=b"Exif\0\0MM\0*garbage"), PHOTO, 0),
    "PNG with an orientation of 77": (lambda: encoded(photo(), exif=_exif(77)), PHOTO, 0),
    "PNG with an sRGB profile": (lambda: encoded(photo(), icc_profile=srgb()), PHOTO, 0),
    "PNG with a broken profile": (lambda: encoded(photo(), icc_profile=b"no profile"), PHOTO, 0),
    "PNG with a profile in linear light": (
        lambda: encoded(photo(), icc_profile=linear_profile()),
        _from_linear(PHOTO),
        3,
    ),
    "PNG with a profile in linear light that calls itself sRGB": (
        lambda: encoded(photo(), icc_profile=linear_profile("built-in", "(linear)")),
        _from_linear(PHOTO),
        3,
    ),
    "PNG, transparent, with a profile in linear light": (
        lambda: translucent(alpha=255, icc_profile=linear_profile()),
        _from_linear(PHOTO),
        3,
    ),
    "PNG, grey with a profile for colour": (
        lambda: encoded(photo().convert("L"), icc_profile=linear_profile()),
        GREY,
        0,
    ),
    "PNG, all black": (lambda: png(64, 48, bytes(193 * 48)), np.zeros_like(PHOTO), 0),
    "PNG, black and interlaced": (_interlaced_black, np.zeros_like(PHOTO), 0),
    "PNG with bytes after its end": (lambda: PNG + b"and more" * 100, PHOTO, 0),
    "BMP": (lambda: encoded(photo(), "BMP"), PHOTO, 0),
    "BMP with a palette": (lambda: encoded(photo().convert("L"), "BMP"), GREY, 0),
    "GIF": (lambda: GIF, PHOTO, 60),
    "GIF, animated": (lambda: animation("GIF"), PHOTO, 60),
    "WebP, lossless": (lambda: WEBP, PHOTO, 0),
    "WebP, lossy": (lambda: encoded(photo(), "WEBP", quality=95), PHOTO, 16),
    "WebP, transparent": (lambda: translucent(form="WEBP", lossless=True, exact=True), WHITE, 0),
    "WebP, animated": (lambda: animation("WEBP", lossless=True), PHOTO, 0),
    "WebP, turned": (lambda: turned("WEBP", 6, lossless=True), PHOTO, 0),
    "TIFF": (lambda: encoded(photo(), "TIFF"), PHOTO, 0),
    "TIFF with LZW": (lambda: TIFF, PHOTO, 0),
    "TIFF with deflate": (lambda: encoded(photo(), "TIFF", compression="tiff_adobe_deflate"), PHOTO, 0),
    "TIFF with packed bits": (lambda: encoded(photo(), "TIFF", compression="packbits"), PHOTO, 0),
    "TIFF with JPEG inside": (lambda: encoded(photo(), "TIFF", compression="jpeg", quality=95), PHOTO, 30),
    "TIFF, several pages": (lambda: animation("TIFF"), PHOTO, 0),
    "TIFF in CMYK": (lambda: encoded(photo().convert("CMYK"), "TIFF"), PHOTO, 1),
    "TIFF in Lab, white": (lambda: encoded(Image.new("LAB", (64, 48), (255, 128, 128)), "TIFF"), WHITE, 1),
    "TIFF with 16 bits": (lambda: sixteen_bits("TIFF"), GREY, 0),
    "TIFF with 16 bits, white is zero": (
        lambda: grey_tiff(65535 - np.asarray(photo().convert("L")).astype("<u2") * 257, 16, negative=True),
        GREY,
        0,
    ),
    "TIFF of floats, 0 to 1": (
        lambda: encoded(Image.fromarray(np.asarray(photo().convert("L")).astype(np.float32) / 255), "TIFF"),
        GREY,
        0,
    ),
    "TIFF, transparent": (lambda: translucent(form="TIFF"), WHITE, 0),
    "TIFF whose directory is its own successor": (_looping_tiff, GREY, 0),
    "TIFF with 16 bits, made by hand": (
        lambda: grey_tiff(np.asarray(photo().convert("L")).astype("<u2") * 257, 16),
        GREY,
        0,
    ),
    "TIFF, turned": (lambda: turned("TIFF", 8), PHOTO, 0),
    "JPEG": (lambda: JPEG, PHOTO, 12),
    "JPEG, progressive": (lambda: encoded(photo(), "JPEG", quality=95, progressive=True), PHOTO, 12),
    "JPEG with arithmetic coding": (lambda: ARITHMETIC, PHOTO, 12),
    "JPEG in grey": (lambda: encoded(photo().convert("L"), "JPEG", quality=95), GREY, 6),
    "JPEG in CMYK": (lambda: encoded(photo().convert("CMYK"), "JPEG", quality=95), PHOTO, 16),
    "JPEG in CMYK that does not say by whom": (
        lambda: _without_adobe(encoded(photo().convert("CMYK"), "JPEG", quality=95)),
        PHOTO,
        16,
    ),
    "JPEG with restart markers": (lambda: encoded(photo(), "JPEG", quality=95, restart_marker_rows=1), PHOTO, 12),
    "JPEG with bytes after its end": (lambda: JPEG + b"\xff\xd9 and more" * 50, PHOTO, 12),
    "JPEG, a picture of grey": (
        lambda: encoded(Image.new("RGB", (64, 48), (128, 128, 128)), "JPEG"),
        np.full_like(PHOTO, 128),
        0,
    ),
    "JPEG, two pictures in one file": (lambda: animation("MPO", quality=95), PHOTO, 12),
    **{f"PNG with orientation {n}": ((lambda n=n: turned("PNG", n)), PHOTO, 0) for n in range(1, 9)},
    **{f"JPEG with orientation {n}": ((lambda n=n: turned("JPEG", n, quality=95)), PHOTO, 12) for n in (3, 6)},
}

REASONS: dict[str, tuple[Make, Reason]] = {
    "empty": (lambda: b"", Reason.EMPTY),
    "text": (lambda: b"I am a text", Reason.NOT_A_PICTURE),
    "zeros": (lambda: bytes(1000), Reason.NOT_A_PICTURE),
    "HTML": (lambda: b"<!doctype html><html><body>404</body></html>", Reason.NOT_A_PICTURE),
    "an executable": (lambda: b"\x7fELF" + bytes(200), Reason.NOT_A_PICTURE),
    "the first bytes of a JPEG": (lambda: JPEG[:4], Reason.NOT_A_PICTURE),
    "HEIC": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), Reason.UNSUPPORTED),
    "AVIF": (lambda: b"\0\0\0\x20ftypavif\0\0\0\0avifmif1" + bytes(100), Reason.UNSUPPORTED),
    "JPEG XL": (lambda: b"\xff\x0a" + bytes(100), Reason.UNSUPPORTED),
    "JPEG 2000": (lambda: encoded(photo(), "JPEG2000"), Reason.UNSUPPORTED),
    "PDF": (lambda: encoded(photo(), "PDF"), Reason.UNSUPPORTED),
    "PostScript, which would start a program": (lambda: encoded(photo(), "EPS"), Reason.UNSUPPORTED),
    "Photoshop": (lambda: b"8BPS\0\1" + bytes(100), Reason.UNSUPPORTED),
    "PCX": (lambda: encoded(photo(), "PCX"), Reason.UNSUPPORTED),
    "Silicon Graphics": (lambda: encoded(photo(), "SGI"), Reason.UNSUPPORTED),
    "Netpbm": (lambda: encoded(photo(), "PPM"), Reason.UNSUPPORTED),
    "SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.UNSUPPORTED),
    "an icon": (lambda: encoded(photo(), "ICO"), Reason.UNSUPPORTED),
    "Targa, which nothing tells": (lambda: encoded(photo(), "TGA"), Reason.NOT_A_PICTURE),
    "a fax": (lambda: encoded(photo().convert("1"), "TIFF", compression="group4"), Reason.UNSUPPORTED),
    "TIFF of 32-bit numbers": (lambda: encoded(Image.new("I", (64, 48), 100_000), "TIFF"), Reason.UNSUPPORTED),
    "TIFF of floats that are no numbers": (
        lambda: encoded(Image.fromarray(np.full((48, 64), np.nan, np.float32)), "TIFF"),
        Reason.BROKEN,
    ),
    "30,000 x 30,000 declared": (lambda: png(30_000, 30_000), Reason.TOO_LARGE),
    "just above the limit": (lambda: png(16_384, 10_923), Reason.TOO_LARGE),
    "a JPEG that declares 65,000 x 64": (lambda: _jpeg_of_height(JPEG, 65_000), Reason.TRUNCATED),
    "one pixel": (lambda: encoded(Image.new("RGB", (1, 1))), Reason.TOO_SMALL),
    "a line": (lambda: encoded(Image.new("RGB", (4000, 3))), Reason.TOO_SMALL),
    "JPEG, cut": (lambda: cut(BIG_JPEG, 0.5), Reason.TRUNCATED),
    "JPEG, cut near its end": (lambda: JPEG[:-100], Reason.TRUNCATED),
    "JPEG without its end marker": (lambda: JPEG[:-2], Reason.TRUNCATED),
    "JPEG, cut in its header": (lambda: JPEG[:300], Reason.TRUNCATED),
    "JPEG, cut and closed": (lambda: closed(BIG_JPEG, 0.5), Reason.TRUNCATED),
    "JPEG with restart markers, cut and closed": (
        lambda: closed(encoded(photo((640, 480)), "JPEG", restart_marker_rows=1), 0.7),
        Reason.TRUNCATED,
    ),
    "JPEG in grey, cut and closed": (
        lambda: closed(encoded(photo((640, 480)).convert("L"), "JPEG"), 0.6),
        Reason.TRUNCATED,
    ),
    "JPEG, progressive, cut": (
        lambda: cut(encoded(photo((640, 480)), "JPEG", progressive=True), 0.8),
        Reason.TRUNCATED,
    ),
    "PNG, cut": (lambda: cut(PNG, 0.6), Reason.TRUNCATED),
    "PNG, cut and closed": (lambda: closed(PNG, 0.6, 12), Reason.TRUNCATED),
    "PNG without its end": (lambda: PNG[:-12], Reason.TRUNCATED),
    "PNG without data": (lambda: png(64, 48), Reason.TRUNCATED),
    "PNG with fewer rows than it says": (lambda: png(64, 48, bytes(193 * 20)), Reason.TRUNCATED),
    "PNG with half its last row": (lambda: png(64, 48, bytes(193 * 47 + 90)), Reason.TRUNCATED),
    "PNG with a wrong checksum": (lambda: changed(PNG, PNG.index(b"IEND") - 6, 0x55), Reason.BROKEN),
    "PNG with a flipped bit in its data": (lambda: changed(PNG, len(PNG) // 2, PNG[len(PNG) // 2] ^ 1), Reason.BROKEN),
    "PNG with a text of a gigabyte": (
        lambda: png(64, 48, extra=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 27), 9))),
        Reason.BROKEN,
    ),
    "WebP, cut": (lambda: cut(WEBP, 0.6), Reason.TRUNCATED),
    "WebP, lossy, cut": (lambda: cut(encoded(Image.fromarray(_NOISE), "WEBP"), 0.6), Reason.TRUNCATED),
    "TIFF, cut": (lambda: cut(encoded(Image.fromarray(_NOISE), "TIFF"), 0.6), Reason.TRUNCATED),
    "TIFF, cut before its directory": (lambda: cut(grey_tiff(_NOISE[..., 0], 8), 0.6), Reason.TRUNCATED),
    "TIFF with JPEG inside that is too small": (_short_jpeg_tiff, Reason.BROKEN),
    "TIFF that lists half of its pieces": (_half_tiff, Reason.BROKEN),
    "GIF, cut": (lambda: cut(GIF, 0.6), Reason.TRUNCATED),
    "GIF whose data end early": (gif_ending_early, Reason.TRUNCATED),
    "BMP, cut": (lambda: cut(encoded(photo(), "BMP"), 0.6), Reason.TRUNCATED),
}
