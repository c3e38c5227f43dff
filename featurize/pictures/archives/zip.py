"""Pictures in a zip file: its directory is read once, members are unpacked in memory when asked for."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from featurize.errors import NotInArchive
from featurize.pictures.archives.base import Archive


class Zip(Archive):
    """A zip file."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise OSError(f"it is no zip file ({error})") from error
        self._members = {m.filename: m for m in self._zip.infolist() if not m.is_dir()}

    def names(self) -> Iterator[str]:
        return iter(self._members)

    def size(self, name: str) -> int:
        return self._member(name).file_size

    def read(self, name: str) -> bytes:
        try:
            return self._zip.read(self._member(name))  # zipfile has a lock of its own
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise OSError(f"the archive is damaged ({error})") from error
        except (RuntimeError, NotImplementedError) as error:  # a password, or a rare compression
            raise OSError(str(error)) from error

    def _member(self, name: str) -> zipfile.ZipInfo:
        try:
            return self._members[name]
        except KeyError:
            raise NotInArchive(name) from None
