"""How every figure of the project looks: one set of colours and sizes, for figures in files and on pages.

The colours are those of the light pages (classify/report/templates/style.css). The two colour maps can be told apart in
grey print and by colour-blind readers: `SEQUENTIAL` for amounts, `DIVERGING` for amounts around zero.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, RULE, PAPER = "#1d1b18", "#6a645a", "#d9d3c6", "#ffffff"
SERIES = ("#b23a25", "#2f5d7c", "#8a6d1d", "#4e7146", "#7b4b86", "#2c7f7b", "#a8577a", "#5b5b5b")
SEQUENTIAL = "viridis"
DIVERGING = "PuOr_r"  # negative purple, zero white, positive orange
DOTS_PER_INCH = 160


def style() -> dict[str, Any]:
    """Matplotlib's settings."""
    return {
        "svg.fonttype": "none",
        "text.parse_math": False,  # a dollar sign in a label is one
        "font.family": "sans-serif",
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": MUTED,
        "axes.edgecolor": RULE,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": RULE,
        "grid.linewidth": 0.6,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "lines.linewidth": 1.8,
        "legend.frameon": False,
    }


@contextmanager
def styled(more: Mapping[str, Any] | None = None) -> Iterator[None]:
    """While this lasts, matplotlib draws and saves in the project's style, and with these settings of matplotlib."""
    import matplotlib

    settings: Any = {**style(), **(more or {})}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # `drawn` looks for fonts that have them
        yield


@contextmanager
def drawing(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Iterator[Figure]:
    """A figure to draw on, in the project's style.

    Parameters
    ----------
    width, height : float
        In points, 1/72 inch.
    layout : str, optional
        Who places the axes: "constrained" leaves it to matplotlib, None to the caller.
    """
    from matplotlib.figure import Figure

    with styled():
        yield Figure(figsize=(width / 72, height / 72), layout=layout)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; the file exists whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : Path
        `.png`, `.pdf` or `.svg`.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    from cache import files

    data = drawn(figure, path.suffix.removeprefix(".") or "png")
    files.make_folder(path.absolute().parent)
    files.write_atomic(path, [data])


def drawn(figure: Figure, kind: str, more: Mapping[str, Any] | None = None) -> bytes:
    """A figure as a file, the same each time.

    Letters that the project's font lacks are drawn in fonts of this machine that have them; a `FontWarning` says where
    there is none. Text in an SVG stays text, for which whoever shows it finds the fonts.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    kind : str
        "png", "pdf" or "svg".
    more : mapping, optional
        Settings of matplotlib.
    """
    # compression at level 1 takes a third of the time for a fifth more bytes
    quick: dict[str, Any] = {"pil_kwargs": {"compress_level": 1}} if kind == "png" else {}
    dated: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})

    def save() -> bytes:
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=dated, **quick)
        return buffer.getvalue()

    with styled(more):
        data = save()
        return save() if kind != "svg" and _with_more_fonts(figure) else data


def _with_more_fonts(figure: Figure) -> bool:
    """Let a figure that was drawn once take letters from other fonts, too; whether it needs some and there are any."""
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font
    from matplotlib.text import Text

    from featurize.fonts import fonts_of

    written = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    paths = sorted(set(fonts_of("".join(text.get_text() for text in written)).values()))
    for path in paths:
        font_manager.fontManager.addfont(str(path))  # it may be newer than matplotlib's list of fonts
    names = [FT2Font(str(path)).family_name for path in paths]
    for text in written:
        text.set_fontfamily([*text.get_fontfamily(), *names])
    return bool(paths)
