"""How the samples of a TIFF's first picture lie in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from featurize.errors import Undecodable
from featurize.pictures.tiff import directory as tag
from featurize.pictures.tiff import kinds
from featurize.pictures.tiff.directory import Tags
from featurize.pictures.tiff.kinds import unsupported
from featurize.reasons import Reason

_PREMULTIPLIED, _COVERAGE, _CORELS_COVERAGE = 1, 2, 999  # the tag "extra samples" (TIFF 6.0, section 18)
_MOST_CHANNELS = 16  # of which all but the colours and one channel of coverage are left out
_TO_THE_END = 2**32 - 1  # rows of a strip, where nothing is said


@dataclass(frozen=True)
class Layout:
    """How the samples lie.

    Parameters
    ----------
    order : str
        "<" or ">", the byte order.
    width, height : int
        Pixels, before the picture is turned.
    photometric : int
        What the colours mean, see `featurize.pictures.tiff.kinds`.
    kind : str
        "u" for whole numbers, "f" for floating-point ones.
    bits : int
        Of a sample.
    channels : int
        Samples of a pixel, colours first.
    coverage : int
        Which of them is the coverage, 0 where none is.
    premultiplied : bool
        Whether the colours are multiplied by the coverage.
    planar : bool
        Whether each channel lies in pieces of its own.
    compression : int
    predictor : int
        1: none. 2: differences of whole numbers. 3: differences of the bytes of floating-point ones.
    reversed_bits : bool
        Whether the lowest bit of a byte comes first.
    across, down : int
        Pixels of a piece, which is a strip or a tile.
    tiled : bool
        Tiles have the same size everywhere; strips end where the picture does.
    offsets, lengths : sequence of int
        Of each piece, in bytes; the lengths may be missing.
    palette : sequence of int
        All reds, then greens, then blues, 16 bits each.
    profile : bytes or None
        The ICC profile.
    held : int
        How the camera was held, 1..8.
    """

    order: str
    width: int
    height: int
    photometric: int
    kind: str
    bits: int
    channels: int
    coverage: int
    premultiplied: bool
    planar: bool
    compression: int
    predictor: int
    reversed_bits: bool
    across: int
    down: int
    tiled: bool
    offsets: Sequence[int]
    lengths: Sequence[int]
    palette: Sequence[int]
    profile: bytes | None
    held: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, before the picture is turned."""
        return self.width, self.height

    @property
    def colours(self) -> int:
        """Channels that are colours."""
        return kinds.COLOURS[self.photometric]

    @property
    def needs_libtiff(self) -> bool:
        """Whether libtiff must make the colours: JPEG data, or colours at a lower resolution."""
        return self.compression == kinds.JPEG or self.photometric == kinds.YCBCR

    @property
    def pieces(self) -> int:
        """Pieces of one plane."""
        return -(-self.width // self.across) * -(-self.height // self.down)

    @property
    def planes(self) -> int:
        """How often the pieces of a plane stand one after the other."""
        return self.channels if self.planar else 1

    @property
    def interleaved(self) -> int:
        """Channels of one plane."""
        return 1 if self.planar else self.channels


def read_layout(data: bytes) -> Layout:
    """The layout of a TIFF's first picture.

    Parameters
    ----------
    data : bytes
        The whole file, which begins like a TIFF.

    Raises
    ------
    Undecodable
        UNSUPPORTED with the name of what is not decoded; TRUNCATED or BROKEN.
    """
    tags = tag.read_tags(data)
    photometric, compression = _one(tags, tag.PHOTOMETRIC, 0), _one(tags, tag.COMPRESSION, kinds.NONE)
    channels, kind, bits = _samples(tags)
    kinds.refuse_unknown(photometric, compression, kind, bits, _one(tags, tag.INK_SET, 1))
    coverage, premultiplied = _coverage(tags, photometric, channels)
    width, height, across, down, tiled = _sizes(tags)
    held = _one(tags, tag.ORIENTATION, 1)
    layout = Layout(
        order=tag.MAGIC[data[:4]],
        width=width,
        height=height,
        photometric=photometric,
        kind=kind,
        bits=bits,
        channels=channels,
        coverage=coverage,
        premultiplied=premultiplied,
        planar=_one(tags, tag.PLANAR, 1) == 2 and channels > 1,
        compression=compression,
        predictor=_one(tags, tag.PREDICTOR, 1),
        reversed_bits=_one(tags, tag.FILL_ORDER, 1) == 2,
        across=across,
        down=down,
        tiled=tiled,
        offsets=tags[tag.TILE_OFFSETS if tiled else tag.STRIP_OFFSETS],
        lengths=tags.get(tag.TILE_LENGTHS if tiled else tag.STRIP_LENGTHS, ()),
        palette=tags.get(tag.COLOUR_MAP, ()),
        profile=bytes(tags[tag.PROFILE]) if tag.PROFILE in tags else None,
        held=held if 1 <= held <= 8 else 1,
    )
    _refuse_combinations(layout)
    return layout


def _one(tags: Tags, number: int, otherwise: int | None = None) -> int:
    values = tags.get(number)
    if values:
        return values[0]
    if otherwise is None:
        raise Undecodable(Reason.BROKEN, f"the TIFF's directory lacks the tag {number}")
    return otherwise


def _samples(tags: Tags) -> tuple[int, str, int]:
    """Channels, kind and bits of a sample; all channels must be alike."""
    channels = _one(tags, tag.SAMPLES, 1)
    if not 1 <= channels <= _MOST_CHANNELS:
        raise unsupported(f"{channels} channels")
    bits, formats = tags.get(tag.BITS) or (1,), tags.get(tag.SAMPLE_FORMAT) or (1,)
    if len(set(bits[:channels])) > 1 or len(set(formats[:channels])) > 1:
        raise unsupported("channels of different depths")
    return channels, kinds.KINDS.get(formats[0], str(formats[0])), bits[0]


def _coverage(tags: Tags, photometric: int, channels: int) -> tuple[int, bool]:
    """Which channel is the coverage, 0 for none, and whether the colours are multiplied by it.

    RGB with four channels and no word about the fourth is transparent: old writers forget the tag.
    """
    colours = kinds.COLOURS[photometric]
    if channels < colours:
        raise Undecodable(Reason.BROKEN, f"the TIFF has {channels} channels, its colours need {colours}")
    extra = tags.get(tag.EXTRA_SAMPLES, ())[: channels - colours]
    if not extra and channels > colours:
        if (photometric, channels) != (kinds.RGB, 4):
            raise unsupported(f"{channels} channels that it says nothing about")
        return colours, False
    for place, meaning in enumerate(extra):
        if meaning in (_PREMULTIPLIED, _COVERAGE, _CORELS_COVERAGE):
            return colours + place, meaning == _PREMULTIPLIED
    return 0, False


def _sizes(tags: Tags) -> tuple[int, int, int, int, bool]:
    """Width and height of the picture, then of a piece, and whether pieces are tiles."""
    if tag.TILE_OFFSETS not in tags and tag.STRIP_OFFSETS not in tags:
        raise Undecodable(Reason.BROKEN, "the TIFF's directory does not say where its picture is")
    width, height, tiled = _one(tags, tag.WIDTH), _one(tags, tag.HEIGHT), tag.TILE_OFFSETS in tags
    across = _one(tags, tag.TILE_WIDTH) if tiled else width
    down = _one(tags, tag.TILE_HEIGHT) if tiled else min(_one(tags, tag.ROWS_PER_STRIP, _TO_THE_END), height)
    if min(width, height, across, down) < 1:
        raise Undecodable(Reason.BROKEN, "the TIFF's picture or its pieces have no size")
    if _one(tags, tag.DEPTH, 1) > 1:
        raise unsupported("several layers of depth")
    return width, height, across, down, tiled


def _refuse_combinations(layout: Layout) -> None:
    if layout.needs_libtiff:
        _refuse_for_libtiff(layout)
        return
    if layout.premultiplied and layout.photometric not in (kinds.BLACK_IS_ZERO, kinds.RGB):
        raise unsupported("such colours multiplied by their coverage")
    if layout.premultiplied and layout.kind == "f":
        raise unsupported("floating-point numbers multiplied by their coverage")
    if layout.predictor != 1:
        fits = {2: layout.kind == "u" and layout.bits in (8, 16), 3: layout.kind == "f"}.get(layout.predictor)
        if not fits or layout.compression in (kinds.NONE, kinds.PACKBITS):
            raise unsupported(f"the predictor {layout.predictor} where it means nothing")
    if layout.photometric == kinds.PALETTE and layout.planar and layout.coverage:
        raise unsupported("a palette and its coverage in separate planes")
    if layout.photometric == kinds.PALETTE and len(layout.palette) < 3 << layout.bits:
        raise Undecodable(Reason.BROKEN, f"the TIFF's palette has {len(layout.palette)} numbers of {3 << layout.bits}")


def _refuse_for_libtiff(layout: Layout) -> None:
    what = "JPEG data" if layout.compression == kinds.JPEG else "YCbCr"
    if layout.planar:
        raise unsupported(f"{what} in separate planes")
    if layout.compression == kinds.NONE:
        raise unsupported("YCbCr that is not compressed")
    if layout.bits != 8 or layout.kind != "u":
        raise unsupported(f"{what} of {layout.bits} bits")
    if layout.photometric in (kinds.PALETTE, kinds.LAB):
        raise unsupported("JPEG data of a palette or of Lab colours")
    if layout.channels != layout.colours:
        raise unsupported(f"{what} and {layout.channels} channels")
