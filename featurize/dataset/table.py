"""The dataset table: one row an image, which people can open and edit.

A file (CSV, Excel or Parquet) with the columns `id`, `path`, `size`, `mtime_ns`, `split` and any label columns. Paths
are relative to the folder the table lies in, so that pictures and table can move together. What a spreadsheet
does to a table is forgiven: semicolons, its own encoding, times rounded to 1.73E+18 (the file's content decides
then), added columns, other row orders.
"""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cache.ids import Ids, from_hex
from featurize.choices import SPLITS
from featurize.dataset.periods import made_by
from featurize.dataset.sheets import Sheet, plain_columns, read_sheet, with_names, write_sheet
from featurize.errors import TableError
from featurize.frames import frame, known
from featurize.pictures.file import Picture
from featurize.pictures.remote import address_of, path_of
from featurize.tiles import Tile, first_of_each
from featurize.tiles import html as tiles_html
from featurize.wording import counted

if TYPE_CHECKING:
    import pandas
    import pyarrow

FACTS = ("id", "path", "size", "mtime_ns", "split")  # the columns that are no labels
ENDINGS = (".csv", ".xlsx", ".parquet")  # of dataset tables that are written


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
        A column is missing or has another length, an id is no sha256, a path stands with two ids. Rows that repeat a
        picture are allowed, whether they repeat the path or not: people add labels so, and the audit removes repeats.
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
        if "" in self.columns["id"]:
            row = list(self.columns["id"]).index("")
            raise TableError(
                f"the row of {self.columns['path'][row]!r} has no id: `featurize prepare` reads the file and adds it"
            )
        try:
            from_hex(self.columns["id"])
        except ValueError as error:
            raise TableError(f"in the dataset table {error}: run `featurize prepare` again") from error
        pictures: dict[str, str] = {}
        for path, picture in zip(self.columns["path"], self.columns["id"], strict=True):
            if pictures.setdefault(path, picture) != picture:
                raise TableError(
                    f"the dataset table has {path!r} in two rows with different ids, but one file has one id: remove "
                    "the wrong row, or run `featurize prepare` again"
                )
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
        """Row numbers of a split, of several joined by + as in "train+val", or of "all".

        Raises
        ------
        TableError
            A split is empty; the message counts the others. Or there is no row at all.
        """
        self._refuse_empty()
        for one in split.split("+"):
            if not len(self.rows_in(one)):
                raise empty_split(one, Counter(self.columns["split"]))
        return self.rows_in(split)

    def rows_in(self, split: str) -> NDArray[np.intp]:
        """Row numbers of a split, of several joined by +, or of "all"; there may be none."""
        wanted = split.split("+")
        return np.array([n for n, s in enumerate(self.columns["split"]) if "all" in wanted or s in wanted], np.intp)

    def column(self, name: str) -> Sequence[str]:
        """A label column.

        Raises
        ------
        TableError
            There is none of that name, or it is empty throughout; the message lists those there are.
        """
        self._refuse_empty()
        if name not in self.columns or not any(self.columns[name]):
            there = ", ".join(c for c in self.labels if any(self.columns[c])) or "none"
            raise TableError(
                f"the dataset table has no labels {name!r} (it has: {there}): choose one with --target{made_by(name)}"
            )
        return mapped(self.columns[name], tidy)

    def _refuse_empty(self) -> None:
        if not len(self):
            raise TableError("the dataset table has no rows: `featurize prepare SOURCE` finds the pictures")

    def picture(self, row: int) -> Picture:
        """The picture file of a row."""
        return Picture(
            self.columns["id"][row],
            self._path(row),
            _whole(self.columns.get("size", ()), row),
            _whole(self.columns.get("mtime_ns", ()), row),
        )

    def _path(self, row: int) -> Path:
        named = self.columns["path"][row]
        return path_of(address) if (address := address_of(named)) else self.folder / named

    def whole_numbers(self, name: str) -> list[int]:
        """A column of whole numbers; -1 where there is none, or the column is missing."""
        column = self.columns.get(name, [""] * len(self))
        try:
            return list(map(int, column))
        except ValueError:
            return [_whole(column, row) for row in range(len(column))]

    def to_pandas(self) -> pandas.DataFrame:
        """All columns as a table of pandas, one row an image.

        Texts stay texts, also years ("c. 1890" is allowed); `size` and `mtime_ns` are whole numbers; what is unknown
        is missing.

        Raises
        ------
        PackageMissing
            pandas is not installed.
        """
        table = frame({name: known(list(values)) for name, values in self.columns.items()})
        numbers = [name for name in ("size", "mtime_ns") if name in self.columns]
        return table.assign(**{name: self.whole_numbers(name) for name in numbers})

    def _repr_html_(self) -> str:
        """A small gallery, for notebooks: pictures of the classes of the first label column."""
        names = [name for name in self.labels if any(self.columns[name])]
        target = "style" if "style" in names else next(iter(names), "")
        labels = self.columns.get(target, [""] * len(self))
        splits = ", ".join(f"{split} {list(self.columns['split']).count(split):,}" for split in SPLITS)
        classes = f" of {len({*labels} - {''}):,} classes ({target})" if target else ""
        notes = [", ".join(filter(None, pair)) for pair in zip(self._texts("artist"), self._texts("year"), strict=True)]
        tiles = [
            Tile(self.folder / self.columns["path"][n], labels[n], notes[n] if target != "artist" else "")
            for n in first_of_each(labels)
        ]
        return tiles_html(f"{counted(len(self), 'picture')}{classes}; {splits}", tiles)

    def _texts(self, name: str) -> Sequence[str]:
        return self.columns.get(name, [""] * len(self))

    def take(self, rows: Iterable[int]) -> DatasetTable:
        """The table of some rows, in that order."""
        chosen = list(rows)
        return DatasetTable({c: [v[n] for n in chosen] for c, v in self.columns.items()}, self.folder)

    def with_columns(self, **columns: Sequence[str]) -> DatasetTable:
        """The table with columns replaced or added."""
        return DatasetTable({**self.columns, **columns}, self.folder)


def empty_split(split: str, counts: Mapping[str, int]) -> TableError:
    """What there is to say where a split has no rows; `counts` has those of the others."""
    listed = ", ".join(f"{name or 'no split'} {counts[name]}" for name in sorted(counts))
    return TableError(
        f"the split {split!r} is empty (the table has: {listed or 'no rows'}): choose another, or make one "
        "with `featurize prepare --split random`"
    )


def as_table(table: DatasetTable | str | Path) -> DatasetTable:
    """A dataset table as it is; where a path is given, the table is read from there."""
    return table if isinstance(table, DatasetTable) else read_table(table)


def read_table(path: str | Path = "dataset.csv", other: str = "") -> DatasetTable:
    """Read a dataset table.

    Parameters
    ----------
    path : str or Path
        `.csv`, `.tsv`, `.xlsx` or `.parquet`.
    other : str
        The encoding of lines that are not UTF-8; empty for that of this country's spreadsheets.

    Raises
    ------
    TableError
        The file is missing, or no dataset table.

    Examples
    --------
    >>> import featurize
    >>> table = featurize.read_table("dataset.csv")
    >>> table.labels
    ('style', 'artist', 'year')
    """
    path = Path(path)
    if not path.exists():
        raise TableError(f"there is no dataset table {str(path)!r}: make one with `featurize prepare SOURCE`")
    columns = table_columns(path, other)
    try:
        return DatasetTable(columns, path.absolute().parent)
    except TableError as error:
        raise TableError(f"{str(path)!r}: {error}") from error


def table_columns(path: Path, other: str = "") -> dict[str, list[str]]:
    """The columns of a dataset table, whether or not they are complete; rows without anything in them are left out.

    Parameters
    ----------
    path : Path
    other : str
        The encoding of lines that are not UTF-8; empty for that of this country's spreadsheets.

    Raises
    ------
    TableError
        The file can't be read as a table, or two different columns have one name.
    """
    try:
        if path.suffix.lower() == ".parquet":
            return with_names(_read_parquet(path))
        sheet = read_sheet(path, other, usual=True)
        columns = _by_name(sheet)
    except (OSError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise TableError(f"{str(path)!r} can't be read as a dataset table: {said}") from error
    columns = plain_columns(columns)
    if "split" in columns:
        columns["split"] = mapped(columns["split"], _split)
    return columns


def _by_name(sheet: Sheet) -> dict[str, list[str]]:
    """Columns of a sheet; a name that stands twice means nothing, unless both columns hold the same."""
    named: dict[str, list[str]] = {}
    for name, values in zip(map(str.strip, sheet.header), sheet.cells, strict=True):
        if name in named and named[name] != values:
            raise ValueError(f"two of its columns are named {name!r}: give one another name")
        if name or any(map(str.strip, values)):
            named[name] = values
    if "" in named.get("path", ()):  # a spreadsheet leaves empty rows where people clear them
        filled = [any(row) for row in zip(*named.values(), strict=True)]
        return {c: list(compress(values, filled)) for c, values in named.items()}
    return named


def _split(value: str) -> str:
    plain = value.strip().lower()
    return plain if plain in ("", *SPLITS) else value


def write_table(table: DatasetTable, path: str | Path) -> None:
    """Write a dataset table; it exists whole or not at all.

    Raises
    ------
    StorageFailed
        The file system refused, or the table does not fit into such a file.
    """
    write_sheet(table.columns, Path(path))


def check_ending(path: Path, option: str) -> None:
    """Raise where a dataset table is to be written under a name that does not say its form.

    Parameters
    ----------
    path : Path
    option : str
        What the user gave the name with.

    Raises
    ------
    TableError
    """
    if path.suffix not in ENDINGS:
        raise TableError(
            f"{option} {str(path)!r}: the dataset table is written as .csv, .xlsx or .parquet; choose such a name"
        )


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


def mapped(values: Sequence[str], change: Callable[[str], str]) -> list[str]:
    """The values changed, each distinct one once."""
    known = {value: change(value) for value in set(values)}
    return [known[v] for v in values]


def tidy(label: str) -> str:
    """A label in one spelling: Unicode in composed form, no space around it."""
    return unicodedata.normalize("NFC", label).strip()


def _read_parquet(path: Path) -> dict[str, list[str]]:
    import pyarrow.parquet as pq

    read = pq.read_table(path)
    return {name: as_texts(read.column(name)) for name in read.column_names}


def as_texts(column: pyarrow.ChunkedArray | pyarrow.Array) -> list[str]:
    """A column of a Parquet file as texts; what is unknown is empty."""
    return ["" if value is None else str(value) for value in column.to_pylist()]


def _whole(column: Sequence[str], row: int) -> int:
    try:
        return int(column[row])
    except (IndexError, ValueError):
        return -1
