"""Pictures in a zip file: its directory is read once, members are unpacked in memory when asked for."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from featurize.errors import NotInArchive
from featurize.pictures.archives.base import Archive, tidy

_ENCRYPTED = 0x1  # bit of a member's flags (APPNOTE.TXT, 4.4.4)
_PACKED = {1: "Shrink", 6: "Implode", 9: "Deflate64", 19: "LZ77", 93: "Zstandard", 95: "XZ", 96: "JPEG", 98: "PPMd"}
_PACKED |= dict.fromkeys((2, 3, 4, 5), "Reduce")  # ways that zipfile may not know (APPNOTE.TXT, 4.4.5)

_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, RuntimeError)


class Zip(Archive):
    """A zip file."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (*_DAMAGE, NotImplementedError) as error:
            raise OSError(f"it is no zip file that can be read ({error})") from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._replaced: dict[str, None] = {}
        for member in self._zip.infolist():
            name = tidy(member.filename)
            if member.is_dir() or not name:
                continue
            if name in self._members:
                self._replaced[name] = None
            self._members[name] = member

    def names(self) -> Iterator[str]:
        return iter(self._members)

    def replaced(self) -> Sequence[str]:
        return list(self._replaced)

    def size(self, name: str) -> int:
        return self._member(name).file_size

    def read(self, name: str) -> bytes:
        member = self._member(name)
        if member.flag_bits & _ENCRYPTED:
            raise OSError(f"{name!r} is encrypted: unpack the archive with its password")
        try:
            return self._zip.read(member)  # zipfile has a lock of its own
        except NotImplementedError as error:
            packed = _PACKED.get(member.compress_type, f"compression {member.compress_type}")
            raise OSError(f"{name!r} is packed with {packed}: unpack the archive, or pack it with deflate") from error
        except (*_DAMAGE, OSError) as error:
            if getattr(error, "errno", None):
                raise  # the disk's, not bz2's
            raise OSError(f"the archive is damaged ({error})") from error

    def _member(self, name: str) -> zipfile.ZipInfo:
        try:
            return self._members[tidy(name)]
        except KeyError:
            raise NotInArchive(name) from None
