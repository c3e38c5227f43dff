"""The findings of an audit as one HTML page that needs no other file."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from featurize.dataset.audit import words
from featurize.dataset.audit.result import Audit
from featurize.errors import Undecodable
from featurize.pictures.file import read
from featurize.pictures.formats import DECODED

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_SIDE = 260  # pixels of the longer side of a thumbnail
_QUALITY = 72
MOST = 48  # pairs of each kind that are shown; `audit.json` has all


@dataclass(frozen=True)
class Thumbnail:
    """A picture to embed: its data URI and size in pixels."""

    uri: str
    width: int
    height: int


def render(found: Audit, folder: Path) -> str:
    """The page.

    Parameters
    ----------
    found : Audit
    folder : Path
        What the rows' paths are relative to.
    """

    @cache
    def picture(row: int) -> Thumbnail | None:
        return thumbnail(folder / found.told[row].path)

    style = (files("featurize.dataset.audit") / "templates" / "style.css").read_text("utf-8")
    return (
        _environment()
        .get_template("audit.html")
        .render(a=found, w=words, picture=picture, style=style, most=MOST, largest=_largest(found))
    )


def thumbnail(path: Path) -> Thumbnail | None:
    """A small JPEG of a picture, wherever it lies; None where it can't be had."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(read(path)), formats=DECODED) as opened:
            opened.draft("RGB", (2 * _SIDE, 2 * _SIDE))
            small = ImageOps.exif_transpose(opened).convert("RGB")
            small.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            small.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    except (Undecodable, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return Thumbnail("data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode(), *small.size)


def _largest(found: Audit) -> dict[str, int]:
    """What the longest bars stand for."""
    return {
        "class": max((size.total for size in found.classes), default=1),
        "period": max((sum(period.counts.values()) for period in found.years.periods), default=1) or 1,
    }


def _with_code(text: str) -> Markup:
    """A sentence in which commands stand between backticks."""
    from markupsafe import Markup, escape

    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(Markup("<code>%s</code>") % part if n % 2 else part for n, part in enumerate(parts))


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("featurize.dataset.audit"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _with_code
    environment.filters["plain"] = words.plain
    environment.filters["count"] = lambda number: f"{number:,}"
    return environment
