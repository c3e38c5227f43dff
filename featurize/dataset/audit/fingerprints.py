"""Fingerprints of pictures: a tiny version of each, by which near-duplicates are found.

Pictures are decoded at reduced size, which takes a quarter of the time of a full decode; fingerprints are kept
in a file beside the table, by the pictures' ids, so that each picture is decoded once. `prepare` does not make
them: it reads every file anyway, but decoding would make it several times slower for people who never ask.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import files
from cache.ids import from_hex
from featurize import processors
from featurize.errors import Undecodable
from featurize.pictures import decoding
from featurize.pictures.file import Picture, digest, read
from featurize.progress import Progress

SIDE = 32  # pixels of a side of the tiny version
COLOURS = 8
VERSION = 2  # of what is computed, from which pixels; other versions are made anew
PRINT = np.dtype(
    [
        ("id", "S32"),
        ("version", "u1"),
        ("size", "<i4", (2,)),  # width, height of the picture, upright
        ("grey", "i1", (SIDE, SIDE)),  # around its mean, the largest deviation 127; all 0: a picture of one tone
        ("colour", "u1", (COLOURS, COLOURS, 3)),
    ]
)
Prints = NDArray[np.void]  # (N,) of PRINT
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's "L"
_CHUNK = 256


def prints_path(table: Path) -> Path:
    """Where the fingerprints of a table's pictures are kept."""
    return table.with_suffix(".prints.npy")


def load_prints(path: Path) -> Prints:
    """Fingerprints made earlier; none where the file is missing or of another version."""
    nothing = np.zeros(0, PRINT)
    try:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return nothing
    if stored.dtype != PRINT or stored.ndim != 1:
        return nothing
    kept: Prints = stored[stored["version"] == VERSION]
    return kept


def make_prints(
    pictures: Sequence[Picture],
    path: Path,
    workers: int | None = None,
    progress: Progress | None = None,
    keep: bool = True,
) -> Prints:
    """Fingerprints of distinct pictures, from the file where they are kept or made now and added to it.

    Parameters
    ----------
    pictures : sequence of Picture
        With distinct ids.
    path : Path
    workers : int, optional
        Decoding threads.
    progress : callable, optional
        Called with (pictures done, pictures in all).
    keep : bool
        Whether those that are made now are added to the file.

    Returns
    -------
    ndarray (M,) of PRINT
        In the order of the pictures; those that can't be decoded are missing.

    Raises
    ------
    StorageFailed
        The file can't be written.
    """
    stored = load_prints(path)
    known = {picture: n for n, picture in enumerate(stored["id"].tolist())}
    keys = from_hex([p.id for p in pictures]).tolist()
    todo = [p for p, key in zip(pictures, keys, strict=True) if key not in known]
    made: list[Prints] = []
    if progress and todo:
        progress(len(pictures) - len(todo), len(pictures))
    try:
        for done, rows in _made(todo, workers or processors.count()):
            made.append(rows)
            if progress:
                progress(len(pictures) - len(todo) + done, len(pictures))
    finally:
        if any(map(len, made)):
            stored = np.concatenate([stored, *made])
            made.clear()
            if keep:
                _save(stored, path)
    known = {picture: n for n, picture in enumerate(stored["id"].tolist())}
    places = [known[key] for key in keys if key in known]
    in_order = places == list(range(len(stored)))
    found: Prints = stored if in_order else stored[places]  # a copy takes 1.3 KB a picture
    return found


def print_of(data: bytes) -> tuple[tuple[int, int], NDArray[np.int8], NDArray[np.uint8]]:
    """Size, grey and colours of a picture file, as in `PRINT`.

    Raises
    ------
    Undecodable
        The bytes are no picture.
    """
    size, pixels = small(data, SIDE)  # (32, 32, 3)
    grey = pixels @ _LUMA
    grey -= grey.mean()
    most = float(np.abs(grey).max())
    scaled = grey * (127 / most) if most > 0.25 else np.zeros_like(grey)  # less is noise of the arithmetic
    block = SIDE // COLOURS
    colour = pixels.reshape(COLOURS, block, COLOURS, block, 3).mean((1, 3))
    return size, np.rint(scaled).astype(np.int8), np.rint(colour).astype(np.uint8)


def small(data: bytes, side: int) -> tuple[tuple[int, int], NDArray[np.float32]]:
    """Size of a picture, upright, and its pixels at `side` x `side`, (side, side, 3) float32 of 0..255.

    Raises
    ------
    Undecodable
        The bytes are no picture.
    """
    from PIL import Image

    whole = decoding.probe(data)
    picture = decoding.decode(data, 4 * side)
    turned = (picture.width > picture.height) != (whole[0] > whole[1])
    resized = picture.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=3)
    return (whole[::-1] if turned else whole), np.asarray(resized, np.float32)


def _made(todo: Sequence[Picture], workers: int) -> Iterator[tuple[int, Prints]]:
    """Fingerprints chunk by chunk, with how many pictures were tried so far."""
    rest, done = iter(todo), 0
    with ThreadPoolExecutor(workers) as pool:
        while chunk := list(islice(rest, _CHUNK)):
            found = [f for f in pool.map(_try, chunk) if f is not None]
            done += len(chunk)
            yield done, np.array(found, PRINT) if found else np.zeros(0, PRINT)


def _try(picture: Picture) -> tuple[object, ...] | None:
    try:
        data = read(picture.path)
        if digest(data) != picture.id:
            return None  # another picture's fingerprint must not be kept under this id
        size, grey, colour = print_of(data)
    except Undecodable:
        return None
    return bytes.fromhex(picture.id), VERSION, size, grey, colour


def _save(prints: Prints, path: Path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(prints))
    files.write_atomic(path, [head.getvalue(), np.ascontiguousarray(prints).view(np.uint8).data])
