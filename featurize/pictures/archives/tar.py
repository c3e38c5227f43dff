"""Pictures in a tar file: listed once, then each read straight from its place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from featurize.errors import NotInArchive
from featurize.pictures.archives.base import Archive, tidy

if TYPE_CHECKING:
    from tarfile import TarInfo

_SPARSE = (-1, 0)  # the place of a member that lies in pieces
_NOWHERE = (-1, -1)  # the place of a link to what is not there


class Tar(Archive):
    """A tar file that is not compressed (a compressed one can only be read from its beginning)."""

    def __init__(self, path: Path) -> None:
        import tarfile

        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        self._places: dict[str, tuple[int, int]] = {}  # name -> offset, size
        self._links: dict[str, str] = {}  # name -> that of the member it means
        self._replaced: dict[str, None] = {}
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    self._add(member)
                    tar.members.clear()  # type: ignore[attr-defined]  # it would keep every header
        except tarfile.TarError as error:
            raise OSError(f"it is no tar file, or a compressed one, which gunzip makes readable ({error})") from error
        for name, target in self._links.items():
            self._places[name] = self._behind(target)

    def _add(self, member: TarInfo) -> None:
        name = tidy(member.name)
        if not (member.isreg() or member.islnk() or member.issym()):
            return  # a folder, a device
        if name in self._places:
            self._replaced[name] = None
        self._links.pop(name, None)
        self._places[name] = _NOWHERE
        if member.islnk():
            self._links[name] = tidy(member.linkname)
        elif member.issym():
            above = "" if member.linkname.startswith("/") else name.rpartition("/")[0]
            self._links[name] = tidy(f"{above}/{member.linkname}")
        else:
            self._places[name] = _SPARSE if member.issparse() else (member.offset_data, member.size)

    def _behind(self, name: str) -> tuple[int, int]:
        """The place that a link leads to, over other links if need be."""
        for _ in range(len(self._links) + 1):
            if name not in self._links:
                return self._places.get(name, _NOWHERE)
            name = self._links[name]
        return _NOWHERE  # it leads back to itself

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)  # when the last reader lets go of it

    def names(self) -> Iterator[str]:
        return iter(self._places)

    def replaced(self) -> Sequence[str]:
        return list(self._replaced)

    def size(self, name: str) -> int:
        return self._place(name)[1]

    def read(self, name: str) -> bytes:
        offset, size = self._place(name)
        if (offset, size) == _SPARSE:
            raise OSError(f"{name!r} lies in it in pieces (a sparse file): pack it again without --sparse")
        data = os.pread(self._file, size, offset)
        if len(data) != size:
            raise OSError("the archive is cut short")
        return data

    def _place(self, name: str) -> tuple[int, int]:
        place = self._places.get(tidy(name), _NOWHERE)
        if place == _NOWHERE:
            raise NotInArchive(name)
        return place
