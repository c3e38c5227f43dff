"""Op Art: regular patterns bent until they seem to move."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Bools, Floats, grid, mix
from featurize.gallery.scene import Brief

Pattern = tuple[Bools, Bools]  # what is dark, and which of that may take another colour; (2H, 2W) each


def op_art(brief: Brief) -> Floats:
    """A swelling chequerboard, swinging stripes, or rings that interfere, in two or three colours."""
    rng, artist = brief.rng, brief.artist
    y, x = grid(brief.height * 2, brief.width * 2)  # at double size, to be averaged
    pitch = 0.075 * artist.brush / artist.density * rng.uniform(0.85, 1.2)
    pattern = {"bulge": _bulge, "waves": _waves, "rings": _rings}[brief.subject]
    on, third = pattern(rng, x - brief.aspect / 2, y - 0.5, pitch)
    warm, cool = (
        artist.pigments[name] for name in rng.choice(["accent", "second", "water", "field"], 2, replace=False)
    )
    picture = mix(artist.pigments["light"], artist.pigments["dark"] if rng.random() < 0.6 else cool, _halve(on))
    return mix(picture, warm, _halve(on & third)) if rng.random() < 0.6 else picture


def _halve(mask: Bools) -> Floats:
    """How much of each 2 x 2 block is set: (2H, 2W) to (H, W)."""
    parts = mask.view(np.uint8)
    return (parts[::2, ::2] + parts[1::2, ::2] + parts[::2, 1::2] + parts[1::2, 1::2]) * np.float32(0.25)


def _bulge(rng: np.random.Generator, u: Floats, v: Floats, pitch: float) -> Pattern:
    """A chequerboard with one or two spheres pressing through it."""
    u, v = np.broadcast_arrays(u, v)
    right, low = float(u.max()), float(v.max())
    spheres = [(rng.uniform(-0.15, 0.15), rng.uniform(-0.1, 0.1), rng.uniform(0.3, 0.45))]
    if rng.random() < 0.4:
        spheres = [(-0.5 * right, -0.4 * low, 0.25), (0.5 * right, 0.4 * low, 0.25)]
    third = np.zeros(u.shape, bool)
    for cx, cy, radius in spheres:
        far = np.hypot(u - cx, v - cy) / np.float32(radius)
        swell = np.where(far < 1, np.arcsin(np.minimum(far, 1)) / np.maximum(far, 1e-6) * np.float32(2 / np.pi), 1)
        u, v = cx + (u - cx) * swell, cy + (v - cy) * swell
        third |= far < 1
    return (np.floor(u / pitch) + np.floor(v / pitch)) % 2 == 0, third


def _waves(rng: np.random.Generator, u: Floats, v: Floats, pitch: float) -> Pattern:
    """Parallel stripes that swing, wider and narrower."""
    swing, length, squeeze = rng.uniform(0.03, 0.09), rng.uniform(0.25, 0.6), rng.uniform(0.0, 0.09)
    bent = (
        u + squeeze * np.sin(2 * np.pi * u / 0.8) + swing * np.sin(2 * np.pi * v / length + u * rng.choice([0.0, 4.0]))
    )
    phase = bent / (pitch * 0.6)
    return phase % 1 < 0.5, np.floor(phase) % 3 == 0


def _rings(rng: np.random.Generator, u: Floats, v: Floats, pitch: float) -> Pattern:
    """Rings around a centre, inverted by a second set or by wedges."""
    offset, squash = rng.uniform(0.05, 0.3), rng.choice([1.0, 1.3])
    first = np.hypot(u - offset, v) / pitch % 1 < 0.5
    second = np.hypot(u + offset, v * squash) / pitch % 1 < 0.5
    wedges = np.arctan2(v, u) / np.pi * 4 % 2 < 1
    return first ^ (second if rng.random() < 0.5 else wedges), wedges
