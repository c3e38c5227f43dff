"""Vectors in other programs' files, read in blocks of rows so that any size fits into memory; one file a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from featurize.errors import VectorsError
from featurize.exchange.arrays.base import Found, Matrix, check
from featurize.exchange.arrays.hdf5 import open_hdf5
from featurize.exchange.arrays.numpy_files import open_npy, open_npz
from featurize.exchange.arrays.parquet import open_parquet
from featurize.exchange.arrays.safetensors import open_safetensors

Reader = Callable[[Path, str | None], AbstractContextManager[Matrix]]
READERS: Mapping[str, Reader] = {
    ".npy": open_npy,
    ".npz": open_npz,
    ".parquet": open_parquet,
    ".h5": open_hdf5,
    ".hdf5": open_hdf5,
    ".safetensors": open_safetensors,
}
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib")


def open_matrix(path: Path, array: str | None = None) -> AbstractContextManager[Matrix]:
    """The vectors in a file, while the context lasts.

    Parameters
    ----------
    path : Path
        Its ending says which form it has.
    array : str, optional
        Which array of the file, where it holds several.

    Raises
    ------
    VectorsError
        The file has another form, or it holds no rows of numbers; or several arrays, and none is named.
    """
    if not path.exists():
        raise VectorsError(f"there is no file {str(path)!r}: name one that ends in {', '.join(READERS)}")
    if not path.is_file():
        raise VectorsError(f"{str(path)!r} is no file: name one that ends in {', '.join(READERS)}")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        pickled = path.suffix.lower() in _PICKLES
        why = "; pickles are never read, because they can run code" if pickled else ""
        raise VectorsError(f"{path.name!r} has none of the known endings: use {', '.join(READERS)}{why}")
    return reader(path, array)


__all__ = ["READERS", "Found", "Matrix", "check", "open_matrix"]
