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

import contextlib
import io
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from featurize.errors import Undecodable
from featurize.pictures import bmp, damage, gif, jpeg, png, tiff
from featurize.pictures.formats import DECODED, refused_by_name
from featurize.pictures.layers import Layers
from featurize.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image, ImageCms, ImageFile

POLICY = 2
MAX_PIXELS = 178_956_970  # Pillow's own bound against decompression bombs (2 x Image.MAX_IMAGE_PIXELS)
MIN_SIDE = 8  # pixels; below this nothing is left to see of a painting
_ORIENTATION = 0x0112  # EXIF tag


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
    with _reasons_only():
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
    with _reasons_only():
        whole = damage.without_end(data)
        opened = _open(whole)
        if isinstance(opened, tiff.Layout):
            layers = tiff.decode_tiff(data, opened)
        elif isinstance(opened, bmp.Header):
            layers = bmp.decode_bmp(data, opened)
        else:
            layers = _decode_by_pillow(whole, opened, draft)
        return _upright(_to_rgb(layers), layers.held)


def as_it_lies(data: bytes) -> bool:
    """Whether a picture file is upright and in sRGB as it is stored, so that nothing is left to do once it is decoded.

    Parameters
    ----------
    data : bytes
        The whole file.
    """
    try:
        with _reasons_only():
            picture = _open_by_pillow(data)
            profile = picture.info.get("icc_profile")
            return _orientation(picture) == 1 and not (profile and _foreign(profile, picture.mode))
    except Undecodable:
        return False


@contextlib.contextmanager
def _reasons_only() -> Iterator[None]:
    """Whatever goes wrong in here becomes a reason."""
    try:
        yield
    except MemoryError as error:
        raise Undecodable(Reason.TOO_LARGE, "it does not fit into memory") from error
    except Exception as error:  # decoders of hostile bytes raise nearly anything
        raise Undecodable(_reason_of(error), _one_line(error)) from error


def _open(data: bytes) -> ImageFile.ImageFile | tiff.Layout | bmp.Header:
    """What is known of a picture before it is decoded; its size is allowed."""
    if not data:
        raise Undecodable(Reason.EMPTY)
    named = refused_by_name(data)
    if named:
        raise Undecodable(Reason.UNSUPPORTED, f"{named}: convert it to JPEG or PNG")
    opened = _open_here(data) or _open_by_pillow(data)
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise Undecodable(Reason.TOO_LARGE, f"{width} x {height} pixels; {MAX_PIXELS:,} are allowed")
    if min(width, height) < MIN_SIDE:
        raise Undecodable(Reason.TOO_SMALL, f"{width} x {height} pixels; each side needs {MIN_SIDE}")
    return opened


def _open_here(data: bytes) -> tiff.Layout | bmp.Header | None:
    """The header of a picture that is unpacked without Pillow; None where Pillow decodes it."""
    if tiff.is_tiff(data):
        layout = tiff.read_layout(data)
        if layout.needs_libtiff:
            damage.check_tiff(data, layout)
        return None if layout.needs_libtiff else layout
    if bmp.is_bmp(data):
        header = bmp.read_header(data)
        return header if header.is_ours else None
    for module in (jpeg, png, gif):
        module.refuse_unread(data)
    return None


def _open_by_pillow(data: bytes) -> ImageFile.ImageFile:
    from PIL import Image, UnidentifiedImageError

    _load_plugins()
    try:
        return Image.open(io.BytesIO(data), formats=DECODED)
    except Image.DecompressionBombError as error:
        raise Undecodable(Reason.TOO_LARGE, _one_line(error)) from error
    except UnidentifiedImageError as error:
        raise Undecodable(Reason.NOT_A_PICTURE) from error
    except Exception:
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":  # if it is cut, its header says so
            damage.check_container(data, "WEBP")
        raise


def _decode_by_pillow(data: bytes, picture: ImageFile.ImageFile, draft: int | None) -> Layers:
    if draft:
        picture.draft(None, (draft, draft))  # keeps both sides at least this long
    picture.decodermaxblock = max(picture.decodermaxblock, len(data))  # arithmetic coding can't wait for more
    picture.load()
    damage.check_container(data, picture.format)
    if picture.format == "PNG":
        damage.check_png_rows(data, picture)
    colour, alpha = _layers(data, picture)
    return Layers(colour, alpha, picture.info.get("icc_profile"), _orientation(picture))


def _load_plugins() -> None:
    """Those for TIFF and WebP; without them Pillow loads the plugins of all its formats."""
    from PIL import TiffImagePlugin, WebPImagePlugin  # noqa: F401


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


def _to_rgb(layers: Layers) -> Image.Image:
    from PIL import Image

    seen = _to_srgb(layers.colour, layers.profile)
    seen = seen if seen.mode == "RGB" else seen.convert("RGB")  # convert would copy it
    if layers.alpha is None or layers.alpha.getextrema() == (255, 255):
        return seen
    paper = Image.new("RGB", seen.size, "white")
    paper.paste(seen, mask=layers.alpha)
    return paper


def _layers(data: bytes, picture: ImageFile.ImageFile) -> tuple[Image.Image, Image.Image | None]:
    """Colour (L, RGB, CMYK or LAB) and coverage (L) of a picture that Pillow decoded, of any mode."""
    key = png.coverage_of_key(data, picture) if picture.format == "PNG" else None
    if picture.mode.startswith("I"):
        return _to_eight_bits(picture), key
    if key is not None:
        return picture.convert("L" if picture.mode == "L" else "RGB"), key
    if not picture.has_transparency_data:
        return picture if picture.mode in ("RGB", "L", "CMYK", "LAB") else picture.convert("RGB"), None
    if picture.mode == "LA":
        return picture.convert("L"), picture.getchannel("A")
    layered = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    return layered.convert("RGB"), layered.getchannel("A")


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    """Grey of 16 bits, which only PNG has here, scaled so that full white stays white."""
    import numpy as np
    from PIL import Image

    return Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile and picture.mode != "LAB":
        return picture
    from PIL import ImageCms

    if picture.mode == "LAB":  # needs no profile: its numbers mean colours by themselves
        made = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, *made, outputMode="RGB") or picture
    source = _foreign(profile or b"", picture.mode)
    if source is None:
        return picture
    try:
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture  # a broken profile says nothing; the samples are taken as sRGB, as without one
    return converted or picture


def _foreign(profile: bytes, mode: str) -> ImageCms.ImageCmsProfile | None:
    """A profile whose colours are to be converted; None for sRGB, and for one that is broken or of another mode."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        described = (source.profile.profile_description or "").lower()
        space = source.profile.xcolor_space.strip()
        known = "srgb" in described and "linear" not in described
        return None if known or space != {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}[mode] else source
    except (ImageCms.PyCMSError, OSError, KeyError, ValueError, TypeError):
        return None


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
