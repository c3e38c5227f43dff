"""Fonts of this machine for letters that the project's own font lacks: Chinese, Japanese, Korean, Thai and others.

Pictures are written in DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic, Arabic, Hebrew and some more.
Where a name has other letters, the fonts that are installed are searched for them. A letter that no font has becomes a
box, and a warning names a font to install. Text on pages needs none of this: the browser finds the fonts.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FIRST = ("noto", "sourcehan", "unifont", "arialuni", "wqy", "ipa", "takao", "nanum", "droidsansfallback")
_LAST = ("bold", "italic", "oblique", "black", "heavy", "light", "thin", "mono", "serif", "condensed", "narrow")
_EMPTY = ("lastresort", "adobeblank", "notdef")  # they have a glyph for every letter, and it is a box
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")

_found: dict[str, Path | None] = {}  # letters that were looked for, and the font that has each
_told: set[str] = set()  # fonts that a user was told to install


class FontWarning(UserWarning):
    """No font of this machine has some letters that a picture shows."""


def fonts_of(text: str) -> Mapping[str, Path]:
    """The letters of a text that DejaVu Sans lacks, each with a font file of this machine that has it.

    Letters that no font has are missing here; the first time, a `FontWarning` says which font to install.

    Parameters
    ----------
    text : str
    """
    lacking = sorted(c for c in set(text) if c not in _found and _is_drawn(c) and ord(c) not in _own())
    if lacking:
        _search(lacking)
        _warn(c for c in lacking if _found[c] is None)
    return {c: path for c in set(text) if (path := _found.get(c)) is not None}


def _is_drawn(letter: str) -> bool:
    """Whether a letter leaves a trace: no space, no control character, no sign that only joins others."""
    return unicodedata.category(letter)[0] not in "CZ" or unicodedata.category(letter) == "Co"


def _search(letters: list[str]) -> None:
    import numpy as np

    wanted = np.array([ord(c) for c in letters])
    place: list[Path | None] = [None] * len(letters)
    fonts = _installed()
    used = dict.fromkeys(path for path in _found.values() if path is not None)
    for path in (*used, *(p for p in fonts if p not in used)):
        open_ = [n for n, found in enumerate(place) if found is None]
        if not open_:
            break
        for n in np.array(open_)[np.isin(wanted[open_], _letters(path))].tolist():
            place[n] = path
    _found.update(zip(letters, place, strict=True))


@cache
def _own() -> frozenset[int]:
    """Letters of DejaVu Sans."""
    import matplotlib

    return frozenset(_letters(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")).tolist())


@cache
def _installed() -> tuple[Path, ...]:
    """Font files of this machine, upright ones for running text first."""
    from matplotlib import font_manager

    def order(path: Path) -> tuple[bool, bool, str]:
        name = path.stem.lower().replace("-", "").replace("_", "")
        return any(word in name for word in _LAST), not name.startswith(_FIRST), str(path)

    files = {Path(name) for name in font_manager.findSystemFonts()}
    return tuple(sorted((p for p in files if not p.stem.lower().startswith(_EMPTY)), key=order))


@cache
def _letters(path: Path) -> NDArray[np.intp]:
    """Codes of the letters that a font file has; none where it can't be drawn at any size, or can't be read."""
    import numpy as np
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(str(path))
    except (OSError, RuntimeError):  # a damaged file among the fonts of a machine is no reason to draw nothing
        return np.array([], np.intp)
    codes = list(font.get_charmap()) if font.scalable else []
    return np.array(sorted(codes), np.intp)


def _warn(letters: Iterable[str]) -> None:
    for install, some in _by_font(letters):
        if install not in _told:
            _told.add(install)
            warnings.warn(
                f"no font of this machine has {', '.join(map(repr, some[:3]))}{' and others' if some[3:] else ''}: "
                f"pictures show a box for each such letter; install {install}, and draw them again",
                FontWarning,
                stacklevel=3,
            )


def _by_font(letters: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """What to install, and the letters that it has."""
    found: dict[str, list[str]] = {}
    for letter in letters:
        found.setdefault(_to_install(letter), []).append(letter)
    yield from found.items()


def _to_install(letter: str) -> str:
    name = unicodedata.name(letter, "")
    if name.startswith(_EAST_ASIAN):
        return "Noto Sans CJK (https://github.com/notofonts/noto-cjk; on Debian and Ubuntu the package fonts-noto-cjk)"
    if name and unicodedata.category(letter)[0] in "LM":
        return f"Noto Sans {name.split()[0].capitalize()} (https://fonts.google.com/noto)"
    if name:
        return "Noto Sans Symbols or Noto Emoji (https://fonts.google.com/noto)"
    return "a font with your own letters (those of private use have no common font)"
