"""Tables as columns of text, whether they are CSV, Excel or Parquet."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.dataset.notes import Note
from featurize.dataset.sheets import Sheet, plain_columns, read_sheet
from featurize.dataset.table import FACTS
from featurize.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def read_text(path: Path, other: str = "") -> tuple[dict[str, list[str]], list[Note]]:
    """The columns of a `.csv`, `.tsv`, `.xlsx` or `.parquet` file as text; lists are joined by `;`.

    Parameters
    ----------
    path : Path
    other : str
        The encoding of lines that are not UTF-8; empty for that of this country's spreadsheets.

    Raises
    ------
    SourceError
        The file can't be read as a table.
    """
    if path.suffix.lower() != ".parquet":
        return columns_of(text_sheet(path, other))
    with _clearly(path):
        columns, notes = _parquet(path)
    if not columns:
        raise SourceError(f"{str(path)!r} holds no table: it has no column of text")
    return columns, notes


def columns_of(sheet: Sheet) -> tuple[dict[str, list[str]], list[Note]]:
    """The columns of a sheet by name, and the notes on it."""
    columns, notes = sheet.columns()
    return plain_columns(columns) if set(FACTS) <= set(columns) else columns, [*sheet.notes, *notes]


def text_sheet(path: Path, other: str = "") -> Sheet:
    """A `.csv`, `.tsv` or `.xlsx` file as it stands, without spaces around its cells.

    Raises
    ------
    SourceError
        The file can't be read as a table.
    """
    with _clearly(path):
        sheet = read_sheet(path, other)
    if not sheet.header:
        raise SourceError(f"{str(path)!r} holds no table: its first line must name the columns")
    return replace(sheet, cells=[list(map(str.strip, column)) for column in sheet.cells])


@contextlib.contextmanager
def _clearly(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise SourceError(f"{str(path)!r} can't be read as a table: {str(error).splitlines()[0]}") from error


def _parquet(path: Path) -> tuple[dict[str, list[str]], list[Note]]:
    import pyarrow.parquet as pq  # its errors are ValueErrors and OSErrors

    with pq.ParquetFile(path) as file:
        return parquet_text(file), []


def parquet_text(file: pq.ParquetFile) -> dict[str, list[str]]:
    """Columns of a Parquet file that are no pictures, as text; class numbers become their names.

    The names of classes stand in the schema's metadata under `huggingface`, where `datasets` writes them.
    """
    schema = file.schema_arrow
    wanted = [field.name for field in schema if _is_text(field.type)]
    names = class_names(schema)
    read = file.read(columns=wanted, use_threads=False)
    columns = {column: _text(read.column(column).to_pylist(), names.get(column)) for column in wanted}
    for field in schema:
        if inner := _texts_in(field.type):
            inside = file.read(columns=[f"{field.name}.{name}" for name in inner], use_threads=False)
            values = inside[field.name].to_pylist()
            for name in inner:
                columns.setdefault(f"{field.name}.{name}", _text([(value or {}).get(name) for value in values], None))
    return columns


def class_names(schema: pa.Schema) -> dict[str, Sequence[str]]:
    """Column -> names of its classes, from the metadata that `datasets` writes into a schema."""
    said = _features(schema)
    return {c: f["names"] for c, f in said.items() if f.get("_type") == "ClassLabel" and "names" in f}


def feature_types(schema: pa.Schema) -> dict[str, str]:
    """Column -> what `datasets` says it holds: "Image", "Audio", "ClassLabel", "Value", ..."""
    return {column: str(feature.get("_type", "")) for column, feature in _features(schema).items()}


def _features(schema: pa.Schema) -> dict[str, Mapping[str, Any]]:
    """Column -> what `datasets` writes about it, or about the members of its lists."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        flat = {c: f.get("feature", f) if isinstance(f, Mapping) else f[0] for c, f in features.items()}
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return {}
    return {column: feature for column, feature in flat.items() if isinstance(feature, Mapping)}


def _is_text(kind: Any) -> bool:
    import pyarrow.types as t

    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return _is_text(kind.value_type)
    if t.is_dictionary(kind):
        return _is_text(kind.value_type)
    binary = (t.is_binary, t.is_large_binary, t.is_binary_view, t.is_fixed_size_binary)
    return not (t.is_nested(kind) or any(is_kind(kind) for is_kind in binary))


def _texts_in(kind: Any) -> list[str]:
    """The names of what is text in a struct that is no picture."""
    import pyarrow.types as t

    if not t.is_struct(kind) or "bytes" in (names := [field.name for field in kind]):
        return []
    return [name for name in names if _is_text(kind.field(name).type)]


def _text(values: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    def one(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, list):
            return ";".join(one(v) for v in value)
        if names is not None and isinstance(value, int):
            return names[value] if 0 <= value < len(names) else ""
        return str(value)

    return [one(v) for v in values]
