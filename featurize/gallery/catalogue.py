"""Which picture is which: painter, subject, title and year of picture i of a style, before it is painted.

Nothing here depends on how many pictures are asked for: picture i is settled by the style, i and the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from featurize.gallery.artists import Artist, painters_of, working_years
from featurize.gallery.styles import STYLES

TITLES: dict[str, tuple[str, str]] = {  # what it is called, and the words that may follow
    "landscape": (
        "the-road-to-the-farm fields poplars orchard haystacks the-hill valley hamlet meadow view-of-the-hills",
        "in-april at-dusk after-the-rain in-the-evening at-noon in-october near-the-mill in-the-wind",
    ),
    "harbour": (
        "harbour boats sails the-jetty regatta fishing-boats estuary the-old-port low-tide the-ferry",
        "at-sunrise in-fog at-dusk in-the-morning at-anchor seen-from-the-quay in-the-wind in-june",
    ),
    "still-life": (
        "still-life apples-and-lemons the-table kitchen-corner lemons fruit the-white-cloth things-at-hand",
        "with-drapery on-a-table by-the-window with-fruit in-lamplight at-the-musicians after-supper",
    ),
    "portrait": (
        "portrait-of-a-friend the-cousin seated-figure the-reader portrait-of-a-painter the-neighbour head-study",
        "at-the-window in-thought unfinished in-the-studio at-rest from-memory in-winter-dress",
    ),
    "web": ("number rhythm autumn-skein untitled full-night", "in-black-and-light of-july alive outward"),
    "gesture": ("untitled passage gate wintering crossing", "for-the-left-hand in-haste northward of-the-arm"),
    "stack": ("untitled two-fields three-over-one evening-field", "in-red over-ochre on-maroon in-stillness"),
    "zip": ("onement-of-colour the-line wide-plane noon", "in-two-parts undivided on-a-ground"),
    "veils": ("veil pour delta tongues-of-colour", "of-spring downward in-seven-stains at-rest"),
    "wedge": ("composition wedge the-strike construction", "for-a-poster in-motion against-the-circle"),
    "circles": ("construction spheres composition planets", "on-the-diagonal with-bars for-the-theatre"),
    "tower": ("tower project architecton monument", "for-a-square in-iron of-the-new-city"),
    "plane": ("untitled plane one-thing field", "in-one-colour without-name on-white"),
    "grid": ("untitled grid leaf-lines quiet-rows", "in-pencil of-morning on-linen"),
    "bands": ("untitled bands measure room", "in-equal-parts inward of-eleven"),
    "bulge": ("sphere vega-like-form pulse chequer", "in-two-colours rising plus-one"),
    "waves": ("current swell breathing-lines fall", "in-stripes for-the-eye at-speed"),
    "rings": ("interference rings echo target", "in-counterpoint times-two turned"),
}


@dataclass(frozen=True)
class Picture:
    """One entry of the catalogue.

    Attributes
    ----------
    style : str
    artist : Artist
    subject : str
    title : str
        Words joined by hyphens, unique among the artist's pictures in the style.
    year : int
    index : int
        Place among the pictures of the style, from 0.
    """

    style: str
    artist: Artist
    subject: str
    title: str
    year: int
    index: int

    @property
    def file_name(self) -> str:
        """``artist_title-year.jpg``, as in RASTA's copy of WikiArt."""
        return f"{self.artist.name}_{self.title}-{self.year}.jpg"

    def generator(self, seed: int) -> np.random.Generator:
        """The chance this picture is painted with."""
        return np.random.default_rng([seed, crc32(f"{self.style}/{self.artist.name}".encode()), self.index])


def catalogue(style: str, count: int, seed: int) -> list[Picture]:
    """The first ``count`` pictures of a style."""
    painters = painters_of(style)
    pictures: list[Picture] = []
    done = dict.fromkeys(painters, 0)
    names: set[str] = set()
    for index in range(count):
        # Webster's method of apportionment with shares falling as 1, 1/2, 1/3, ...: a few are prolific
        artist = max(painters, key=lambda a: 1 / ((painters.index(a) + 1.5) * (2 * done[a] + 1)))
        picture = _entry(style, artist, index, seed, names)
        done[artist] += 1
        names.add(f"{artist.name}_{picture.title}")
        pictures.append(picture)
    return pictures


def _entry(style: str, artist: Artist, index: int, seed: int, taken: set[str]) -> Picture:
    rng = np.random.default_rng([seed, crc32(style.encode()), index])
    subjects = STYLES[style].subjects
    subject = str(rng.choice(subjects))
    if artist.favourite in subjects and rng.random() < 0.5:
        subject = artist.favourite
    head, tail = (str(rng.choice(words.split())) for words in TITLES[subject])
    first, last = working_years(artist, style)
    year = int(rng.integers(first, last + 1))
    title = f"{head}-{tail}" if rng.random() < 0.75 else head
    number = 2
    stem = title
    while f"{artist.name}_{title}" in taken:
        title, number = f"{stem}-no-{number}", number + 1
    return Picture(style, artist, subject, title, year, index)
