"""The map for print: a figure of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classify.explore.maps.columns import Classes, Column
from featurize import theme
from featurize.wording import cut, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LEGEND = 640, 170  # points
MARKERS = ("o", "s", "D", "^", "P")  # classes beyond the eighth take the next one
_NAMED = 40  # classes that a legend names
_RASTER = 3000  # points, above which they are pixels inside an SVG


def figure(xy: NDArray[np.floating], column: Column | None, title: str = "") -> Figure:
    """Points in the colours of a column.

    Parameters
    ----------
    xy : ndarray (N, 2)
    column : Classes or Numbers, optional
        One value for each point.
    title : str
    """
    span = np.ptp(xy, axis=0) if len(xy) else np.ones(2)
    height = 40 + (WIDTH - LEGEND) * float(np.clip(span[1] / max(span[0], 1e-12), 0.5, 1.5))
    with theme.drawing(WIDTH, height) as drawn:
        axes = drawn.subplots()
        size = float(np.clip(4e4 / max(len(xy), 1), 1.2, 26))
        style: Any = {"s": size, "linewidths": 0, "rasterized": len(xy) > _RASTER}
        if isinstance(column, Classes):
            _without(axes, xy[column.codes < 0], column.name, style)
            for code, name in enumerate(column.values):
                shown = column.codes == code
                colour, marker = theme.SERIES[code % 8], MARKERS[min(code // 8, len(MARKERS) - 1)]
                label = f"{cut(plain(name), 28)} ({int(shown.sum())})" if code < _NAMED else None
                axes.scatter(*xy[shown].T, color=colour, marker=marker, label=label, **style)
            _legend(drawn, size)
        elif column is not None:
            known = np.isfinite(column.numbers)
            _without(axes, xy[~known], column.name, style)
            x, y = xy[known].T
            drawn_points = axes.scatter(x, y, c=column.numbers[known], cmap=theme.SEQUENTIAL, **style)
            drawn.colorbar(drawn_points, label=column.name, shrink=0.6)
            if not known.all():
                _legend(drawn, size)
        else:
            axes.scatter(*xy.T, color=theme.SERIES[0], **style)
        axes.set(xticks=[], yticks=[], aspect="equal")
        axes.invert_yaxis()  # as on the page
        axes.grid(False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        if title:
            axes.set_title(title, fontsize=9, loc="left", color=theme.MUTED)
        return drawn


def _without(axes: Axes, xy: NDArray[np.floating], name: str, style: dict[str, Any]) -> None:
    """The points that have no value."""
    if len(xy):
        axes.scatter(*xy.T, color=theme.RULE, label=f"no {plain(name)} ({len(xy):,})", **style)


def _legend(drawn: Figure, size: float) -> None:
    if drawn.axes[0].get_legend_handles_labels()[0]:
        drawn.legend(loc="outside right upper", fontsize=7, markerscale=max(1, 3 / size**0.5))


def as_file(drawn: Figure, kind: str) -> bytes:
    """A figure as "svg" or "png", the same each time."""
    return theme.drawn(drawn, kind, {"svg.hashsalt": "map", "savefig.facecolor": theme.PAPER})
