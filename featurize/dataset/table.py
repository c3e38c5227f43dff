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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import files
from cache.errors import StorageFailed
from cache.ids import Ids, from_hex
from featurize.choices import SPLITS
from featurize.errors import TableError
from featurize.pictures.file import Picture

_BLOCK = 10_000  # lines read at a time
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

    def whole_numbers(self, name: str) -> list[int]:
        """A column of whole numbers; -1 where there is none, or the column is missing."""
        column = self.columns.get(name, [""] * len(self))
        try:
            return list(map(int, column))
        except ValueError:
            return [_whole(column, row) for row in range(len(column))]

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
        columns = _read_parquet(path) if path.suffix == ".parquet" else read_columns(path)
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
    """Write columns as CSV, atomically, unless they stand there already; bytes of names that are no UTF-8 are kept."""
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    data = text.getvalue().encode("utf-8", "surrogateescape")
    if not _holds(path, data):
        files.write_atomic(path, [data])


def _holds(path: Path, data: bytes) -> bool:
    with contextlib.suppress(OSError):
        return path.stat().st_size == len(data) and path.read_bytes() == data
    return False


def relative_path(path: Path, folder: Path) -> str:
    """A picture's path as the table keeps it: relative where it lies under the table's folder, else absolute."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  keeps links as they are, unlike resolve
    with contextlib.suppress(ValueError):
        return str(absolute.relative_to(os.path.abspath(folder)))  # noqa: PTH100
    return str(absolute)


def relative_paths(paths: Sequence[str], folder: Path) -> list[str]:
    """`relative_path` of many absolute paths: one in its plainest form is only cut, or stays."""
    start = os.path.join(os.path.abspath(folder), "")  # noqa: PTH100, PTH118
    return [
        relative_path(Path(path), folder) if "/." in path or "//" in path else path.removeprefix(start)
        for path in paths
    ]


def tidy(label: str) -> str:
    """A label in one spelling: Unicode in composed form, no space around it."""
    return unicodedata.normalize("NFC", label).strip()


def read_columns(path: Path, encoding: str = "utf-8-sig", errors: str = "surrogateescape") -> dict[str, list[str]]:
    """The columns of a `.csv` or `.tsv` file, whichever of comma, semicolon and tab separates them.

    Raises
    ------
    ValueError, csv.Error
        The file is no table.
    OSError
    """
    with path.open(newline="", encoding=encoding, errors=errors) as file:
        header = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=header.count)
        reader = csv.reader(file, delimiter=delimiter)
        names = next((record for record in reader if record), [])
        columns: list[list[str]] = [[] for _ in names]
        while block := [record for record in islice(reader, _BLOCK) if record]:
            _check_widths(block, len(names), reader.line_num)
            for column, values in zip(columns, zip(*block, strict=True), strict=True):
                column.extend(values)
        return dict(zip(names, columns, strict=True))


def _check_widths(block: Sequence[Sequence[str]], width: int, last_line: int) -> None:
    wrong = [n for n, record in enumerate(block) if len(record) != width]
    if wrong:
        line = last_line - len(block) + 1 + wrong[0]
        raise ValueError(f"line {line} has {len(block[wrong[0]])} fields, the header {width}")


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
