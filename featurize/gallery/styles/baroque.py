"""Baroque: chiaroscuro, forms that come out of a dark ground where one low light meets them."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Floats, blur, clouds, grid, mix, polygons, resize, smoothstep
from featurize.gallery.scene import ROLES, Brief, Scene, underpaint

_AIR = ("sky", "cloud", "far", "water", "sun")
_UMBER = np.array([0.09, 0.055, 0.03], np.float32)
_CANDLE = np.array([1.32, 1.2, 0.98], np.float32)
_GLEAM = np.array([0.2, 0.17, 0.1], np.float32)


def baroque(brief: Brief) -> Floats:
    """Umber shadow, rounded volumes, glints; outdoors a stormy sky that breaks open in one place."""
    rng, pigments = brief.rng, brief.artist.pigments
    scene = underpaint(brief, 1.0, modelling=0.08)
    height, width = scene.label.shape
    outdoors = brief.subject in ("landscape", "harbour")
    side = -1 if brief.artist.tilt > 0.45 else 1
    swell = _volume(scene, side, 0.05 if outdoors else 0.1)
    lit = _beam(brief, side, outdoors) * (0.35 + 0.95 * swell)
    storm = 0.25 + 0.95 * smoothstep(-0.7, 1.4, clouds(rng, height, width, 2.6, 4))
    lit = np.where(scene.where("sky", "cloud"), lit * storm, lit)
    lit = np.where(scene.where("backdrop"), lit * np.float32(0.35), lit)
    lit = blur(np.clip(lit, 0, 1.3), 0.7)
    umber = mix(pigments["dark"], _UMBER, 0.65)
    warm = mix(scene.colour, pigments["earth"], 0.18) * _CANDLE
    gleam = smoothstep(0.9, 1.25, lit)[..., None] * _GLEAM
    brushwork = clouds(rng, height, width, 50, 2) * np.float32(0.008)
    picture: Floats = mix(umber, warm, lit) + gleam + brushwork[..., None]
    return picture


def _beam(brief: Brief, side: int, outdoors: bool) -> Floats:
    """Where the light falls, (H, W) in 0..1: a pool around the middle, brighter towards the upper left or right."""
    rng = brief.rng
    y, x = grid(brief.height, brief.width)
    x = x - brief.aspect * rng.uniform(0.4, 0.6)
    indoors = rng.uniform(0.42, 0.56) + 0.1 * (brief.subject == "still-life")
    y = y - (brief.artist.horizon if outdoors else indoors)
    far = np.hypot(x / (0.55 * brief.aspect + 0.12), y / 0.66)
    pool = 1 - smoothstep(0.25, 1.2, far + 0.1 * clouds(rng, brief.height, brief.width, 2))
    return pool * (0.45 + 0.55 * smoothstep(0.65, -0.3, y + side * 0.7 * x))


def _volume(scene: Scene, side: int, reach: float) -> Floats:
    """Roundness: large forms swell from their edges up to ``reach``; how much each place faces the light, about 0..1.

    Small shapes lie flat on larger ones and neighbours of one role merge: a nose is no pebble on a face.
    """
    from scipy.ndimage import distance_transform_edt

    height, width = scene.label.shape[0] // 2, scene.label.shape[1] // 2
    solid = [shape for shape in scene.shapes if shape.role not in _AIR and np.ptp(shape.outline, 0).max() > 0.085]
    part = polygons(height, width, [shape.outline for shape in solid], 1)
    roles = list(ROLES)
    kind = np.array([0, *(1 + roles.index(shape.role) for shape in solid)])[part]
    inner = kind > 0
    inner[1:] &= kind[1:] == kind[:-1]
    inner[:, 1:] &= kind[:, 1:] == kind[:, :-1]
    depth = np.asarray(distance_transform_edt(inner), np.float32) / np.float32(reach * height)
    dome = np.sqrt(1 - (1 - np.minimum(depth, 1)) ** 2) * np.float32(reach * height)
    dy, dx = np.gradient(blur(dome, 1.8))
    facing = (side * 0.55 * dx + 0.6 * dy + 0.58) / np.sqrt(dx * dx + dy * dy + 1)
    return resize(facing, *scene.label.shape)
