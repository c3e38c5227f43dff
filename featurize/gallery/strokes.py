"""Brush strokes by the thousand.

Composing every stroke by itself would take a second a picture. Here Pillow draws the number of each stroke into
one image of integers; colour, bristles and relief are then looked up for all pixels at once.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from PIL import Image, ImageDraw

from featurize.gallery.brush import Bools, Floats, Ints


@dataclass(frozen=True)
class Strokes:
    """N brush strokes in pixels, laid in order: the last lies on top. Every field has shape (N,), float32."""

    x: Floats
    y: Floats
    angle: Floats
    length: Floats
    width: Floats
    bend: Floats

    def __add__(self, other: Strokes) -> Strokes:
        """These strokes, and the others over them."""
        return Strokes(*(np.concatenate([getattr(s, f.name) for s in (self, other)]) for f in fields(self)))

    def outlines(self) -> Floats:
        """Tapered, bent polygons, (N, 10, 2)."""
        u = np.array([-1, -0.85, -0.3, 0.3, 0.85, 1, 0.85, 0.3, -0.3, -0.85], np.float32)
        v = np.array([0, -0.75, -1, -1, -0.65, 0, 0.65, 1, 1, 0.75], np.float32)
        run = self.length[:, None] / 2 * u
        rise = self.width[:, None] / 2 * v + self.bend[:, None] * (u * u - 0.33)
        cos, sin = np.cos(self.angle)[:, None], np.sin(self.angle)[:, None]
        return np.stack([self.x[:, None] + run * cos - rise * sin, self.y[:, None] + run * sin + rise * cos], 2)


@dataclass(frozen=True)
class Laid:
    """Where strokes came to lie; every field has shape (H, W)."""

    owner: Ints  # index of the uppermost stroke, -1 where the ground shows
    along: Floats  # -1..1 from end to end of that stroke
    across: Floats  # -1..1 from edge to edge

    @property
    def painted(self) -> Bools:
        """Where any stroke covers the ground."""
        return self.owner >= 0


def lay(height: int, width: int, strokes: Strokes) -> Laid:
    """Lay strokes on a canvas of (height, width) pixels."""
    image = Image.new("I", (width, height), -1)
    draw = ImageDraw.Draw(image)
    for number, outline in enumerate(strokes.outlines().reshape(len(strokes.x), -1).tolist()):
        draw.polygon(outline, fill=number)
    owner = np.asarray(image)
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    dx, dy = x - strokes.x[owner], y - strokes.y[owner]
    cos, sin = np.cos(strokes.angle)[owner], np.sin(strokes.angle)[owner]
    along = (dx * cos + dy * sin) * (2 / strokes.length)[owner]
    across = (dy * cos - dx * sin - strokes.bend[owner] * (along * along - 0.33)) * (2 / strokes.width)[owner]
    return Laid(owner, np.clip(along, -1, 1), np.clip(across, -1, 1))


def strew(
    rng: np.random.Generator, flow: Floats, *, where: Bools, count: int, length: float, breadth: float
) -> Strokes:
    """Strokes ``where`` is set, (H, W), that follow ``flow``, (H, W) in radians, more or less; sizes in pixels."""
    places = np.flatnonzero(where)
    y, x = np.divmod(places[rng.integers(len(places), size=count)], flow.shape[1])
    x, y = x.astype(np.float32), y.astype(np.float32)
    return Strokes(
        x,
        y,
        flow[y.astype(int), x.astype(int)] + rng.normal(0, 0.25, count).astype(np.float32),
        (length * rng.uniform(0.7, 1.15, count)).astype(np.float32),
        (breadth * rng.uniform(0.75, 1.1, count)).astype(np.float32),
        (length * rng.normal(0, 0.1, count)).astype(np.float32),
    )


def relief(laid: Laid, rng: np.random.Generator, count: int, *, bristles: int = 7, ridge: float = 0.5) -> Floats:
    """Light on ``count`` strokes, (H, W), -1..1: bristle marks and raised edges, lit from above left."""
    marks = rng.standard_normal((count, bristles + 1)).astype(np.float32)
    hair = ((laid.across + 1) * (bristles / 2)).astype(np.int32)
    thick = marks[laid.owner, hair] * (0.6 - 0.4 * laid.along) + ridge * np.abs(laid.across)
    thick = np.where(laid.painted, thick, 0).astype(np.float32)
    return np.clip(thick - np.roll(thick, (1, 1), (0, 1)), -1, 1)
