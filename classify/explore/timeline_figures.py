"""Figures of a timeline, as figures of matplotlib; a figure's label says what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classify.explore.hidden import UnitsInTime
from classify.explore.timeline import VARIANCE, Timeline
from featurize import theme
from featurize.wording import cut, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 420  # points
_MOST_STYLES = 40


def against_year(found: Timeline) -> Figure:
    """The component that follows the year most closely: a point for each work, the medians of styles on top."""
    best = found.best
    with theme.drawing(WIDTH, 300) as figure:
        axes = figure.subplots()
        _works(axes, found.years, found.scores[:, best])
        shown = [style for style in found.styles if style.works >= 5]
        axes.plot(
            [s.median for s in shown], [s.position[best] for s in shown], "D", color=theme.SERIES[0], ms=4.5,
            mec=theme.PAPER, mew=0.7,
        )  # fmt: skip
        axes.set(xlabel="year", ylabel=f"component {best + 1}")
        r = found.correlation[best]
        figure.set_label(
            f"Component {best + 1} against the year of {len(found.years)} works: correlation "
            f"{r.value:.2f}, from {r.low:.2f} to {r.high:.2f}."
        )
        return figure


def variance(found: Timeline) -> Figure:
    """How much of the variance the first components hold together."""
    from matplotlib.ticker import PercentFormatter

    total = np.cumsum(found.share)
    with theme.drawing(WIDTH, 260) as figure:
        axes = figure.subplots()
        axes.plot(np.arange(1, len(total) + 1), total, color=theme.SERIES[1])
        axes.axhline(VARIANCE, color=theme.MUTED, lw=1, ls=(0, (4, 3)))
        axes.plot([found.for_most], [total[found.for_most - 1]], "o", color=theme.SERIES[0], ms=6)
        axes.set(xlabel="components", ylabel="share of the variance", ylim=(0, 1.02), xscale="log")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        figure.set_label(f"{found.for_most} components hold 95 percent of the variance of {len(found.years)} works.")
        return figure


def styles(found: Timeline) -> Figure:
    """Mean position of each style in the best component, in the order of the styles' median years."""
    shown, best = found.styles[:_MOST_STYLES], found.best
    with theme.drawing(WIDTH, 60 + 15 * len(shown)) as figure:
        axes = figure.subplots()
        y = np.arange(len(shown))[::-1]
        axes.plot([style.position[best] for style in shown], y, "o", color=theme.SERIES[0], ms=5)
        axes.axvline(0, color=theme.MUTED, lw=0.8)
        names = [f"{cut(plain(style.name), 36)}, {style.median:.0f}" for style in shown]
        axes.set_yticks(y, names, fontsize=8)
        axes.set(xlabel=f"mean in component {best + 1}")
        told = "; ".join(f"{plain(s.name)} {s.position[best]:.2g}" for s in shown)
        figure.set_label(f"Styles in the order of their median year, with their mean in component {best + 1}: {told}.")
        return figure


def units(shown: UnitsInTime) -> Figure:
    """Mean activation of units of a hidden layer in each period: orange above the mean of all works, purple below."""
    count, periods = shown.means.shape
    most = float(np.abs(shown.means).max()) or 1.0
    with theme.drawing(WIDTH * 1.5, 100 + 13 * count) as figure:
        axes = figure.subplots()
        drawn = axes.imshow(shown.means, cmap=theme.DIVERGING, vmin=-most, vmax=most, aspect="auto")
        names = [f"{name}, n = {n}" for name, n in zip(shown.periods, shown.works, strict=True)]
        axes.set_xticks(range(periods), names, fontsize=7, rotation=60, ha="right", rotation_mode="anchor")
        rows = [f"{unit} ({r:+.2f})".replace("-", "−") for unit, r in zip(shown.units, shown.correlation, strict=True)]
        axes.set_yticks(range(count), rows, fontsize=7)
        axes.set(ylabel="unit (correlation with the year)")
        axes.grid(False)
        bar = figure.colorbar(drawn, ax=axes, shrink=0.6, pad=0.02)
        bar.set_label("mean activation, standard deviations", fontsize=8)
        bar.ax.tick_params(labelsize=7)
        bar.outline.set_visible(False)
        figure.set_label(
            f"Mean activation of {count} units in {periods} periods: unit {shown.units[0]} has a correlation of "
            f"{shown.correlation[0]:.2f} with the year, unit {shown.units[-1]} one of {shown.correlation[-1]:.2f}."
        )
        return figure


def predicted(found: Timeline) -> Figure:
    """The year that a ridge regression gives to works of painters it did not learn from, against their year."""
    score = found.predictions[0]
    with theme.drawing(WIDTH, 300) as figure:
        axes = figure.subplots()
        span = [found.years.min(), found.years.max()]
        axes.plot(span, span, color=theme.MUTED, lw=1, ls=(0, (4, 3)))
        _works(axes, found.years, score.predicted)
        axes.set(xlabel="year", ylabel="predicted year")
        figure.set_label(
            f"Predicted against real years of {len(found.years)} works: mean error {score.error.value:.0f} years."
        )
        return figure


def _works(axes: Axes, years: NDArray[Any], values: NDArray[Any]) -> None:
    """A point for each work, as a shape: its colour follows the page, that of pixels would stay the light page's."""
    size = float(np.clip(4000 / len(years), 2, 14))
    axes.scatter(years, values, color=theme.SERIES[1], s=size, lw=0, alpha=0.6)
