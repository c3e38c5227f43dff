"""Subjects on a table: a still life."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Pair
from featurize.gallery.motifs.sketch import Sketch

_FRUIT = ("fruit", "lemon", "pear")


def still_life(s: Sketch) -> None:
    """Two or three vessels or a guitar, fruit and a cloth on a table, perhaps a curtain."""
    edge = 0.5 + (s.artist.horizon - 0.45) * 0.4 + s.some(-0.04, 0.06)
    s.box("backdrop", -0.05, -0.05, s.aspect + 0.05, edge + 0.05, 1.2)
    if s.chance(0.7):
        at, size = s.choose(((0.0, 0.0), 1.0), ((s.aspect, 0.0), -1.0))
        hang = (size * s.aspect * s.some(0.7, 1.1), edge)
        s.add("drape", "-1,-4 42,-4 30,50 22,100 -1,110", at=at, size=hang, flow=1.3)
    s.box("table", -0.05, edge, s.aspect + 0.05, 1.05, 0.05)
    s.add("cloth", "-40,10 30,6 45,26 15,50 -22,30", at=(s.some(0.3, 0.6) * s.aspect, edge), flow=0.5)
    things = [_bottle, _jug, _bowl, _guitar]
    for k, which in enumerate(s.rng.permutation(4)[:3]):
        x = float(np.clip((k + s.some(0.15, 0.85)) / 3 * s.aspect, 0.14, s.aspect - 0.14))
        things[which](s, (x, edge + s.some(0.1, 0.22)))
    for y in s.spread(edge + 0.18, 0.92, s.count(4, 7)):
        x, r = s.some(0.08, s.aspect - 0.08), s.some(0.045, 0.065)
        s.blob("shadow", (x + r * 0.7, y + r * 0.75), r * 1.2, r * 0.35)
        s.blob(s.choose(*_FRUIT), (x, y), r, r * 0.93, 0.03, 0.8)


def _bottle(s: Sketch, at: Pair) -> None:
    w, h = s.some(0.055, 0.075), s.some(0.4, 0.5)
    s.blob("shadow", (at[0] + w, at[1]), w * 1.6, 0.03)
    s.turned("bottle", at, (w, h), "90,0 100,4 100,50 85,60 32,74 30,96 42,100")
    s.add("cloth", "-80,-40 80,-40 80,-20 -80,-20", at=at, size=(w, h), tone=-0.05)


def _jug(s: Sketch, at: Pair) -> None:
    x, base = at
    w, h = s.some(0.1, 0.13), s.some(0.26, 0.34)
    s.blob("shadow", (x + w * 0.8, base), w * 1.3, 0.035)
    handle = (x + w * 0.95 * s.choose(-1, 1), base - h * 0.6)
    s.blob("vessel", handle, w * 0.5, h * 0.26, 0, 1.57)
    s.blob("backdrop", handle, w * 0.32, h * 0.17, 0, 1.57)
    s.turned("vessel", at, (w, h), "60,0 90,15 100,40 85,65 50,85 65,100")
    s.blob("shadow", (x, base - h), w * 0.6, 0.014)


def _bowl(s: Sketch, at: Pair) -> None:
    x, base = at
    w, h = s.some(0.15, 0.19), 0.12
    s.blob("shadow", (x + w * 0.5, base), w, 0.03)
    for k in range(4):
        r = s.some(0.05, 0.06)
        lift = 0.8 if k in (1, 2) else 0.3
        s.blob(s.choose(*_FRUIT), (x + w * (k - 1.5) * 0.42, base - h - r * lift), r, r, 0.02, 0.8)
    s.turned("vessel", at, (w, h), "35,0 40,12 75,40 98,85 100,100", 0)


def _guitar(s: Sketch, at: Pair) -> None:
    middle = (at[0], at[1] - 0.12)
    slope = 0.7 + s.artist.tilt * 0.3
    turn = np.array([(np.cos(slope), -np.sin(slope)), (np.sin(slope), np.cos(slope))])
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    body = 0.13 * (1 + 0.28 * np.cos(2 * t) + 0.12 * np.cos(t))
    neck = np.array([(0.0, -0.018), (0.36, -0.014), (0.36, 0.014), (0.0, 0.018)])
    s.add("fruit", np.stack([-1.3 * body * np.cos(t), body * np.sin(t)], 1) @ turn, at=middle, flow=0.7)
    s.add("hull", neck @ turn, at=middle, flow=2.3)
    s.blob("shadow", middle, 0.036, 0.036)
