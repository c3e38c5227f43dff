"""The contract of an archive: names in, bytes out, from many threads at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path


class Archive(ABC):
    """A file with pictures in it.

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
        """Every member that is a file, in the archive's order."""

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
            The archive is damaged, or the member is locked by a password.
        """
