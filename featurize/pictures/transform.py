"""From a picture to the pixels that a network sees: shorter side resized, centre cut out, nothing else.

The same geometry as torchvision's ImageNet evaluation transforms, made by Pillow's antialiased resize. Only
the part that is kept is computed, which takes half the time and changes a few values in a thousand by one of
255 levels. Normalisation is left to the network, so that 8-bit pixels cross between decoding and computing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurize.choices import DECODERS
from featurize.errors import BackboneError
from featurize.pictures import decoding

if TYPE_CHECKING:
    from PIL import Image

MIN_CROP = 32  # below it the last feature map of most networks is empty

Pixels = NDArray[np.uint8]  # (crop, crop, 3)


@dataclass(frozen=True)
class Transform:
    """How pictures become pixels; all of it is part of the key.

    Parameters
    ----------
    resize : int
        Length of the shorter side, pixels.
    crop : int
        Side of the central square that is kept, pixels; at most `resize`.
    interpolation : str
        "bilinear" or "bicubic", both antialiased.
    mean, std : tuple of float
        Per channel, of values scaled to 0..1. ImageNet's, as in every torchvision network.
    decode : str
        "exact", or "fast" where JPEGs may be decoded at reduced size.
    """

    resize: int = 256
    crop: int = 224
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    decode: str = "exact"

    def with_options(self, size: int | None, decode: str) -> Transform:
        """The same for another size of the square (the shorter side in proportion) or another way to decode.

        Raises
        ------
        BackboneError
            The size is below 32, or there is no such way to decode.
        """
        if decode not in DECODERS:
            raise BackboneError(f"--decode {decode}: choose one of {', '.join(DECODERS)}")
        side = size or self.crop
        if side < MIN_CROP:
            raise BackboneError(f"--size {size}: a network needs {MIN_CROP} pixels or more")
        return replace(self, crop=side, resize=round(self.resize * side / self.crop), decode=decode)

    def as_json(self) -> Mapping[str, object]:
        """Plain JSON for the key, with the version of the decode policy."""
        fields = asdict(self)
        return {**fields, "mean": list(self.mean), "std": list(self.std), "policy": decoding.POLICY}

    @property
    def draft(self) -> int | None:
        """Shorter side below which a JPEG need not be decoded, twice what is wanted; None to decode it whole."""
        return 2 * self.resize if self.decode == "fast" else None

    def __call__(self, picture: Image.Image) -> Pixels:
        """The pixels of an RGB picture, (crop, crop, 3) uint8."""
        from PIL import Image

        box = self.box(*picture.size)
        filtering = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[self.interpolation]
        return np.asarray(picture.resize((self.crop, self.crop), filtering, box=box))

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The part of the picture that is kept, in its own pixels: left, top, right, bottom.

        Rounds like torchvision's `Resize` and `CenterCrop`.
        """
        shorter, longer = min(width, height), max(width, height)
        scaled = (self.resize, int(self.resize * longer / shorter))
        columns, rows = scaled if width <= height else scaled[::-1]
        left, top = round((columns - self.crop) / 2), round((rows - self.crop) / 2)
        x, y = width / columns, height / rows
        return left * x, top * y, min((left + self.crop) * x, width), min((top + self.crop) * y, height)
