"""Copies of ranges of remote objects on this machine's disk, mapped into memory, of bounded size altogether.

They lie in `artstyle/objects` of the user's cache folder (ARTSTYLE_OBJECT_CACHE names another one), take up to 20 GB
(ARTSTYLE_OBJECT_CACHE_GB), and those that were not used for longest go first. A copy is never trusted: vectors that
are mapped are compared with their checksums.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import files
from cache.errors import StorageFailed

SMALL = 1 << 20  # bytes; of less no copy is worth while
_BLOCK = 8 << 20
_NAME = re.compile(r"[0-9a-f]{40}")


def local_copy(identity: object, nbytes: int, blocks: Iterable[bytes], *, anew: bool = False) -> NDArray[np.uint8]:
    """The bytes of a range, mapped read-only from its copy; fetched where there is none.

    Parameters
    ----------
    identity : object
        What names the range: its text is the same for the same bytes.
    nbytes : int
    blocks : iterable of bytes
        The bytes, fetched while they are iterated over.
    anew : bool
        Whether to fetch them though there is a copy.

    Returns
    -------
    ndarray (nbytes,) uint8
        It stays good when the copy is removed.

    Raises
    ------
    StorageFailed
        The disk refused, for example because it is full.
    """
    path = folder() / hashlib.sha256(repr(identity).encode()).hexdigest()[:40]
    with contextlib.suppress(OSError):
        if path.stat().st_size == nbytes and not anew:
            os.utime(path)
            return np.memmap(path, np.uint8, "r")
    files.make_folder(path.parent)
    files.write_atomic(path, list(blocks))
    copy = np.memmap(path, np.uint8, "r")
    _make_room(path)
    return copy


def blocks_of(copy: NDArray[Any], offset: int, length: int) -> Iterator[bytes]:
    """Some bytes of an array, in blocks; the memory that a mapped copy takes for it is given back."""
    flat = copy.reshape(-1).view(np.uint8)
    for start in range(offset, offset + length, _BLOCK):
        yield flat[start : min(start + _BLOCK, offset + length)].tobytes()
    root: Any = copy
    while isinstance(root, np.ndarray):
        root = root.base
    if isinstance(root, mmap.mmap) and hasattr(root, "madvise"):
        root.madvise(mmap.MADV_DONTNEED)  # else every page that was looked at counts as this process's memory


def folder() -> Path:
    """Where copies lie."""
    if chosen := os.environ.get("ARTSTYLE_OBJECT_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "artstyle" / "objects"


def limit() -> float:
    """Bytes that copies may take altogether; it may be infinity.

    Raises
    ------
    StorageFailed
        ARTSTYLE_OBJECT_CACHE_GB is no number, or a negative one.
    """
    chosen = os.environ.get("ARTSTYLE_OBJECT_CACHE_GB", "20")
    with contextlib.suppress(ValueError):
        if (gigabytes := float(chosen)) >= 0:
            return gigabytes * 1e9
    raise StorageFailed(f"ARTSTYLE_OBJECT_CACHE_GB is {chosen!r}: give a number of gigabytes")


def _make_room(newest: Path) -> None:
    """Remove the copies that were not used for longest, beyond the limit; maps of them stay good."""
    copies = []
    for path in filter(_is_copy, newest.parent.iterdir()):  # the folder may hold what is not ours
        with contextlib.suppress(OSError):
            facts = path.stat()
            copies.append((facts.st_mtime_ns, facts.st_size, path))
    room = limit()
    for _, size, path in sorted(copies, reverse=True):
        room -= size
        if room < 0 and path != newest:
            files.remove(path)


def _is_copy(path: Path) -> bool:
    return _NAME.fullmatch(path.name) is not None and path.is_file()
