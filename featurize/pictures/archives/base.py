"""The contract of an archive: names in, bytes out, from many threads at once."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

_DRIVE = re.compile(r"[A-Za-z]:(?=/)")  # of a name that was written on Windows


def tidy(name: str) -> str:
    """The name of a member as unpacking would leave it: `./a//b/../c.png`, `/a/c.png` and `a\\c.png` are `a/c.png`.

    Programs that make archives write names as they were given them. Nothing is ever unpacked, so a name that leads out
    of the archive leads to its top.
    """
    parts: list[str] = []
    for part in _DRIVE.sub("", name.replace("\\", "/")).split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


class Archive(ABC):
    """A file with pictures in it. Its members are known by their tidy names, see `tidy`.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        The file can't be read, or is no archive of this kind.
    """

    @abstractmethod
    def __init__(self, path: Path) -> None: ...

    @abstractmethod
    def names(self) -> Iterator[str]:
        """The tidy name of every member that is a file, each once, in the archive's order."""

    def replaced(self) -> Sequence[str]:
        """Names that several members have; as when unpacking, the last of them counts."""
        return ()

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes of a member, -1 where only reading would tell.

        Raises
        ------
        NotInArchive
        """

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of a member; may be called from several threads at once.

        Raises
        ------
        NotInArchive
        OSError
            The archive is damaged, or the member can't be read: locked by a password, packed in a rare way.
        """
