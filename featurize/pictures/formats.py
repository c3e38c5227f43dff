"""Which picture formats are decoded, and which are refused by name: the same with every version of Pillow.

Pillow reads some forty formats, a few of them through other programs, and the list changes with its version and
with how it was built. Only these six are ever opened; others that people really have are named when they are
refused, so that no user has to guess.
"""

from __future__ import annotations

DECODED = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")

_BRANDS = {  # of ISO base media files, at byte 8
    "AVIF": (b"avif", b"avis"),
    "raw data of a camera": (b"crx ",),
    "a film": (
        b"isom",
        b"iso2",
        b"iso4",
        b"iso5",
        b"iso6",
        b"mp41",
        b"mp42",
        b"avc1",
        b"M4V ",
        b"qt  ",
        b"3gp4",
        b"3gp5",
    ),
    "HEIC/HEIF": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
}
_BEGINNINGS = {
    "JPEG XL": (b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    "JPEG XR": (b"II\xbc\x01",),
    "Photoshop": (b"8BPS",),
    "GIMP": (b"gimp xcf",),
    "PDF": (b"%PDF-",),
    "PostScript": (b"%!PS", b"\xc5\xd0\xd3\xc6"),
    "SVG": (b"<svg",),
    "PCX": (b"\n\5\1\1", b"\n\5\1\4", b"\n\5\1\x08"),
    "Silicon Graphics": (b"\1\xda\0\1", b"\1\xda\1\1", b"\1\xda\0\2", b"\1\xda\1\2"),
    "DjVu": (b"AT&TFORM",),
    "OpenEXR": (b"\x76\x2f\x31\x01",),
    "BigTIFF": (b"II\x2b\0\x08\0\0\0", b"MM\0\x2b\0\x08\0\0"),
    "Radiance": (b"#?RADIANCE", b"#?RGBE"),
    "DirectDraw": (b"DDS ",),
    "DICOM": (bytes(128) + b"DICM",),
    "FITS": (b"SIMPLE  ",),
    "QOI": (b"qoif",),
    "FLIF": (b"FLIF",),
    "MNG": (b"\x8aMNG\r\n\x1a\n", b"\x8bJNG\r\n\x1a\n"),
    "Netpbm": tuple(b"P%d%c" % (kind, space) for kind in range(1, 8) for space in b"\n\r\t "),
    "icon": (b"\0\0\1\0", b"icns"),
    "Windows metafile": (b"\xd7\xcd\xc6\x9a",),
    "raw data of a camera": (b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FOVb", b"\0MRM"),
}


_DECODED_BEGINNINGS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
)


def begins_like_a_picture(data: bytes) -> bool:
    """Whether bytes begin like a picture of a known format, whole or not, decoded or not."""
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return webp or data.startswith(_DECODED_BEGINNINGS) or bool(refused_by_name(data))


def refused_by_name(data: bytes) -> str:
    """The name of a known format that is not decoded; empty where the bytes are none of these.

    Parameters
    ----------
    data : bytes
        The beginning of the file, 16 bytes or more.
    """
    if data[4:8] == b"ftyp":
        return next((name for name, brands in _BRANDS.items() if data[8:12] in brands), "")
    if data[:2] == b"BA" and data[14:16] == b"BM":
        return "an array of OS/2 bitmaps"
    return next((name for name, starts in _BEGINNINGS.items() if data.startswith(starts)), "")
