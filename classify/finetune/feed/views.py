"""Views of a picture to learn from: whole, mirrored, and random crops. Colours stay as they are.

A picture is decoded once, as a square in which the shorter side is whole (`canvas`); crops are cut from it. The numbers
of a view follow from the picture's id and the draw alone, so a view is the same in each process and after each restart.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from cache.key import Json
from featurize.pictures.transform import Pixels, Transform

if TYPE_CHECKING:
    import torch

SCALE = (
    0.4,
    1.0,
)  # share of the canvas that a crop covers; less than torchvision's 0.08, for a style needs a composition
RATIO = (3 / 4, 4 / 3)  # width to height, as in Szegedy et al. 2015
_HOW: dict[str, Json] = {"scale": list(SCALE), "ratio": list(RATIO), "drawn": "blake2b"}  # of crops, for recipes


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
        return {"view": self.name, **(_HOW if self.draw else {})}


PLAIN, MIRRORED = View(), View(mirror=True)


def fixed_views(crops: int) -> list[View]:
    """The whole square, its mirror image, and so many crops that are the same in each epoch."""
    return [PLAIN, MIRRORED, *(View((n,)) for n in range(1, crops + 1))]


def canvas(transform: Transform) -> Transform:
    """How a picture is decoded for crops: the whole resized square."""
    return replace(transform, crop=transform.resize)


@dataclass(frozen=True)
class Cut:
    """What a random crop shows of a canvas.

    Parameters
    ----------
    left, top, width, height : float
        Pixels of the canvas.
    mirrored : bool
    """

    left: float
    top: float
    width: float
    height: float
    mirrored: bool


def cut_of(view: View, picture: str, whole: int) -> Cut:
    """Which part of a canvas a view shows.

    Parameters
    ----------
    view : View
        With a draw.
    picture : str
        The picture's id.
    whole : int
        Side of the canvas, pixels.
    """
    said = " ".join(map(str, (picture, *view.draw))).encode()
    drawn = blake2b(said, digest_size=40).digest()  # a generator of numpy's takes thirty times as long to make
    area, ratio, across, down, side = (n / 2**64 for n in struct.unpack("<5Q", drawn))  # each uniform in 0..1
    area = SCALE[0] + area * (SCALE[1] - SCALE[0])
    ratio = RATIO[0] * (RATIO[1] / RATIO[0]) ** ratio
    width, height = min(whole * math.sqrt(area * ratio), whole), min(whole * math.sqrt(area / ratio), whole)
    return Cut(across * (whole - width), down * (whole - height), width, height, side < 0.5)


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

    cut = cut_of(view, picture, square.shape[0])
    box = (cut.left, cut.top, cut.left + cut.width, cut.top + cut.height)
    shown = np.asarray(Image.fromarray(square).resize((side, side), Image.Resampling.BILINEAR, box=box))
    return shown[:, ::-1] if cut.mirrored else shown


def crops(canvases: torch.Tensor, cuts: torch.Tensor, side: int) -> torch.Tensor:
    """The crops of many canvases at once, on their device, as two products of matrices.

    The weights are those of Pillow's antialiased bilinear filter, so a value differs by one of 255 levels at most from
    `crop`.

    Parameters
    ----------
    canvases : torch.Tensor (B, S, S, 3) uint8
    cuts : torch.Tensor (B, 5) float32
        The fields of each `Cut`, in their order.
    side : int

    Returns
    -------
    torch.Tensor (B, side, side, 3) uint8
    """
    import torch

    whole = canvases.shape[1]
    left, top, width, height, mirrored = cuts.to(canvases.device, non_blocking=True).unbind(1)
    down, across = _weights(top, height, whole, side), _weights(left, width, whole, side)
    across = torch.where(mirrored[:, None, None] > 0, across.flip(1), across)
    rows = (across @ canvases.float().transpose(1, 2).reshape(len(cuts), whole, -1)).round()
    rows = rows.view(len(cuts), side, whole, 3).transpose(1, 2).reshape(len(cuts), whole, -1)
    return (down @ rows).round().clamp(0, 255).view(len(cuts), side, side, 3).to(torch.uint8)


def _weights(start: torch.Tensor, length: torch.Tensor, whole: int, side: int) -> torch.Tensor:
    """(B, side, whole): how much each pixel of a line counts for each of those that show a part of it."""
    import torch

    scale = (length / side)[:, None, None]
    centres = start[:, None, None] + (torch.arange(side, device=start.device)[:, None] + 0.5) * scale
    away = (torch.arange(whole, device=start.device) + 0.5 - centres).abs() / scale.clamp(min=1)
    weights = (1 - away).clamp(min=0)
    return weights / weights.sum(2, keepdim=True)
