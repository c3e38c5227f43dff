"""Several squares of one picture, for embeddings that are averaged over views of it.

The central square leaves out the ends of a long picture and shows brushwork at one size. Beside it stand the whole
picture, squashed, and five squares of a picture resized to 320 pixels where the network sees 224: the corners and the
centre (Krizhevsky, Sutskever & Hinton 2012, section 4.1). Each is shown mirrored as well, which engines do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from featurize.pictures.transform import Pixels, Transform

if TYPE_CHECKING:
    from PIL import Image

SQUARES: Mapping[int, str] = {  # views, half of them mirrored -> what they are
    4: "centre, whole picture squashed; each and its mirror image",
    14: "centre, whole picture squashed, four corners and centre at 320/224 of the size; each and its mirror image",
}
_CLOSER = 320 / 224
CENTRE = (0.5, 0.5)  # shares of the room that a square leaves: across, down
_CORNERS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), CENTRE)


@dataclass(frozen=True)
class Views:
    """How a picture becomes several squares; the first of them is the one that the transform alone gives.

    Parameters
    ----------
    transform : Transform
    count : int
        Squares: 2, the first and the whole picture, or 7.
    """

    transform: Transform
    count: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what a picture becomes: (count, crop, crop, 3)."""
        return self.count, *self.transform.shape

    @property
    def draft(self) -> int | None:
        """As of the transform, so that the first square does not depend on the others."""
        return self.transform.draft

    @property
    def decode(self) -> str:
        """How files are decoded, as of the transform."""
        return self.transform.decode

    def parts(self) -> list[tuple[Transform, tuple[float, float]]]:
        """How each square is resized, and where it is cut out: shares of the room that it leaves, across and down."""
        squashed = replace(self.transform, fit="squash", resize=self.transform.crop, whole="")
        every = [(self.transform, CENTRE), (squashed, CENTRE), *((self._closer, corner) for corner in _CORNERS)]
        return every[: self.count]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, for the process that decodes."""
        return {"views": self.count, "transform": self.transform.as_json()}

    def __call__(self, picture: Image.Image) -> Pixels:
        """The squares of an RGB picture, (count, crop, crop, 3) uint8."""
        return np.stack([_square(picture, transform, place) for transform, place in self.parts()])

    @cached_property
    def _closer(self) -> Transform:
        return replace(self.transform, fit="crop", resize=round(_CLOSER * self.transform.crop), whole="")


def _square(picture: Image.Image, transform: Transform, place: tuple[float, float]) -> Pixels:
    if place == CENTRE:
        return transform(picture)
    side, (columns, rows) = transform.crop, transform.scaled(*picture.size)
    x, y = picture.size[0] / columns, picture.size[1] / rows
    left, top = round(place[0] * (columns - side)), round(place[1] * (rows - side))
    box = left * x, top * y, min((left + side) * x, picture.size[0]), min((top + side) * y, picture.size[1])
    return np.asarray(picture.resize((side, side), transform.filtering, box=box))


Shown = Transform | Views


def shown_from(plain: Mapping[str, Any]) -> Shown:
    """A transform, or views, from what `as_json` gave.

    Raises
    ------
    BackboneError
        As `Transform.from_json` raises it.
    """
    if "views" in plain:
        return Views(Transform.from_json(plain["transform"]), plain["views"])
    return Transform.from_json(plain)
