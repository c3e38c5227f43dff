"""Ways to spoil a picture file: single bits, whole stretches, lengths and headers, each drawn from a seed."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from random import Random

TELLING = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HEADER = 400  # bytes in which most of a file's structure stands
Mutation = Callable[[bytearray, Random, Sequence[bytes]], None]


def _flip(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _spoil_header(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    for _ in range(rng.choice((1, 1, 2, 3))):
        data[rng.randrange(min(HEADER, len(data)))] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256)))


def _cut(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    del data[rng.randrange(1, len(data)) :]


def _cut_and_close(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    """The end is missing, but the last bytes, which say that all is well, are there."""
    end = bytes(data[-12:]) if data[:4] == b"\x89PNG" else bytes(data[-2:])
    del data[rng.randrange(len(data) // 4, len(data) - 32) :]
    data += end


def _remove(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 16, 256, 4096))]


def _repeat(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    at, length = rng.randrange(len(data)), rng.choice((1, 4, 64, 1024))
    data[at:at] = data[at : at + length] * rng.choice((1, 1, 2, 50))


def _splice(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    """The beginning of one file and the end of another."""
    other = rng.choice(others)
    data[rng.randrange(len(data)) :] = other[rng.randrange(len(other)) :]


def _patch(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    """A stretch of another file in the place of one of the same length."""
    other, length = rng.choice(others), rng.choice((4, 32, 256, 2048))
    at, start = rng.randrange(len(data)), rng.randrange(len(other))
    piece = other[start : start + min(length, len(data) - at)]
    data[at : at + len(piece)] = piece


def _overwrite(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    at, length = rng.randrange(len(data)), rng.choice((8, 64, 512))
    length = min(length, len(data) - at)
    data[at : at + length] = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))


def _lie_about_length(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    """A length, offset, count or size field of the file's structure says something else."""
    at, form = rng.choice(_fields(bytes(data)))
    size = struct.calcsize(form)
    if at + size > len(data):
        return
    true = struct.unpack_from(form, data, at)[0]
    lies = (*TELLING, true + 1, true - 1, true * 2, true // 2, len(data), len(data) - at)
    struct.pack_into(form, data, at, rng.choice(lies) % (1 << (8 * size)))


def _fields(data: bytes) -> list[tuple[int, str]]:
    """Places and types of the numbers that a file's structure hangs on."""
    found: list[tuple[int, str]] = []
    if data[:2] == b"\xff\xd8":
        for marker in re.finditer(rb"\xff[\xc0-\xcf\xda-\xdd\xe0-\xef]", data):
            found += [(marker.end(), ">H"), (marker.end() + 3, ">H"), (marker.end() + 5, ">H")]
    elif data[:4] == b"\x89PNG":
        at = 8
        while at + 12 <= len(data):
            found.append((at, ">I"))
            if data[at + 4 : at + 8] in (b"IHDR", b"fcTL", b"acTL"):
                found += [(at + 8 + 4 * n, ">I") for n in range(3)]
            at += 12 + struct.unpack_from(">I", data, at)[0]
    elif data[:4] == b"RIFF":
        at = 12
        found.append((4, "<I"))
        while at + 8 <= len(data):
            found += [(at + 4, "<I"), (at + 12, "<H"), (at + 14, "<H"), (at + 18, "<H")]
            at += 8 + struct.unpack_from("<I", data, at + 4)[0]
    elif data[:2] in (b"II", b"MM"):
        order = "<" if data[:2] == b"II" else ">"
        start = struct.unpack_from(order + "I", data, 4)[0]
        found += [(4, order + "I"), (start, order + "H")]
        count = struct.unpack_from(order + "H", data, start)[0] if start + 2 <= len(data) else 0
        for n in range(min(count, 60)):
            entry = start + 2 + 12 * n
            found += [
                (entry, order + "H"),
                (entry + 2, order + "H"),
                (entry + 4, order + "I"),
                (entry + 8, order + "I"),
            ]
    elif data[:3] == b"GIF":
        found += [(at, "<H") for at in (6, 8)] + [(10, "B"), (13 + 3 * 256, "B")]
    elif data[:2] == b"BM":
        found += [(at, "<I") for at in (2, 10, 14, 18, 22, 30, 34, 46)] + [(28, "<H")]
    return found or [(0, ">H")]


MUTATIONS: Mapping[str, Mutation] = {
    "flip": _flip,
    "header": _spoil_header,
    "cut": _cut,
    "cut and close": _cut_and_close,
    "remove": _remove,
    "repeat": _repeat,
    "splice": _splice,
    "patch": _patch,
    "overwrite": _overwrite,
    "length": _lie_about_length,
}


def mutate(data: bytes, rng: Random, others: Sequence[bytes]) -> tuple[str, bytes]:
    """A spoiled copy of a file, and how it was spoiled; half of the PNGs get new checksums.

    Parameters
    ----------
    data : bytes
    rng : Random
    others : sequence of bytes
        Files to take pieces from.
    """
    name = rng.choice(list(MUTATIONS))
    spoiled = bytearray(data)
    MUTATIONS[name](spoiled, rng, others)
    if data[:4] == b"\x89PNG" and rng.random() < 0.5:
        return f"{name}, checksums made right", _with_checksums(bytes(spoiled))
    return name, bytes(spoiled)


def _with_checksums(data: bytes) -> bytes:
    """A PNG whose checksums fit its chunks, so that the damage gets as far as the decoder."""
    mended, at = bytearray(data), 8
    while at + 12 <= len(mended):
        stop = at + 8 + struct.unpack_from(">I", mended, at)[0]
        if stop + 4 > len(mended):
            break
        struct.pack_into(">I", mended, stop, zlib.crc32(mended[at + 4 : stop]))
        at = stop + 4
    return bytes(mended)
