"""The decode policy: the bytes of a picture file become an upright RGB picture, or a reason why not.

Policy 1, which is part of every key:

- the format is recognised by content, never by name; the first frame of an animation or multi-page file counts;
- EXIF orientation is applied;
- 16-bit samples are scaled to 8 bits (PIL alone would clip them); palettes are resolved;
- transparency is laid over white;
- an embedded ICC profile other than sRGB is converted to sRGB, and CMYK through its profile where it has one;
- a picture that is cut short or damaged is a failure, never half grey;
- the number of pixels is read from the header, before any of them is decoded.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

from featurize.errors import Undecodable
from featurize.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image

POLICY = 1
MAX_PIXELS = 178_956_970  # Pillow's own bound against decompression bombs (2 x Image.MAX_IMAGE_PIXELS)
MIN_SIDE = 8  # pixels; below this nothing is left to see of a painting


def probe(data: bytes) -> tuple[int, int]:
    """Width and height of a picture by its header alone.

    Parameters
    ----------
    data : bytes
        The whole file.

    Raises
    ------
    Undecodable
        The file is empty, no picture, too large or too small.
    """
    return _open(data).size


def decode(data: bytes, draft: int | None = None) -> Image.Image:
    """The bytes of a picture file as an upright picture of mode RGB.

    Parameters
    ----------
    data : bytes
        The whole file.
    draft : int, optional
        A JPEG may be decoded at a half, a quarter or an eighth of its size, as long as its shorter side keeps this
        many pixels.

    Raises
    ------
    Undecodable
        With the reason; whatever the bytes are, no other error leaves this function.
    """
    picture = _open(data)
    try:
        if draft:
            picture.draft(None, (draft, draft))  # keeps both sides at least this long
        picture.load()
        return _to_rgb(_upright(picture))
    except MemoryError as error:
        raise Undecodable(Reason.TOO_LARGE, "it does not fit into memory") from error
    except Exception as error:  # decoders of hostile bytes raise nearly anything
        raise Undecodable(_reason_of(error), _one_line(error)) from error


def _open(data: bytes) -> Image.Image:
    from PIL import Image

    if not data:
        raise Undecodable(Reason.EMPTY)
    try:
        picture = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise Undecodable(Reason.TOO_LARGE, _one_line(error)) from error
    except Exception as error:
        raise Undecodable(*_unrecognised(data, error)) from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise Undecodable(Reason.TOO_LARGE, f"{width} x {height} pixels; {MAX_PIXELS:,} are allowed")
    if min(width, height) < MIN_SIDE:
        raise Undecodable(Reason.TOO_SMALL, f"{width} x {height} pixels; each side needs {MIN_SIDE}")
    return picture


def _unrecognised(data: bytes, error: Exception) -> tuple[Reason, str]:
    """Formats that people have and Pillow may lack are named; all else is no picture."""
    if data[4:8] == b"ftyp":
        brand = data[8:12].decode("ascii", "replace").strip()
        if brand in ("heic", "heix", "heif", "mif1", "msf1", "hevc"):
            return Reason.UNSUPPORTED, "HEIC/HEIF: convert it to JPEG or PNG"
        if brand in ("avif", "avis"):
            return Reason.UNSUPPORTED, "AVIF: convert it to JPEG or PNG"
    if data[:12] == b"\0\0\0\x0cJXL \r\n\x87\n" or data[:2] == b"\xff\x0a":
        return Reason.UNSUPPORTED, "JPEG XL: convert it to JPEG or PNG"
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return Reason.NOT_A_PICTURE, ""
    return _reason_of(error), _one_line(error)


def _upright(picture: Image.Image) -> Image.Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture)
    except (ValueError, TypeError, KeyError, struct.error, SyntaxError, OSError, ZeroDivisionError):
        return picture  # unreadable EXIF says nothing about how the picture stands


def _to_rgb(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    if picture.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I", "F"):
        return _to_eight_bits(picture).convert("RGB")
    if picture.has_transparency_data:
        return _over_white(picture, profile)
    if picture.mode not in ("RGB", "CMYK", "L"):
        picture = picture.convert("RGB")
    return _to_srgb(picture, profile).convert("RGB")


def _over_white(picture: Image.Image, profile: bytes | None) -> Image.Image:
    from PIL import Image

    layered = picture.convert("RGBA")
    alpha = layered.getchannel("A")
    colour = _to_srgb(layered.convert("RGB"), profile if picture.mode in ("RGBA", "RGB") else None)
    return Image.composite(colour, Image.new("RGB", layered.size, "white"), alpha)


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    """One-channel pictures of 16 or 32 bits, scaled so that full white stays white."""
    import numpy as np
    from PIL import Image

    samples = np.asarray(picture)
    if samples.dtype.kind == "f":
        if not np.isfinite(samples).all():
            raise ValueError("samples that are not finite")
        scale = 1.0 if samples.min() >= 0 and samples.max() <= 1 else float(samples.max()) or 1.0
        return Image.fromarray((samples.clip(0) * (255 / scale)).round().astype(np.uint8))
    if samples.min() < 0 or samples.max() > 65535:
        raise Undecodable(Reason.UNSUPPORTED, "32-bit samples: convert it to 8 or 16 bits")
    return Image.fromarray((samples // 257).astype(np.uint8))


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile:
        return picture
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        described = (source.profile.profile_description or "").lower()
        space = source.profile.xcolor_space.strip()
        if "srgb" in described or space != {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}[picture.mode]:
            return picture
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, KeyError, ValueError, TypeError):
        return picture  # a broken profile says nothing; the samples are taken as sRGB, as without one
    return converted or picture


def _reason_of(error: Exception) -> Reason:
    if isinstance(error, Undecodable):
        return error.reason
    text = str(error).lower()
    if isinstance(error, EOFError) or "truncated" in text or "unexpected end" in text or "not enough" in text:
        return Reason.TRUNCATED
    if isinstance(error, zlib.error) and "incomplete" in text:
        return Reason.TRUNCATED
    return Reason.BROKEN


def _one_line(error: Exception) -> str:
    if isinstance(error, Undecodable):
        return error.detail
    return " ".join(f"{error or type(error).__name__}".split())[:200]
