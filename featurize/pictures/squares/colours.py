"""Colour and texture of a picture in a few dozen numbers, without any network: the control beside embeddings.

What a head reaches on these numbers can be had without a trained network; what it reaches beyond, the network adds.
All are taken of the square that networks see. `NUMBERS` lists them:

- mean, standard deviation and skewness of lightness and of the two colour axes of CIELAB, and the correlations of the
  three (Stricker & Orengo 1995, "Similarity of color images");
- the shares of twelve hues, each pixel weighted by its chroma (van de Weijer & Schmid 2006, section 3), and the mean
  chroma;
- the shares of eight steps of lightness;
- the shares of eight orientations of edges, each weighted by its strength (Dalal & Triggs 2005, section 6.2), and the
  mean strength;
- local contrast: the mean difference of grey values 1, 2, 4, 8, 16 and 32 pixels apart of 224, across and down; its
  growth with the distance is what the slope of the spectrum says (Graham & Field 2007, on paintings).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HUES, STEPS, ORIENTATIONS = 12, 8, 8
DISTANCES = (1, 2, 4, 8, 16, 32)  # pixels, of a square of 224
_SAMPLES = 56  # rows and columns at whose crossings colours are taken
_LINES = 24  # rows, and columns, along which grey values are compared
_BITS = 4  # of each channel that are kept: a channel is off by 8 of 255 levels at most, to either side
_GREY = (77, 150, 29)  # of 256: ITU-R BT.601
_FLAT = 1e-3  # a deviation below which there is no skewness and no correlation

Squares = NDArray[np.uint8]  # (B, S, S, 3)
Floats = NDArray[np.float64]

NUMBERS = (
    *(f"{what} {axis}" for what in ("mean", "deviation", "skewness") for axis in "Lab"),
    *(f"correlation {pair}" for pair in ("La", "Lb", "ab")),
    *(f"hue {360 * n // HUES}" for n in range(HUES)),
    "chroma",
    *(f"lightness {100 * n // STEPS}" for n in range(STEPS)),
    *(f"edges {180 * n // ORIENTATIONS}" for n in range(ORIENTATIONS)),
    "edge strength",
    *(f"contrast {way} {distance}" for way in ("across", "down") for distance in DISTANCES),
)


def colours(squares: Squares) -> NDArray[np.float32]:
    """The numbers of a batch, (B, len(NUMBERS)) float32.

    Parameters
    ----------
    squares : ndarray (B, S, S, 3) uint8
        sRGB.
    """
    return np.concatenate([*_of_colour(squares), *_of_texture(squares)], axis=1).astype(np.float32)


def _of_colour(squares: Squares) -> Iterator[Floats]:
    places = _places(squares.shape[1], _SAMPLES)
    few = squares[:, places][:, :, places].reshape(len(squares), -1, 3) >> (8 - _BITS)  # (B, n, 3)
    colour = (few[..., 0].astype(np.intp) << 2 * _BITS) | (few[..., 1].astype(np.intp) << _BITS) | few[..., 2]
    means = _counted(colour, 1 << 3 * _BITS) / colour.shape[1] @ _table()  # (B, columns of the table)
    mean, square, cube, product, hue, chroma, step = np.split(means, _COLUMNS, axis=1)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    divisor = np.maximum(deviation, _FLAT)
    yield mean
    yield deviation
    yield np.where(deviation > _FLAT, (cube - 3 * mean * square + 2 * mean**3) / divisor**3, 0.0)
    pair, other = mean[:, _PAIRS[0]] * mean[:, _PAIRS[1]], divisor[:, _PAIRS[0]] * divisor[:, _PAIRS[1]]
    yield np.where(other > _FLAT, (product - pair) / np.maximum(other, _FLAT), 0.0)
    yield hue / np.maximum(chroma, _FLAT)
    yield chroma
    yield step


def _of_texture(squares: Squares) -> Iterator[Floats]:
    side = squares.shape[1]
    lines = _places(side, _LINES)
    lines = lines[(lines > 0) & (lines < side - 1)]
    across = _grey(squares[:, lines])  # (B, n, S): whole rows
    down = _grey(squares[:, :, lines]).swapaxes(1, 2)  # (B, n, S): whole columns
    # where these rows and columns cross, both slopes are known
    level = (across[:, :, lines + 1] - across[:, :, lines - 1]).reshape(len(squares), -1)
    upright = (down[:, :, lines + 1] - down[:, :, lines - 1]).swapaxes(1, 2).reshape(len(squares), -1)
    strength = np.hypot(level, upright)
    # the first bin is around 0 degrees, so that upright and level edges do not fall on a border
    bins = np.rint(np.arctan2(upright, level) * np.float32(ORIENTATIONS / np.pi)).astype(np.intp) % ORIENTATIONS
    mean = strength.mean(1, keepdims=True, dtype=np.float64)
    yield _counted(bins, ORIENTATIONS, strength) / strength.shape[1] / np.maximum(mean, _FLAT)
    yield mean
    for lined in (across, np.ascontiguousarray(down)):
        yield np.stack([_contrast(lined, max(round(distance * side / 224), 1)) for distance in DISTANCES], 1)


def _grey(colour: Squares) -> NDArray[np.float32]:
    channels = [colour[..., n].astype(np.float32) * np.float32(weight / 256) for n, weight in enumerate(_GREY)]
    grey: NDArray[np.float32] = channels[0] + channels[1] + channels[2]
    return grey


def _contrast(grey: NDArray[np.float32], distance: int) -> Floats:
    """Mean difference of grey values so far apart along the last axis, (B,)."""
    difference = grey[..., distance:] - grey[..., :-distance]
    mean: Floats = np.abs(difference, out=difference).mean((1, 2)).astype(np.float64)
    return mean


def _counted(bins: NDArray[np.intp], count: int, weights: NDArray[np.float32] | None = None) -> Floats:
    """How often each of so many bins occurs in each row, or what weight falls into it, (B, count)."""
    offset = (bins + count * np.arange(len(bins))[:, None]).ravel()
    total = np.bincount(offset, None if weights is None else weights.ravel(), count * len(bins))
    found: Floats = total.reshape(len(bins), count).astype(np.float64)
    return found


@lru_cache
def _places(side: int, count: int) -> NDArray[np.intp]:
    """Evenly spread places along a side, about so many."""
    step = max(side // count, 1)
    return np.arange(step // 2, side, step)


_PAIRS = ((0, 0, 1), (1, 2, 2))  # La, Lb, ab
_COLUMNS = (3, 6, 9, 12, 12 + HUES, 13 + HUES)  # where the parts of the table's rows end


@lru_cache
def _table() -> Floats:
    """What each colour adds: L, a, b, their squares, cubes and products; the weights of hues; chroma; its step."""
    levels = (np.arange(1 << _BITS) + 0.5) / (1 << _BITS)
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    rgb = np.stack(np.meshgrid(linear, linear, linear, indexing="ij"), -1).reshape(-1, 3)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    relative = rgb @ to_xyz.T / to_xyz.sum(1)  # to the white of D65
    curve = np.where(relative > (6 / 29) ** 3, np.cbrt(relative), relative * (29 / 6) ** 2 / 3 + 4 / 29)  # CIE 15
    x, y, z = curve.T
    lab = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    hue = np.rint(np.arctan2(lab[:, 2], lab[:, 1]) * (HUES / (2 * np.pi))).astype(np.intp) % HUES
    step = np.minimum(lab[:, 0] * STEPS / 100, STEPS - 1).astype(np.intp)
    products = lab[:, _PAIRS[0]] * lab[:, _PAIRS[1]]
    return np.concatenate(
        [lab, lab**2, lab**3, products, np.eye(HUES)[hue] * chroma[:, None], chroma[:, None], np.eye(STEPS)[step]], 1
    )
