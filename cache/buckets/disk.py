"""A bucket that is a folder on a disk."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import files
from cache.buckets.base import ASIDE, Bucket, Stat
from cache.errors import Unreadable
from cache.files import Chunk


@dataclass(frozen=True)
class DiskBucket(Bucket):
    """The files of a folder.

    Parameters
    ----------
    folder : Path
        Made when the first object is written.
    """

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    def where(self, name: str = "") -> str:
        return str(self.folder / name)

    def path(self, name: str = "") -> Path:
        return self.folder / name

    def names(self) -> set[str]:
        return {name for name in self._listed(os.DirEntry.is_file) if not name.startswith(files.TEMPORARY)}

    def folders(self) -> set[str]:
        return self._listed(os.DirEntry.is_dir)

    def within(self, name: str) -> DiskBucket:
        return DiskBucket(self.folder / name)

    def stat(self, name: str) -> Stat:
        with _reading(self.folder / name):
            facts = (self.folder / name).stat()
        return Stat(facts.st_size, (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size))

    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        with _reading(self.folder / name):
            yield from files.read_blocks(self.folder / name, offset, length)

    def map(
        self, name: str, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any], *, anew: bool = False
    ) -> NDArray[Any]:
        with _reading(self.folder / name):
            return np.memmap(self.folder / name, dtype, "r", offset, shape)

    def create(self, name: str, chunks: Sequence[Chunk]) -> bool:
        self._make()
        return files.create(self.folder / name, chunks)

    def replace(self, name: str, chunks: Sequence[Chunk]) -> None:
        self._make()
        files.write_atomic(self.folder / name, chunks)

    def delete(self, name: str) -> None:
        files.remove(self.folder / name)

    def set_aside(self, name: str) -> None:
        files.move(self.folder / name, self.folder / ASIDE / name)

    def settle(self) -> None:
        files.settle(self.folder, self.folder.absolute().parent)

    def sweep(self) -> None:
        files.sweep(self.folder)

    def _make(self) -> None:
        if not self.folder.is_dir():
            files.make_folder(self.folder)

    def _listed(self, wanted: Callable[[os.DirEntry[str]], bool]) -> set[str]:
        with files.clear_reading(self.folder):
            try:
                with os.scandir(self.folder) as entries:
                    return {entry.name for entry in entries if wanted(entry)}
            except FileNotFoundError:
                return set()


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """An input/output error of the disk is one kind of error; everything else that the system refuses is another."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.EIO:
            raise Unreadable(f"the disk reports an input/output error where {str(path)!r} lies") from error
        with files.clear_reading(path):
            raise
