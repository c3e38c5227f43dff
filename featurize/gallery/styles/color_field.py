"""Color Field Painting: large planes of stained colour, and nothing to tell."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Floats, clouds, grid, mix, smoothstep, wave
from featurize.gallery.scene import Brief


def color_field(brief: Brief) -> Floats:
    """Stacked fields with breathing edges; or veils of thinned paint; or a few lines on one wide plane."""
    rng, pigments = brief.rng, brief.artist.pigments
    names = [str(name) for name in rng.permutation(["accent", "earth", "second", "water", "field", "dark", "sky"])]
    stain = clouds(rng, brief.height, brief.width, 3, 4)
    ground = mix(pigments[names[0]], pigments["dark"], rng.uniform(0.0, 0.4))
    canvas = ground + stain[..., None] * np.float32(0.02)
    layout = {"stack": _stack, "veils": _veils, "zip": _zips}[brief.subject]
    return layout(brief, canvas, names[1:])


def _stack(brief: Brief, canvas: Floats, names: list[str]) -> Floats:
    rng, pigments = brief.rng, brief.artist.pigments
    y, x = grid(brief.height, brief.width)
    edges = np.cumsum(rng.dirichlet(np.full(int(rng.integers(2, 4)), 4.0))) * 0.9 + 0.05
    top, inset, soft = 0.05, rng.uniform(0.05, 0.09), 0.022 * brief.artist.brush
    fray = clouds(rng, brief.height, brief.width, 9, 4)
    for name, bottom in zip(names, edges, strict=False):
        depth = np.minimum(np.minimum(x - inset, brief.aspect - inset - x), np.minimum(y - top, bottom - 0.025 - y))
        cover = smoothstep(-soft, soft, depth + fray * np.float32(0.007)) * (0.86 + 0.05 * fray)
        colour = mix(pigments[name], pigments["light"], rng.uniform(0, 0.2))
        canvas = mix(canvas, colour + fray[..., None] * np.float32(0.018), np.clip(cover, 0, 1))
        top = bottom + 0.005
    return canvas


def _zips(brief: Brief, canvas: Floats, names: list[str]) -> Floats:
    """One to three upright lines from edge to edge of a single plane."""
    rng = brief.rng
    _, x = grid(brief.height, brief.width)
    rough = clouds(rng, brief.height, brief.width, 30, 2) * np.float32(0.0007)
    for name in ["light", *names][: int(rng.integers(1, 4))]:
        at, half = rng.uniform(0.08, 0.92) * brief.aspect, rng.choice([0.008, 0.014, 0.05])
        cover = smoothstep(0.004, -0.004, np.abs(x - at) - half + rough)
        canvas = mix(canvas, brief.artist.pigments[name], cover * np.float32(0.95))
    return canvas


def _veils(brief: Brief, canvas: Floats, names: list[str]) -> Floats:
    """Thinned paint poured down raw canvas in overlapping transparent tongues."""
    rng, pigments = brief.rng, brief.artist.pigments
    y, x = grid(brief.height, brief.width)
    canvas = mix(canvas, pigments["light"], 0.85)
    for name in names[: int(rng.integers(4, 7))]:
        at, half = rng.uniform(0.15, 0.85) * brief.aspect, rng.uniform(0.07, 0.22) * brief.aspect
        side = half * (0.8 + 0.4 * y) - np.abs(x - at + 0.03 * wave(rng, y, 1.0))
        end = rng.uniform(0.8, 1.0) - y + 0.03 * wave(rng, x, 4)
        depth = np.minimum(side, np.minimum(end, y - 0.04)).astype(np.float32)
        rim = np.exp(-np.abs(depth) * 90) * 0.25  # pigment gathers where a stain dries
        canvas = mix(canvas, pigments[name], smoothstep(-0.006, 0.012, depth) * 0.55 + rim * (depth > 0))
    return canvas
