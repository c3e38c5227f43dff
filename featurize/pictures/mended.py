"""Which pictures earlier editions of the decoder got wrong.

The number of the decode policy stands for rules. Where the decoder broke them, by decoding a picture to another one or
by accepting what the rules refuse, mending it is no new policy: pictures that came out right stay what they were, and
so do their vectors. But a vector that was made of wrong pixels stands under a key that promises others. So each mending
gets an edition, and a run looks for what earlier ones left (see `featurize.run.editions`).

Edition 1 mended: TIFFs of 16 bits in planes, TIFFs whose coverage lies in a plane, big-endian floating-point TIFFs with
a compression, TIFFs of signed numbers, of 32-bit numbers, in YCbCr without compression, and with palettes of 8 bits;
BMPs with run lengths; PNGs with a transparent colour at 2, 4 and 16 bits; GIFs that leave part of the picture open.
"""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from featurize.errors import Undecodable
from featurize.pictures import archives, bmp, damage, gif, png, tiff
from featurize.pictures.file import read

EDITION = 1


def was_wrong(location: Path) -> bool:
    """Whether an earlier edition may have decoded a picture file to wrong pixels.

    Only as much of the file is read as says what kind it is. In doubt the answer is yes: it costs an embedding.

    Parameters
    ----------
    location : Path
        Of a file, or of a member of an archive.

    Raises
    ------
    OSError, Undecodable
        The file can't be read.
    """
    with _bytes_of(location) as data:
        try:
            return _is_suspect(data)
        except Undecodable:
            return True  # an earlier edition may have accepted it


def _is_suspect(data: bytes) -> bool:
    if tiff.is_tiff(data):
        return _is_suspect_tiff(data)
    if bmp.is_bmp(data):
        return bmp.read_header(data).has_runs
    gif.refuse_unread(data)
    return png.has_unusual_key(data)


def _is_suspect_tiff(data: bytes) -> bool:
    layout = tiff.read_layout(data)
    if layout.needs_libtiff:
        damage.check_tiff(data, layout)
        return False
    packed = layout.compression != tiff.NONE
    in_planes = layout.planar and (layout.coverage > 0 or layout.reversed_bits or (layout.bits > 8 and not packed))
    swapped = layout.kind == "f" and layout.order == ">" and packed
    return in_planes or swapped or (bool(layout.palette) and max(layout.palette) < 256)


@contextlib.contextmanager
def _bytes_of(location: Path) -> Iterator[bytes]:
    """A picture's bytes: of a file no more are read than are looked at, of a member of an archive all."""
    if archives.inside(location) or location.stat().st_size == 0:
        yield read(location)
        return
    with location.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        yield cast(bytes, mapped)  # a map is indexed and cut like bytes
