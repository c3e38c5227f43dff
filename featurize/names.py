"""What a file name says about a painting: `artist_title-year.jpg`, as WikiArt's copies have it."""

from __future__ import annotations

import re

from featurize.table import tidy

_YEAR = re.compile(r"-(1[0-9]{3}|20[0-9]{2})(?:-\d{1,2})?$")  # a number behind the year tells copies apart


def artist_and_year(stem: str) -> tuple[str, str]:
    """Artist and year of a file name without its ending; an empty string for what it does not tell.

    Examples
    --------
    >>> artist_and_year("edgar-degas_dancers-on-set-1880")
    ('edgar-degas', '1880')
    >>> artist_and_year("untitled")
    ('', '')
    """
    artist, underscore, title = tidy(stem).partition("_")
    if not underscore or not artist:
        return "", ""
    year = _YEAR.search("-" + title)
    return artist, year.group(1) if year else ""
