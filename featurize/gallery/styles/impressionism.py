"""Impressionism: broken colour in visible strokes that follow the form."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Floats, mix
from featurize.gallery.scene import Brief, underpaint
from featurize.gallery.strokes import lay, relief, strew


def impressionism(brief: Brief) -> Floats:
    """Broad strokes, then smaller ones, then the things themselves; a light ground and the relief of the paint."""
    rng, artist = brief.rng, brief.artist
    scene = underpaint(brief, 1.25, modelling=0.16)
    height, width = scene.label.shape
    seen = mix(scene.colour, artist.pigments["light"], 0.1)
    size = artist.brush * (height * width / 250_000) ** 0.5
    everywhere = np.ones(scene.label.shape, bool)
    things = np.array([np.ptp(shape.outline, 0).prod() < 0.09 for shape in scene.shapes])[scene.label]
    layers, spread = [], []
    for where, count, length, breadth, broken in (
        (everywhere, 600, 46, 13, 0.04),
        (everywhere, 1900, 27, 7, 0.055),
        (things | (rng.random(things.shape) < 0.1), 1300, 13, 4.5, 0.05),
    ):
        count = round(count * (0.75 + 0.25 * artist.density))
        layers.append(strew(rng, scene.flow, where=where, count=count, length=length * size, breadth=breadth * size))
        spread += [broken] * count
    strokes = layers[0] + layers[1] + layers[2]
    laid = lay(height, width, strokes)
    colours = seen[strokes.y.astype(int), strokes.x.astype(int)]  # (N, 3)
    hue, value = rng.standard_normal((len(spread), 3)), rng.standard_normal((len(spread), 1))
    colours += ((hue + 0.7 * value) * np.array(spread)[:, None]).astype(np.float32)
    paint = colours[laid.owner] + relief(laid, rng, len(spread))[..., None] * np.float32(0.045)
    return np.where(laid.painted[..., None], paint, mix(seen, artist.pigments["field"], 0.3))
