"""What a JPEG says about itself before its data begin, and which kinds are refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from featurize.errors import Undecodable
from featurize.reasons import Reason

_HUFFMAN_SEQUENTIAL = (0xC0, 0xC1)  # frames of ITU T.81, table B.1
_DECODED = (0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA)  # the fourth is lossless
_REFUSED = {
    0xCB: "a lossless JPEG with arithmetic coding",
    0xF7: "JPEG-LS",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "a hierarchical JPEG"),
}
RGB_INSIDE, YCBCR_INSIDE, YCCK_INSIDE = 0, 1, 2  # what the marker of Adobe says (Adobe Technical Note 5116)


@dataclass(frozen=True)
class Frame:
    """The header of a JPEG.

    Parameters
    ----------
    code : int
        Of the marker, which says how the data are coded.
    bits : int
        Of a sample.
    height, width : int
    factors : sequence of (int, int)
        How often each component is sampled, across and down.
    jfif : bool
        Whether it is marked as JFIF, whose colours are YCbCr.
    adobe : int or None
        What the marker of Adobe says about the colours.
    """

    code: int
    bits: int
    height: int
    width: int
    factors: Sequence[tuple[int, int]]
    jfif: bool
    adobe: int | None


def read_frame(data: bytes, start: int = 0) -> Frame | None:
    """The header of a JPEG that begins at some place; None where there is none."""
    jfif, adobe = False, None
    for at, marker in segments(data, start):
        if marker == 0xE0 and data[at + 4 : at + 8] == b"JFIF":
            jfif = True
        elif marker == 0xEE and data[at + 4 : at + 9] == b"Adobe" and at + 16 <= len(data):
            adobe = data[at + 15]
        elif (marker in _DECODED or marker in _REFUSED) and at + 10 + 3 * data[at + 9] <= len(data):
            sampled = [data[at + 11 + 3 * n] for n in range(data[at + 9])]
            high, wide = int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
            return Frame(marker, data[at + 4], high, wide, [(f >> 4, f & 15) for f in sampled], jfif, adobe)
    return None


def refuse_unread(data: bytes) -> None:
    """Raise where a JPEG is of a kind that is not decoded.

    Raises
    ------
    Undecodable
        UNSUPPORTED.
    """
    frame = read_frame(data) if data[:3] == b"\xff\xd8\xff" else None
    if frame is None:
        return
    if frame.code in _REFUSED:
        raise _unsupported(_REFUSED[frame.code])
    if frame.bits != 8:
        raise _unsupported(f"a JPEG of {frame.bits} bits")
    if len(frame.factors) not in (1, 3, 4):
        raise _unsupported(f"a JPEG with {len(frame.factors)} components")
    if frame.height == 0:
        raise _unsupported("a JPEG that says its height behind its data")
    across, down = (max((f[n] for f in frame.factors), default=1) for n in (0, 1))
    if any(0 in f or across % f[0] or down % f[1] for f in frame.factors):
        raise _unsupported("a JPEG whose components have sizes that don't divide each other")


def _unsupported(what: str) -> Undecodable:
    return Undecodable(Reason.UNSUPPORTED, f"{what}: convert it to PNG or an ordinary JPEG")


def says_more(data: bytes) -> bool:
    """Whether a JPEG has EXIF or an ICC profile: what may ask for more than to be decoded."""
    starts = {0xE1: b"Exif", 0xE2: b"ICC_PROFILE"}
    return any(
        data[at + 4 : at + 4 + len(starts[marker])] == starts[marker]
        for at, marker in segments(data, 0)
        if marker in starts
    )


def only_scan(data: bytes) -> int | None:
    """Where the data of a Huffman-coded JPEG with one scan begin; None for others."""
    components = 0
    for at, marker in segments(data, 0):
        if marker in _HUFFMAN_SEQUENTIAL:
            components = data[at + 9]
        elif marker == 0xDA:
            return at if components and data[at + 4] == components else None
    return None


def segments(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Place and code of each marker of a JPEG up to its first scan (ITU T.81, B.1.1.4)."""
    while at + 10 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        yield at, marker
        if marker == 0xDA:
            return
        at += 2 + (0 if marker == 0xD8 else int.from_bytes(data[at + 2 : at + 4], "big"))
