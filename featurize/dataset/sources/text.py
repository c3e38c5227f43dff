"""Tables as columns of text, whether they are CSV or Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.dataset.notes import Note
from featurize.dataset.table import FACTS, read_columns
from featurize.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def read_text(path: Path) -> tuple[dict[str, list[str]], list[Note]]:
    """The columns of a `.csv`, `.tsv` or `.parquet` file as text; lists are joined by `;`.

    Raises
    ------
    SourceError
        The file can't be read as a table.
    """
    try:
        columns, notes = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(f"{str(path)!r} can't be read as a table: {str(error).splitlines()[0]}") from error
    if not columns:
        raise SourceError(f"{str(path)!r} holds no table: its first line must name the columns")
    return columns, notes


def _csv(path: Path) -> tuple[dict[str, list[str]], list[Note]]:
    try:
        return read_columns(path, errors="strict"), []
    except UnicodeDecodeError:
        columns = read_columns(path)
    if set(FACTS) <= set(columns):
        return columns, []  # our own tables keep the bytes of names that are no UTF-8
    columns = read_columns(path, "cp1252", "replace")
    rows = len(next(iter(columns.values()), ()))
    return columns, [Note("rows of a table that is no UTF-8: read as Windows-1252", rows)]


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
    return {column: _text(read.column(column).to_pylist(), names.get(column)) for column in wanted}


def class_names(schema: pa.Schema) -> dict[str, Sequence[str]]:
    """Column -> names of its classes, from the metadata that `datasets` writes into a schema."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        flat = {c: f.get("feature", f) if isinstance(f, Mapping) else f[0] for c, f in features.items()}
        return {c: f["names"] for c, f in flat.items() if f.get("_type") == "ClassLabel"}
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return {}


def _is_text(kind: Any) -> bool:
    import pyarrow.types as t

    if t.is_list(kind) or t.is_large_list(kind):
        return _is_text(kind.value_type)
    if t.is_dictionary(kind):
        return _is_text(kind.value_type)
    return not (t.is_nested(kind) or t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind))


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
