"""Pointillism: dots of unmixed colour side by side; the eye does the mixing."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import LUMA, Floats, grid, mix
from featurize.gallery.scene import Brief, underpaint


def pointillism(brief: Brief) -> Floats:
    """Five layers of dots, a quarter of them in another pure colour; with some artists a frame of dots."""
    rng, artist = brief.rng, brief.artist
    scene = underpaint(brief, 1.0, modelling=0.2)
    pigments = artist.pigments
    grey = (scene.colour @ LUMA)[..., None]
    vivid: Floats = grey + (scene.colour - grey) * np.float32(1.3)
    if artist.density > 1:
        y, x = grid(brief.height, brief.width)
        edge = np.minimum(np.minimum(x, brief.aspect - x), np.minimum(y, 1 - y))
        vivid = mix(vivid, mix(pigments["second"], pigments["dark"], 0.4), (edge < 0.03).astype(np.float32))
    canvas = mix(np.broadcast_to(pigments["light"], vivid.shape), vivid, 0.3)
    pitch = 7.0 * artist.brush * (brief.height * brief.width / 130_000) ** 0.5
    specks = np.stack([pigments[name] for name in ("sky", "field", "accent", "second", "leaf", "light")])
    for layer in range(5):
        canvas = _dots(rng, canvas, vivid, specks, pitch * (1 - 0.07 * layer))
    return canvas


def _dots(rng: np.random.Generator, canvas: Floats, seen: Floats, specks: Floats, pitch: float) -> Floats:
    """One layer of dots on a turned, jittered grid of cells, each in the colour of ``seen`` beneath it.

    Every pixel asks only the dot of its own cell how far away it is, which makes a layer one pass over the canvas
    and its edges smooth without drawing at double size.
    """
    height, width = canvas.shape[:2]
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    angle = rng.uniform(0, np.pi / 2)
    cos, sin = np.float32(np.cos(angle) / pitch), np.float32(np.sin(angle) / pitch)
    lift = np.float32(width * sin + 1)  # keeps v above 0
    u, v = x * cos + y * sin, y * cos - x * sin + lift  # (H, W), in cells
    row, column = v.astype(np.int32), u.astype(np.int32)
    shape = int(row.max()) + 1, int(column.max()) + 1
    radius = rng.uniform(0.36, 0.46, shape).astype(np.float32)
    slack = (0.5 - radius) * rng.uniform(-1, 1, (2, *shape)).astype(np.float32)
    middle_v = (np.arange(shape[0])[:, None] + 0.5 + slack[0]).astype(np.float32)
    middle_u = (np.arange(shape[1])[None, :] + 0.5 + slack[1]).astype(np.float32)
    at_y = (middle_u * sin + (middle_v - lift) * cos) * pitch**2  # back to pixels
    at_x = (middle_u * cos - (middle_v - lift) * sin) * pitch**2
    colour = seen[np.clip(at_y, 0, height - 1).astype(int), np.clip(at_x, 0, width - 1).astype(int)]
    colour += rng.normal(0, 0.05, colour.shape).astype(np.float32)
    share = np.where(rng.random(shape) < 0.25, 0.42, 0.04)
    colour = mix(colour, specks[rng.integers(len(specks), size=shape)], share)
    cell = row * shape[1] + column
    far = np.hypot(u - middle_u.ravel()[cell], v - middle_v.ravel()[cell])
    cover = np.clip((radius.ravel()[cell] - far) * np.float32(pitch) + 0.5, 0, 1)
    return mix(canvas, colour.reshape(-1, 3)[cell], cover)
