"""Vectors in numpy's own files: `.npy`, and `.npz` with several arrays. Pickles in them are never read."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from featurize.errors import VectorsError
from featurize.exchange.arrays.base import Found, Matrix, check, choose

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_LONGEST_HEADER = 1 << 16  # bytes


@contextlib.contextmanager
def open_npy(path: Path, array: str | None) -> Iterator[Matrix]:
    """The array of a `.npy` file; see `featurize.exchange.arrays.open_matrix`."""
    if array is not None:
        raise VectorsError(f"{str(path)!r} holds one array, which has no name: leave --array out")
    with path.open("rb") as file:
        found, _ = _header(file, str(path))
    shape = check(str(path), found)
    try:
        whole = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise _damaged(path, error) from error

    def blocks(rows: int) -> Iterator[NDArray[Any]]:
        for start in range(0, len(whole), rows):
            yield whole[start : start + rows]

    yield Matrix(shape, whole.dtype, blocks)


@contextlib.contextmanager
def open_npz(path: Path, array: str | None) -> Iterator[Matrix]:
    """An array of a `.npz` file; see `featurize.exchange.arrays.open_matrix`."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise _damaged(path, error) from error
    with archive:
        members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
        headers = {}
        for name, member in members.items():
            with _reading(path), archive.open(member) as file:
                headers[name] = _header(file, f"{path}:{name}")
        name = choose(str(path), {name: found for name, (found, _) in headers.items()}, array)
        found, by_columns = headers[name]
        shape = check(f"{path}:{name}", found)

        def blocks(rows: int) -> Iterator[NDArray[Any]]:
            with _reading(path), archive.open(members[name]) as file:
                _header(file, str(path))
                yield from _by_columns(file, found) if by_columns else _by_rows(file, found, rows)

        yield Matrix(shape, np.dtype(found.dtype), blocks)


def _header(file: IO[bytes], where: str) -> tuple[Found, bool]:
    """What an array's header says: shape and type, and whether its columns lie one behind the other."""
    try:
        version = npy.read_magic(file)
        shape, by_columns, dtype = _HEADERS[version](file, _LONGEST_HEADER)
    except (ValueError, KeyError, SyntaxError, EOFError) as error:
        raise _damaged(where, error) from error
    return Found(shape, dtype), by_columns


def _by_rows(file: IO[bytes], found: Found, rows: int) -> Iterator[NDArray[Any]]:
    dtype, (count, width) = np.dtype(found.dtype), found.shape
    for start in range(0, count, rows):
        here = min(rows, count - start)
        data = file.read(here * width * dtype.itemsize)
        if len(data) < here * width * dtype.itemsize:
            raise EOFError(f"it ends in row {start + 1 + len(data) // (width * dtype.itemsize)} of {count}")
        yield np.frombuffer(data, dtype).reshape(here, width)


def _by_columns(file: IO[bytes], found: Found) -> Iterator[NDArray[Any]]:
    """All rows at once: a row's numbers lie far apart in a stream that can't be mapped."""
    data = file.read()
    dtype, (count, width) = np.dtype(found.dtype), found.shape
    if len(data) < count * width * dtype.itemsize:
        raise EOFError("it is cut short")
    yield np.frombuffer(data, dtype, count * width).reshape(width, count).T


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise _damaged(path, error) from error


def _damaged(where: object, error: Exception) -> VectorsError:
    said = " ".join(str(error).split())[:150]
    return VectorsError(f"{str(where)!r} can't be read as an array of numpy ({said}): write it again with numpy.save")
