"""A motif on the canvas: which shape each pixel belongs to, its colour in an artist's palette, its lie.

This is the underpainting that every figurative style starts from and then handles in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from featurize.gallery.artists import Artist
from featurize.gallery.brush import Bools, Bytes, Floats, clouds, grid, mix, polygons
from featurize.gallery.motifs import sketch_motif
from featurize.gallery.motifs.sketch import Shape

ROLES: dict[str, tuple[str, str, float]] = {  # two pigments, and how much there is of the second
    "sky": ("sky", "light", 0.25),
    "cloud": ("light", "sky", 0.25),
    "sun": ("light", "accent", 0.35),
    "far": ("sky", "water", 0.6),
    "hill": ("leaf", "water", 0.35),
    "field": ("field", "leaf", 0.25),
    "crop": ("field", "earth", 0.25),
    "path": ("light", "earth", 0.35),
    "leaf": ("leaf", "dark", 0.15),
    "trunk": ("earth", "dark", 0.5),
    "wall": ("light", "field", 0.35),
    "roof": ("accent", "earth", 0.3),
    "water": ("water", "sky", 0.25),
    "glitter": ("light", "accent", 0.25),
    "reflection": ("water", "dark", 0.4),
    "hull": ("dark", "earth", 0.3),
    "sail": ("light", "field", 0.3),
    "quay": ("earth", "field", 0.4),
    "shadow": ("dark", "water", 0.35),
    "backdrop": ("water", "earth", 0.45),
    "drape": ("accent", "dark", 0.12),
    "table": ("earth", "field", 0.35),
    "cloth": ("light", "sky", 0.12),
    "vessel": ("second", "light", 0.12),
    "bottle": ("leaf", "dark", 0.5),
    "fruit": ("accent", "field", 0.35),
    "lemon": ("field", "light", 0.1),
    "pear": ("leaf", "field", 0.5),
    "skin": ("light", "accent", 0.3),
    "shade": ("earth", "light", 0.48),
    "hair": ("dark", "earth", 0.35),
    "dress": ("second", "dark", 0.1),
    "hat": ("field", "earth", 0.25),
    "beard": ("dark", "earth", 0.45),
    "felt": ("dark", "second", 0.2),
    "ribbon": ("accent", "dark", 0.2),
    "lips": ("accent", "dark", 0.1),
}


@dataclass(frozen=True)
class Brief:
    """What a painter is asked for: one picture of a subject on a canvas of this size in pixels."""

    rng: np.random.Generator
    artist: Artist
    subject: str
    width: int
    height: int

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height


@dataclass(frozen=True)
class Scene:
    """The underpainting of a motif on (H, W) pixels."""

    shapes: list[Shape]
    label: Bytes  # (H, W), index of the shape on top
    flat: Floats  # (K, 3), each shape's own colour
    colour: Floats  # (H, W, 3), with light and air
    flow: Floats  # (H, W), direction of strokes, radians

    def where(self, *roles: str) -> Bools:
        """The pixels that belong to shapes of these roles, (H, W)."""
        return np.array([shape.role in roles for shape in self.shapes])[self.label]


def underpaint(brief: Brief, scale: float = 1.0, modelling: float = 0.12, omit: tuple[str, ...] = ()) -> Scene:
    """Sketch the brief's subject and block it in, on a canvas ``scale`` times the asked size.

    ``modelling`` is how much lighter the side of each shape that faces the light is; shapes whose role is in
    ``omit`` are left out.
    """
    rng = brief.rng
    height, width = round(brief.height * scale), round(brief.width * scale)
    shapes = sketch_motif(rng, brief.artist, brief.subject, brief.aspect)
    shapes = [shape for shape in shapes if shape.role not in omit]
    label = polygons(height, width, [shape.outline for shape in shapes])
    flat = np.stack([_colour(brief, shape) for shape in shapes])  # (K, 3)
    low = np.stack([shape.outline.min(0) for shape in shapes])
    high = np.stack([shape.outline.max(0) for shape in shapes])
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 0.01)  # (K, 2)
    y, x = grid(height, width)
    nx = (x - middle[label, 0]) / half[label, 0]
    ny = (y - middle[label, 1]) / half[label, 1]
    light = np.clip(-0.6 * nx - 0.7 * ny, -1, 1).astype(np.float32)
    airy = np.array([shape.role in ("sky", "water") for shape in shapes])[label]
    light = np.where(airy, ny, light)  # the sky pales towards the horizon
    light += clouds(rng, height, width, 5) * np.float32(0.35)
    colour = flat[label] + light[..., None] * np.float32(modelling)
    flow = np.array([shape.flow for shape in shapes], np.float32)[label]
    flow = flow + clouds(rng, height, width, 3, 2) * np.float32(0.25) + np.float32(0.35 * brief.artist.tilt)
    return Scene(shapes, label, flat, np.clip(colour, 0, 1), flow)


def _colour(brief: Brief, shape: Shape) -> Floats:
    pigments = brief.artist.pigments
    first, second, share = ROLES[shape.role]
    colour = mix(pigments[first], pigments[second], share) + brief.rng.normal(0, 0.025, 3).astype(np.float32)
    target = pigments["light"] if shape.tone > 0 else pigments["dark"]
    return np.clip(mix(colour, target, abs(shape.tone)), 0, 1)
