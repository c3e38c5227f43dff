"""Many small maps as one picture: tiles side by side on an empty ground, with room for a number above each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featurize.theme import MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float32]
_FINE = 56  # pixels of an enlarged tile, at least
_HEAD = 0.22  # room for a number above a tile, in tiles


@dataclass(frozen=True)
class Mosaic:
    """Tiles in a grid.

    Parameters
    ----------
    tiles : ndarray (n, h, w) or (n, h, w, 3) float32
        Values from 0 to 1; the colour map is applied to tiles without colours.
    columns : int
        How many stand in a row.
    """

    tiles: Floats
    columns: int

    @classmethod
    def square(cls, tiles: Floats) -> Mosaic:
        """A grid about as wide as high."""
        return cls(tiles, max(math.ceil(math.sqrt(len(tiles))), 1))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return -(-len(self.tiles) // self.columns)

    def high(self, gap: float, numbered: bool) -> float:
        """Height of the whole, its width being 1."""
        return self.rows * (1 + gap + (_HEAD if numbered else 0)) / (self.columns * (1 + gap))

    def draw(self, axes: Axes, colours: str, numbers: Sequence[int] = (), gap: float = 0.06) -> None:
        """Draw the tiles on axes where each is 1 wide and 1 high, with numbers above them where there are some."""
        import matplotlib

        head = _HEAD if numbers else 0.0
        shown: NDArray[Any] = self.tiles
        if shown.ndim == 3:
            shown = matplotlib.colormaps[colours](self.tiles)[..., :3]
        axes.imshow(
            self._canvas(shown, head, gap),
            extent=(0, self.columns * (1 + gap), self.rows * (1 + gap + head), 0),
            interpolation="nearest",
            aspect="equal",
        )
        size = max(min(8.0, 46 / self.columns), 4.0)
        for n, number in enumerate(numbers):
            row, column = divmod(n, self.columns)
            left, top = column * (1 + gap), row * (1 + gap + head) + head
            axes.text(left + 0.02, top - 0.05, str(number), fontsize=size, color=MUTED, ha="left", va="bottom")
        axes.grid(False)
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)

    def _canvas(self, tiles: NDArray[Any], head: float, gap: float) -> NDArray[np.float64]:
        """All tiles (n, h, w, 3) on white, each enlarged by whole numbers so that gaps of a few pixels fit between."""
        high, wide = (max(-(-_FINE // side), 1) * side for side in tiles.shape[1:3])
        enlarged = tiles.repeat(high // tiles.shape[1], 1).repeat(wide // tiles.shape[2], 2)
        above, below, right = round(head * high), round(gap * high), round(gap * wide)
        canvas = np.ones((self.rows, above + high + below, self.columns, wide + right, 3))
        for n, tile in enumerate(enlarged):
            row, column = divmod(n, self.columns)
            canvas[row, above : above + high, column, :wide] = tile
        return canvas.reshape(self.rows * canvas.shape[1], self.columns * canvas.shape[3], 3)


def around_zero(weights: Floats) -> Floats:
    """Each of (n, ...) divided by its own largest absolute value, zero at 0.5: values from 0 to 1."""
    largest = np.abs(weights).reshape(len(weights), -1).max(1)
    shape = (-1, *(1 for _ in weights.shape[1:]))
    scaled = 0.5 + 0.5 * weights / np.where(largest > 0, largest, 1).reshape(shape)
    return np.asarray(scaled, np.float32)


def between_extremes(maps: Floats) -> Floats:
    """Each of (n, h, w) from its smallest value, 0, to its largest, 1; a constant map becomes 0."""
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    return np.asarray((maps - low) / np.where(high > low, high - low, 1), np.float32)


def of_most(maps: Floats, share: float = 0.99) -> Floats:
    """Each of (n, h, w), which has no negative values, divided by what this share of its places stay below; at most 1.

    A single place may hold half of all attention: against the largest value the rest would be dark.
    """
    level = np.quantile(maps, share, axis=(1, 2), keepdims=True)
    level = np.where(level > 0, level, maps.max((1, 2), keepdims=True))
    return np.asarray((maps / np.where(level > 0, level, 1)).clip(0, 1), np.float32)
