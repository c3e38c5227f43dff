"""Healthy picture files in every form that is decoded, small, for the mutation campaign to spoil.

Made from real paintings where they are beside the checkout, else from noise and stripes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from tests.featurize import rasters, tiffs
from tests.featurize.hazards import chunk

SIDES = (96, 256)  # pixels, shortest and longest


def _saved(form: str, mode: str = "RGB", **options: object) -> Callable[[Image.Image], bytes]:
    def save(picture: Image.Image) -> bytes:
        out = io.BytesIO()
        picture.convert(mode).save(out, form, **options)
        return out.getvalue()

    return save


def _translucent(form: str, **options: object) -> Callable[[Image.Image], bytes]:
    def save(picture: Image.Image) -> bytes:
        layered = picture.convert("RGBA")
        layered.putalpha(picture.convert("L"))
        out = io.BytesIO()
        layered.save(out, form, **options)
        return out.getvalue()

    return save


def _deep(form: str, **options: object) -> Callable[[Image.Image], bytes]:
    def save(picture: Image.Image) -> bytes:
        samples = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        out = io.BytesIO()
        Image.fromarray(samples).save(out, form, **options)
        return out.getvalue()

    return save


def _moving(form: str, **options: object) -> Callable[[Image.Image], bytes]:
    def save(picture: Image.Image) -> bytes:
        out = io.BytesIO()
        more = [picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
        picture.save(out, form, save_all=True, append_images=more, duration=100, **options)
        return out.getvalue()

    return save


def _tiff(bits: int, photometric: int, **layout: object) -> Callable[[Image.Image], bytes]:
    def save(picture: Image.Image) -> bytes:
        share = np.asarray(picture.convert("RGB" if photometric == 2 else "L")) / 255
        share = share.reshape(picture.height, picture.width, -1)
        samples = np.rint(share * 65535).astype(np.uint16) if bits == 16 else share.astype(f"f{bits // 8}")
        return tiffs.tiff(samples, bits, photometric, **layout)  # type: ignore[arg-type]

    return save


def _bmp(masks: tuple[int, ...]) -> Callable[[Image.Image], bytes]:
    def save(picture: Image.Image) -> bytes:
        if masks:
            red, green, blue = np.moveaxis(np.asarray(picture).astype(np.int64), -1, 0)
            return rasters.bmp(red | green << 8 | blue << 16, 32, masks=masks, compression=3)
        places = np.asarray(picture.convert("L")) // 17
        packed = b"".join(b"".join(bytes([1, p << 4]) for p in row) + b"\0\0" for row in places[::-1].tolist())
        grey = np.repeat(np.arange(0, 256, 17)[:, None], 3, axis=1)
        return rasters.bmp(places, 4, grey, compression=2, data=packed + b"\0\1")

    return save


def _keyed(picture: Image.Image) -> bytes:
    samples = np.asarray(picture).astype(np.int64) * 257
    key = struct.pack(">3H", *samples[0, 0].tolist())
    return rasters.png(samples, 16, 2, chunk(b"tRNS", key))


def _with_facts(picture: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a painting"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return _saved("JPEG", exif=exif, icc_profile=profile)(picture)


FORMS: Mapping[str, Callable[[Image.Image], bytes]] = {
    "jpeg": _saved("JPEG", quality=85),
    "jpeg-444": _saved("JPEG", quality=95, subsampling=0),
    "jpeg-progressive": _saved("JPEG", quality=85, progressive=True),
    "jpeg-restarts": _saved("JPEG", quality=80, restart_marker_rows=1),
    "jpeg-grey": _saved("JPEG", "L", quality=85),
    "jpeg-cmyk": _saved("JPEG", "CMYK", quality=85),
    "jpeg-exif-icc": _with_facts,
    "png": _saved("PNG"),
    "png-grey": _saved("PNG", "L"),
    "png-palette": _saved("PNG", "P"),
    "png-16": _deep("PNG"),
    "png-key": _keyed,
    "png-alpha": _translucent("PNG"),
    "png-animated": _moving("PNG"),
    "webp": _saved("WEBP", quality=80),
    "webp-lossless": _saved("WEBP", lossless=True),
    "webp-alpha": _translucent("WEBP", quality=80),
    "webp-animated": _moving("WEBP", quality=60),
    "tiff": _saved("TIFF"),
    "tiff-lzw": _saved("TIFF", compression="tiff_lzw"),
    "tiff-deflate": _saved("TIFF", compression="tiff_adobe_deflate"),
    "tiff-jpeg": _saved("TIFF", compression="jpeg"),
    "tiff-packbits": _saved("TIFF", "L", compression="packbits"),
    "tiff-fax": _saved("TIFF", "1", compression="group4"),
    "tiff-16": _deep("TIFF", compression="tiff_lzw"),
    "tiff-cmyk": _saved("TIFF", "CMYK", compression="tiff_lzw"),
    "tiff-planar": _tiff(16, 2, planar=2, order=">"),
    "tiff-float": _tiff(32, 1, order=">", compression=tiffs.DEFLATE, predictor=3, rows=32),
    "tiff-tiles": _tiff(16, 2, compression=tiffs.LZW, predictor=2, tile=(32, 32)),
    "gif": _saved("GIF", "P"),
    "gif-animated": _moving("GIF"),
    "bmp": _saved("BMP"),
    "bmp-palette": _saved("BMP", "P"),
    "bmp-runs": _bmp(()),
    "bmp-masks": _bmp((0xFF, 0xFF00, 0xFF0000)),
}


def sources(paintings: Path | None, seed: int, count: int = 3) -> list[tuple[str, bytes]]:
    """Form and bytes of `count` small pictures in each form.

    Parameters
    ----------
    paintings : Path or None
        A folder of real pictures.
    seed : int
    count : int
    """
    rng = np.random.default_rng(seed)
    files = sorted(paintings.rglob("*.jpg")) if paintings else []
    made = []
    for form, save in FORMS.items():
        for _ in range(count):
            size = tuple(rng.integers(SIDES[0], SIDES[1], 2, endpoint=True).tolist())
            if files:
                with Image.open(files[rng.integers(len(files))]) as painting:
                    picture = painting.convert("RGB").resize(size, reducing_gap=2)
            else:
                coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
                picture = coarse.resize(size, Image.Resampling.BICUBIC)
            made.append((form, save(picture)))
    return made
