"""Matplotlib figures as SVG text for the middle of a page.

Colours are drawn as stand-ins and replaced by the page's CSS variables, so that one figure serves light, dark and
print; text stays text.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from featurize import theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, RULE, PAPER = "#010101", "#020202", "#030303", "#040404"
SERIES = tuple(f"#0500{n:02x}" for n in range(8))
_VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule", PAPER: "--paper"} | {
    colour: f"--series-{n + 1}" for n, colour in enumerate(SERIES)
}


@contextmanager
def drawing(width: float, height: float, name: str) -> Iterator[Figure]:
    """A figure of so many points (1/72 inch, CSS pixels on the page) to draw on, in the page's style.

    Parameters
    ----------
    width, height : float
    name : str
        Seeds the ids inside, so that figures on one page don't share them and a page is the same each time.
    """
    with theme.drawing(width, height, {**theme.style(INK, MUTED, RULE), "svg.hashsalt": name}) as figure:
        yield figure  # text stays text, in the reader's fonts


def as_svg(figure: Figure, alt: str) -> str:
    """The figure as an `<svg>` element with its description; call it inside `drawing`."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' id="[A-Za-z0-9.]+_[0-9]+"', "", text)  # names of groups, the same in every figure
    text = re.sub(r'(<svg[^>]*?) width="([0-9.]+)pt" height="[0-9.]+pt"', r'\1 style="--width:\2px"', text, count=1)
    text = re.sub(r"font: ([0-9.]+)px [^;\"]*", r"font-size: \1px; font-family: var(--sans)", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    label = html.escape(alt, quote=True)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1).replace("\n", " ")
