"""Views of a picture to learn from: whole, mirrored, and random crops. Colours stay as they are.

A picture is decoded once, as a square in which the shorter side is whole (`canvas`); crops are cut from it. The numbers
of a view follow from the picture's id and the draw alone, so a view is the same in each process and after each restart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cache.key import Json
from featurize.pictures.transform import Pixels, Transform

SCALE = (
    0.4,
    1.0,
)  # share of the canvas that a crop covers; less than torchvision's 0.08, for a style needs a composition
RATIO = (3 / 4, 4 / 3)  # width to height, as in Szegedy et al. 2015


@dataclass(frozen=True)
class View:
    """One way to look at a picture.

    Parameters
    ----------
    draw : tuple of int
        What random numbers are made of, beside the picture's id; empty for the whole square.
    mirror : bool
        Of the whole square; crops are mirrored by chance.
    """

    draw: tuple[int, ...] = ()
    mirror: bool = False

    @property
    def name(self) -> str:
        """In a few words, for the definition of a recipe."""
        if self.draw:
            return "crop " + " ".join(map(str, self.draw))
        return "mirror" if self.mirror else "plain"

    def definition(self) -> dict[str, Json]:
        """As it stands in the definition of a recipe."""
        return {"view": self.name, **({"scale": list(SCALE), "ratio": list(RATIO)} if self.draw else {})}


PLAIN, MIRRORED = View(), View(mirror=True)


def fixed_views(crops: int) -> list[View]:
    """The whole square, its mirror image, and so many crops that are the same in each epoch."""
    return [PLAIN, MIRRORED, *(View((n,)) for n in range(1, crops + 1))]


def canvas(transform: Transform) -> Transform:
    """How a picture is decoded for crops: the whole resized square."""
    return replace(transform, crop=transform.resize)


def crop(square: Pixels, view: View, picture: str, side: int) -> Pixels:
    """A random crop of a canvas.

    Parameters
    ----------
    square : ndarray (S, S, 3) uint8
    view : View
        With a draw.
    picture : str
        The picture's id.
    side : int
        Of the result, pixels.
    """
    from PIL import Image

    random = np.random.default_rng([*view.draw, int(picture[:16], 16)])
    whole = square.shape[0]
    area, ratio = random.uniform(*SCALE), np.exp(random.uniform(*np.log(RATIO)))
    width = min(whole * float(np.sqrt(area * ratio)), whole)
    height = min(whole * float(np.sqrt(area / ratio)), whole)
    left, top = random.uniform(0, whole - width), random.uniform(0, whole - height)
    box = (left, top, left + width, top + height)
    cut = np.asarray(Image.fromarray(square).resize((side, side), Image.Resampling.BILINEAR, box=box))
    return cut[:, ::-1] if random.random() < 0.5 else cut
