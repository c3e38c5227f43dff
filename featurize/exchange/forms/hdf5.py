"""One HDF5 file: `id`, `path`, `split`, `labels/<column>`, `features/<recipe>`, row by row."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from featurize.exchange.forms.base import Contents

if TYPE_CHECKING:
    from typing_extensions import Buffer


def write_hdf5(contents: Contents, path: Path) -> None:
    """See `featurize.exchange.forms.base.Writer`."""
    import h5py

    with _Patient(path) as target, h5py.File(target, "w") as file:
        file.attrs["key"] = contents.cache.key.canonical.decode()
        file.attrs["about"] = json.dumps(contents.about, ensure_ascii=False)
        for name, column in contents.texts().items():
            file.create_dataset(name, data=_encoded(column), dtype=h5py.string_dtype())
        for recipe in contents.recipes:
            start, stored = 0, None
            for block in contents.blocks([recipe]):
                if stored is None:
                    shape = (len(contents), block.shape[1])
                    stored = file.create_dataset(f"features/{recipe.name}", shape, block.dtype)
                stored[start : start + len(block)] = block
                start += len(block)


def _encoded(column: Sequence[str]) -> list[bytes]:
    return [value.encode("utf-8", "surrogateescape") for value in column]


class _Patient(io.RawIOBase):
    """A new file that takes everything HDF5 gives it, and raises only when HDF5 is through with it.

    HDF5 crashes the process where a write fails while it closes a file (a full disk is enough).
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._error: OSError | None = None

    def write(self, data: Buffer) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        with self._patience():
            while rest and not self._error:
                rest = rest[self._file.write(rest) or 0 :]
        return size

    def readinto(self, buffer: Buffer) -> int:
        """Fills the whole buffer; behind the end of the file with zeros."""
        rest = memoryview(buffer).cast("B")
        size = len(rest)
        with self._patience():
            while rest and (read := self._file.readinto(rest)):
                rest = rest[read:]
        rest[:] = bytes(len(rest))
        return size

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        with self._patience():
            self._file.truncate(size)
        return size or 0

    def __exit__(self, *raised: object) -> None:
        with self._patience():
            self._file.close()
        if self._error:
            raise self._error

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._error = self._error or error
