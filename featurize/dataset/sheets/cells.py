"""Text with a separator between its cells -> rows of cells, read in one way; errors name the line.

A row that is longer or shorter than the header is an error, so nothing is put into a wrong column. Two habits of
spreadsheets are allowed: empty cells added at the end of a row, and empty cells at the ends of rows left out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from featurize.errors import Misfit

_BLOCK = 16  # rows; Excel leaves empty cells at the ends of rows out where a block of so many has none filled
_CHUNK = 625 * _BLOCK  # rows held as rows before they become columns
_LINE_END = re.compile("\r\n|\n|\r")
_ENDING = re.compile(r"\.[A-Za-z]{3,4}\s*$")


@dataclass(frozen=True)
class Way:
    """One way to read a text; the parameters are those of `csv.reader`."""

    delimiter: str
    quotechar: str = '"'
    escapechar: str | None = None
    skipinitialspace: bool = False


@dataclass
class Cells:
    """What a text holds.

    Parameters
    ----------
    header : list of str
    columns : list of list of str
        One for each name of the header, all of one length.
    lines : list of int
        The line on which each row begins, from 1.
    way : Way
    short : list of int
        Lines whose last cells the spreadsheet left out, because they are empty.
    literal : list of int
        Lines whose quotes are part of the text.
    """

    header: list[str]
    columns: list[list[str]]
    way: Way
    lines: list[int] = field(default_factory=list)
    short: list[int] = field(default_factory=list)
    literal: list[int] = field(default_factory=list)


def read_cells(text: str, way: Way, start: str = "") -> Cells:
    """Read a text in one way, strictly.

    Parameters
    ----------
    text : str
    way : Way
    start : str
        The beginning of the text that belongs to no row.

    Raises
    ------
    Misfit
        A quote is not closed, or a row has another number of cells than the header.
    """
    recent: list[str] = []  # the lines of the record that is being read
    reader = csv.reader(
        _lines_of(text, len(start), recent),
        delimiter=way.delimiter,
        quotechar=way.quotechar,
        escapechar=way.escapechar,
        skipinitialspace=way.skipinitialspace,
        strict=True,
    )
    above = 1 if start else 0  # lines that the reader does not see
    cells: Cells | None = None
    chunk: list[list[str]] = []
    begins: list[int] = []
    left = _CHUNK - 1  # with the header, whole blocks
    try:
        for record in reader:
            line = above + reader.line_num - len(recent) + 1
            if len(recent) > 1 and cells is not None:
                _check_not_swallowed(recent, line, len(cells.header), way)
            recent.clear()
            if (
                len(record) < 2
                and not "".join(record).strip()
                and (cells is None or len(cells.header) > 1 or not record)
            ):
                continue  # a blank line
            if cells is None:
                cells = Cells(record, [[] for _ in record], way)
                continue
            chunk.append(record)
            begins.append(line)
            if len(chunk) == left:
                _append(cells, chunk, begins)
                chunk, begins, left = [], [], _CHUNK
    except csv.Error as error:
        line = above + max(1, reader.line_num - max(0, len(recent) - 1))
        raise Misfit(line, f"has a quote that is not closed as it should be ({error})") from error
    if cells is None:
        return Cells([], [], way)
    _append(cells, chunk, begins)
    return cells


def _lines_of(text: str, start: int, recent: list[str]) -> Iterator[str]:
    """Lines with their ends, each put into `recent`; `io.StringIO` would hold four bytes for each character."""
    if text.count("\r") == text.count("\r\n"):
        while end := text.find("\n", start) + 1:
            recent.append(text[start:end])
            yield recent[-1]
            start = end
    else:
        for found in _LINE_END.finditer(text, start):
            recent.append(text[start : found.end()])
            yield recent[-1]
            start = found.end()
    if start < len(text):
        recent.append(text[start:])
        yield recent[-1]


def _append(cells: Cells, chunk: list[list[str]], begins: list[int]) -> None:
    width = len(cells.header)
    if any(len(record) != width for record in chunk):
        _make_even(cells, chunk, begins)
    for column, values in zip(cells.columns, zip(*chunk, strict=True), strict=False):
        column.extend(values)
    cells.lines.extend(begins)


def _make_even(cells: Cells, chunk: list[list[str]], begins: list[int]) -> None:
    """Cells that a spreadsheet leaves out or adds at the ends of rows, all of them empty; other rows don't fit."""
    width = len(cells.header)
    needed = max((n for n, name in enumerate(cells.header, 1) if name.strip()), default=0)
    done = len(cells.lines) + 1  # rows before this chunk, the header among them
    blocks: dict[int, set[int]] = {}
    for n, record in enumerate(chunk):
        blocks.setdefault((done + n) // _BLOCK, set()).add(len(record))
    for n, record in enumerate(chunk):
        if len(record) < width:
            block = (done + n) // _BLOCK
            if len(record) < needed and (len(blocks[block]) > 1 or not block):
                raise _ragged(begins[n], record, cells.header)
            if len(record) < needed:
                cells.short.append(begins[n])
            record += [""] * (width - len(record))
        elif width == 1 or any(cell.strip() for cell in record[width:]):
            raise _ragged(begins[n], record, cells.header)
        else:
            del record[width:]


def _ragged(line: int, record: Sequence[str], header: Sequence[str]) -> Misfit:
    return Misfit(line, f"has {len(record)} fields, the header {len(header)}: mend that line")


def _check_not_swallowed(lines: Sequence[str], first: int, width: int, way: Way) -> None:
    """Raise where a quoted cell holds line breaks between what look like whole rows: somebody left a quote open."""
    plain = [line.rstrip("\r\n").split(way.delimiter) for line in lines]
    if width < 2 or any(len(cells) != width for cells in plain):
        return
    if width > 2 or way.delimiter == "\t" or any(_ENDING.search(cell) for cells in plain[1:] for cell in cells):
        raise Misfit(
            first,
            f"opens a quote that is closed on line {first + len(lines) - 1}, and each line between is a whole row: "
            "remove the quote, or write it twice within quotes",
            final=True,
        )


def read_lines(text: str, way: Way, start: str = "") -> list[Cells]:
    """Each line read for itself, as a row: a quote that is not closed in it is part of the text.

    Returns
    -------
    list of Cells
        Empty where a line is no row in this way either.
    """
    cells: Cells | None = None
    for number, line in enumerate(_lines_of(text, len(start), []), 2 if start else 1):
        record = _one_line(line, way)
        if not line.strip():
            continue
        if cells is None:
            if record is None:
                return []
            cells = Cells(record, [[] for _ in record], way)
            continue
        if record is None or len(record) != len(cells.header):
            record = line.rstrip("\r\n").split(way.delimiter)
            if len(record) != len(cells.header) or any(len(c) > 1 and c[0] == c[-1] == '"' for c in record):
                return []
            cells.literal.append(number)
        for column, value in zip(cells.columns, record, strict=True):
            column.append(value)
        cells.lines.append(number)
    return [cells] if cells else []


def _one_line(line: str, way: Way) -> list[str] | None:
    try:
        return next(csv.reader([line], delimiter=way.delimiter, strict=True), [])
    except csv.Error:
        return None
