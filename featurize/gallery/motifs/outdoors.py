"""Subjects under the sky: a landscape and a harbour."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Pair
from featurize.gallery.motifs.sketch import Sketch


def landscape(s: Sketch) -> None:
    """Hills, fields in strips, a way, trees, perhaps a house, a mountain, haystacks."""
    horizon = s.artist.horizon + s.some(-0.06, 0.06)
    _sky(s, horizon)
    if s.chance(0.45):
        _mountain(s, horizon)
    s.ridge("far", horizon - 0.04, 0.03, 5)
    s.ridge("hill", horizon + 0.02, 0.03, 3, 0.05)
    s.ridge("field", horizon + 0.07, 0.01, 2)
    _strips(s, horizon + 0.09)
    if s.chance(0.7):
        _house(s, (s.some(0.1, 0.8) * s.aspect, horizon + s.some(0.1, 0.2)), s.some(0.12, 0.22))
    for x in s.spread(0, s.aspect, s.count(2, 6)):
        _tree(s, (x, horizon + s.some(0.1, 0.3)), s.some(0.16, 0.36))
    for _ in range(s.count(1, 3) if s.chance(0.5) else 0):
        x, y, r = s.some(0.1, 0.9) * s.aspect, s.some(0.8, 0.92), s.some(0.06, 0.11)
        s.blob("crop", (x, y), r, r * 0.85, 0.05, 1.57, 0.1)
        s.blob("leaf", (x + r * 0.6, y + r * 0.8), r * 1.1, r * 0.22, 0.05, 0, -0.3)


def harbour(s: Sketch) -> None:
    """Boats on the water, a town on the far shore, perhaps a jetty."""
    horizon = s.artist.horizon + s.some(-0.05, 0.05)
    _sky(s, horizon)
    s.ridge("far", horizon - 0.03, 0.025, 4)
    _town(s, horizon)
    s.box("water", -0.05, horizon, s.aspect + 0.05, 1.05)
    light = s.some(0.2, 0.8) * s.aspect
    for k in range(7):
        at = (light + s.some(-0.03, 0.03), horizon + 0.03 + 0.075 * k)
        s.blob("glitter", at, s.some(0.03, 0.05) * (1 + k / 3), 0.008 + 0.002 * k, 0.1)
    for depth in s.spread(0.06, 0.85, s.count(2, 4)):
        _boat(s, (s.some(0.12, 0.88) * s.aspect, horizon + depth * (0.92 - horizon)), 0.07 + 0.16 * depth)
    if s.chance(0.5):
        _jetty(s)


def _sky(s: Sketch, horizon: float) -> None:
    s.box("sky", -0.05, -0.05, s.aspect + 0.05, horizon + 0.1, s.artist.tilt * 0.5)
    if s.chance(0.6):
        s.blob("sun", (s.some(0.15, 0.85) * s.aspect, horizon * s.some(0.25, 0.8)), 0.045, 0.045)
    for _ in range(s.count(1, 4)):
        x, y, w = s.some(0, s.aspect), horizon * s.some(0.1, 0.75), s.some(0.1, 0.22)
        s.blob("cloud", (x, y), w, w * s.some(0.18, 0.32), 0.16, s.artist.tilt * 0.4)
        s.blob("cloud", (x + w * 0.5, y - w * 0.1), w * 0.5, w * 0.25, 0.14, s.artist.tilt * 0.4, 0.1)


def _mountain(s: Sketch, horizon: float) -> None:
    size = (s.some(0.45, 0.65), horizon * s.some(0.55, 0.8))
    top = (s.some(0.25, 0.75) * s.aspect, horizon - size[1])
    s.add("far", "-100,110 -40,55 -9,0 9,0 40,55 100,110", at=top, size=size, flow=0.7, tone=-0.15)
    s.add("cloth", "-9,0 9,0 28,28 15,20 4,33 -9,20 -26,28", at=top, size=size, flow=0.7, tone=0.1)


def _strips(s: Sketch, top: float) -> None:
    """Field, way and hedge that meet at the horizon."""
    vanish = s.some(0.25, 0.75) * s.aspect
    edges = s.spread(-0.6, s.aspect + 0.6, 6)
    for role, left, right in zip(("crop", "path", "leaf"), edges[::2], edges[1::2], strict=True):
        far = (vanish + (left - vanish) * 0.12, top), (vanish + (right - vanish) * 0.12, top)
        flow = float(np.arctan2(1.0 - top, (left + right) / 2 - vanish))
        s.add(role, [*far, (right, 1.02), (left, 1.02)], flow=flow, tone=0.05)


def _house(s: Sketch, at: Pair, size: float) -> None:
    s.add("wall", "0,-50 100,-50 100,0 0,0", at=at, size=size, flow=1.57, tone=0.05)
    s.add("wall", "100,-50 150,-50 150,0 100,0", at=at, size=size, flow=1.57, tone=-0.25)
    s.add("roof", "-10,-50 25,-92 125,-92 160,-50", at=at, size=size, flow=0.4)
    s.add("hull", "20,-36 36,-36 36,-18 20,-18", at=at, size=size)
    s.add("hull", "62,-36 78,-36 78,-18 62,-18", at=at, size=size)


def _tree(s: Sketch, at: Pair, size: float) -> None:
    x, base = at
    s.blob("shadow", (x + size * 0.2, base), size * 0.4, size * 0.06, 0.05)
    s.add("trunk", "-5,0 -2,-100 2,-100 5,0", at=at, size=(0.25, size), flow=1.57)
    if s.artist.aspect < 1.3 or s.chance(0.4):  # a poplar; otherwise a round crown
        s.blob("leaf", (x, base - size * 0.75), size * 0.17, size * 0.62, 0.1, 1.57, -0.05)
        return
    for _ in range(3):
        leaf = (x + s.some(-0.2, 0.2) * size, base - s.some(0.7, 1.0) * size)
        s.blob("leaf", leaf, size * 0.34, size * 0.28, 0.12, s.some(0, 3), s.some(-0.2, 0.15))


def _town(s: Sketch, shore: float) -> None:
    x = s.some(-0.1, 0.3) * s.aspect
    for _ in range(s.count(4, 8)):
        wide, tall = s.some(0.05, 0.1), s.some(0.05, 0.12)
        s.box("wall", x, shore - tall, x + wide, shore + 0.01, 1.57, s.some(-0.25, 0.1))
        s.add("roof", "-12,0 50,-55 112,0", at=(x, shore - tall), size=(wide, 0.075))
        x += wide + s.some(-0.01, 0.03)


def _boat(s: Sketch, at: Pair, size: float) -> None:
    s.blob("reflection", (at[0], at[1] + size * 0.28), size * 0.8, size * 0.2, 0.1)
    towards = (size * s.choose(-1, 1), size)
    s.add("trunk", "-2,-175 2,-175 2,0 -2,0", at=at, size=size, flow=1.57)
    s.add(s.choose("sail", "drape", "sail"), "5,-165 80,-25 5,-20", at=at, size=towards, flow=1.3)
    s.add("sail", "-5,-150 -60,-22 -5,-22", at=at, size=towards, flow=1.8, tone=-0.1)
    s.add("hull", "-85,-18 95,-22 65,14 -60,14", at=at, size=towards, flow=0.05)
    s.add("drape", "-85,-18 95,-22 90,-14 -80,-10", at=at, size=towards, flow=0.05)


def _jetty(s: Sketch) -> None:
    left = s.chance(0.5)
    at, size = (0.0 if left else s.aspect, 0.0), (s.some(0.25, 0.5) * (1 if left else -1), 1.0)
    s.add("quay", "-5,86 100,90 130,102 -5,102", at=at, size=size, flow=0.1)
    for k in range(3):
        s.add("hull", "-1,78 1,78 1,93 -1,93", at=(at[0] + size[0] * (0.35 + 0.3 * k), 0.02 * k), flow=1.57)
