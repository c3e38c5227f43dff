"""A table's file -> its columns, and notes of everything that was found strange."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurize.dataset.notes import Note
from featurize.dataset.sheets import encoding
from featurize.dataset.sheets.delimited import parse
from featurize.dataset.sheets.workbook import ENDINGS, read_workbook

_WORKBOOK = b"PK\x03\x04"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Sheet:
    """A table as it stands in its file.

    Parameters
    ----------
    header : sequence of str
        The first row, which should name the columns.
    cells : sequence of list of str
        The columns below, all of one length.
    lines : sequence of int
        For each row the line of the file on which it begins.
    notes : sequence of Note
        What the user should know.
    """

    header: Sequence[str]
    cells: Sequence[list[str]]
    lines: Sequence[int]
    notes: Sequence[Note] = ()

    def __len__(self) -> int:
        return len(self.lines)

    def columns(self) -> tuple[dict[str, list[str]], list[Note]]:
        """The columns by name, each under a name of its own, and notes of the names that were changed for that."""
        named: dict[str, list[str]] = {}
        notes: list[Note] = []
        for number, (name, values) in enumerate(zip(map(str.strip, self.header), self.cells, strict=True), 1):
            if not name and not any(map(str.strip, values)):
                continue
            unique = next(n for n in _names(name or f"column_{number}") if n not in named)
            if unique != name:
                what = "has no name" if not name else f"is named {name!r}, as an earlier one"
                notes.append(Note(f"column {what}: it is kept as {unique!r}", 1))
            named[unique] = values
        return named, notes


def read_sheet(path: Path, other: str = "", usual: bool = False) -> Sheet:
    """Read a `.csv`, `.tsv`, `.txt` or `.xlsx` file.

    Parameters
    ----------
    path : Path
    other : str
        The encoding of lines that are not UTF-8; empty for that of this country's spreadsheets.
    usual : bool
        Whether a spreadsheet or this project wrote it (see `delimited.parse`).

    Raises
    ------
    ValueError
        The file is no table, or a line of it can't be read; the message names the line.
    OSError
    """
    with path.open("rb") as file:
        start = file.read(len(_WORKBOOK))
        if start == _OLD_WORKBOOK:
            raise ValueError(
                "it is a workbook of Excel 97 to 2003, or one with a password: save it as .xlsx without one"
            )
        if start != _WORKBOOK and path.suffix.lower() not in ENDINGS:
            return _from_text(start + file.read(), other, usual)
    return _from_workbook(path)


def _from_text(data: bytes, other: str, usual: bool) -> Sheet:
    decoded = encoding.decode(data, other)
    del data
    cells = parse(decoded.text, usual)
    notes = []
    if decoded.lines:
        lines = decoded.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        examples = [f"line {n}: {lines[n - 1][:200]}" for n in decoded.lines]
        name = decoded.encoding.replace("cp125", "Windows-125")
        text = f"lines of the table are not UTF-8: read as {name} (--encoding names another encoding)"
        notes.append(Note(text, len(examples), examples))
    if cells.literal:
        examples = [f"line {n}" for n in cells.literal]
        notes.append(Note("lines have a quote that is never closed: it is taken as text", len(examples), examples))
    if cells.short:
        examples = [f"line {n}" for n in cells.short]
        notes.append(
            Note("lines end before the last column: the cells that are missing are empty", len(examples), examples)
        )
    return Sheet(cells.header, cells.columns, cells.lines, notes)


def _from_workbook(path: Path) -> Sheet:
    book = read_workbook(path)
    notes = []
    if book.others:
        text = "sheets of the workbook hold something, too: only the first visible one is read"
        notes.append(Note(text, len(book.others), book.others))
    if book.merged:
        notes.append(
            Note("ranges of cells are merged: each of their cells has the value", len(book.merged), book.merged)
        )
    if not book.rows:
        return Sheet([], [], [], notes)
    header, *rows = book.rows
    width = len(header)
    long = next((n for n, row in enumerate(rows) if any(map(str.strip, row[width:]))), None)
    if long is not None:
        raise ValueError(
            f"row {book.lines[long + 1]} has {len(rows[long])} cells, the first row names {width} columns: name every "
            "column in the first row, and remove what stands above it"
        )
    columns = [[row[n] if n < len(row) else "" for row in rows] for n in range(width)]
    return Sheet(header, columns, book.lines[1:], notes)


def _names(name: str) -> Iterator[str]:
    """A name, and more of its kind: style, style_2, style_3, ..."""
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
