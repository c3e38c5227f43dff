"""Matplotlib figures as SVG text for the middle of a page.

Figures are drawn in the colours of the light page, which become its CSS variables here, so that one figure serves
light, dark and print; text stays text.
"""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING

from featurize import theme
from featurize.theme import INK, MUTED, PAPER, RULE, SERIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule", PAPER: "--paper"} | {
    colour: f"--series-{n + 1}" for n, colour in enumerate(SERIES)
}


def as_svg(figure: Figure) -> str:
    """The figure as an `<svg>` element with its label as description.

    The label seeds the ids inside, so that figures on one page don't share them and a page is the same each time.
    """
    alt = str(figure.get_label())
    buffer = io.StringIO()
    with theme.styled({"svg.hashsalt": alt}):
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
