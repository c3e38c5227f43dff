"""Figures of this room: the same drawing for print, for notebooks and for the middle of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from classify.report import svg
from featurize import theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Colours:
    """What a figure is drawn with."""

    ink: str
    muted: str
    rule: str
    paper: str
    series: tuple[str, ...]


PRINTED = Colours(theme.INK, theme.MUTED, theme.RULE, theme.PAPER, theme.SERIES)
ON_PAGE = Colours(svg.INK, svg.MUTED, svg.RULE, svg.PAPER, svg.SERIES)  # stand-ins for the page's own


@contextmanager
def drawing(width: float, height: float, name: str, colours: Colours) -> Iterator[Figure]:
    """A figure of so many points in these colours; the name seeds the ids inside an SVG."""
    settings = {**theme.style(colours.ink, colours.muted, colours.rule), "svg.hashsalt": name}
    with theme.drawing(width, height, settings) as figure:
        yield figure


def on_page(make: Callable[[Colours], Figure], name: str, alt: str) -> str:
    """A figure as an `<svg>` that follows the page's theme.

    Parameters
    ----------
    make : callable
        Draws it in given colours.
    name : str
        Different for each figure of a page.
    alt : str
        What the figure shows, for those who can't see it.
    """
    with svg.drawing(72, 72, name):
        return svg.as_svg(make(ON_PAGE), alt)
