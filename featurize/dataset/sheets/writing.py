"""Columns of text -> a table's file that spreadsheets open as it is meant.

A CSV file begins with a byte order mark, or Excel takes UTF-8 for its country's encoding. A cell that a spreadsheet
would compute (`=1+1`, `@name`) gets an apostrophe before it; `plain_columns` takes it away again.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from cache import files
from cache.errors import StorageFailed
from featurize.dataset.sheets.stray import held, held_name, name_of
from featurize.dataset.sheets.workbook import workbook_bytes

Columns = Mapping[str, Sequence[str]]

PATH = "path"  # the column whose file names must be the same when they are read back
_COMPUTED = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.,]*(?:[eE][+-]?\d+)?")
_ANY_COMPUTED = re.compile(r"^'*[=+\-@\t\r]", re.MULTILINE)


def write_sheet(columns: Columns, path: Path, numbers: Collection[str] = ()) -> None:
    """Write columns into a `.xlsx`, `.parquet` or else CSV file, whole or not at all, unless they stand there already.

    Parameters
    ----------
    columns : mapping of str to sequence of str
    path : Path
    numbers : collection of str
        Columns that hold numbers: a workbook gets them as such, all others as text.

    Raises
    ------
    StorageFailed
        The file system refused, or the columns don't fit into such a file.
    """
    data = sheet_bytes(columns, path, numbers)
    if not _holds(path, data):
        files.write_atomic(path, [data])


def sheet_bytes(columns: Columns, path: Path, numbers: Collection[str] = ()) -> bytes:
    """Columns as the content of a `.xlsx`, `.parquet` or else CSV file.

    Raises
    ------
    StorageFailed
        The columns don't fit into such a file.
    """
    if path.suffix.lower() == ".xlsx":
        return _workbook(columns, path, numbers)
    return (_parquet if path.suffix.lower() == ".parquet" else _csv)(columns, path)


def beside(table: Path, what: str) -> Path:
    """Where a list that belongs to a table lies: `dataset.rejected.csv`, or `.xlsx` beside an Excel table."""
    return table.with_suffix(f".{what}{'.xlsx' if table.suffix == '.xlsx' else '.csv'}")


def csv_bytes(columns: Columns, separator: str = ",") -> bytes:
    """Columns as a CSV file: UTF-8 with a byte order mark."""
    text = _csv_text(columns, separator, "\n")
    if "\r" in text:  # csv puts only those characters between quotes that end its lines
        text = _csv_text(columns, separator, "\r\n")
    return codecs.BOM_UTF8 + held(text).encode()


def _csv_text(columns: Columns, separator: str, end: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end)
    writer.writerow(map(guarded, columns))
    writer.writerows(zip(*(_guarded_column(name, values) for name, values in columns.items()), strict=True))
    return text.getvalue()


def plain_columns(columns: Columns) -> dict[str, list[str]]:
    """Columns as they were before `csv_bytes` made them safe."""
    plain = {}
    for name, values in columns.items():
        if _ANY_COMPUTED.search("\n".join(values)):
            values = [v[1:] if v[:1] == "'" and _is_computed(v[1:]) else v for v in values]
        plain[name[1:] if name[:1] == "'" and _is_computed(name[1:]) else name] = list(values)
    return with_names(plain)


def with_names(columns: Columns) -> dict[str, list[str]]:
    """Columns whose file names are those of the disk again."""
    return {c: list(map(name_of, v)) if c == PATH else list(v) for c, v in columns.items()}


def _guarded_column(name: str, values: Sequence[str]) -> Sequence[str]:
    if name == PATH:
        values = list(map(held_name, values))
    return list(map(guarded, values)) if _ANY_COMPUTED.search("\n".join(values)) else values


def guarded(text: str) -> str:
    """A cell that no spreadsheet computes."""
    return f"'{text}" if _is_computed(text) else text


def _is_computed(text: str) -> bool:
    """Whether a spreadsheet would compute a cell, or `guarded` might have made it of one that it would."""
    return bool(_COMPUTED.match(text)) and len(text) > 1 and not _NUMBER.fullmatch(text)


def _csv(columns: Columns, path: Path) -> bytes:
    return csv_bytes(columns, _separator_of(path))


def _separator_of(path: Path) -> str:
    """A semicolon where the file has it already: the spreadsheets of many countries open no other CSV."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        header = file.readline(100_000)
        return max(",;", key=lambda s: header.count(s.encode()))
    return ","


def _workbook(columns: Columns, path: Path, numbers: Collection[str]) -> bytes:
    try:
        return workbook_bytes(_in_unicode(columns), numbers)
    except ValueError as error:
        raise StorageFailed(f"can't write {str(path)!r}: {error}") from error


def _parquet(columns: Columns, path: Path) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    table = pa.table({name: pa.array(values, pa.string()) for name, values in _in_unicode(columns).items()})
    pq.write_table(table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _in_unicode(columns: Columns) -> dict[str, list[str]]:
    return {held(c): list(map(held_name if c == PATH else held, values)) for c, values in columns.items()}


def _holds(path: Path, data: bytes) -> bool:
    with contextlib.suppress(OSError):
        return path.stat().st_size == len(data) and path.read_bytes() == data
    return False
