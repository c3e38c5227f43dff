"""The painters of the gallery, none of whom ever lived: their palettes, habits and working years.

A style says how paint is handled; everything else that tells one painter from another (colours, size of the
brush, slant of the hand, height of the horizon, format, canvas, varnish) belongs to the artist and goes with
them from picture to picture, and from style to style for those who changed theirs. That is what makes a split
by artist harder than a random one, in this gallery as in a museum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from featurize.gallery.brush import Floats

PIGMENTS = ("dark", "light", "sky", "water", "leaf", "field", "earth", "accent", "second")

PALETTES: dict[str, str] = {  # one colour a pigment, in the order of PIGMENTS
    "riviera": "2b3a67 fdf3d8 9ccbea 3f7fbf 6fa552 f0c556 b0683a e2562f 8a5fb0",
    "thames": "3a3f55 efe6da b9bfd0 7f8fa8 7d8f76 c9b79a 8a7365 d07a55 9a86a8",
    "orchard": "33402f fbf0e2 bcd9dd 6d9fa6 7fae4c d6d27a a9784d e58a8f b05f8a",
    "ember": "24150e f3dcae a5886a 5b5a50 5d5a30 c9973f 7a4522 b3321f 8b6a3c",
    "umber": "2a241f e9dcc0 b8ad96 857f70 76714f c0a067 86603c a8552f 5f6f6d",
    "indigo": "16243f f2e7cc a9c3cf 26527f 5b7f66 dcc28a 94704a cf4a32 6c8fae",
    "madder": "3a1626 fae3d6 dcb5bd 7a5a80 7b7a4c e6b06a 9a4e3a c42847 8c3060",
    "poster": "171513 efe4c8 c9c2ae 5a5f63 6d6a55 d9b23c 8c5a34 cc2a1d 2f4d6a",
    "signal": "14141c f6f3ea 8fb7dc 1f5fae 3f8f4f f4cb1f a8632f dc2b24 1d4fa0",
    "plum": "251528 f0dcc4 a687a0 573a63 5c5b45 d98f3f 7d3a30 b8322c 6b2348",
    "lagoon": "113a42 f4eedc a4d9d3 22919a 4d9a72 e6cf98 b08558 f08a4b 2f6b9a",
    "graphite": "1a1a1c f1efe9 c3c4c6 83868b 70746f b9b4a8 6a635b a5493a 4d5866",
    "citrus": "3b3a18 fdf6cf cfe3b8 69a89a 9cb92f f6d02f c9822b ef6c1f c23b5e",
    "nocturne": "0c1329 e9dfb4 3f5a8c 1e3566 2f5a55 b99a4a 5f4a3a c9713a 5a4a86",
}


@dataclass(frozen=True)
class Artist:
    """An invented painter.

    Attributes
    ----------
    name : str
        As in a file name: lower-case ASCII, hyphens inside.
    palette : str
        A name in ``PALETTES``.
    brush : float
        Size of the marks, 1 is ordinary.
    tilt : float
        Slant of the hand, radians.
    horizon : float
        Height of the horizon, 0 (top) to 1 (bottom).
    density : float
        How much is put into a picture, 1 is ordinary.
    aspect : float
        Preferred format, width over height.
    weave : float
        How strongly canvas or paper shows through, 0 to 1.
    warmth : float
        Yellowing of the varnish, -0.1 (cool) to 0.2.
    favourite : str
        The subject painted every other time.
    works : tuple of (style, first year, last year)
        The styles the artist worked in, and when.
    """

    name: str
    palette: str
    brush: float
    tilt: float
    horizon: float
    density: float
    aspect: float
    weave: float
    warmth: float
    favourite: str
    works: tuple[tuple[str, int, int], ...]

    @property
    def pigments(self) -> dict[str, Floats]:
        """The palette: pigment -> RGB in 0..1, shape (3,), float32."""
        codes = PALETTES[self.palette].split()
        return {
            name: np.frombuffer(bytes.fromhex(code), np.uint8).astype(np.float32) / 255
            for name, code in zip(PIGMENTS, codes, strict=True)
        }


def _artist(row: str) -> Artist:
    name, palette, *habits, favourite, works = row.split()
    brush, tilt, horizon, density, aspect, weave, warmth = (float(habit) for habit in habits)
    spans = (work.split(":") for work in works.split(","))
    periods = tuple((style, int(years[:4]), int(years[5:])) for style, years in spans)
    return Artist(name, palette, brush, tilt, horizon, density, aspect, weave, warmth, favourite, periods)


# Order matters: the earlier of two painters of a style leaves more pictures of it.
_ROWS = """
odile-marchevent          riviera   1.0  0.3 .42 1.1 1.32 .5  .04 harbour   Impressionism:1868-1892,Pointillism:1886-1897
bastien-rivolaine         thames    1.3  0.0 .55 0.9 1.25 .7  .08 harbour   Impressionism:1871-1901
claudine-brumeval         orchard   0.8 -0.5 .35 1.2 1.15 .4  .02 landscape Impressionism:1874-1904
anselm-thistlegate        lagoon    1.1  0.7 .50 1.0 1.45 .6  .05 landscape Impressionism:1885-1910
lucette-amaragne          madder    0.9 -0.2 .45 1.0 0.82 .5  .07 portrait  Impressionism:1872-1895
teodor-brzezonik          umber     1.2  0.5 .40 1.1 1.05 .8  .10 still-life Cubism:1909-1921,Impressionism:1898-1908
celestine-ombreval        citrus    0.9  0.0 .38 1.2 1.40 .3  .03 landscape Pointillism:1884-1899
joost-vanderkwast         indigo    1.2  0.4 .56 0.9 1.30 .5  .06 harbour   Pointillism:1888-1908
hippolyte-tachevigne      orchard   1.0  0.2 .45 1.0 0.85 .4  .02 portrait  Pointillism:1887-1903
rosalind-speckley         thames    0.8  0.6 .50 1.3 1.22 .4  .09 landscape Pointillism:1892-1912
aurelio-pintassi          madder    1.1  0.1 .42 1.0 1.00 .3  .05 still-life Pointillism:1891-1914
ramon-facetas             graphite  1.0  0.4 .45 1.2 0.78 .7  .08 still-life Cubism:1908-1918
juliette-anglevin         thames    0.9 -0.4 .50 1.0 0.84 .5  .06 portrait  Cubism:1911-1924
pavel-hranoluk            ember     1.2  0.2 .40 0.9 0.90 .8  .12 still-life Cubism:1910-1922
ines-cuadrillo            lagoon    1.1  0.7 .48 0.8 1.18 .4  .03 harbour   Cubism:1912-1925
georg-kantenbacher        poster    1.0 -0.7 .42 1.1 1.00 .6  .05 landscape Cubism:1911-1919,Constructivism:1920-1931
hanamori-tesshin          indigo    1.0  0.2 .45 1.0 1.46 .6  .10 harbour   Ukiyo-e:1820-1852
nezukawa-shunrei          umber     0.9  0.0 .55 1.1 0.68 .8  .16 portrait  Ukiyo-e:1772-1804
kumodera-hoan             lagoon    1.2  0.4 .38 0.9 1.44 .5  .06 landscape Ukiyo-e:1831-1861
isonami-rokusai           madder    1.1 -0.2 .50 1.2 0.70 .7  .11 portrait  Ukiyo-e:1790-1826
yukishiro-toen            graphite  1.0  0.1 .42 0.8 1.42 .7  .08 landscape Ukiyo-e:1842-1879
matsukaze-bunrei          orchard   0.8  0.3 .48 1.0 0.72 .5  .13 still-life Ukiyo-e:1808-1838
gaspare-ombrosini         ember     1.0  0.5 .52 1.0 0.80 .7  .14 portrait  Baroque:1601-1633
cornelis-van-schaduwen    umber     0.9  0.3 .60 1.2 1.22 .6  .16 still-life Baroque:1624-1665
ludovica-fiammettini      plum      1.1  0.7 .45 1.0 0.84 .7  .12 portrait  Baroque:1618-1652
diego-de-la-penumbria     nocturne  1.2  0.2 .50 0.8 1.28 .8  .10 still-life Baroque:1630-1671
hendrik-kaarslichter      graphite  0.8  0.0 .62 1.1 1.40 .5  .15 harbour   Baroque:1641-1684
jeanne-de-la-chandelle    madder    1.0  0.9 .55 0.9 0.88 .6  .11 landscape Baroque:1650-1690
lev-diagonovich           poster    1.0  0.7 .50 1.0 0.76 .5  .07 wedge     Constructivism:1917-1929
varvara-klinskaya         signal    1.1 -0.6 .45 1.1 0.80 .4  .04 circles   Constructivism:1919-1933
otto-balkenrath           graphite  0.9  0.9 .50 1.2 1.00 .6  .05 tower     Constructivism:1921-1934
zofia-trojkatna           indigo    1.2  0.5 .55 0.9 0.90 .5  .08 circles   Constructivism:1922-1935
miron-ugolkov             ember     1.0 -0.9 .45 1.0 1.22 .7  .10 wedge     Constructivism:1916-1926
harlan-driscobel          graphite  0.8  0.3 .50 1.3 1.50 .6  .03 web       Abstract_Expressionism:1946-1957
ilse-wurfmannova          signal    1.3 -0.5 .45 0.8 1.20 .5  .02 gesture   Abstract_Expressionism:1949-1962
roy-tanglewicket          poster    0.9  0.6 .55 1.1 1.25 .7  .05 web       Abstract_Expressionism:1947-1959
nadia-kispokova           lagoon    1.1  0.1 .50 1.0 0.90 .4  .02 gesture   Abstract_Expressionism:1951-1964
august-stainbeckett       plum      1.2  0.0 .40 0.9 0.86 .6  .05 veils     Color_Field_Painting:1953-1971,Abstract_Expressionism:1945-1952
cass-hollowmere           madder    1.0 -0.8 .52 1.2 1.05 .5  .04 web       Abstract_Expressionism:1950-1960
miriam-softermann         ember     1.0  0.0 .45 1.0 0.80 .4  .04 stack     Color_Field_Painting:1949-1969
elias-huewellyn           nocturne  0.9  0.0 .55 0.9 0.84 .5  .03 stack     Color_Field_Painting:1954-1972
petra-feldhauchen         signal    1.1  0.0 .60 0.8 1.60 .4  .00 zip       Color_Field_Painting:1950-1970
joan-quietwaters          orchard   1.2  0.0 .38 1.1 1.20 .6  .02 veils     Color_Field_Painting:1957-1974
ruben-velarandez          citrus    0.8  0.0 .50 1.0 0.90 .5  .01 stack     Color_Field_Painting:1956-1973
agneta-linjeborg          thames    0.8  0.0 .50 1.2 1.00 .6  .04 grid      Minimalism:1960-1984
mika-hakushirov           graphite  1.0  0.0 .62 0.7 0.92 .5  .02 plane     Minimalism:1962-1979
ellis-blankenvoort        indigo    1.1  0.0 .40 0.8 1.30 .4  .01 plane     Minimalism:1964-1981
donato-vuotelli           madder    1.2  0.0 .55 0.9 1.05 .5  .03 bands     Minimalism:1959-1976
frida-stillesen           umber     1.0  0.0 .45 1.0 0.85 .7  .06 grid      Minimalism:1966-1985
jesper-moirestad          signal    0.9  0.4 .50 1.1 1.00 .2  .00 bulge     Op_Art:1961-1976,Minimalism:1977-1986
bridie-waverleigh         graphite  1.0  0.0 .48 1.2 1.05 .2  .01 waves     Op_Art:1960-1974
carlotta-ondulanti        citrus    1.2  0.3 .55 0.9 1.20 .2  .00 waves     Op_Art:1963-1979
heinz-flimmerlingen       indigo    0.8  0.8 .45 1.2 0.95 .3  .02 rings     Op_Art:1958-1972
tamas-racsonyik           plum      1.1  0.0 .50 1.0 1.00 .2  .03 bulge     Op_Art:1962-1981
"""  # noqa: E501

ARTISTS: tuple[Artist, ...] = tuple(_artist(row) for row in _ROWS.strip().splitlines())


def painters_of(style: str) -> tuple[Artist, ...]:
    """Artists who worked in a style, the most productive first."""
    return tuple(artist for artist in ARTISTS if any(style == work[0] for work in artist.works))


def working_years(artist: Artist, style: str) -> tuple[int, int]:
    """First and last year in which the artist worked in the style."""
    return next((first, last) for name, first, last in artist.works if name == style)
