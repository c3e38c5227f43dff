"""People who sit for a portrait: dress, collar, hair, hat, beard and looks drawn by lot.

All outlines are around the middle of the face, in hundredths of a head and a half.
"""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Pair
from featurize.gallery.motifs.sketch import Sketch


def portrait(s: Sketch) -> None:
    """A sitter from the chest up, a window or a curtain behind."""
    s.box("backdrop", -0.05, -0.05, s.aspect + 0.05, 1.05, 1.2)
    middle = (s.aspect * s.some(0.42, 0.58), 0.34 + s.some(-0.02, 0.04))
    _behind(s, middle[0])
    size = s.some(0.92, 1.15)
    head = (middle[0] + s.some(-0.035, 0.035), middle[1])
    man = s.chance(0.4)
    long = s.some(0.0, 0.2) if man else s.some(0.3, 1.0)
    s.blob("hair", (head[0], head[1] - 0.02 + 0.05 * long), 0.16 * size, (0.19 + 0.1 * long) * size, 0.04, 1.57)
    _bust(s, middle, size)
    s.add("shade", "-5,10 5,10 8,25 0,30 -8,25", at=middle, size=size, flow=1.57)
    s.choose(_lapels, _ruff, _round_collar, _scarf)(s, middle, size)
    s.blob("skin", head, 0.122 * size, s.some(0.155, 0.172) * size, 0.0, 1.4)
    _face(s, head, size, bearded=man and s.chance(0.7))
    parting = round(s.some(-6, 6))
    s.add("hair", f"-13,2 -14,-10 -8,-18 3,-19 12,-13 13,2 10,-7 {parting},-12 -8,-8", at=head, size=size, flow=0.4)
    if s.chance(0.45):
        s.choose(_straw_hat, _beret, _tall_hat)(s, head, size)


def _behind(s: Sketch, x: float) -> None:
    if s.chance(0.5):
        side = x + s.choose(-0.42, 0.22)
        s.box("sky", side, 0.1, side + 0.24, 0.45, 0, 0.1)
        s.box("hill", side, 0.33, side + 0.24, 0.45)
    else:
        s.add("drape", "0,-2 30,-2 16,40 10,102 0,102", size=(s.aspect, 1), flow=1.4)


def _bust(s: Sketch, at: Pair, size: float) -> None:
    broad = (size * s.some(0.88, 1.12), size)
    s.add("dress", "-6,20 -20,27 -33,36 -41,75 41,75 33,36 20,27 6,20", at=at, size=broad, flow=1.3)
    if s.chance(0.6):
        side = (broad[0] * s.choose(-1, 1), size)
        s.add("drape", "-20,27 -33,36 -41,75 -12,75 -20,45", at=at, size=side, flow=1.2, tone=-0.1)


def _lapels(s: Sketch, at: Pair, size: float) -> None:
    s.add("cloth", "-8.5,20 0,34 8.5,20 16,26 2,46 -2,46 -16,26", at=at, size=size, flow=0.8)


def _ruff(s: Sketch, at: Pair, size: float) -> None:
    t = np.linspace(0, 2 * np.pi, 56, endpoint=False)
    r = 1 + 0.07 * np.cos(14 * t)
    s.add("cloth", np.stack([0.21 * r * np.cos(t), 0.205 + 0.075 * r * np.sin(t)], 1), at=at, size=size)
    s.blob("shade", (at[0], at[1] + 0.175 * size), 0.1 * size, 0.03 * size)


def _round_collar(s: Sketch, at: Pair, size: float) -> None:
    x, y = at
    s.blob("cloth", (x, y + 0.255 * size), 0.19 * size, 0.075 * size, 0.03)
    s.blob("shade", (x, y + 0.21 * size), 0.09 * size, 0.05 * size)
    s.blob("sun", (x, y + 0.335 * size), 0.018 * size, 0.018 * size)


def _scarf(s: Sketch, at: Pair, size: float) -> None:
    s.blob("ribbon", (at[0], at[1] + 0.235 * size), 0.115 * size, 0.05 * size, 0.05, 0.2)
    s.add("ribbon", "-3,25 5,25 10,50 0,52", at=at, size=(size * s.choose(-1, 1), size), flow=1.4, tone=-0.1)


def _straw_hat(s: Sketch, at: Pair, size: float) -> None:
    x, y = at
    s.blob("hat", (x, y - 0.12 * size), 0.25 * size, 0.05 * size, 0.03, 0.1)
    s.blob("hat", (x, y - 0.18 * size), 0.13 * size, 0.085 * size, 0.02, 0.3)
    s.add("ribbon", "-13,-17 13,-17 13,-13.5 -13,-13.5", at=at, size=size)


def _beret(s: Sketch, at: Pair, size: float) -> None:
    lean = s.choose(-0.05, 0.05) * size
    s.blob("ribbon", (at[0] + lean, at[1] - 0.165 * size), 0.19 * size, 0.075 * size, 0.05, 0.2)


def _tall_hat(s: Sketch, at: Pair, size: float) -> None:
    s.add("felt", "-13,-12 -14,-36 14,-36 13,-12", at=at, size=size, flow=1.57)
    s.blob("felt", (at[0], at[1] - 0.12 * size), 0.21 * size, 0.028 * size, 0.0, 0.1)


def _face(s: Sketch, at: Pair, size: float, *, bearded: bool) -> None:
    x, y = at
    turn = s.some(-0.03, 0.03) * size
    s.add("shade", "5,-13 12,-6 11,7 5,15 7,4", at=at, size=size, flow=1.4)
    if bearded:
        beard = f"-12,1 -9,6 0,7 9,6 12,1 11,13 5,20 0,{s.some(22, 28):.0f} -5,20 -11,13"
        s.add("beard", beard, at=at, size=size, flow=1.57, tone=s.some(-0.1, 0.1))
    for side in (-1, 1):
        eye = (x + side * 0.05 * size + turn, y - 0.01 * size)
        s.blob("cloth", eye, 0.024 * size, 0.011 * size)
        s.blob("hair", (eye[0] + turn * 0.2, eye[1]), 0.011 * size, 0.011 * size)
        s.add("hair", "-3,-3.4 0,-4.6 3,-3.8 3,-3.1 0,-3.8 -3,-2.9", at=eye, size=(size * side, size))
    s.add("shade", "0,-1.5 2,5 -1,5.6", at=(x + turn, y), size=size, flow=1.57)
    s.add("lips", "-3.4,9.6 -1.2,8.8 0,9.2 1.2,8.8 3.4,9.6 0,11", at=(x + turn, y), size=size)
