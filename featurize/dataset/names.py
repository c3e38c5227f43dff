"""What a file name says about a painting: `artist_title-year.jpg`, as WikiArt's copies have it."""

from __future__ import annotations

import re
import unicodedata

from featurize.dataset.table import tidy

_CLOSING = tuple("0123456789)")
_YEAR = re.compile(r"-(1[0-9]{3}|20[0-9]{2})(?:-\d{1,2}|\(\d{1,2}\))?$")  # a number behind it tells copies apart


def artist_and_year(stem: str) -> tuple[str, str]:
    """Artist and year of a file name without its ending; an empty string for what it does not tell.

    Examples
    --------
    >>> artist_and_year("edgar-degas_dancers-on-set-1880")
    ('edgar-degas', '1880')
    >>> artist_and_year("untitled")
    ('', '')
    """
    artist, underscore, title = stem.strip().partition("_")
    if not underscore or not artist:
        return "", ""
    year = _YEAR.search("-" + title) if title[-1:] in _CLOSING else None
    return (artist if artist.isascii() else mended(tidy(artist))), year[1] if year else ""


def mended(name: str) -> str:
    """A name whose UTF-8 was once read as Latin-1 and made small, as in ArtGAN's lists, put right.

    Examples
    --------
    >>> mended("grã©goire-michonze")
    'grégoire-michonze'
    """
    if name.isascii():
        return name
    try:
        right = name.replace("ã", "Ã").replace("å", "Å").replace("ä", "Ä").encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return name
    return unicodedata.normalize("NFC", right)
