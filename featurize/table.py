"""The dataset table: one row an image, which people can open and edit.

A CSV (or Parquet) file with the columns `id`, `path`, `size`, `mtime_ns`, `split` and any label columns. Paths
are relative to the folder the table lies in, so that pictures and table can move together. What a spreadsheet
does to a table is forgiven: semicolons, a byte order mark, times rounded to 1.73E+18 (the file's content
decides then), added columns, other row orders.
"""

from __future__ import annotations

import contextlib
import csv
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import files
from cache.errors import StorageFailed
from cache.ids import Ids, from_hex
from featurize.errors import TableError
from featurize.pictures import Picture

SPLITS = ("train", "val", "test")
FACTS = ("id", "path", "size", "mtime_ns", "split")  # the columns that are no labels


@dataclass(frozen=True)
class DatasetTable:
    """Images, their files, splits and labels.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        All of one length; holds at least the columns of `FACTS`. An empty string is an unknown value.
    folder : Path
        What relative paths are relative to.

    Raises
    ------
    TableError
        A column is missing or has another length, an id is no sha256, a path stands twice.
    """

    columns: Mapping[str, Sequence[str]]
    folder: Path

    def __post_init__(self) -> None:
        lacking = [c for c in ("id", "path", "split") if c not in self.columns]
        if lacking:
            raise TableError(
                f"the dataset table has no column {lacking[0]!r} (it has: {', '.join(self.columns) or 'none'}): "
                "make one with `featurize prepare SOURCE`"
            )
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise TableError(f"the columns differ in length: {lengths}")
        try:
            from_hex(self.columns["id"])
        except ValueError as error:
            raise TableError(f"in the dataset table {error}: run `featurize prepare` again") from error
        strange = sorted(set(self.columns["split"]) - {*SPLITS, ""})
        if strange:
            raise TableError(f"the dataset table has a split {strange[0]!r}: use train, val, test, or leave it empty")

    def __len__(self) -> int:
        return len(self.columns["id"])

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the label columns."""
        return tuple(c for c in self.columns if c not in FACTS)

    @property
    def ids(self) -> Ids:
        """Ids in row order, (N,) S32."""
        return from_hex(self.columns["id"])

    def rows_of(self, split: str) -> NDArray[np.intp]:
        """Row numbers of a split, or of "all".

        Raises
        ------
        TableError
            The split is empty; the message counts the others.
        """
        here = self.columns["split"]
        rows = np.array([n for n, s in enumerate(here) if split in ("all", s)], np.intp)
        if not len(rows):
            counted = ", ".join(f"{name or 'no split'} {list(here).count(name)}" for name in sorted(set(here)))
            raise TableError(
                f"the split {split!r} is empty (the table has: {counted or 'no rows'}): choose another, or make one "
                "with `featurize prepare --split random`"
            )
        return rows

    def column(self, name: str) -> Sequence[str]:
        """A label column.

        Raises
        ------
        TableError
            There is none of that name, or it is empty throughout; the message lists those there are.
        """
        if name not in self.columns or not any(self.columns[name]):
            there = ", ".join(c for c in self.labels if any(self.columns[c])) or "none"
            raise TableError(f"the dataset table has no labels {name!r} (it has: {there}): choose one with --target")
        return self.columns[name]

    def picture(self, row: int) -> Picture:
        """The picture file of a row."""
        return Picture(
            self.columns["id"][row],
            self.folder / self.columns["path"][row],
            _whole(self.columns.get("size", ()), row),
            _whole(self.columns.get("mtime_ns", ()), row),
        )

    def take(self, rows: Iterable[int]) -> DatasetTable:
        """The table of some rows, in that order."""
        chosen = list(rows)
        return DatasetTable({c: [v[n] for n in chosen] for c, v in self.columns.items()}, self.folder)

    def with_columns(self, **columns: Sequence[str]) -> DatasetTable:
        """The table with columns replaced or added."""
        return DatasetTable({**self.columns, **columns}, self.folder)


def read_table(path: Path) -> DatasetTable:
    """Read a dataset table.

    Parameters
    ----------
    path : Path
        `.csv`, `.tsv` or `.parquet`.

    Raises
    ------
    TableError
        The file is missing, or no dataset table.
    """
    if not path.exists():
        raise TableError(f"there is no dataset table {str(path)!r}: make one with `featurize prepare SOURCE`")
    try:
        columns = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except (OSError, ValueError, csv.Error) as error:
        raise TableError(f"{str(path)!r} can't be read as a dataset table: {error}") from error
    return DatasetTable(columns, path.absolute().parent)


def write_table(table: DatasetTable, path: Path) -> None:
    """Write a dataset table; it exists whole or not at all.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    if path.suffix == ".parquet":
        _write_parquet(table.columns, path)
    else:
        write_csv(table.columns, path)


def write_csv(columns: Mapping[str, Sequence[str]], path: Path) -> None:
    """Write columns as CSV, atomically; bytes of file names that are no UTF-8 are kept."""
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    files.write_atomic(path, [text.getvalue().encode("utf-8", "surrogateescape")])


def relative_path(path: Path, folder: Path) -> str:
    """A picture's path as the table keeps it: relative where it lies under the table's folder, else absolute."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  keeps links as they are, unlike resolve
    with contextlib.suppress(ValueError):
        return str(absolute.relative_to(os.path.abspath(folder)))  # noqa: PTH100
    return str(absolute)


def tidy(label: str) -> str:
    """A label in one spelling: Unicode in composed form, no space around it."""
    return unicodedata.normalize("NFC", label).strip()


def _read_csv(path: Path) -> dict[str, list[str]]:
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        header = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=header.count)
        rows = _records(csv.reader(file, delimiter=delimiter), path)
        names = next(rows, [])
        return {name: list(values) for name, values in zip(names, _transposed(rows, len(names)), strict=True)}


def _records(reader: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    width = None
    for number, record in enumerate(reader, 1):
        if not record:
            continue
        width = len(record) if width is None else width
        if len(record) != width:
            raise ValueError(f"line {number} has {len(record)} fields, the header {width}")
        yield record


def _transposed(rows: Iterator[list[str]], width: int) -> list[list[str]]:
    columns: list[list[str]] = [[] for _ in range(width)]
    for record in rows:
        for column, value in zip(columns, record, strict=True):
            column.append(value)
    return columns


def _read_parquet(path: Path) -> dict[str, list[str]]:
    import pyarrow.parquet as pq

    read = pq.read_table(path)
    return {n: ["" if v is None else str(v) for v in read.column(n).to_pylist()] for n in read.column_names}


def _write_parquet(columns: Mapping[str, Sequence[str]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    try:
        pq.write_table(pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}), sink)
    except (UnicodeEncodeError, pa.ArrowInvalid) as error:
        raise StorageFailed(f"a file name that is no UTF-8 can't stand in {str(path)!r}: write a .csv") from error
    files.write_atomic(path, [sink.getvalue().to_pybytes()])


def _whole(column: Sequence[str], row: int) -> int:
    try:
        return int(column[row])
    except (IndexError, ValueError):
        return -1
