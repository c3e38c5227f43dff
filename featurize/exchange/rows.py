"""A table of rows whose vectors are imported -> a dataset table. Pictures may be there or not.

A row that has an id keeps it, so that its vectors stand beside those of networks. Without ids, a row whose picture is
there is named by the picture's bytes, as `featurize prepare` names it; any other row by the name of the import and its
number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cache.addresses import scheme_of
from cache.ids import from_hex
from cache.key import safe_name
from featurize.dataset.notes import Note
from featurize.dataset.splits import Splitting, split_rows
from featurize.dataset.table import FACTS, DatasetTable, relative_path, table_columns
from featurize.errors import TableError, VectorsError
from featurize.networks.weights_file import file_digest

Columns = Mapping[str, Iterable[Any]]  # also a table of pandas


@dataclass(frozen=True)
class Given:
    """A table as it was given.

    Parameters
    ----------
    columns : mapping of str to list of str
    folder : Path
        What its paths are relative to.
    name : str
        As messages call it.
    file : Path or None
        Where it lies.
    """

    columns: Mapping[str, list[str]]
    folder: Path
    name: str
    file: Path | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    @property
    def has_ids(self) -> bool:
        """Whether it names a picture in each row, as a dataset table does."""
        try:
            return len(from_hex(self.columns["id"])) > 0
        except (KeyError, ValueError):
            return False


def read_given(table: DatasetTable | str | Path | Columns) -> Given:
    """The columns of a table: of its file, of a dataset table, or by name.

    Raises
    ------
    TableError
        It can't be read, or holds no rows.
    """
    if isinstance(table, str | Path):
        path = Path(table)
        if not path.is_file():
            raise TableError(f"there is no table {str(path)!r}: name one with a row for each vector (.csv, .xlsx, ...)")
        given = Given(_flat_columns(path), path.absolute().parent, str(path), path)
    elif isinstance(table, DatasetTable):
        given = Given({name: list(values) for name, values in table.columns.items()}, table.folder, "the table")
    else:
        given = Given({str(n): [_text(v) for v in values] for n, values in table.items()}, Path.cwd(), "the table")
    if not len(given):
        raise TableError(f"{given.name!r} has no rows: one row for each vector is needed")
    lengths = {name: len(values) for name, values in given.columns.items()}
    if len(set(lengths.values())) > 1:
        raise TableError(f"the columns differ in length: {lengths}")
    return given


def dataset_table(
    given: Given, name: str, folder: Path, target: str, splitting: Splitting
) -> tuple[DatasetTable, str, list[Note]]:
    """The dataset table of rows whose vectors are imported.

    Parameters
    ----------
    given : Given
    name : str
        Of the import.
    folder : Path
        Where the dataset table will lie.
    target : str
        The label column whose classes a drawn split keeps in proportion.
    splitting : Splitting

    Returns
    -------
    table : DatasetTable
        One row for each row given, in its order.
    how : str
        The way the split was made.
    notes : list of Note
        What the user should know.

    Raises
    ------
    TableError, SourceError
        The rows can't be a dataset table, or can't be split as asked.
    """
    columns, notes = (dict(given.columns), list[Note]()) if given.has_ids else _without_facts(given.columns)
    facts = _facts(columns, given, name, folder)
    labels = {column: values for column, values in columns.items() if column not in FACTS}
    split = columns.get("split", [""] * len(given))
    table = DatasetTable({**facts, "split": split, **labels}, folder)  # also checks the names of splits
    splits, how, more = split_rows(table.columns, target, splitting)
    return table.with_columns(split=splits), how, [*notes, *more]


def _without_facts(columns: Mapping[str, list[str]]) -> tuple[dict[str, list[str]], list[Note]]:
    """Columns that have a dataset table's names and are something else get another name."""
    kept: dict[str, list[str]] = {}
    notes = []
    for name, values in columns.items():
        new = name
        while name in ("id", "size", "mtime_ns") and (new == name or new in columns):
            new = f"source_{new}"
        if new != name:
            notes.append(Note(f"values in the column {name!r} are no facts of pictures: kept as {new!r}", len(values)))
        kept[new] = values
    return kept, notes


def _facts(columns: Mapping[str, list[str]], given: Given, name: str, folder: Path) -> dict[str, list[str]]:
    """`id`, `path`, `size` and `mtime_ns` of each row."""
    count = len(given)
    paths = [
        _moved(path, given.folder, folder) if path else f"{safe_name(name)}-{n:06}"
        for n, path in enumerate(columns.get("path", [""] * count), 1)
    ]
    nothing = [""] * count
    facts = {"path": paths, "size": columns.get("size", nothing), "mtime_ns": columns.get("mtime_ns", nothing)}
    if given.has_ids:
        return {"id": [i.lower() for i in columns["id"]], **facts}
    seen = [_of_picture(folder / path) for path in paths]
    _check_not_repeated(paths, seen)
    named = [hashlib.sha256(f"artstyle import\n{name}\n{n}".encode()).hexdigest() for n in range(1, count + 1)]
    return {
        "id": [picture[0] if picture else other for picture, other in zip(seen, named, strict=True)],
        "path": paths,
        "size": [picture[1] if picture else "" for picture in seen],
        "mtime_ns": [picture[2] if picture else "" for picture in seen],
    }


def _moved(path: str, old: Path, new: Path) -> str:
    """A path relative to another folder; an address stays as it is."""
    return path if scheme_of(path) or old == new else relative_path(old / path, new)


def _check_not_repeated(paths: Sequence[str], seen: Sequence[object]) -> None:
    """Raise where two rows name one path at which no picture says whether they are the same."""
    for again, first in repeats(paths).items():
        if not seen[again]:
            raise TableError(
                f"rows {first + 1} and {again + 1} have the same path {paths[again]!r}, and no picture is there: give "
                "the column another name to keep it as a label, or each row a path of its own"
            )


def _of_picture(path: Path) -> tuple[str, str, str] | None:
    """sha256, size and time of a file; None where there is none."""
    try:
        if not path.is_file():
            return None
        facts = path.stat()
    except OSError:  # the text is no path on this system
        return None
    return file_digest(path), str(facts.st_size), str(facts.st_mtime_ns)


def _flat_columns(path: Path) -> dict[str, list[str]]:
    """The columns of a table's file; of Parquet, without those that hold lists, which are vectors and no labels."""
    if path.suffix.lower() != ".parquet":
        return table_columns(path)
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            if twice := sorted({name for name in schema.names if schema.names.count(name) > 1}):
                raise TableError(f"{str(path)!r} has several columns {twice[0]!r}: give each column a name of its own")
            flat = [name for name in schema.names if not pa.types.is_nested(schema.field(name).type)]
            read = file.read(flat)
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{str(path)!r} can't be read as a Parquet file: {str(error).splitlines()[0]}") from error
    return {name: [_text(value) for value in read.column(name).to_pylist()] for name in flat}


def _text(value: Any) -> str:
    """A cell as text; what is missing is empty."""
    return "" if value is None or value != value else str(value)


def check_count(given: Given, vectors: str, rows: int) -> None:
    """Raise unless a table has a row for each vector.

    Raises
    ------
    VectorsError
    """
    if len(given) != rows:
        raise VectorsError(
            f"{vectors!r} holds {rows:,} vectors, {given.name!r} has {len(given):,} rows: each vector needs its row, "
            "in the same order"
        )


def repeats(texts: Sequence[str]) -> dict[int, int]:
    """Rows that repeat an earlier row's text -> that row, both from 0."""
    first: dict[str, int] = {}
    return {n: first[text] for n, text in enumerate(texts) if first.setdefault(text, n) != n}
