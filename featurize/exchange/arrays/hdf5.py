"""Vectors in HDF5 files: a dataset with two dimensions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.errors import VectorsError
from featurize.exchange.arrays.base import Found, Matrix, check, choose


@contextlib.contextmanager
def open_hdf5(path: Path, array: str | None) -> Iterator[Matrix]:
    """A dataset of an HDF5 file; see `featurize.exchange.arrays.open_matrix`."""
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise _damaged(path, error) from error
    with file:
        there: dict[str, Any] = {}
        file.visititems(lambda name, item: there.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        found = {name: _found(dataset) for name, dataset in there.items()}
        name = choose(str(path), found, None if array is None else array.strip("/"))
        shape = check(f"{path}:{name}", found[name])
        dataset = there[name]

        def blocks(rows: int) -> Iterator[NDArray[Any]]:
            for start in range(0, shape[0], rows):
                try:
                    yield dataset[start : start + rows]
                except OSError as error:
                    raise _damaged(path, error) from error

        yield Matrix(shape, dataset.dtype, blocks)


def _found(dataset: Any) -> Found:
    """What HDF5 says of a dataset; of its texts and lists numpy says that they are objects of Python."""
    import h5py

    shape = dataset.shape or ()
    if not dataset.dtype.hasobject:
        return Found(shape, dataset.dtype)
    if h5py.check_string_dtype(dataset.dtype):
        return Found(shape, np.void, "text")
    several = h5py.check_vlen_dtype(dataset.dtype) is not None
    return Found(shape, np.void, "lists of different lengths" if several else "records or references")


def _damaged(path: Path, error: Exception) -> VectorsError:
    said = " ".join(str(error).split())[:150]
    return VectorsError(f"{str(path)!r} can't be read as an HDF5 file ({said}): write it again")
