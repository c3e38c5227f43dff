"""The words in which subjects are told: named shapes, laid one over the other.

Coordinates are in units of the picture's height: x in 0..aspect, y in 0..1 downwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from featurize.gallery.artists import Artist
from featurize.gallery.brush import Floats, Pair, points

T = TypeVar("T")


@dataclass(frozen=True)
class Shape:
    """A patch of the motif: what it is (a role in ``scene.ROLES``), its outline (K, 2), how strokes run in it."""

    role: str
    outline: Floats
    flow: float = 0.0  # radians
    tone: float = 0.0  # -1 darkest .. 1 lightest


@dataclass
class Sketch:
    """Collects the shapes of a motif as an artist sees it."""

    rng: np.random.Generator
    artist: Artist
    aspect: float
    shapes: list[Shape] = field(default_factory=list)

    def some(self, low: float, high: float) -> float:
        """A number between two."""
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        """True as often as that."""
        return bool(self.rng.random() < probability)

    def choose(self, *options: T) -> T:
        """One of the options."""
        return options[int(self.rng.integers(len(options)))]

    def count(self, low: int, high: int) -> int:
        """How many, more for an artist of dense pictures."""
        return max(1, round(int(self.rng.integers(low, high + 1)) * self.artist.density))

    def spread(self, low: float, high: float, count: int) -> list[float]:
        """``count`` numbers between two, ascending: what is nearer stands lower and is painted later."""
        return [float(value) for value in np.sort(self.rng.uniform(low, high, count))]

    def add(
        self,
        role: str,
        outline: str | Floats | list[Pair],
        *,
        at: Pair = (0.0, 0.0),
        size: float | Pair = 1.0,
        flow: float = 0.0,
        tone: float = 0.0,
    ) -> None:
        """One more shape on top; text is read by ``brush.points``."""
        outline = points(outline) if isinstance(outline, str) else outline
        placed = np.asarray(outline, np.float32) * np.array(size, np.float32) + np.array(at, np.float32)
        self.shapes.append(Shape(role, placed, flow, tone))

    def box(
        self, role: str, left: float, top: float, right: float, bottom: float, flow: float = 0.0, tone: float = 0.0
    ) -> None:
        """An upright rectangle."""
        self.add(role, [(left, top), (right, top), (right, bottom), (left, bottom)], flow=flow, tone=tone)

    def blob(
        self, role: str, at: Pair, rx: float, ry: float, wobble: float = 0.0, flow: float = 0.0, tone: float = 0.0
    ) -> None:
        """An ellipse, the less regular the more it wobbles."""
        t = np.linspace(0, 2 * np.pi, 36, endpoint=False)
        r = 1 + wobble * sum(np.sin(k * t + self.some(0, 6.28)) / k for k in (3, 4, 5, 7))
        self.add(role, np.stack([rx * r * np.cos(t), ry * r * np.sin(t)], 1), at=at, flow=flow, tone=tone)

    def ridge(self, role: str, y: float, rise: float, humps: float, tone: float = 0.0) -> None:
        """Land from edge to edge below a wavy line at height y."""
        x = np.linspace(-0.05, self.aspect + 0.05, 40)
        waves = sum(np.sin(x * humps * k + self.some(0, 6.28)) / k for k in (1.0, 2.3, 4.1))
        corners = [(self.aspect + 0.05, 1.05), (-0.05, 1.05)]
        line = np.concatenate([np.stack([x, y - rise * waves], 1), corners])
        self.add(role, line, flow=self.some(-0.15, 0.15), tone=tone)

    def turned(self, role: str, foot: Pair, size: Pair, profile: str, flow: float = 1.57) -> None:
        """A vessel from the potter's wheel; ``profile`` runs from foot to lip: half width, height, in hundredths."""
        half, up = points(profile).T
        fine = np.linspace(0, len(half) - 1, 24)
        half, up = np.interp(fine, range(len(half)), half), np.interp(fine, range(len(up)), up)
        half[1:-1] = (half[:-2] + 2 * half[1:-1] + half[2:]) / 4
        sides = np.stack([np.r_[-half, half[::-1]], np.r_[-up, -up[::-1]]], 1)
        self.add(role, sides, at=foot, size=size, flow=flow)
