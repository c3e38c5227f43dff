"""Tables as files, whatever spreadsheet in whatever country wrote them: columns of text in and out."""

from __future__ import annotations

from featurize.dataset.sheets.reading import Sheet, read_sheet
from featurize.dataset.sheets.stray import readable
from featurize.dataset.sheets.writing import (
    beside,
    csv_bytes,
    guarded,
    plain_columns,
    sheet_bytes,
    with_names,
    write_sheet,
)

__all__ = [
    "Sheet",
    "beside",
    "csv_bytes",
    "guarded",
    "plain_columns",
    "read_sheet",
    "readable",
    "sheet_bytes",
    "with_names",
    "write_sheet",
]
