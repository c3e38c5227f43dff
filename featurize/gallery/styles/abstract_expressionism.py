"""Abstract Expressionism: poured, dripped and swept paint, the record of the arm that painted."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Floats, clouds, mix
from featurize.gallery.pen import Pen
from featurize.gallery.scene import Brief

_SCALE = 1.6


def abstract_expressionism(brief: Brief) -> Floats:
    """An all-over web of thrown skeins, or a few violent sweeps that drip."""
    rng, pigments = brief.rng, brief.artist.pigments
    height, width = round(brief.height * _SCALE), round(brief.width * _SCALE)
    ground = mix(pigments["light"], pigments["field" if rng.random() < 0.5 else "sky"], rng.uniform(0, 0.35))
    if rng.random() < 0.2:
        ground = mix(pigments["dark"], pigments["earth"], 0.3)
    pen = Pen(np.broadcast_to(ground, (height, width, 3)))
    names = [str(name) for name in rng.permutation(["accent", "water", "field", "second", "earth", "sky"])]
    (_gestures if brief.subject == "gesture" else _web)(brief, pen, names)
    picture = pen.picture
    thick = picture @ np.full(3, 1 / 3, np.float32)
    gloss = np.clip(np.roll(thick, (1, 1), (0, 1)) - thick, -0.3, 0.3) * np.float32(-0.18)
    return picture + (gloss + clouds(rng, height, width, 60, 1) * np.float32(0.008))[..., None]


def _gestures(brief: Brief, pen: Pen, names: list[str]) -> None:
    pigments = brief.artist.pigments
    for name in names:
        _sweep(brief, pen, mix(pigments[name], pigments["light"], 0.45), 1.6)
    for name in (*names[:3], "light", "dark", "dark", names[0], "light", "dark"):
        _sweep(brief, pen, pigments[name])
    _splatter(brief, pen, pigments["dark"], 60)


def _web(brief: Brief, pen: Pen, names: list[str]) -> None:
    pigments = brief.artist.pigments
    for name in names[:2]:
        _sweep(brief, pen, mix(pigments[name], pigments["light"], 0.45), 1.6)
    for name in (names[0], "dark", names[1], "light", names[2], "dark", "light"):
        for _ in range(round(11 * brief.artist.density)):
            _skein(brief, pen, pigments[name])
        _splatter(brief, pen, pigments[name], 90)


def _sweep(brief: Brief, pen: Pen, colour: Floats, wide: float = 1.0) -> None:
    """One swing of a broad brush: its hairs run in parallel and give out one by one, the wet side drips."""
    rng = brief.rng
    breadth = rng.uniform(0.05, 0.15) * brief.artist.brush * wide
    length = rng.uniform(0.4, 1.0)
    angle = brief.artist.tilt + rng.choice([0, 0, np.pi / 2]) + rng.normal(0, 0.35)
    t = np.linspace(-0.5, 0.5, 24)
    bow, wave = rng.normal(0, 0.16), rng.normal(0, 0.05)
    along, across = t * length, (bow * (t * t * 4 - 0.4) + wave * np.sin(9 * t)) * length
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    place = rng.uniform(0.15, 0.85, 2) * (brief.aspect, 1)
    dryness = rng.uniform(0.2, 0.7)
    hairs = max(8, int(breadth * pen.height / 2.2))
    for offset in rng.permutation(np.linspace(-0.5, 0.5, hairs)):
        line = np.stack([along, across + offset * breadth], 1) @ turn + place
        first, last = int(rng.integers(0, 3)), 24 - int(rng.beta(0.6, 1 / dryness) * 16)
        pen.line(line[first:last], colour + rng.normal(0, 0.035), rng.uniform(2, 4.5) / pen.height)
    for _ in range(int(rng.integers(0, 4))):
        x, y = line[int(rng.integers(4, 18))]
        drop, thin = rng.gamma(2, 0.06), rng.uniform(0.0025, 0.006)
        pen.line([(x, y), (x, y + drop)], colour, thin)
        pen.disc((x, y + drop), thin, colour)


def _skein(brief: Brief, pen: Pen, colour: Floats) -> None:
    """One throw of paint: a long looping line, thick where the hand was slow."""
    rng = brief.rng
    steps, piece = 240, 12
    t = np.linspace(0, 1, steps)[:, None]  # (240, 1)
    start, end = rng.uniform(-0.05, 1.05, (2, 2)) * (brief.aspect, 1)
    phase, size = rng.uniform(0, 2 * np.pi, (2, 2)), rng.gamma(2.5, 0.055)
    loops = rng.uniform(6, 22) * np.array([(1.0, 0.86), (2.1, 2.4)])
    path = start + (end - start) * t  # (240, 2)
    path += size * (np.cos(loops[0] * t + phase[0]) + 0.45 * np.sin(loops[1] * t + phase[1]))
    step = np.gradient(path, axis=0) * pen.height
    speed = np.hypot(step[:, 0], step[:, 1])[:, None] + 0.2  # pixels a step
    half = brief.artist.brush * np.clip(rng.gamma(2.2, 2.2) / (0.6 + speed) + rng.uniform(0.3, 0.9), 0.5, 6)
    side = step[:, ::-1] * (-1, 1) / speed * half / pen.height
    tone = colour + rng.normal(0, 0.02)
    for k in range(0, steps - 1, piece):  # in pieces: where a polygon crosses itself it would be left empty
        part = slice(k, k + piece + 1)
        pen.polygon(np.concatenate([(path + side)[part], (path - side)[part][::-1]]), tone)


def _splatter(brief: Brief, pen: Pen, colour: Floats, count: int) -> None:
    """Drops, most of them fine, around a few places."""
    rng = brief.rng
    hearts = rng.uniform(0, 1, (4, 2)) * (brief.aspect, 1)
    places = hearts[rng.integers(4, size=count)] + rng.normal(0, 0.17, (count, 2))
    sizes = np.minimum(rng.gamma(1.1, 1.3, count) * brief.artist.brush + 0.7, 7) / pen.height
    for place, size in zip(places.tolist(), sizes.tolist(), strict=True):
        pen.disc(place, size, colour)
