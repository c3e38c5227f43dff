"""Text with a separator between its cells -> rows of cells, as the program meant that wrote it.

A text can be read in several ways: by `,` or `;`, with quotes or backslashes before special characters. A way fits if
its quotes are closed and all rows have as many cells as the header. The text is read in the one way that fits; where
two fit and give other cells, or none fits, an error names the line. So no row is ever swallowed by an open quote.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Sequence
from itertools import zip_longest

from featurize.dataset.sheets.cells import Cells, Way, read_cells, read_lines
from featurize.errors import Misfit

_SEPARATORS = ",;\t|"
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_GIVEN = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)  # Excel's own first line


def parse(text: str, usual: bool = False) -> Cells:
    """The cells of a text.

    Parameters
    ----------
    text : str
    usual : bool
        Whether a spreadsheet or this project wrote it: then `"` is the only quote, and a backslash stands for itself.

    Raises
    ------
    Misfit
        No way fits, or several do; the message names the line and what to do.
    """
    if "\0" in text:
        raise Misfit(_line_of(text, text.index("\0")), "holds a NUL character: the file is damaged, or no table")
    csv.field_size_limit(sys.maxsize)
    given = _GIVEN.match(text)
    start = text[: given.end()] if given else ""
    separators = [given[1]] if given else _separators(text)
    fitting, failures = _try([Way(s) for s in separators], text, start)
    fitting = [c for c in fitting if len(c.header) > 1] or fitting[:1]
    single = not usual and any(c.header and all(re.fullmatch("'.*'", name) for name in c.header) for c in fitting)
    unusual, others = _try([] if usual else _unusual(text, separators, not fitting, single), text, start)
    main, why = _main_failure(text, failures)
    for way, misfit in (*failures, *others):
        if misfit.final and (single or way.escapechar or not fitting):
            raise misfit
    if not fitting and main:
        unusual += read_lines(text, main, start)
    fitting = unusual if single and unusual else [*fitting, *unusual]
    if not fitting and why:
        raise why
    return _the_one(fitting)


def _main_failure(text: str, failures: Sequence[tuple[Way, Misfit]]) -> tuple[Way | None, Misfit | None]:
    """The way that was most likely meant, of those that don't fit, and why it does not."""
    header = text[:10_000].partition("\n")[0]
    return max(failures, key=lambda f: header.count(f[0].delimiter), default=(None, None))


def _try(ways: Sequence[Way], text: str, start: str) -> tuple[list[Cells], list[tuple[Way, Misfit]]]:
    fitting, failures = [], []
    for way in ways:
        try:
            fitting.append(read_cells(text, way, start))
        except Misfit as misfit:
            failures.append((way, misfit))
    return fitting, failures


def _unusual(text: str, separators: Sequence[str], nothing_fits: bool, single: bool) -> list[Way]:
    """Ways that few programs write and the text shows signs of."""
    ways = []
    for s in separators:
        end = rf"(?:^|$|[\r\n]|{re.escape(s)})"
        if single or ("'" in text and re.search(rf"{end}'(?:[^']*(?:''|[\r\n]|{re.escape(s)})|'{end})", text)):
            ways.append(Way(s, "'"))
        for quote in "\"'":
            guarded = rf"\\[\\{quote}\r\n{re.escape(s)}]"
            if "\\" in text and "\\" not in re.sub(guarded, "", text):
                ways.append(Way(s, quote, escapechar="\\"))
        if nothing_fits and f'{s} "' in text:
            ways.append(Way(s, skipinitialspace=True))
    return ways


def _separators(text: str) -> list[str]:
    """Those that stand in the header; any, where there is only one column."""
    first = re.search(r"[^\r\n]*[^\s][^\r\n]*", text)
    header = first[0] if first else ""
    if header.count('"') % 2:
        header = text[:65536]  # a name with a line break in it
    found = [s for s in _SEPARATORS if s in header]
    if not found:
        _check_no_title(text)
    return found or list(_SEPARATORS)


def _check_no_title(text: str) -> None:
    """Raise where a line of one cell stands above a table of several columns."""
    lines = [line for line in re.split("\r\n|\r|\n", text) if line.strip()][1:]
    for s in _SEPARATORS:
        counts = {line.count(s) for line in lines}
        if len(counts) == 1 and (count := counts.pop()):
            raise Misfit(1, f"has one cell, all lines below have {count + 1}: remove the lines above the header")


def _the_one(fitting: Sequence[Cells]) -> Cells:
    """The way that fits; several do as long as they give the same cells.

    Raises
    ------
    Misfit
        They don't.
    """
    first, *others = fitting
    for other in others:
        if (other.header, other.columns) != (first.header, first.columns):
            raise Misfit(_first_difference(first, other), _two_meanings(first.way, other.way))
    return first


def _first_difference(one: Cells, other: Cells) -> int:
    if one.header != other.header:
        return 1
    rows = zip_longest(zip(*one.columns, strict=True), zip(*other.columns, strict=True))
    row = next((n for n, (a, b) in enumerate(rows) if a != b), 0)
    return (one.lines or [1])[min(row, len(one.lines) - 1)]


def _two_meanings(one: Way, other: Way) -> str:
    if one.delimiter != other.delimiter:
        a, b = (f"a {_NAMES.get(way.delimiter, repr(way.delimiter))}" for way in (one, other))
        return (
            f"can be read in two ways, with {a} between the cells or with {b}: write `sep={one.delimiter}` or "
            f"`sep={other.delimiter}` as the first line of the file"
        )
    if other.escapechar:
        return "has backslashes that may stand for themselves or guard the next character: save the table as .xlsx"
    return f"can be read with {one.quotechar} or with {other.quotechar} around its cells: save the table as .xlsx"


def _line_of(text: str, place: int) -> int:
    return 1 + len(re.findall("\r\n|\r|\n", text[:place]))
