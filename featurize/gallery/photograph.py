"""From the easel to the file: canvas, varnish, the photographer's lamp, and JPEG.

Reproductions of real paintings carry all of this, and a classifier has to see past it.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from featurize.gallery.brush import Bytes, Floats, clouds, grid
from featurize.gallery.catalogue import Picture
from featurize.gallery.scene import Brief
from featurize.gallery.styles import STYLES


def paint(picture: Picture, seed: int) -> tuple[Image.Image, int]:
    """Paint a picture of the catalogue and photograph it: the image, and the JPEG quality it is kept at."""
    rng = picture.generator(seed)
    width, height = _format(rng, picture)
    brief = Brief(rng, picture.artist, picture.subject, width, height)
    painted = STYLES[picture.style].paint(brief)
    image = Image.fromarray((np.clip(painted, 0, 1) * 255).astype(np.uint8))
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.HAMMING)
    values = np.asarray(image, np.float32) / 255
    return Image.fromarray(_expose(brief, values)), int(rng.integers(85, 93))


def encode(image: Image.Image, quality: int) -> bytes:
    """The bytes of the JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _format(rng: np.random.Generator, picture: Picture) -> tuple[int, int]:
    """Width and height in pixels: the longer side 320 to 480, in a format the artist likes."""
    aspect = picture.artist.aspect * float(np.exp(rng.normal(0, 0.07)))
    if picture.subject == "portrait":
        aspect = min(aspect, 1 / aspect) * 0.95
    elif picture.subject in ("landscape", "harbour") and rng.random() < 0.7:
        aspect = max(aspect, 1 / aspect)
    aspect = float(np.clip(aspect, 0.6, 1.7))
    longer = int(rng.integers(320, 481))
    return (longer, round(longer / aspect)) if aspect > 1 else (round(longer * aspect), longer)


def _expose(brief: Brief, values: Floats) -> Bytes:
    """Weave, varnish, uneven light, sensor noise; (H, W, 3) uint8."""
    rng, artist = brief.rng, brief.artist
    height, width = values.shape[:2]
    y, x = grid(height, width)
    threads = np.sin(x * height * 2.1) * np.sin(y * height * 2.1 + x * 3)
    weave = (threads + clouds(rng, height, width, 60, 1)) * (0.011 * artist.weave)
    lamp_x, lamp_y = brief.aspect * rng.uniform(0.35, 0.65), rng.uniform(0.3, 0.6)
    far = ((x - lamp_x) ** 2 + (y - lamp_y) ** 2) / (1 + brief.aspect**2)
    light = (1.03 - rng.uniform(0.15, 0.5) * far) * (1 + weave)
    warmth = artist.warmth + rng.normal(0, 0.02)
    varnish = np.array([1.0, 1 - 0.25 * warmth, 1 - 0.9 * warmth], np.float32)
    black = rng.uniform(0.0, 0.05)
    noise = rng.integers(-3, 4, (height, width, 1), np.int8)
    exposed = (black + (1 - black) * values * varnish * light[..., None].astype(np.float32)) * 255 + noise
    return np.asarray(np.clip(exposed, 0, 255), np.uint8)
