"""Letters that the project's own font lacks are drawn in fonts of the machine, or a sentence says what to install."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path

import click
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from numpy.typing import NDArray
from PIL import Image

from featurize import fonts, theme
from featurize.canvas import Canvas, fitting
from featurize.commands.console import run
from featurize.fonts import FontWarning, fonts_of

SUN, HANGUL = "日", "한"


def make_font(path: Path, letters: str, side: int = 900) -> Path:
    """A font in which each of some letters is a filled square; a letter is 1,000 wide."""
    names = {ord(c): f"u{ord(c):04X}" for c in letters}
    pen = TTGlyphPen(None)
    pen.moveTo((50, 0))
    for point in ((50, side), (50 + side, side), (50 + side, 0)):
        pen.lineTo(point)
    pen.closePath()
    square, empty = pen.glyph(), TTGlyphPen(None).glyph()
    glyphs = [".notdef", *names.values()]
    built = FontBuilder(1000, isTTF=True)
    built.setupGlyphOrder(glyphs)
    built.setupCharacterMap(names)
    built.setupGlyf({name: empty if name == ".notdef" else square for name in glyphs})
    built.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 50)))
    built.setupHorizontalHeader(ascent=900, descent=-100)
    built.setupNameTable({"familyName": path.stem, "styleName": "Regular", "psName": path.stem.replace(" ", "")})
    built.setupOS2()
    built.setupPost()
    built.save(path)
    return path


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose fonts are those in a folder."""
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path) for path in tmp_path.glob("*.ttf")])
    monkeypatch.setattr(fonts, "_found", {})
    monkeypatch.setattr(fonts, "_told", set())
    fonts._installed.cache_clear()
    return tmp_path


def test_a_letter_is_found_where_some_font_has_it(machine: Path) -> None:
    first = make_font(machine / "Noto Test.ttf", SUN + "月")
    second = make_font(machine / "Another.ttf", SUN + HANGUL)
    make_font(machine / "LastResort.ttf", SUN + HANGUL + "火")
    (machine / "damaged.ttf").write_bytes(b"no font")
    assert fonts_of(f"Monet Ω Ж\n{SUN}月{HANGUL}") == {SUN: first, "月": first, HANGUL: second}
    with pytest.warns(FontWarning, match="Noto Sans CJK"):
        assert fonts_of("火") == {}


@pytest.mark.parametrize(
    ("letters", "install"),
    [("日本語", "Noto Sans CJK"), ("한", "Noto Sans CJK"), ("ก", "Noto Sans Thai"), ("न", "Noto Sans Devanagari"),
     ("🎨", "Noto Emoji"), ("\ue123", "your own letters")],
    ids=["han", "hangul", "thai", "devanagari", "emoji", "private use"],
)  # fmt: skip
def test_what_to_install_is_said_once(machine: Path, letters: str, install: str) -> None:
    with pytest.warns(FontWarning, match=f"machine has {re.escape(repr(letters[0]))}.*install .*{install}"):
        fonts_of(letters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fonts_of(letters + letters)


def dark(data: bytes | Image.Image) -> NDArray[np.intp]:
    """Rows and columns of dark pixels, (n, 2)."""
    image = Image.open(io.BytesIO(data)) if isinstance(data, bytes) else data
    return np.argwhere(np.asarray(image.convert("L")) < 128)


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_a_figure_has_the_letters(machine: Path, kind: str) -> None:
    """The square of the made-up font is filled; the box that stands for a missing letter is hollow."""
    with theme.drawing(100, 100, layout=None) as figure:
        figure.text(0.2, 0.2, SUN, fontsize=40)
    with pytest.warns(FontWarning):
        boxed = theme.drawn(figure, kind)
    fonts._found.clear()
    fonts._installed.cache_clear()
    make_font(machine / f"Made Up {kind}.ttf", SUN)
    found = theme.drawn(figure, kind)
    if kind == "png":
        assert len(dark(found)) == pytest.approx((36 * theme.DOTS_PER_INCH / 72) ** 2, rel=0.05)
        assert len(dark(boxed)) < 0.8 * len(dark(found))
    else:
        assert b"MadeUppdf" in found.replace(b" ", b"")


@pytest.mark.parametrize("anchor", ["ls", "la", "lm", "ms", "rm"])
def test_a_canvas_has_the_letters_where_the_anchor_says(machine: Path, anchor: str) -> None:
    make_font(machine / "Made Up.ttf", SUN, side=700)
    with_sun, without = Canvas(200, 60), Canvas(200, 60)
    with_sun.text(100, 30, f"xxx{SUN}", 20, anchor=anchor)
    without.text(100, 30, "xxxm", 20, anchor=anchor)  # an m is about as wide
    seen, expected = dark(with_sun.image), dark(without.image)
    assert len(seen) > len(expected) + 0.8 * (14 * 128 / 72) ** 2 * 0.5, "a filled square"
    assert seen[:, 0].max() == pytest.approx(expected[:, 0].max(), abs=1.5), "they stand on one line"
    place = {"l": np.min, "m": lambda across: (across.min() + across.max()) / 2, "r": np.max}[anchor[0]]
    assert place(seen[:, 1]) == pytest.approx(place(expected[:, 1]), abs=6)


def test_a_long_name_is_cut_where_its_own_letters_end(machine: Path) -> None:
    make_font(machine / "Made Up.ttf", SUN)
    assert fitting(SUN * 30, 10, 100) == SUN * 9 + "…"


def test_a_command_says_in_a_sentence_what_to_install(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def draw() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            Canvas(50, 50).text(0, 0, SUN, 10)

    assert run(click.Command("draw", callback=draw), []) == 0
    said = capsys.readouterr().err
    assert said.startswith(f"warning: no font of this machine has {SUN!r}: pictures show a box")
    assert said.count("\n") == 1
