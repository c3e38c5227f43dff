"""Pictures in a column of a Parquet file: bytes, a struct with a field `bytes`, or lists of these.

`datasets` of Hugging Face writes structs of bytes and path. Of a list the first picture counts.

A row group can hold hundreds of megabytes, so none is ever loaded whole: its rows are streamed, and those that
passed last are kept for the threads that come a little later. Going backwards beyond them starts the row group
anew, which is right for readers that go through a table in its order, as all of ours do. The smallest piece that
Parquet lets anyone read is a page: up to 1,024 pictures where a row group has so many.
"""

from __future__ import annotations

import bisect
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.errors import NotInArchive
from featurize.pictures.archives.base import Archive

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_ROWS_AT_ONCE = 16
_KEPT_BYTES = 48 << 20  # of each row group under way
_GROUPS_AT_ONCE = 2


class Parquet(Archive):
    """A Parquet file; a member's name is `column/row`."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._path = path
        self._lock = threading.Lock()
        try:
            with pq.ParquetFile(path) as file:
                self.columns = picture_columns(file.schema_arrow)
                rows = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        except pa.ArrowException as error:
            raise OSError(f"it is no Parquet file ({str(error).splitlines()[0]})") from error
        self.starts = [0, *accumulate(rows)]  # first row of each row group, and the end
        self._groups: OrderedDict[tuple[str, int], _RowGroup] = OrderedDict()

    def held(self, column: str) -> Sequence[bool]:
        """Whether each row holds bytes, be they none at all; where statistics say it, no row is read.

        Raises
        ------
        OSError
            The file is damaged.
        """
        held: list[bool] = []
        with _streaming(self._path) as file:
            for group in range(file.num_row_groups):
                part = file.metadata.row_group(group)
                facts = _leaf(part, column).statistics
                if facts is not None and facts.has_null_count and facts.null_count == 0:
                    held += [True] * part.num_rows
                else:
                    held += [data is not None for data in _rows(file, self.columns[column], group)]
        return held

    def beyond_the_first(self, column: str) -> int:
        """How many pictures stand behind the first of a row."""
        with _streaming(self._path) as file:
            parts = [file.metadata.row_group(n) for n in range(file.num_row_groups)]
            return sum(_leaf(part, column).num_values - part.num_rows for part in parts)

    def some(self, column: str, most: int) -> list[bytes]:
        """The first few pictures of a column that are not empty.

        Raises
        ------
        OSError
            The file is damaged.
        """
        with _streaming(self._path) as file:
            rows = (data for n in range(file.num_row_groups) for data in _rows(file, self.columns[column], n) if data)
            return list(islice(rows, most))

    def names(self) -> Iterator[str]:
        return (f"{column}/{row}" for column in self.columns for row in range(self.starts[-1]))

    def size(self, name: str) -> int:
        self._place(name)
        return -1

    def read(self, name: str) -> bytes:
        column, group, row = self._place(name)
        with self._lock:
            key = column, group
            if key not in self._groups:
                rows = self.starts[group + 1] - self.starts[group]
                self._groups[key] = _RowGroup(self._path, self.columns[column], group, rows)
            self._groups.move_to_end(key)
            while len(self._groups) > _GROUPS_AT_ONCE:
                self._groups.popitem(last=False)
            try:
                data = self._groups[key].bytes_of(row)
            except OSError:
                del self._groups[key]
                raise
        if data is None:
            raise NotInArchive(name)
        return data

    def _place(self, name: str) -> tuple[str, int, int]:
        """Column, row group, row within it."""
        column, _, digits = name.rpartition("/")
        row = int(digits) if digits.isdecimal() else -1
        if column not in self.columns or not 0 <= row < self.starts[-1]:
            raise NotInArchive(name)
        group = bisect.bisect_right(self.starts, row) - 1
        return column, group, row - self.starts[group]


class _RowGroup:
    """The pictures of a row group, streamed forwards."""

    def __init__(self, path: Path, field: str, group: int, rows: int) -> None:
        self._path = path
        self._field = field
        self._group = group
        self._last = rows
        self._restart()

    def _restart(self) -> None:
        self._rows = self._stream()
        self._next = 0
        self._kept: OrderedDict[int, bytes | None] = OrderedDict()
        self._kept_bytes = 0

    def bytes_of(self, row: int) -> bytes | None:
        if row < self._next and row not in self._kept:
            self._restart()
        while row >= self._next:
            self._keep(next(self._rows))
        if self._next == self._last:
            self._rows.close()  # with the page it holds, which may be as large as the row group
        return self._kept[row]

    def _keep(self, data: bytes | None) -> None:
        self._kept[self._next] = data
        self._kept_bytes += len(data or b"")
        self._next += 1
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1] or b"")

    def _stream(self) -> Generator[bytes | None, None, None]:
        with _streaming(self._path) as file:
            yield from _rows(file, self._field, self._group)
        raise OSError("the file is cut short")


def _rows(file: pq.ParquetFile, field: str, group: int) -> Iterator[bytes | None]:
    """The bytes in each row of a row group; None where there are none."""
    import pyarrow as pa

    try:
        for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=[field], use_threads=False):
            yield from (_bytes_of(value.as_py()) for value in batch.column(0))
    except pa.ArrowException as error:
        raise OSError(f"the file is damaged ({str(error).splitlines()[0]})") from error


def _bytes_of(value: Any) -> bytes | None:
    """The bytes of a cell: its own, its field's, or those of the first in its list."""
    while isinstance(value, list | dict):
        value = value.get("bytes") if isinstance(value, dict) else next(iter(value), None)
    return value if isinstance(value, bytes) else None


def _leaf(part: Any, column: str) -> Any:
    """What a row group's metadata say about the bytes of a column, however deep they lie in it."""
    leaves = [part.column(n) for n in range(part.num_columns)]
    own = [leaf for leaf in leaves if leaf.path_in_schema == column or leaf.path_in_schema.startswith(f"{column}.")]
    return next((leaf for leaf in own if leaf.path_in_schema.endswith(".bytes")), own[0])


def _streaming(path: Path) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)


def picture_columns(schema: Any) -> dict[str, str]:
    """Columns whose type can hold pictures -> what to read of them: `image` -> `image.bytes`."""
    import pyarrow as pa

    found = {}
    for field in schema:
        if pa.types.is_struct(field.type) and _holds_bytes(field.type):
            found[field.name] = f"{field.name}.bytes"
        elif _holds_bytes(field.type) or (_is_list(field.type) and _holds_bytes(field.type.value_type)):
            found[field.name] = field.name
    return found


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as t

    if t.is_struct(kind):
        place = kind.get_field_index("bytes")
        return bool(place >= 0 and _holds_bytes(kind.field(place).type))
    return bool(t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind))


def _is_list(kind: Any) -> bool:
    import pyarrow.types as t

    return bool(t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind))
