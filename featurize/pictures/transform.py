"""From a picture to the pixels that a network sees: resized, a central square cut out, nothing else.

The geometry is that of the evaluation transforms of torchvision, timm and open_clip, made by Pillow's antialiased
resize. Only the part that is kept is computed, which takes half the time and changes a few values in a thousand by one
of 255 levels; with `whole` the whole picture is resized and then cut, and the pixels are exactly those of the other
libraries. Normalisation is left to the network, so that 8-bit pixels cross between decoding and computing. A change
of the pixels that this module gives needs a new number of `decoding.POLICY`, which is in every key.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featurize.choices import DECODERS
from featurize.errors import BackboneError
from featurize.pictures import decoding

if TYPE_CHECKING:
    from PIL import Image

FITS = ("crop", "squash", "pad")
INTERPOLATIONS = ("bilinear", "bicubic")
WHOLE = ("", "round", "floor")
MIN_CROP = 32  # below it the last feature map of most networks is empty
MAX_CROP = 4096  # above it the maps of a single picture take several gigabytes

Pixels = NDArray[np.uint8]  # (crop, crop, 3)


@dataclass(frozen=True)
class Transform:
    """How pictures become pixels; all of it is part of the key.

    Parameters
    ----------
    resize : int
        Length to which a side is resized, pixels; which side, `fit` says.
    crop : int
        Side of the central square that is kept, pixels; at most `resize`.
    interpolation : str
        "bilinear" or "bicubic", both antialiased.
    mean, std : tuple of float
        Per channel, of values scaled to 0..1. ImageNet's, as in every torchvision network.
    decode : str
        "exact", "fast" where JPEGs may be decoded at reduced size, or "gpu" where they are decoded and resized on a GPU
        (see `featurize.pictures.gpu_decoder`).
    fit : str
        "crop": the shorter side is resized, so the square leaves out the ends of the longer one. "squash": both sides
        are resized, so shapes are distorted. "pad": the longer side is resized, and `fill` stands beside the picture.
    fill : tuple of int
        Colour of what "pad" adds, 0..255.
    whole : str
        "": only what is kept is resized. "round", "floor": the whole picture is resized before the square is cut out of
        it, and half a pixel of its place is rounded in that way.

    Raises
    ------
    BackboneError
        A value is not one of these.
    """

    resize: int = 256
    crop: int = 224
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    decode: str = "exact"
    fit: str = "crop"
    fill: tuple[int, int, int] = (0, 0, 0)
    whole: str = ""

    def __post_init__(self) -> None:
        for what, value, allowed in (
            ("decode", self.decode, DECODERS),
            ("fit", self.fit, FITS),
            ("interpolation", self.interpolation, INTERPOLATIONS),
            ("whole", self.whole, WHOLE),
        ):
            if value not in allowed:
                raise BackboneError(f"a transform knows no {what} {value!r}: choose one of {', '.join(allowed)}")
        if not MIN_CROP <= self.crop <= self.resize:
            raise BackboneError(
                f"a transform can't resize to {self.resize} and keep {self.crop} pixels: keep {MIN_CROP} or more, and "
                "no more than there are"
            )
        for what, channels in (("mean", self.mean), ("std", self.std), ("fill", self.fill)):
            if len(channels) != 3 or not all(math.isfinite(value) for value in channels):
                raise BackboneError(f"{what} {channels} is no colour: three numbers are needed")
        if min(self.std) <= 0:
            raise BackboneError(f"std {self.std} can't be divided by: each must be above 0")

    def with_options(self, size: int | None, decode: str) -> Transform:
        """The same for another size of the square (the other length in proportion) or another way to decode.

        Raises
        ------
        BackboneError
            The size is below 32 or above 4,096, or there is no such way to decode.
        """
        if decode not in DECODERS:
            raise BackboneError(f"--decode {decode}: choose one of {', '.join(DECODERS)}")
        side = self.crop if size is None else size
        if side < MIN_CROP:
            raise BackboneError(f"--size {size}: a network needs {MIN_CROP} pixels or more")
        if side > MAX_CROP and size is not None:
            raise BackboneError(f"--size {size}: the maps of one picture would fill the memory; use {MAX_CROP} or less")
        return replace(self, crop=side, resize=round(self.resize * side / self.crop), decode=decode)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON for the key, with the version of the decode policy; `fill` and `whole` where they count."""
        plain = {**asdict(self), "mean": list(self.mean), "std": list(self.std), "fill": list(self.fill)}
        if self.fit != "pad":
            del plain["fill"]
        if not self.whole:
            del plain["whole"]
        return {**plain, "policy": decoding.POLICY}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Transform:
        """A transform from what `as_json` gave.

        Raises
        ------
        BackboneError
            A field is missing, unknown or of the wrong kind, or the pixels were made by an earlier policy.
        """
        given = dict(plain)
        policy = given.pop("policy", None)
        needed = {field.name for field in fields(cls)} - ({"fill"} if given.get("fit") != "pad" else set()) - {"whole"}
        wrong = sorted(needed.symmetric_difference(given.keys() - {"whole"}))
        if wrong:
            there = "lacks" if wrong[0] in needed else "has an unknown"
            raise BackboneError(f"the transform {there} {wrong[0]!r}: {', '.join(sorted(needed))} are needed")
        if policy != decoding.POLICY:
            raise BackboneError(
                f"the pictures were decoded by version {policy} of the rules, this version of artstyle has "
                f"{decoding.POLICY} and gives other pixels: embed them again with `featurize run`"
            )
        try:
            values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in given.items()}
            return cls(**values)
        except TypeError as error:
            raise BackboneError(f"the transform {given} holds a value of the wrong kind ({error})") from error

    def describe(self) -> str:
        """The transform in a few words."""
        first = {
            "crop": f"shorter side to {self.resize} pixels, central square of {self.crop}",
            "squash": f"squashed to {self.resize} x {self.resize} pixels, central square of {self.crop}",
            "pad": f"longer side to {self.resize} pixels, padded to a square of {self.crop}",
        }[self.fit]
        mean, std = (", ".join(f"{value:g}" for value in channels) for channels in (self.mean, self.std))
        return f"{first}, {self.interpolation}, mean ({mean}), deviation ({std})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what a picture becomes: (crop, crop, 3)."""
        return self.crop, self.crop, 3

    @property
    def filtering(self) -> Image.Resampling:
        """The interpolation, as Pillow names it."""
        from PIL import Image

        return {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[self.interpolation]

    @property
    def draft(self) -> int | None:
        """Shorter side below which a JPEG need not be decoded, twice what is wanted; None to decode it whole."""
        return 2 * self.resize if self.decode == "fast" else None

    def __call__(self, picture: Image.Image) -> Pixels:
        """The pixels of an RGB picture, (crop, crop, 3) uint8."""
        from PIL import Image

        columns, rows = self._kept(*picture.size)
        if self.whole:
            across, down = self.scaled(*picture.size)
            place = round if self.whole == "round" else math.floor
            left, top = place((across - columns) / 2), place((down - rows) / 2)
            kept = picture.resize((across, down), self.filtering).crop((left, top, left + columns, top + rows))
        else:
            kept = picture.resize((columns, rows), self.filtering, box=self.box(*picture.size))
        if (columns, rows) == (self.crop, self.crop):
            return np.asarray(kept)
        square = Image.new("RGB", (self.crop, self.crop), self.fill)
        square.paste(kept, ((self.crop - columns) // 2, (self.crop - rows) // 2))
        return np.asarray(square)

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The part of the picture that is kept, in its own pixels: left, top, right, bottom.

        Rounds like torchvision's `Resize` and `CenterCrop`.
        """
        columns, rows = self.scaled(width, height)
        across, down = self._kept(width, height)
        left, top = round((columns - across) / 2), round((rows - down) / 2)
        x, y = width / columns, height / rows
        return left * x, top * y, min((left + across) * x, width), min((top + down) * y, height)

    def scaled(self, width: int, height: int) -> tuple[int, int]:
        """The size of the whole picture after resizing: columns, rows."""
        if self.fit == "squash":
            return self.resize, self.resize
        shorter, longer = min(width, height), max(width, height)
        if self.fit == "crop":
            sides = self.resize, int(self.resize * longer / shorter)
        else:
            sides = max(round(self.resize * shorter / longer), 1), self.resize
        return sides if width <= height else sides[::-1]

    def _kept(self, width: int, height: int) -> tuple[int, int]:
        """The size of what is kept of the resized picture: the square, or less where it does not fill that."""
        columns, rows = self.scaled(width, height)
        return min(columns, self.crop), min(rows, self.crop)
