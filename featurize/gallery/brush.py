"""What every style needs to paint with: mixing, noise, masks.

A picture is a float32 array (H, W, 3) in 0..1; a mask or a map has (H, W).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.signedinteger[Any]]
Pair = tuple[float, float]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def mix(first: Floats, second: Floats, share: Floats | float) -> Floats:
    """``first`` where ``share`` is 0, ``second`` where it is 1; a 2-D share serves all three channels."""
    weight = np.asarray(share, np.float32)
    if weight.ndim == 2:
        weight = weight[..., None]
    mixed = (second - first) * weight
    mixed += first  # in place: at this size, memory costs more than arithmetic
    return mixed.astype(np.float32, copy=False)


def smoothstep(low: float, high: float, values: Floats) -> Floats:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1).astype(np.float32, copy=False)
    return np.asarray(t * t * (3 - 2 * t))


def tint(picture: Floats, where: Ints, colour: Floats, strength: float) -> None:
    """Mix a colour into the pixels with these flat indices, in place."""
    pixels = picture.reshape(-1, 3)
    pixels[where] += (colour - pixels[where]) * np.float32(strength)


def points(text: str) -> Floats:
    """An outline written as in SVG, in hundredths: ``"-5,10 5,10 0,20"``; (K, 2)."""
    return np.array([pair.split(",") for pair in text.split()]).astype(np.float32) / 100


def resize(values: Floats, height: int, width: int) -> Floats:
    """A 2-D array resampled to (height, width)."""
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def clouds(rng: np.random.Generator, height: int, width: int, cells: float, octaves: int = 3) -> Floats:
    """Smooth noise, (H, W), mean about 0 and deviation about 1; ``cells`` is the count of humps over the height."""
    coarse = max(1, min(8, int(height / (cells * 2**octaves))))  # smooth noise needn't be made at full size
    inner = height // coarse, width // coarse
    total = np.zeros(inner, np.float32)
    for octave in range(octaves):
        rows = max(2, round(cells * 2**octave))
        columns = max(2, round(rows * width / height))
        seeds = rng.standard_normal((rows + 1, columns + 1)).astype(np.float32)
        total += resize(seeds, *inner) * np.float32(0.5**octave)
    total /= np.float32(0.8 * np.sqrt(sum(0.25**octave for octave in range(octaves))))
    return resize(total, height, width) if coarse > 1 else total


def wave(rng: np.random.Generator, along: Floats, humps: float) -> Floats:
    """A smooth line of noise over ``along``, same shape, about -1..1, with so many humps per unit."""
    phase = rng.uniform(0, 2 * np.pi, 3)
    parts = (np.sin(2 * np.pi * humps * k * along + p) / k for k, p in zip((0.5, 1.1, 2.3), phase, strict=True))
    return np.asarray(sum(parts) / 2, np.float32)


def blur(values: Floats, radius: float) -> Floats:
    """Gaussian blur of (H, W) or (H, W, 3)."""
    from scipy.ndimage import gaussian_filter

    sigma = (radius, radius, 0) if values.ndim == 3 else radius
    return np.asarray(gaussian_filter(values, sigma, truncate=2.5), np.float32)


def grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Pixel centres as (y, x), shapes (H, 1) and (1, W), in units of the height."""
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    x = (np.arange(width, dtype=np.float32) + 0.5) / height
    return y[:, None], x[None, :]


def polygons(height: int, width: int, outlines: Sequence[Floats], start: int = 0) -> Bytes:
    """Which polygon, (K, 2) in units of the height, lies on top: (H, W) uint8, counted from ``start``."""
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    for number, outline in enumerate(outlines, start):
        draw.polygon((outline * height).ravel().tolist(), fill=number)
    return np.asarray(image)
