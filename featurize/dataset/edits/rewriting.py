"""What a spreadsheet does to cells when it opens and saves a CSV file, though nobody touched them.

It takes `0012` for a number, `3-4` for the third of April, `true` for WAHR; it shows long numbers as 1.23E+18, writes
decimals with the country's comma, and `?` for each letter that its encoding lacks. It does so to a whole column, so a
column that still holds one such cell as it was is a column in which people made the changes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[., '\u00a0\u202f]\d{3})+")
_MOST_DIGITS = 11  # of a number that a cell shows in full
_LONGEST = 32_767  # characters of a cell
_CLOCK = re.compile(r"\d{1,4}(?::\d{1,2}){1,2}")
_NUMERIC_DATE = re.compile(r"(\d{1,4})[./\- ]{1,2}(\d{1,4})(?:[./\- ]{1,2}(\d{1,4}))?\.?(?: 0?0:00(?::00)?)?")
_WORD_DATE = re.compile(r"(?:(\d{1,4})[.\-/ ]*)?([^\W\d_]{3,9})[.\-/ ]*(\d{1,4})?(?:[.\-/ ]+(\d{1,4}))?")
_MONTHS = tuple(
    tuple(names.split())
    for names in (
        "jan ene gen led",
        "feb fev fév",
        "mar mär mrz maa brz",
        "apr avr abr kwi",
        "mai may mag mei maj",
        "jun juin giu cze",
        "jul juil lug lip",
        "aug aoû aou ago sie",
        "sep set wrz",
        "oct okt ott out paź",
        "nov lis",
        "dec dez dic déc gru",
    )
)  # as names of months begin in the languages of Western and Central Europe
_TRUE = {"true", "wahr", "vrai", "vero", "verdadero", "verdadeiro", "waar", "sand", "sant", "prawda", "tosi"}
_FALSE = {"false", "falsch", "faux", "falso", "onwaar", "falsk", "fałsz", "epätosi"}

Date = tuple[int, int, int]  # year of the century, month, day; -1 for what is not said


class Pair(NamedTuple):
    """A cell that differs: its row, what was written, what stands there now."""

    row: int
    then: str
    now: str


def same_text(then: str, now: str) -> bool:
    """Whether two cells differ at most in spaces around them, in line ends, and in the normal form of Unicode."""
    return then == now or _plain(then) == _plain(now)


def by_people(pairs: Sequence[Pair], untouched: Iterable[str], spreadsheet: bool) -> list[Pair]:
    """Those differing cells of a column that people changed.

    Parameters
    ----------
    pairs : sequence of Pair
    untouched : iterable of str
        Cells of the column that stand as they were written.
    spreadsheet : bool
        Whether the table went through a spreadsheet at all.
    """
    pairs = [pair for pair in pairs if not same_text(pair.then, pair.now)]
    if not spreadsheet or not pairs:
        return pairs
    kinds = {pair.row: _kind(pair.then, pair.now) for pair in pairs}
    there = set(untouched)
    intact = {kind for kind in set(kinds.values()) if kind and any(map(_APPLIES[kind], there))}
    return [pair for pair in pairs if not kinds[pair.row] or kinds[pair.row] in intact]


def _kind(then: str, now: str) -> str:
    """What a spreadsheet may have done to a cell; "" for what none does."""
    then, now = _plain(then), _plain(now)
    return next((kind for kind, did in _DID.items() if did(then, now)), "")


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    return float(text.replace(",", "."))


def _did_number(then: str, now: str) -> bool:
    """`0012` -> `12`, `12.5` -> `12,5`, `1234567890123` -> `1.23457E+12`, `1.234` -> `1234`."""
    shown = _number(now)
    if shown is None:
        return False
    if _GROUPED.fullmatch(then) and re.sub(r"[^\d+-]", "", then) == now:
        return True
    meant = _number(then)
    if meant is None or not _is_rewritten_number(then):
        return False
    mantissa = re.sub(r"[eE].*|[^\d]", "", now).lstrip("0")
    digits = max(1, len(mantissa))
    return meant == shown or ("e" in now.lower() and f"{meant:.{digits - 1}e}" == f"{shown:.{digits - 1}e}")


def _is_rewritten_number(text: str) -> bool:
    """Whether a spreadsheet shows a number otherwise than it is written."""
    if _GROUPED.fullmatch(text):
        return True
    return bool(_NUMBER.fullmatch(text)) and (
        text[0] == "+"
        or re.match(r"-?0\d", text) is not None
        or not text.lstrip("-").isdigit()
        or len(text.lstrip("-")) > _MOST_DIGITS
    )


def _did_date(then: str, now: str) -> bool:
    return now != then and any(_one_day(a, b) for a, b in product(_dates(then), _dates(now)))


def _dates(text: str) -> list[Date]:
    """Days that a text may mean, in whatever order a country writes them."""
    numeric = _NUMERIC_DATE.fullmatch(text)
    if numeric:
        a, b, c = (int(part) if part else -1 for part in numeric.groups())
        found = [(c, a, b), (c, b, a)] if c >= 0 else [(-1, a, b), (-1, b, a), (b, a, -1), (a, b, -1)]
        found += [(a, b, c)] if c >= 0 else []
        return [(y % 100 if y >= 0 else -1, m, d) for y, m, d in found if 1 <= m <= 12 and d <= 31]
    words = _WORD_DATE.fullmatch(text.casefold())
    month = words and next((n for n, names in enumerate(_MONTHS, 1) if words[2].startswith(names)), 0)
    if not words or not month:
        return []
    before, _, after, last = (int(p) if p and p.isdigit() else -1 for p in words.groups())
    if last >= 0:
        return [(last % 100, month, after)]
    return [(after % 100 if after >= 0 else -1, month, before), (before % 100 if before >= 0 else -1, month, after)]


def _one_day(a: Date, b: Date) -> bool:
    return all(x == y or -1 in (x, y) for x, y in zip(a, b, strict=True)) and (a[2] == b[2] or a[0] == b[0] != -1)


def _did_lose_letters(then: str, now: str) -> bool:
    """`葛飾 Müller` -> `?? Müller`: what the encoding lacks becomes `?`, or the letter without its accent."""
    if "?" not in now or then.isascii():
        return False
    return re.fullmatch("".join(map(_pattern, then)), now) is not None


def _pattern(letter: str) -> str:
    if letter.isascii():
        return re.escape(letter)
    base = unicodedata.normalize("NFD", letter)[0]
    return f"(?:{re.escape(letter)}|{re.escape(base)}|[?]{{1,2}})"


def _did_truth(then: str, now: str) -> bool:
    then, now = then.casefold(), now.casefold()
    return (then == "true" and now in _TRUE) or (then == "false" and now in _FALSE)


def _did_clock(then: str, now: str) -> bool:
    if not (_CLOCK.fullmatch(then) and _CLOCK.fullmatch(now)):
        return False
    a, b = ([int(part) for part in text.split(":")] for text in (then, now))
    return [*a, 0][:3] == [*b, 0][:3]


def _did_cut(then: str, now: str) -> bool:
    return len(now) == _LONGEST and then.startswith(now)


_DID: Mapping[str, Callable[[str, str], bool]] = {
    "number": _did_number,
    "date": _did_date,
    "letters": _did_lose_letters,
    "truth": _did_truth,
    "clock": _did_clock,
    "cut": _did_cut,
}
_APPLIES: Mapping[str, Callable[[str], bool]] = {
    "number": _is_rewritten_number,
    "date": lambda text: bool(_NUMERIC_DATE.fullmatch(text)) and bool(_dates(text)),
    "letters": lambda text: False,  # what its encoding has stays, what it lacks does not: the cells differ
    "truth": lambda text: text in ("true", "false"),
    "clock": lambda text: False,
    "cut": lambda text: len(text) > _LONGEST,
}
