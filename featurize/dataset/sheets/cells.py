"""Text with a separator between its cells -> rows of cells, read in one way; errors name the line.

A row that is longer or shorter than the header is an error, so nothing is put into a wrong column. Two habits of
spreadsheets are allowed: empty cells added at the end of a row, and empty cells at the ends of rows left out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from featurize.errors import Misfit

_BLOCK = 16  # rows; Excel leaves empty cells at the ends of rows out where a block of so many has none filled
_CHUNK = 625 * _BLOCK  # rows held as rows before they become columns
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
    lines = _Lines(text, start)
    reader = csv.reader(
        lines,
        delimiter=way.delimiter,
        quotechar=way.quotechar,
        escapechar=way.escapechar,
        skipinitialspace=way.skipinitialspace,
        strict=True,
    )
    cells: Cells | None = None
    chunk: list[list[str]] = []
    begins: list[int] = []
    try:
        for record in reader:
            taken = lines.take()
            if not record or (len(record) == 1 and not record[0].strip() and (cells is None or len(cells.header) > 1)):
                continue
            if cells is None:
                cells = Cells(record, [[] for _ in record], way)
                continue
            if len(taken) > 1:
                _check_not_swallowed(taken, lines.number, len(cells.header), way)
            chunk.append(record)
            begins.append(lines.number - len(taken) + 1)
            if (len(cells.lines) + len(chunk) + 1) % _CHUNK == 0:  # with the header, whole blocks
                _append(cells, chunk, begins)
                chunk, begins = [], []
    except csv.Error as error:
        raise Misfit(lines.opened, f"has a quote that is not closed as it should be ({error})") from error
    if cells is None:
        return Cells([], [], way)
    _append(cells, chunk, begins)
    return cells


class _Lines(Iterator[str]):
    """The lines of a text, counted, with those of the current record."""

    def __init__(self, text: str, start: str) -> None:
        self._lines = iter(io.StringIO(text, newline=""))
        self._taken: list[str] = []
        self.number = 0
        if start:
            next(self)
            self._taken.clear()

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self._taken.append(line)
        return line

    def take(self) -> list[str]:
        """The lines since the last call."""
        taken, self._taken = self._taken, []
        return taken

    @property
    def opened(self) -> int:
        """The line on which the current record begins."""
        return max(1, self.number - max(0, len(self._taken) - 1))


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


def _check_not_swallowed(taken: Sequence[str], last: int, width: int, way: Way) -> None:
    """Raise where a quoted cell holds line breaks between what look like whole rows: somebody left a quote open."""
    plain = [line.rstrip("\r\n").split(way.delimiter) for line in taken]
    if width < 2 or any(len(cells) != width for cells in plain):
        return
    if width > 2 or way.delimiter == "\t" or any(_ENDING.search(cell) for cells in plain[1:] for cell in cells):
        raise Misfit(
            last - len(taken) + 1,
            f"opens a quote that is closed on line {last}, and each line between is a whole row: remove the quote, or "
            "write it twice within quotes",
            final=True,
        )


def read_lines(text: str, way: Way, start: str = "") -> list[Cells]:
    """Each line read for itself, as a row: a quote that is not closed in it is part of the text.

    Returns
    -------
    list of Cells
        Empty where a line is no row in this way either.
    """
    lines = _Lines(text, start)
    cells: Cells | None = None
    for line in lines:
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
            cells.literal.append(lines.number)
        for column, value in zip(cells.columns, record, strict=True):
            column.append(value)
        cells.lines.append(lines.number)
    return [cells] if cells else []


def _one_line(line: str, way: Way) -> list[str] | None:
    try:
        return next(csv.reader([line], delimiter=way.delimiter, strict=True), [])
    except csv.Error:
        return None
