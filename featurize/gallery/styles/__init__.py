"""The styles of the gallery: how each handles paint, and what it paints. One file a style."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from featurize.gallery.brush import Floats
from featurize.gallery.scene import Brief
from featurize.gallery.styles.abstract_expressionism import abstract_expressionism
from featurize.gallery.styles.baroque import baroque
from featurize.gallery.styles.color_field import color_field
from featurize.gallery.styles.constructivism import constructivism
from featurize.gallery.styles.cubism import cubism
from featurize.gallery.styles.impressionism import impressionism
from featurize.gallery.styles.minimalism import minimalism
from featurize.gallery.styles.op_art import op_art
from featurize.gallery.styles.pointillism import pointillism
from featurize.gallery.styles.ukiyo_e import ukiyo_e


@dataclass(frozen=True)
class Style:
    """A way of painting: ``paint`` turns a brief into RGB, (H, W, 3) about 0..1; ``subjects`` are what it takes on.

    A painter may work larger than the brief asks; the photographer reduces it.
    """

    paint: Callable[[Brief], Floats]
    subjects: tuple[str, ...]


_FIGURATIVE = ("landscape", "harbour", "still-life", "portrait")

STYLES: dict[str, Style] = {
    "Abstract_Expressionism": Style(abstract_expressionism, ("web", "gesture")),
    "Baroque": Style(baroque, _FIGURATIVE),
    "Color_Field_Painting": Style(color_field, ("stack", "zip", "veils")),
    "Constructivism": Style(constructivism, ("wedge", "circles", "tower")),
    "Cubism": Style(cubism, _FIGURATIVE),
    "Impressionism": Style(impressionism, _FIGURATIVE),
    "Minimalism": Style(minimalism, ("plane", "grid", "bands")),
    "Op_Art": Style(op_art, ("bulge", "waves", "rings")),
    "Pointillism": Style(pointillism, _FIGURATIVE),
    "Ukiyo-e": Style(ukiyo_e, _FIGURATIVE),
}
