"""Vectors in Parquet files: a column of lists of numbers, or a column for each number."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.errors import VectorsError
from featurize.exchange.arrays.base import Found, Matrix, check
from featurize.wording import listing


@contextlib.contextmanager
def open_parquet(path: Path, array: str | None) -> Iterator[Matrix]:
    """The vectors of a Parquet file; see `featurize.exchange.arrays.open_matrix`.

    `array` names a column of lists, or columns of numbers as in "x*".
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    with file:
        columns = _chosen(path, file.schema_arrow, array)
        lists = _is_list(file.schema_arrow.field(columns[0]).type)

        def blocks(rows: int) -> Iterator[NDArray[Any]]:
            try:
                start = 0
                for batch in file.iter_batches(rows, columns=columns):
                    yield _lists(path, batch.column(0), start, width) if lists else _side_by_side(batch)
                    start += len(batch)
            except (pa.ArrowException, OSError) as error:
                raise _damaged(path, error) from error

        width = _width(path, file, columns[0]) if lists else len(columns)
        shape = check(str(path), Found((file.metadata.num_rows, width), np.float64))
        yield Matrix(shape, np.dtype(np.float64), blocks)


def _chosen(path: Path, schema: Any, wanted: str | None) -> list[str]:
    """The columns of the vectors: one of lists, or several of numbers.

    Raises
    ------
    VectorsError
        None fits, or several could be meant.
    """
    import pyarrow.types as kinds

    if twice := sorted({name for name in schema.names if schema.names.count(name) > 1}):
        raise VectorsError(f"{str(path)!r} has several columns {twice[0]!r}: give each column a name of its own")
    types = {name: schema.field(name).type for name in schema.names}
    lists = [name for name, kind in types.items() if _is_list(kind)]
    numbers = [n for n, k in types.items() if kinds.is_integer(k) or kinds.is_floating(k) or kinds.is_boolean(k)]
    there = listing([f"{name} ({kind})" for name, kind in types.items()], 8) or "nothing"
    if wanted is not None:
        named = [name for name in types if name == wanted] or [n for n in numbers if fnmatchcase(n, wanted)]
        if not named or (len(named) == 1 and named[0] not in (*lists, *numbers)):
            raise VectorsError(f"{str(path)!r} has no column of numbers {wanted!r}; it has: {there}")
        return named
    if len(lists) == 1:
        return lists
    if len(lists) > 1:
        raise VectorsError(f"{str(path)!r} has several columns of lists ({there}): name one with --array")
    others = [name for name in types if name not in numbers]
    if not numbers or others:
        raise VectorsError(
            f"{str(path)!r} does not say which of its columns are the vectors (it has: {there}): name a column of "
            "lists with --array COLUMN, or columns of numbers as in --array 'x*'"
        )
    return numbers


def _is_list(kind: Any) -> bool:
    import pyarrow.types as kinds

    if not (kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind)):
        return False
    of = kind.value_type
    return bool(kinds.is_integer(of) or kinds.is_floating(of) or kinds.is_boolean(of))


def _width(path: Path, file: Any, column: str) -> int:
    """How many numbers the first list has; all are to have as many."""
    for batch in file.iter_batches(1024, columns=[column]):
        for vector in batch.column(0):
            if vector.is_valid:
                return len(vector)
    raise VectorsError(f"{str(path)!r} has no list of numbers in its column {column!r}")


def _lists(path: Path, column: Any, start: int, width: int) -> NDArray[Any]:
    """A column of lists as a matrix; a list that is missing is a row of NaN."""
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
    there = lengths >= 0
    wrong = np.flatnonzero(there & (lengths != width))
    if len(wrong):
        raise VectorsError(
            f"row {start + int(wrong[0]) + 1} of {str(path)!r} has {int(lengths[wrong[0]])} numbers, the first has "
            f"{width}: all rows need as many"
        )
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    if there.all():
        matrix: NDArray[Any] = values.reshape(-1, width)
        return matrix
    matrix = np.full((len(column), width), np.nan)
    matrix[there] = values.reshape(-1, width)
    return matrix


def _side_by_side(batch: Any) -> NDArray[Any]:
    """Columns of numbers as a matrix; a number that is missing is NaN."""
    columns = [c.to_numpy(zero_copy_only=False).astype(np.float64, copy=False) for c in batch.columns]
    return np.stack(columns, 1)


def _damaged(path: Path, error: Exception) -> VectorsError:
    said = " ".join(str(error).split())[:150]
    return VectorsError(f"{str(path)!r} can't be read as a Parquet file ({said}): write it again")
