"""Which kinds of TIFF are decoded; all others are refused by name.

A TIFF may combine any colour, depth and compression. What is decoded is written down here and does not depend on what
a version of Pillow or libtiff happens to read. The numbers are those of TIFF 6.0, its supplements, and libtiff's list
of private tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from featurize.errors import Undecodable
from featurize.reasons import Reason

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8  # the tag "photometric"
NONE, LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE = 1, 5, 7, 8, 32773, 32946  # the tag "compression"
COLOURS: Mapping[int, int] = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, LAB: 3}
KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # the tag "sample format"; 4 is "undefined", which readers take as 1

_GREY_OR_RGB = {"u": (1, 2, 4, 8, 12, 16), "f": (16, 32, 64)}
_DEPTHS: Mapping[int, Mapping[str, Sequence[int]]] = {  # kind of number -> bits of a sample
    WHITE_IS_ZERO: _GREY_OR_RGB,
    BLACK_IS_ZERO: _GREY_OR_RGB,
    RGB: _GREY_OR_RGB,
    PALETTE: {"u": (1, 2, 4, 8, 16)},
    CMYK: {"u": (8, 16)},
    YCBCR: {"u": (8,)},
    LAB: {"u": (8,)},
}
_NUMBERS = {"u": "whole", "i": "signed", "f": "floating-point"}
_OTHER_COLOURS = {
    4: "a transparency mask",
    9: "ICC Lab colours",
    10: "ITU Lab colours",
    32803: "a camera's raw data",
    32844: "LogL luminances",
    32845: "LogLuv colours",
    34892: "a camera's linear raw data",
}
_OTHER_COMPRESSIONS = {
    2: "CCITT RLE",
    3: "CCITT Group 3 (fax)",
    4: "CCITT Group 4 (fax)",
    6: "JPEG of the old style",
    32766: "NeXT",
    32771: "CCITT RLE in words",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI Log",
    34677: "SGI Log 24",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of DNG",
    34925: "LZMA",
    34933: "PNG",
    34934: "JPEG XR",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
}
_ALL_INKS = 1  # the tag "ink set": cyan, magenta, yellow and black


def unsupported(what: str) -> Undecodable:
    """The error about a TIFF that is whole and not decoded."""
    return Undecodable(Reason.UNSUPPORTED, f"a TIFF with {what}: convert it to PNG")


def refuse_unknown(photometric: int, compression: int, kind: str, bits: int, inks: int) -> None:
    """Raise where one of these is not decoded, with whatever else it is combined.

    Parameters
    ----------
    photometric, compression : int
        As in the tags.
    kind : str
        One of the values of `KINDS`, or another number as text.
    bits : int
        Of a sample.
    inks : int
        The tag "ink set" (TIFF 6.0, section 16).

    Raises
    ------
    Undecodable
        UNSUPPORTED.
    """
    if photometric not in COLOURS:
        raise unsupported(_OTHER_COLOURS.get(photometric, f"colours of kind {photometric}"))
    if compression not in (NONE, LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE):
        raise unsupported(f"the compression {_OTHER_COMPRESSIONS.get(compression, compression)}")
    if bits not in _DEPTHS[photometric].get(kind, ()):
        raise unsupported(f"{_NUMBERS.get(kind, 'complex')} numbers of {bits} bits")
    if photometric == CMYK and inks != _ALL_INKS:
        raise unsupported("other inks than cyan, magenta, yellow and black")
