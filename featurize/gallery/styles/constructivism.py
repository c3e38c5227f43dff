"""Constructivism: circles, bars and wedges on a diagonal, in few flat printing colours."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Floats, clouds, mix
from featurize.gallery.pen import Pen
from featurize.gallery.scene import Brief

_SCALE = 2


def constructivism(brief: Brief) -> Floats:
    """A wedge that strikes a circle, planets on a diagonal, or a tower before a sun."""
    rng, artist = brief.rng, brief.artist
    height, width = brief.height * _SCALE, brief.width * _SCALE
    paper = mix(artist.pigments["light"], np.array([0.92, 0.87, 0.76], np.float32), 0.5)
    grain = clouds(rng, brief.height, brief.width, 110, 1) * np.float32(0.009)
    slant = 0.5 * artist.tilt + rng.choice([-0.6, 0.6]) + rng.normal(0, 0.08)
    press = _Press(Pen(np.broadcast_to(paper, (height, width, 3))), slant, brief)
    {"wedge": _wedge, "circles": _circles, "tower": _tower}[brief.subject](press)
    picture = press.pen.picture
    small = (picture[::2, ::2] + picture[1::2, ::2] + picture[::2, 1::2] + picture[1::2, 1::2]) / 4
    return small + grain[..., None]


class _Press:
    """Prints bars and wedges along the slanted axis of a composition."""

    def __init__(self, pen: Pen, slant: float, brief: Brief) -> None:
        self.pen, self.rng, self.aspect = pen, brief.rng, brief.aspect
        self.pigments, self.density = brief.artist.pigments, brief.artist.density
        along = np.array([np.cos(slant), np.sin(slant)])
        self.axes = np.stack([along, along[::-1] * (-1, 1)])  # rows: along, across

    def put(self, outline: Floats, at: tuple[float, float], name: str) -> None:
        """An outline given in (along, across), at a place of the picture."""
        self.pen.polygon(outline @ self.axes + np.array(at), self.pigments[name])

    def bar(self, at: tuple[float, float], length: float, breadth: float, name: str, *, across: bool = False) -> None:
        """A bar centred there, along the axis or across it."""
        corners = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)]) * (length / 2, breadth / 2)
        self.put(corners[:, ::-1] if across else corners, at, name)

    def disc(self, at: tuple[float, float], radius: float, name: str) -> None:
        """A disc."""
        self.pen.disc(at, radius, self.pigments[name])

    def somewhere(self, low: float, high: float) -> tuple[float, float]:
        """A place between these shares of the width and the height."""
        x, y = self.rng.uniform(low, high, 2)
        return float(x) * self.aspect, float(y)

    def splinters(self, count: int) -> None:
        """Small bars and thin lines on the two axes of the picture."""
        for _ in range(round(count * self.density)):
            name = str(self.rng.choice(["dark", "dark", "accent", "earth", "water"]))
            size = self.rng.uniform(0.4, 1.1), 0.006
            if self.rng.random() < 0.65:
                size = self.rng.uniform(0.04, 0.2), self.rng.uniform(0.012, 0.045)
            self.bar(self.somewhere(0.05, 0.95), *size, name, across=self.rng.random() < 0.5)


def _wedge(press: _Press) -> None:
    rng = press.rng
    at = (press.aspect * rng.uniform(0.48, 0.65), rng.uniform(0.45, 0.6))
    if rng.random() < 0.5:
        press.bar((press.aspect / 2, 1.0), 3, rng.uniform(0.5, 0.9), "dark")
    radius = rng.uniform(0.2, 0.28)
    press.disc(at, radius, "dark" if rng.random() < 0.5 else "water")
    press.disc(at, radius * 0.86, "light")
    length, half = rng.uniform(0.5, 0.8), rng.uniform(0.11, 0.19)
    press.put(np.array([(0.0, 0.0), (-length, half), (-length, -half)]), at, "accent")
    press.splinters(12)


def _circles(press: _Press) -> None:
    rng = press.rng
    press.bar(press.somewhere(0.37, 0.63), 2.2, rng.uniform(0.05, 0.14), "field")
    for name in rng.permutation(["accent", "dark", "water", "earth", "second"])[: 3 + round(press.density)]:
        at, radius = press.somewhere(0.15, 0.85), rng.uniform(0.05, 0.24)
        if rng.random() < 0.6:
            press.disc(at, radius, str(name))
        else:
            press.pen.ring(at, radius, press.pigments[str(name)], radius * 0.3)
        if rng.random() < 0.5:
            press.disc(at, radius * 0.45, "light")
        press.bar(at, rng.uniform(0.5, 1.2), rng.uniform(0.008, 0.03), "dark", across=rng.random() < 0.5)
    press.splinters(8)


def _tower(press: _Press) -> None:
    rng = press.rng
    press.disc((press.aspect * rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.5)), rng.uniform(0.22, 0.34), "accent")
    for k in range(round(7 * press.density)):
        at = (press.aspect * (0.25 + 0.07 * k) + rng.normal(0, 0.05), rng.uniform(0.3, 0.75))
        name = str(rng.choice(["dark", "earth", "water", "field", "dark"]))
        press.bar(at, rng.uniform(0.3, 0.8), rng.uniform(0.02, 0.1), name, across=True)
    press.bar((press.aspect / 2, rng.uniform(0.6, 0.8)), 1.6, 0.05, "dark")
    press.splinters(9)
