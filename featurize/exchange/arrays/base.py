"""What every reader of vectors gives: a matrix that lies in a file, to be read in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from featurize.errors import VectorsError
from featurize.wording import listing

NUMBERS = "fiub"  # kinds of numpy's types that can be vectors: numbers, and true or false
_MOST_LISTED = 8


@dataclass(frozen=True)
class Matrix:
    """Vectors in a file; none is read yet.

    Parameters
    ----------
    shape : tuple of int
        Rows and numbers in a row, as the file says.
    dtype : numpy.dtype
    blocks : callable
        Number of rows -> all rows in order, at most so many at a time, (n, D) of any type of numbers; NaN where a
        number is missing. It may be called again.
    """

    shape: tuple[int, int]
    dtype: np.dtype[np.generic]
    blocks: Callable[[int], Iterator[NDArray[np.generic]]]


@dataclass(frozen=True)
class Found:
    """An array in a file, as its header describes it.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype_like
    named : str
        What people call its type, where numpy's name does not say it.
    """

    shape: tuple[int, ...]
    dtype: DTypeLike
    named: str = ""

    @property
    def kind(self) -> str:
        """What its values are, for people."""
        dtype = np.dtype(self.dtype)
        return self.named or ("text" if dtype.kind in "SU" else "records" if dtype.names else str(dtype))

    def __str__(self) -> str:
        return f"{' x '.join(map(str, self.shape)) or 'one value'} {self.kind}"


def choose(where: str, arrays: Mapping[str, Found], wanted: str | None) -> str:
    """The name of the array to read.

    Parameters
    ----------
    where : str
        The file, for messages.
    arrays : mapping of str to Found
        All there are in it.
    wanted : str, optional
        The one that the user names; by default the only one that can be vectors.

    Raises
    ------
    VectorsError
        There is none of that name; or none, or several, could be meant.
    """
    listed = listing([f"{name} ({found})" for name, found in arrays.items()], _MOST_LISTED) or "nothing"
    if wanted is not None:
        if wanted not in arrays:
            raise VectorsError(f"{where!r} holds no array {wanted!r}; it holds: {listed}")
        return wanted
    fitting = [name for name, found in arrays.items() if is_matrix(found)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise VectorsError(f"{where!r} holds several arrays that could be the vectors: {listed}; name one with --array")
    if len(arrays) == 1:
        check(where, *arrays.values())
    raise VectorsError(f"{where!r} holds no array of rows of numbers; it holds: {listed}")


def is_matrix(found: Found) -> bool:
    """Whether an array has rows of numbers."""
    return len(found.shape) == 2 and np.dtype(found.dtype).kind in NUMBERS


def check(where: str, found: Found) -> tuple[int, int]:
    """The shape of vectors.

    Raises
    ------
    VectorsError
        The array has not one row of numbers a picture.
    """
    dtype = np.dtype(found.dtype)
    if dtype.hasobject:
        raise VectorsError(
            f"the array in {where!r} holds objects of Python, which could run code when they are read: nothing of it "
            "was read; save it as plain numbers, as in numpy.save(path, array.astype('float32'))"
        )
    if dtype.kind not in NUMBERS:
        raise VectorsError(f"the array in {where!r} holds {found.kind}: rows of numbers are needed")
    if len(found.shape) != 2:
        raise VectorsError(
            f"the array in {where!r} has the shape {found.shape}: two dimensions are needed, one row of numbers for "
            "each row of the table"
        )
    rows, width = found.shape
    if not rows or not width:
        raise VectorsError(
            f"the array in {where!r} has {rows} rows of {width} numbers: at least one row of one number is needed"
        )
    return rows, width
