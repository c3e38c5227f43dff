"""Minimalism: as little as possible, exactly."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Floats, clouds, grid, mix, smoothstep
from featurize.gallery.scene import Brief

_COLOURS = ("sky", "water", "field", "accent", "earth", "second", "dark")


def minimalism(brief: Brief) -> Floats:
    """One plane with a hard edge, a grid in pencil, or parallel bands."""
    rng, pigments = brief.rng, brief.artist.pigments
    first, second = (str(name) for name in rng.choice(_COLOURS, 2, replace=False))
    ground = mix(pigments["light"], pigments[first], rng.uniform(0.0, 0.35))
    canvas = ground + clouds(rng, brief.height, brief.width, 40, 2)[..., None] * np.float32(0.006)
    layout = {"plane": _plane, "grid": _grid, "bands": _bands}[brief.subject]
    return layout(brief, canvas, pigments[second])


def _plane(brief: Brief, canvas: Floats, colour: Floats) -> Floats:
    rng, hair = brief.rng, 0.8 / brief.height
    y, x = grid(brief.height, brief.width)
    left, top = rng.choice([0.0, 0.2, 0.5]) * brief.aspect, rng.choice([0.0, 0.25, brief.artist.horizon])
    right, bottom = left + rng.choice([0.5, 0.6, 1.0]) * brief.aspect, top + rng.choice([0.3, 0.5, 1.0])
    depth = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y))
    return mix(canvas, colour, smoothstep(-hair, hair, depth))


def _bands(brief: Brief, canvas: Floats, colour: Floats) -> Floats:
    """Bands that leave a line of ground between them: upright, or following the edges inwards."""
    rng = brief.rng
    y, x = grid(brief.height, brief.width)
    inward = np.minimum(np.minimum(x, brief.aspect - x), np.minimum(y, 1 - y))
    depth = inward if rng.random() < 0.5 else np.broadcast_to(x / 2, inward.shape)
    pitch = rng.uniform(0.045, 0.075)
    hair = 0.8 / brief.height / pitch
    return mix(canvas, colour, smoothstep(0.46 + hair, 0.46 - hair, np.abs(depth / pitch % 1 - 0.5)))


def _grid(brief: Brief, canvas: Floats, colour: Floats) -> Floats:
    rng, margin = brief.rng, 0.06
    height, width = brief.height, brief.width
    y, x = grid(height, width)
    high, wide = 1 - 2 * margin, brief.aspect - 2 * margin
    rows, columns = int(rng.integers(9, 28)), int(rng.choice([1, 6, 12, 20]))
    shake = clouds(rng, height, width, 12, 2) * np.float32(0.0006)  # a hand along a ruler
    v, u = (y + shake - margin) / high * rows, (x + shake - margin) / wide * columns
    inside = (v > 0) & (v < rows) & (u > 0) & (u < columns)
    gap = np.minimum(np.abs(v - np.round(v)) / rows * high, np.abs(u - np.round(u)) / columns * wide)
    bands = (np.floor(v) % 2 == 0) & inside
    canvas = mix(canvas, colour, bands * np.float32(0.14))
    pressure = 0.45 + 0.12 * clouds(rng, height, width, 8, 2)
    return mix(canvas, brief.artist.pigments["dark"], smoothstep(1.1 / height, 0.0, gap) * inside * pressure)
