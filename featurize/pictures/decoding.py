"""The decode policy: the bytes of a picture file become an upright RGB picture, or a reason why not.

Policy 2, which is part of every key; `docs/pictures.md` tells it at length:

- the format is recognised by content, never by name; six are decoded (see `featurize.pictures.formats`);
- the first frame of an animation or multi-page file counts;
- the number of pixels is read from the header, before any of them is decoded;
- a picture that is cut short or damaged is a failure, never half grey (see `featurize.pictures.damage`);
- EXIF orientation is applied;
- 16-bit samples are scaled to 8 bits (PIL alone would clip them); palettes are resolved;
- an embedded ICC profile other than sRGB is converted to sRGB, and CMYK through its profile where it has one;
- transparency is laid over white.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from featurize.errors import Undecodable
from featurize.pictures import damage
from featurize.pictures.formats import DECODED, TIFF_COMPRESSIONS, refused_by_name
from featurize.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image, ImageFile

POLICY = 2
MAX_PIXELS = 178_956_970  # Pillow's own bound against decompression bombs (2 x Image.MAX_IMAGE_PIXELS)
MIN_SIDE = 8  # pixels; below this nothing is left to see of a painting
_ORIENTATION = 0x0112  # EXIF tag
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")  # one channel of more than 8 bits


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
    picture = _open(damage.without_end(data))
    try:
        if draft:
            picture.draft(None, (draft, draft))  # keeps both sides at least this long
        picture.decodermaxblock = max(picture.decodermaxblock, len(data))  # arithmetic coding can't wait for more
        if picture.format == "TIFF":
            damage.check_tiff(data, getattr(picture, "tag_v2", {}))
        picture.load()
        damage.check_container(data, picture.format)
        if picture.format == "PNG":
            damage.check_png_rows(data, picture)
        return _upright(_to_rgb(picture), _orientation(picture))
    except MemoryError as error:
        raise Undecodable(Reason.TOO_LARGE, "it does not fit into memory") from error
    except Exception as error:  # decoders of hostile bytes raise nearly anything
        raise Undecodable(_reason_of(error), _one_line(error)) from error


def _open(data: bytes) -> ImageFile.ImageFile:
    from PIL import Image, UnidentifiedImageError

    _load_plugins()

    if not data:
        raise Undecodable(Reason.EMPTY)
    named = refused_by_name(data)
    if named:
        raise Undecodable(Reason.UNSUPPORTED, f"{named}: convert it to JPEG or PNG")
    try:
        picture = Image.open(io.BytesIO(data), formats=DECODED)
    except Image.DecompressionBombError as error:
        raise Undecodable(Reason.TOO_LARGE, _one_line(error)) from error
    except UnidentifiedImageError as error:
        raise Undecodable(Reason.NOT_A_PICTURE) from error
    except MemoryError as error:
        raise Undecodable(Reason.TOO_LARGE, "it does not fit into memory") from error
    except Exception as error:
        _check_lengths(data)
        raise Undecodable(_reason_of(error), _one_line(error)) from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise Undecodable(Reason.TOO_LARGE, f"{width} x {height} pixels; {MAX_PIXELS:,} are allowed")
    if min(width, height) < MIN_SIDE:
        raise Undecodable(Reason.TOO_SMALL, f"{width} x {height} pixels; each side needs {MIN_SIDE}")
    packed = str(picture.info.get("compression", "raw"))
    if picture.format == "TIFF" and packed not in TIFF_COMPRESSIONS:
        raise Undecodable(Reason.UNSUPPORTED, f"a TIFF with the compression {packed!r}: convert it to PNG")
    return picture


def _load_plugins() -> None:
    """Those for TIFF and WebP; without them Pillow loads the plugins of all its formats."""
    from PIL import TiffImagePlugin, WebPImagePlugin  # noqa: F401


def _check_lengths(data: bytes) -> None:
    """A WebP that is cut can't even be opened; its header says that it is cut."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        damage.check_container(data, "WEBP")


def _orientation(picture: Image.Image) -> int:
    """How the camera was held, 1..8 (EXIF 2.3, table 6); 1 where nothing readable says so."""
    try:
        held = picture.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # unreadable EXIF says nothing about how the picture stands
        return 1
    return held if isinstance(held, int) and 1 <= held <= 8 else 1


def _upright(picture: Image.Image, held: int) -> Image.Image:
    from PIL.Image import Transpose

    turns = [
        Transpose.FLIP_LEFT_RIGHT,
        Transpose.ROTATE_180,
        Transpose.FLIP_TOP_BOTTOM,
        Transpose.TRANSPOSE,
        Transpose.ROTATE_270,
        Transpose.TRANSVERSE,
        Transpose.ROTATE_90,
    ]
    return picture if held == 1 else picture.transpose(turns[held - 2])


def _to_rgb(picture: Image.Image) -> Image.Image:
    from PIL import Image

    colour, alpha = _layers(picture)
    seen = _to_srgb(colour, picture.info.get("icc_profile"))
    seen = seen if seen.mode == "RGB" else seen.convert("RGB")  # convert would copy it
    if alpha is None or alpha.getextrema() == (255, 255):
        return seen
    paper = Image.new("RGB", seen.size, "white")
    paper.paste(seen, mask=alpha)
    return paper


def _layers(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colour (L, RGB, CMYK or LAB) and coverage (L) of a picture of any mode."""
    if picture.mode in _DEEP:
        return _to_eight_bits(picture), _alpha_of_key(picture)
    if not picture.has_transparency_data:
        return picture if picture.mode in ("RGB", "L", "CMYK", "LAB") else picture.convert("RGB"), None
    if picture.mode == "LA":
        return picture.convert("L"), picture.getchannel("A")
    layered = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    return layered.convert("RGB"), layered.getchannel("A")


def _alpha_of_key(picture: Image.Image) -> Image.Image | None:
    """A 16-bit grey PNG may declare one grey transparent."""
    import numpy as np
    from PIL import Image

    key = picture.info.get("transparency")
    if not isinstance(key, int):
        return None
    return Image.fromarray(np.where(np.asarray(picture) == key, 0, 255).astype(np.uint8))


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    """One-channel pictures of 12, 16 or 32 bits, scaled so that full white stays white."""
    import numpy as np
    from PIL import Image

    samples = np.asarray(picture)
    tags = getattr(picture, "tag_v2", {})  # of a TIFF; Pillow leaves both of these to the reader
    bits = (tags.get(258) or (16,))[0]
    negative = tags.get(262) == 0
    if samples.dtype.kind == "f":
        if not np.isfinite(samples).all():
            raise ValueError("samples that are not finite")
        scale = 1.0 if samples.min() >= 0 and samples.max() <= 1 else float(samples.max()) or 1.0
        grey = (samples.clip(0) * (255 / scale)).round().astype(np.uint8)
    elif samples.min() < 0 or samples.max() > 65535:
        raise Undecodable(Reason.UNSUPPORTED, "32-bit samples: convert it to 8 or 16 bits")
    elif bits == 12:
        grey = (samples.clip(0, 4095) >> 4).astype(np.uint8)
    else:
        grey = (samples // 257).astype(np.uint8)
    return Image.fromarray(255 - grey if negative else grey)


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile and picture.mode != "LAB":
        return picture
    from PIL import ImageCms

    if picture.mode == "LAB":  # needs no profile: its numbers mean colours by themselves
        made = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, *made, outputMode="RGB") or picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
        described = (source.profile.profile_description or "").lower()
        space = source.profile.xcolor_space.strip()
        known = "srgb" in described and "linear" not in described
        if known or space != {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}[picture.mode]:
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
