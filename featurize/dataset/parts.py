"""A large dataset table in parts: what is done row by row needs no more than one of them in memory.

A Parquet file is read part by part; a table of another kind is read whole and then cut. Parts begin at every 262,144th
row, so a table that grows at its end keeps its parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from featurize.dataset.sheets import with_names
from featurize.dataset.table import DatasetTable, as_table, as_texts, empty_split
from featurize.errors import TableError

PART_ROWS = 1 << 18
_BUFFER = 1 << 20  # bytes of a column that are read at a time, however large its row groups are


def parts_of(table: DatasetTable | str | Path, split: str) -> Iterator[tuple[DatasetTable, NDArray[np.intp]]]:
    """The parts of a table that have rows of a split, or of "all", with the numbers of these rows in the part.

    Yields
    ------
    part : DatasetTable
    rows : ndarray (N,) intp

    Raises
    ------
    TableError
        The split is empty, or the table can't be read; the parts before are good.
    """
    found = False
    counts: Counter[str] = Counter()
    for part in _parts(table):
        counts.update(part.columns["split"])
        rows = part.rows_in(split)
        if len(rows):
            found = True
            yield part, rows
    if not found:
        raise empty_split(split, counts)


def _parts(table: DatasetTable | str | Path) -> Iterator[DatasetTable]:
    if not isinstance(table, DatasetTable) and Path(table).suffix.lower() == ".parquet" and Path(table).is_file():
        yield from _of_parquet(Path(table))
        return
    whole = as_table(table)
    if len(whole) <= PART_ROWS:
        yield whole
        return
    for start in range(0, len(whole), PART_ROWS):
        yield whole.take(range(start, min(start + PART_ROWS, len(whole))))


def _of_parquet(path: Path) -> Iterator[DatasetTable]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            if file.metadata.num_rows <= PART_ROWS:
                yield as_table(path)
                return
            for start, batch in enumerate(file.iter_batches(PART_ROWS)):
                rows = f"rows {start * PART_ROWS + 1:,} to {start * PART_ROWS + batch.num_rows:,}"
                try:
                    columns = with_names({name: as_texts(batch.column(name)) for name in batch.schema.names})
                    yield DatasetTable(columns, path.absolute().parent)
                except TableError as error:
                    raise TableError(f"{str(path)!r}, {rows}: {error}") from error
    except (OSError, pa.ArrowException) as error:
        said = str(error).splitlines()[0]
        raise TableError(f"{str(path)!r} can't be read as a dataset table: {said}") from error
