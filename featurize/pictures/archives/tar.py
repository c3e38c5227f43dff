"""Pictures in a tar file: listed once, then each read straight from its place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from featurize.errors import NotInArchive
from featurize.pictures.archives.base import Archive


class Tar(Archive):
    """A tar file that is not compressed (a compressed one can only be read from its beginning)."""

    def __init__(self, path: Path) -> None:
        import tarfile

        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        self._places: dict[str, tuple[int, int]] = {}  # name -> offset, size; a name written again replaces itself
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    if member.isreg() and not member.issparse():
                        self._places[member.name] = member.offset_data, member.size
                    elif member.islnk() and member.linkname in self._places:
                        self._places[member.name] = self._places[member.linkname]
                    tar.members.clear()  # type: ignore[attr-defined]  # it would keep every header
        except tarfile.TarError as error:
            raise OSError(f"it is no tar file, or a compressed one, which gunzip makes readable ({error})") from error

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)  # when the last reader lets go of it

    def names(self) -> Iterator[str]:
        return iter(self._places)

    def size(self, name: str) -> int:
        return self._place(name)[1]

    def read(self, name: str) -> bytes:
        offset, size = self._place(name)
        data = os.pread(self._file, size, offset)
        if len(data) != size:
            raise OSError("the archive is cut short")
        return data

    def _place(self, name: str) -> tuple[int, int]:
        try:
            return self._places[name]
        except KeyError:
            raise NotInArchive(name) from None
