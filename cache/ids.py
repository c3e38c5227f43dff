"""Ids in bulk: sha256 digests as one numpy array.

An id is the sha256 of a picture file's bytes. A million of them are held as one array of dtype `S32`, which
numpy compares and sorts like the bytes themselves (all ids have 32 bytes, so its habit of ignoring trailing
zero bytes can't make two different ids equal).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.bytes_]  # (N,) S32
ID_BYTES = 32
ID_DTYPE = np.dtype("S32")


def from_hex(digests: Iterable[str]) -> Ids:
    """Hexadecimal digests as ids.

    Parameters
    ----------
    digests : iterable of str
        N strings of 64 hexadecimal digits.

    Returns
    -------
    ndarray (N,) S32

    Raises
    ------
    ValueError
        A string is no sha256.
    """
    listed = list(digests)
    try:
        raw = bytes.fromhex("".join(listed))
        whole = len(raw) == ID_BYTES * len(listed) and all(len(d) == 2 * ID_BYTES for d in listed)
    except ValueError:
        whole = False
    if not whole:
        wrong = next(d for d in listed if not _is_hex_digest(d))
        raise ValueError(f"{wrong!r} is not an id: 64 hexadecimal digits (a sha256) are expected")
    return np.frombuffer(raw, ID_DTYPE)


def to_hex(ids: Ids) -> list[str]:
    """Ids as hexadecimal digests, in the same order."""
    text = to_bytes(ids).tobytes().hex()
    return [text[start : start + 2 * ID_BYTES] for start in range(0, len(text), 2 * ID_BYTES)]


def plain(digest: str) -> bytes:
    """One hexadecimal digest as `ids.tolist()` gives it: bytes without trailing zeros, for use in sets."""
    return bytes.fromhex(digest).rstrip(b"\0")


def to_bytes(ids: Ids) -> NDArray[np.uint8]:
    """Ids as a byte matrix, (N,) S32 -> (N, 32) uint8."""
    return np.ascontiguousarray(ids, ID_DTYPE).view(np.uint8).reshape(-1, ID_BYTES)


def from_bytes(matrix: NDArray[np.uint8]) -> Ids:
    """A byte matrix as ids, (N, 32) uint8 -> (N,) S32."""
    return np.ascontiguousarray(matrix, np.uint8).view(ID_DTYPE).reshape(-1)


def first_seen(ids: Ids) -> NDArray[np.intp]:
    """Positions of each distinct id's first appearance, in order of appearance."""
    _, first = np.unique(ids, return_index=True)
    return np.sort(first)


def short(ids: Ids) -> NDArray[np.uint64]:
    """The first eight bytes of each id, (N,) S32 -> (N,) uint64 that are sorted like the ids."""
    found: NDArray[np.uint64] = to_bytes(ids)[:, :8].copy().view(">u8").reshape(-1).astype(np.uint64)
    return found


class Seen:
    """Which ids were seen before, by their first eight bytes.

    Of a hundred million ids, two have the same eight with a probability of 3 in 10,000: what is left out because of it
    must be found later by other means.
    """

    def __init__(self) -> None:
        self._sorted: list[NDArray[np.uint64]] = []  # from large to small

    def note(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of some distinct ids are new, (N,) bool; all of them count as seen from now on."""
        order = np.argsort(wanted := short(ids))
        wanted = wanted[order]  # neighbours are looked up one after the other: the lists are far larger than a cache
        new = np.ones(len(ids), bool)
        for known in self._sorted:
            place = np.searchsorted(known, wanted).clip(max=len(known) - 1)
            new &= known[place] != wanted
        if new.any():
            self._sorted.append(wanted[new])
        while len(self._sorted) > 1 and len(self._sorted[-2]) <= len(self._sorted[-1]):
            merged = np.concatenate([self._sorted.pop(), self._sorted.pop()])
            merged.sort(kind="stable")
            self._sorted.append(merged)
        found = np.empty(len(ids), bool)
        found[order] = new
        return found


def positions(wanted: Ids, sorted_ids: Ids) -> NDArray[np.intp]:
    """Where each wanted id stands in a sorted array, -1 where it doesn't.

    Parameters
    ----------
    wanted : ndarray (M,) S32
    sorted_ids : ndarray (N,) S32
        Ascending and distinct.

    Returns
    -------
    ndarray (M,) intp
    """
    if not len(sorted_ids):
        return np.full(len(wanted), -1, np.intp)
    place = np.searchsorted(sorted_ids, wanted).clip(max=len(sorted_ids) - 1)
    return np.where(sorted_ids[place] == wanted, place, -1)


def _is_hex_digest(text: str) -> bool:
    return len(text) == 2 * ID_BYTES and all(c in "0123456789abcdefABCDEF" for c in text)
