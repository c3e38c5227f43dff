"""Whether something can be written at a place: better known before long work than after it."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from cache.errors import StorageFailed
from cache.files import way_out


def check_folder(folder: Path) -> None:
    """See that files can be written into a folder, which may be still to be made.

    Raises
    ------
    StorageFailed
        It is a file, it lies in one, or nothing may be written there.
    """
    _check(folder, folder.absolute(), "another folder")


def check_file(path: Path) -> None:
    """See that a file can be written, whose folder may be still to be made.

    Raises
    ------
    StorageFailed
        It is a folder, its folder is a file, or nothing may be written there.
    """
    with _told(path):
        if path.is_dir():
            raise StorageFailed(f"can't write {str(path)!r}: it is a folder, and a file is needed; choose another name")
    _check(path, path.absolute().parent, "another place")


def _check(asked: Path, folder: Path, choose: str) -> None:
    with _told(asked):
        there = next(p for p in (folder, *folder.parents) if p.exists())
        if not there.is_dir():
            raise StorageFailed(
                f"can't write to {str(asked)!r}: {str(there)!r} is a file, and a folder is needed; choose {choose}"
            )
        if hasattr(os, "statvfs") and os.statvfs(there).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        if not os.access(there, os.W_OK | os.X_OK):
            raise StorageFailed(
                f"can't write to {str(asked)!r}: nothing may be written into {str(there)!r}; choose {choose}"
            )


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"can't write to {str(path)!r}: {way_out(error)}") from error
