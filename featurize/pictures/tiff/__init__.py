"""TIFF: what its directory says, which kinds are decoded, and its samples as colours of 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from featurize.errors import Undecodable
from featurize.pictures.layers import Layers
from featurize.pictures.tiff import kinds
from featurize.pictures.tiff.directory import MAGIC
from featurize.pictures.tiff.kinds import NONE, unsupported
from featurize.pictures.tiff.layout import Layout, read_layout
from featurize.pictures.tiff.samples import Samples, read_samples
from featurize.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image

_MOST_BYTES = 178_956_970 * 8  # of samples: the largest picture allowed, with four channels of 16 bits


def is_tiff(data: bytes) -> bool:
    """Whether a file begins like a TIFF."""
    return data[:4] in MAGIC


def decode_tiff(data: bytes, layout: Layout) -> Layers:
    """The colours of a TIFF that needs nothing of libtiff but unpacking.

    16-bit colours keep their upper 8 bits, grey is scaled so that white stays white. Floating-point numbers are taken
    as 0 to 1, or to the largest there is.

    Raises
    ------
    Undecodable
        TRUNCATED, BROKEN, TOO_LARGE or UNSUPPORTED.
    """
    wanted = max(layout.colours, layout.coverage + 1)
    if layout.width * layout.height * layout.channels * layout.bits > 8 * _MOST_BYTES:
        raise Undecodable(Reason.TOO_LARGE, f"{layout.channels} channels of {layout.bits} bits in so many pixels")
    if layout.kind == "f":
        eights = _from_floats(read_samples(data, layout, wanted), layout)
    else:
        eights = read_samples(data, layout, wanted, lambda piece: _to_eight_bits(piece, layout))
    colour, alpha = _images(eights, layout)
    return Layers(colour, alpha, layout.profile, layout.held)


def _to_eight_bits(samples: Samples, layout: Layout) -> Samples:
    """Whole numbers -> uint8; those of a palette become its colours."""
    if layout.photometric == kinds.PALETTE:
        return _from_palette(samples, layout)
    if layout.bits == 16:
        return (samples // 257 if layout.colours == 1 else samples >> 8).astype(np.uint8)
    if layout.bits == 12:
        return (samples >> 4).astype(np.uint8)
    return samples.astype(np.uint8) * np.uint8(255 // ((1 << layout.bits) - 1))


def _from_palette(samples: Samples, layout: Layout) -> Samples:
    """RGB, and the other channels behind it; colours that all fit 8 bits are taken as such, as libtiff does."""
    colours = np.asarray(layout.palette[: 3 << layout.bits], np.uint16).reshape(3, -1).T
    eights = (colours if colours.max() < 256 else colours >> 8).astype(np.uint8)
    others = samples[..., 1:] >> (8 if layout.bits == 16 else 0)
    return np.concatenate([eights[samples[..., 0]], others.astype(np.uint8)], axis=-1)


def _from_floats(samples: Samples, layout: Layout) -> Samples:
    """Floating-point numbers -> uint8: 0 to 1, or to the largest of all colours."""
    numbers = samples.astype(np.float64 if layout.bits == 64 else np.float32, copy=False)
    if not np.isfinite(numbers).all():
        raise Undecodable(Reason.BROKEN, "it has samples that are not finite")
    colours, coverage = numbers[..., : layout.colours], numbers[..., layout.colours :]
    if layout.coverage and not 0 <= coverage[..., -1].min() <= coverage[..., -1].max() <= 1:
        raise unsupported("a coverage beyond 0 to 1")
    scale = 1.0 if colours.min() >= 0 and colours.max() <= 1 else float(colours.max()) or 1.0
    scaled = [(colours.clip(0) * (255 / scale)).round(), (coverage.clip(0, 1) * 255).round()]
    return np.concatenate(scaled, axis=-1).astype(np.uint8)


def _images(eights: Samples, layout: Layout) -> tuple[Image.Image, Image.Image | None]:
    """Colour and coverage, from (height, width, channels) uint8."""
    from PIL import Image

    if layout.photometric == kinds.WHITE_IS_ZERO:
        eights[..., 0] = 255 - eights[..., 0]
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[3 if layout.photometric == kinds.PALETTE else layout.colours]
    mode = "LAB" if layout.photometric == kinds.LAB else mode
    count = {"L": 1, "CMYK": 4}.get(mode, 3)
    if layout.premultiplied:
        return _divided(np.concatenate([eights[..., :count], eights[..., -1:]], axis=-1), layout)
    colour = Image.frombytes(mode, layout.size, np.ascontiguousarray(eights[..., :count]).tobytes(), "raw", mode)
    alpha = Image.fromarray(np.ascontiguousarray(eights[..., -1])) if layout.coverage else None
    return colour, alpha


def _divided(eights: Samples, layout: Layout) -> tuple[Image.Image, Image.Image]:
    """Colour and coverage of colours that are multiplied by it."""
    from PIL import Image

    if layout.colours == 1:
        layered = Image.frombytes("La", layout.size, eights.tobytes()).convert("LA")
        return layered.convert("L"), layered.getchannel("A")
    layered = Image.frombytes("RGBA", layout.size, eights.tobytes(), "raw", "RGBa")
    return layered.convert("RGB"), layered.getchannel("A")


__all__ = ["NONE", "Layout", "decode_tiff", "is_tiff", "read_layout"]
