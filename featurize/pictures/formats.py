"""Which picture formats are decoded, and which are refused by name: the same with every version of Pillow.

Pillow reads some forty formats, a few of them through other programs, and the list changes with its version and
with how it was built. Only these six are ever opened; others that people really have are named when they are
refused, so that nobody has to guess.
"""

from __future__ import annotations

DECODED = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")

# As Pillow names them. The others come and go with the build of libtiff, or are made for fax machines: the decoder
# of those shows old memory where the data are damaged, and says nothing.
TIFF_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg")

_BRANDS = {  # of ISO base media files, at byte 8
    "AVIF": (b"avif", b"avis"),
    "HEIC/HEIF": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
}
_BEGINNINGS = {
    "JPEG XL": (b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    "Photoshop": (b"8BPS",),
    "PDF": (b"%PDF-",),
    "PostScript": (b"%!PS", b"\xc5\xd0\xd3\xc6"),
    "SVG": (b"<svg",),
    "DjVu": (b"AT&TFORM",),
    "OpenEXR": (b"\x76\x2f\x31\x01",),
    "BigTIFF": (b"II\x2b\0\x08\0\0\0", b"MM\0\x2b\0\x08\0\0"),
    "DirectDraw": (b"DDS ",),
    "QOI": (b"qoif",),
    "Netpbm": (b"P1\n", b"P2\n", b"P3\n", b"P4\n", b"P5\n", b"P6\n", b"P5 ", b"P6 "),
    "icon": (b"\0\0\1\0", b"icns"),
}


def refused_by_name(data: bytes) -> str:
    """The name of a known format that is not decoded; empty where the bytes are none of these.

    Parameters
    ----------
    data : bytes
        The beginning of the file, 16 bytes or more.
    """
    if data[4:8] == b"ftyp":
        return next((name for name, brands in _BRANDS.items() if data[8:12] in brands), "")
    return next((name for name, starts in _BEGINNINGS.items() if data.startswith(starts)), "")
