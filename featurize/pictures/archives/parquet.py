"""Pictures in a column of a Parquet file, as `datasets` of Hugging Face writes them: a struct of bytes and path.

A row group can hold hundreds of megabytes, so none is ever loaded whole: its rows are streamed, and those that
passed last are kept for the threads that come a little later. Going backwards beyond them starts the row group
anew, which is right for readers that go through a table in its order, as all of ours do. The smallest piece that
Parquet lets anyone read is a page: up to 1,024 pictures where a row group has so many.
"""

from __future__ import annotations

import bisect
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterator
from itertools import accumulate
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
        import pyarrow as pa

        try:
            with _streaming(self._path) as file:
                for batch in file.iter_batches(
                    _ROWS_AT_ONCE, row_groups=[self._group], columns=[self._field], use_threads=False
                ):
                    column = batch.column(0)
                    if pa.types.is_struct(column.type):
                        column = column.field(0)
                    yield from (value.as_py() for value in column)
        except pa.ArrowException as error:
            raise OSError(f"the file is damaged ({str(error).splitlines()[0]})") from error
        raise OSError("the file is cut short")


def _streaming(path: Path) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)


def picture_columns(schema: Any) -> dict[str, str]:
    """Columns that hold pictures -> what to read of them: `image` -> `image.bytes`."""
    import pyarrow as pa

    found = {}
    for field in schema:
        if pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0:
            found[field.name] = f"{field.name}.bytes"
        elif pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            found[field.name] = field.name
    return found
