"""Ukiyo-e: woodblock prints, flat colours inside carved outlines on laid paper."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from featurize.gallery.brush import Bools, Floats, clouds, grid, mix, resize, smoothstep, tint
from featurize.gallery.pen import Pen
from featurize.gallery.scene import Brief, Scene, underpaint
from featurize.gallery.styles.woodcut import draw_foreground, draw_sheet

_AIR = ("sky", "backdrop")
_UNKNOWN = ("shade", "shadow", "hat", "felt", "ribbon")  # no cast shadows here, no hats
_UNLINED = (*_AIR, "glitter", "cloud", "water", "field")
_MULBERRY = np.array([0.93, 0.86, 0.70], np.float32)


def ukiyo_e(brief: Brief) -> Floats:
    """Colour blocks, graded sky (bokashi), printed patterns, the key block's lines, a foreground, title and seal."""
    rng, pigments = brief.rng, brief.artist.pigments
    scene = underpaint(brief, 1.45, modelling=0.0, omit=_UNKNOWN)
    height, width = scene.label.shape
    paper = mix(pigments["light"], _MULBERRY, 0.5)
    bare = np.array([0.6 if shape.role in ("skin", "wall") else 0.08 for shape in scene.shapes], np.float32)
    blocks = scene.flat + (paper - scene.flat) * bare[:, None]
    sky = _bokashi(brief, height, paper)
    picture: Floats = np.where(scene.where(*_AIR)[..., None], sky, blocks[scene.label])
    _patterns(scene, picture, pigments)
    wood = resize(clouds(rng, height, max(2, width // 12), 60, 1), height, width)  # grain of the block
    picture = mix(picture + (wood * np.float32(0.012))[..., None], paper, 0.06)
    picture = mix(picture, pigments["dark"] * np.float32(0.7), _key_block(brief, scene))
    pen = Pen(picture)
    draw_foreground(brief, scene, pen)
    draw_sheet(brief, pen, paper)
    return pen.picture


def _bokashi(brief: Brief, height: int, paper: Floats) -> Floats:
    """The sky, wiped from dark at the top to a glow over the horizon, (H, 1, 3)."""
    pigments = brief.artist.pigments
    y, _ = grid(height, 1)
    low = 0.4 if brief.subject in ("still-life", "portrait") else brief.artist.horizon
    dawn = mix(pigments["accent"], pigments["field"], 0.4)
    sky = mix(mix(paper, pigments["sky"], 0.35), dawn, smoothstep(low * 0.55, low * 1.05, y) * 0.55)
    return mix(sky, mix(pigments["water"], pigments["dark"], 0.35), 1 - smoothstep(0.03, 0.27, y))


def _patterns(scene: Scene, picture: Floats, pigments: dict[str, Floats]) -> None:
    """In place: rows of arcs on water (seigaiha), rings on dresses and vessels, stripes on drapes."""
    height, width = scene.label.shape
    for roles, pattern, name, strength in (
        (("water",), _arcs, "light", 0.75),
        (("dress", "vessel"), _rings, "field", 0.8),
        (("drape", "crop"), _stripes, "light", 0.5),
    ):
        here = np.flatnonzero(scene.where(*roles))  # (P,)
        y, x = np.divmod(here.astype(np.float32), np.float32(width))
        tint(picture, here[pattern(x / height, y / height)], pigments[name], strength)


def _arcs(x: Floats, y: Floats) -> Bools:
    size = 0.055
    row = np.floor(y / (size / 2))
    left, up = (x + row % 2 * size / 2) % size - size / 2, size / 2 - y % (size / 2)
    ring = np.hypot(left, up) / (size / 2)
    return np.asarray((np.abs(ring % 0.34 - 0.17) < 0.055) & (ring < 1))


def _rings(x: Floats, y: Floats) -> Bools:
    far = np.hypot((x + np.floor(y / 0.06) % 2 * 0.03) % 0.06 - 0.03, y % 0.06 - 0.03)
    return np.asarray((far < 0.018) & (far > 0.006))


def _stripes(x: Floats, y: Floats) -> Bools:
    return np.asarray((x * 0.8 + y * 0.6) % 0.03 < 0.008)


def _key_block(brief: Brief, scene: Scene) -> Floats:
    """Every outline that isn't hidden, in lines of changing width like carved ones; (H, W) in 0..1."""
    height, width = scene.label.shape
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    thick = 0.0041 * brief.artist.brush * height
    for shape in scene.shapes:
        outline = (shape.outline * height).ravel().tolist()
        draw.polygon(outline, fill=0)
        if shape.role not in _UNLINED:
            draw.line([*outline, *outline[:2]], fill=255, width=max(1, round(thick * brief.rng.uniform(0.7, 1.3))))
    return np.asarray(image, np.float32) / 255
