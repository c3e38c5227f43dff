"""Names beside the dots of a figure, put where they cover neither each other nor another dot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurize.theme import MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FONT = 9.0  # points
_CHARACTER = 0.56 * FONT  # mean width of one, for lack of the reader's own font
_DOT = 8.0
_NEAR = 10.0  # points up or down from which on a line leads from the dot to its name
_PLACES = tuple(
    (dx, dy, align)
    for dy in (3.0, -10.0, 15.0, -22.0, 27.0, -34.0, 39.0, -46.0)
    for dx, align in ((7.0, "left"), (-7.0, "right"))
)

Box = NDArray[np.float64]  # left, bottom, right, top


def label_dots(axes: Axes, dots: Sequence[tuple[float, float]], names: Sequence[str], colour: str) -> None:
    """Write a name beside each dot, the first names where they look best.

    Parameters
    ----------
    axes : Axes
        With its limits final.
    dots : sequence of (x, y)
        In data units; those without a name are kept free, too.
    names : sequence of str
        "" for none.
    colour : str
    """
    figure = axes.figure.get_figure(root=True)
    figure.draw_without_rendering()  # the layout decides where a dot is
    scale = 72 / figure.dpi
    places = axes.transData.transform(np.array(dots, float)) * scale  # (N, 2) points
    frame = np.asarray(axes.get_window_extent().extents) * scale
    taken: list[Box] = [np.concatenate([p - _DOT / 2, p + _DOT / 2]) for p in places]
    for (x, y), at, name in zip(dots, places, names, strict=True):
        if name:
            boxes = [_box(at, name, *place) for place in _PLACES]
            best = int(np.argmin([_covered(box, taken) + _outside(box, frame) for box in boxes]))
            dx, dy, align = _PLACES[best]
            line = (
                {"arrowstyle": "-", "color": MUTED, "lw": 0.8, "shrinkA": 0, "shrinkB": 3} if abs(dy) > _NEAR else None
            )
            axes.annotate(
                name,
                (x, y),
                (dx, dy),
                textcoords="offset points",
                fontsize=FONT,
                color=colour,
                ha=align,
                arrowprops=line,
            )
            taken.append(boxes[best])


def _box(at: NDArray[np.float64], name: str, dx: float, dy: float, align: str) -> Box:
    width = _CHARACTER * len(name)
    left = at[0] + dx - (width if align == "right" else 0)
    return np.array([left, at[1] + dy - 2, left + width, at[1] + dy + FONT])


def _covered(box: Box, taken: Sequence[Box]) -> float:
    others = np.stack(taken)
    overlap = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])  # (n, 2)
    return float(overlap.clip(0).prod(1).sum())


def _outside(box: Box, frame: Box) -> float:
    return 100 * float(np.concatenate([frame[:2] - box[:2], box[2:] - frame[2:]]).clip(0).sum())
