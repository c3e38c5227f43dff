"""Excel workbooks (`.xlsx`): the first sheet that holds something, as text; and a sheet of text cells out.

Every cell is written as text, so that no id turns into a number and no inventory number loses its zeros.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENDINGS = (".xlsx", ".xlsm")
_NO_TIME = datetime.datetime(1980, 1, 1)  # the first that a zip file can hold
MOST_CHARACTERS = 32_767  # in a cell, by Excel's specification
MOST_ROWS = 1_048_576
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")  # ISO/IEC 29500-1, 22.4.2.4: a character that XML can't hold
_TO_ESCAPE = re.compile("[\x00-\x08\x0b-\x1f]|_x(?=[0-9A-Fa-f]{4}_)|[\ufffe\uffff]")
_ZEROS = re.compile("0{2,}")
_YEARS = ("yyyy", "jjjj", "aaaa")  # formats of dates of which only the year is seen


@dataclass(frozen=True)
class Filled:
    """The first sheet of a workbook that holds something.

    Parameters
    ----------
    rows : list of list of str
        Without those that are empty; as long as what they hold.
    lines : list of int
        The numbers of these rows in the sheet.
    merged : list of str
        Ranges of cells that are merged into one, as "B2:B5"; each cell has the value.
    others : list of str
        Names of further sheets that hold something.
    """

    rows: list[list[str]]
    lines: list[int]
    merged: list[str]
    others: list[str]


def read_workbook(path: Path) -> Filled:
    """The first sheet that holds something.

    Raises
    ------
    ValueError
        The file is no workbook, or a formula in it was never computed.
    OSError
    """
    import openpyxl

    try:
        with path.open("rb") as file:  # openpyxl would refuse a workbook of another name
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheets = sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")  # hidden ones last
            filled = [(sheet, *found) for sheet in sheets if (found := _filled_rows(sheet))[0]]
            if not filled:
                return Filled([], [], [], [])
            sheet, rows, lines = filled[0]
            with zipfile.ZipFile(file) as archive:
                xml = archive.read(sheet._worksheet_path)  # openpyxl reads formulas and merged cells only without hurry
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, SyntaxError) as error:
        raise ValueError(
            f"it is no workbook that can be read ({_first_line(error)}): save it again as .xlsx"
        ) from error
    _check_formulas(xml)
    return Filled(rows, lines, _unmerge(xml, rows, lines), [_title(other) for other, _, _ in filled[1:]])


def _title(sheet: Any) -> str:
    return f"{sheet.title}{'' if sheet.sheet_state == 'visible' else ' (hidden)'}"


def workbook_bytes(columns: Mapping[str, Sequence[str]], numbers: Collection[str] = ()) -> bytes:
    """A workbook of one sheet; its first row names the columns.

    Parameters
    ----------
    columns : mapping of str to sequence of str
    numbers : collection of str
        Columns that hold numbers, and are written as such, so that a spreadsheet sorts them; "" is an empty cell.

    Raises
    ------
    ValueError
        It does not fit into a workbook.
    """
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    _check_fits(columns)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("table")
    sheet.freeze_panes = "A2"

    def cell(text: str) -> Any:
        if text[:1] not in ("=", "#"):
            return text
        made = WriteOnlyCell(sheet, text)  # or it would be a formula, or an error
        made.data_type = "s"
        return made

    sheet.append([cell(_escaped(name)) for name in columns])
    makers = [_number if name in numbers else lambda value: cell(_escaped(value)) for name in columns]
    for row in zip(*columns.values(), strict=True):
        sheet.append([make(value) for make, value in zip(makers, row, strict=True)])
    book.properties.created = book.properties.modified = _NO_TIME
    stream = io.BytesIO()
    book.save(stream)
    return _without_times(stream)


def _without_times(stream: io.BytesIO) -> bytes:
    """A workbook whose parts carry no time, so that the same cells give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(stream) as made, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as plain:
        for part in made.infolist():
            data = made.read(part)
            if part.filename == "docProps/core.xml":  # saving sets the time of the last change
                data = re.sub(
                    rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + _NO_TIME.isoformat().encode() + b"Z", data
                )
            plain.writestr(zipfile.ZipInfo(part.filename, _NO_TIME.timetuple()[:6]), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _number(text: str) -> float | None:
    return float(text) if text else None


def _check_fits(columns: Mapping[str, Sequence[str]]) -> None:
    for name, values in columns.items():
        if len(values) >= MOST_ROWS:
            raise ValueError(f"{len(values):,} rows do not fit into a workbook ({MOST_ROWS:,} are the most): use .csv")
        long = next((n for n, value in enumerate(values) if len(value) > MOST_CHARACTERS), None)
        if long is not None:
            raise ValueError(
                f"row {long + 2}, column {name!r} has {len(values[long]):,} characters, and a cell of a workbook holds "
                f"{MOST_CHARACTERS:,}: use .csv"
            )


def _filled_rows(sheet: Any) -> tuple[list[list[str]], list[int]]:
    rows, lines = [], []
    sheet.reset_dimensions()  # some programs write wrong ones, and rows would be cut
    for number, cells in enumerate(sheet.iter_rows(), 1):
        row = [_text(cell) for cell in cells]
        while row and not row[-1]:
            row.pop()
        if any(map(str.strip, row)):
            rows.append(row)
            lines.append(number)
    return rows, lines


def _text(cell: Any) -> str:
    """A cell as people see it: whole numbers without `.0`, dates as 1889-05-03, zeros that only its format shows."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), value) if "_x" in value else value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int):
        zeros = cell.number_format if _ZEROS.fullmatch(cell.number_format or "") else ""
        return str(value).zfill(len(zeros))
    if isinstance(value, datetime.date) and cell.number_format.lower() in _YEARS:
        return str(value.year)
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _check_formulas(xml: bytes) -> None:
    """Raise where a formula has no stored value: it would be read as an empty cell."""
    cell = re.search(
        rb'<c [^>]*\br="([A-Z]+)(\d+)"[^>]*>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>', xml
    )
    if cell and b't="str"' not in cell[0]:
        raise ValueError(
            f"row {cell[2].decode()}, column {cell[1].decode()} holds a formula that was never computed: open the "
            "workbook in a spreadsheet program and save it"
        )


def _unmerge(xml: bytes, rows: list[list[str]], lines: list[int]) -> list[str]:
    """Give each of the cells below the header that are merged the value of all; returns their ranges."""
    from openpyxl.utils import range_boundaries

    place = {line: n for n, line in enumerate(lines)}
    ranges = []
    for found in re.findall(rb'<mergeCell [^>]*\bref="([A-Z]+\d+:[A-Z]+\d+)"', xml):
        left, top, right, bottom = range_boundaries(found.decode())
        if place.get(top, 0) == 0 or len(rows[place[top]]) < left:
            continue
        value = rows[place[top]][left - 1]
        for row in (rows[place[line]] for line in range(top, bottom + 1) if line in place):
            row += [""] * (right - len(row))
            row[left - 1 : right] = [value] * (right - left + 1)
        ranges.append(found.decode())
    return ranges


def _escaped(text: str) -> str:
    return _TO_ESCAPE.sub(lambda m: "_x005F_x" if m[0] == "_x" else f"_x{ord(m[0]):04X}_", text)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
