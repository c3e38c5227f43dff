"""The bytes of a table as text, whatever program in whatever country wrote them.

A byte order mark decides. Without one, a table is UTF-8; a line that is not is read in the encoding of the country's
spreadsheets, Windows-1252 unless the caller knows better, and is named. So one stray byte changes one line only.
"""

from __future__ import annotations

import codecs
import locale
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_ENDS = re.compile("\r\n|\n|\r")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_FEW = 3  # characters beyond ASCII in a row, at most, in a language that Windows-1252 is for
_SAMPLE = 400  # bytes; the header is among them, and its letters are mostly ASCII
OTHERS = "cp1250 (Central Europe), cp1251 (Cyrillic), cp932 (Japanese), gbk (Chinese)"
WAY_OUT = f"save the table as .xlsx or as CSV UTF-8, or give `featurize prepare` its --encoding, as in {OTHERS}"


@dataclass(frozen=True)
class Decoded:
    """Text, and how it was found.

    Parameters
    ----------
    text : str
    encoding : str
        Of the lines in `lines`, or of everything.
    lines : sequence of int
        Numbers of the lines that are not UTF-8, from 1; empty where the whole text has one encoding.
    """

    text: str
    encoding: str
    lines: Sequence[int] = ()


def decode(data: bytes, other: str = "") -> Decoded:
    """The text of a table.

    Parameters
    ----------
    data : bytes
    other : str
        The encoding of lines that are not UTF-8; empty for what the spreadsheets of this machine write.

    Raises
    ------
    ValueError
        A line can't be decoded; the message names it.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(_whole(data[len(mark) :], encoding), encoding)
    while data.startswith(codecs.BOM_UTF8):  # programs that add one may find one
        data = data[len(codecs.BOM_UTF8) :]
    if other and b"\n".decode(other, "replace") != "\n":  # its line ends are not bytes of their own
        return Decoded(_whole(data, other), other)
    if encoding := _unmarked_utf16(data[:_SAMPLE]):
        return Decoded(_whole(data, encoding), encoding)
    try:
        return Decoded(data.decode(), "utf-8")
    except UnicodeDecodeError:
        return _line_by_line(data, other)


def check_encoding(name: str) -> None:
    """Raise ValueError unless Python knows an encoding of that name."""
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise ValueError(f"{name!r} is not a known encoding: use cp1252 (Western Europe), {OTHERS}") from error


def _whole(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = 1 + len(_LINE_ENDS.findall(data[: error.start].decode(encoding, "replace")))
        raise ValueError(f"line {line} is not {encoding}, as the file's beginning says: {error.reason}") from error


def _unmarked_utf16(sample: bytes) -> str:
    """UTF-16 without a mark shows a NUL in every second place of a header in Latin letters."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 4 < len(sample):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _line_by_line(data: bytes, given: str) -> Decoded:
    other = given or _of_this_machine()
    pieces: list[str] = []
    strange: list[int] = []
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        try:
            pieces.append(line.decode())
        except UnicodeDecodeError:
            pieces.append(_other_line(line, number, other))
            strange.append(number)
    if not given:
        _check_plausible([pieces[number - 1] for number in strange], strange, other)
    return Decoded("".join(pieces), other, strange)


def _of_this_machine() -> str:
    """The encoding in which Excel saves a plain CSV: Windows' own for the country, elsewhere Western Europe's."""
    if sys.platform == "win32":
        return locale.getencoding()
    return "cp1252"


def _other_line(line: bytes, number: int, other: str) -> str:
    try:
        return line.decode(other)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"line {number} is neither UTF-8 nor {other} (byte {line[error.start]:#04x}): {WAY_OUT}"
        ) from error


def _check_plausible(lines: Sequence[str], numbers: Sequence[int], other: str) -> None:
    """Raise where a table is probably in another alphabet: accented letters then stand in long runs."""
    runs = [(run, n) for line, n in zip(lines, numbers, strict=True) for run in _BEYOND_ASCII.findall(line)]
    long = [(run, n) for run, n in runs if len(run) > _FEW]
    if len(long) * 2 > len(runs):
        run, number = long[0]
        raise ValueError(
            f"line {number} is not UTF-8, and {run!r}, as it reads in {other}, is probably not meant: {WAY_OUT}"
        )
