"""Years out of dates as catalogues write them, and periods as classes."""

from __future__ import annotations

import re

from featurize.errors import SourceError

_YEAR = re.compile(r"(?<!\d)(\d{3,4})(?:\.0+)?(?!\d)")
_BEFORE_CHRIST = re.compile(r"\bb\.?\s?c\b", re.IGNORECASE)
_EARLIEST, _LATEST = 100, 2100
_NAMES = {"century": 100, "decade": 10, "period": 50}


def year_of(date: str) -> str:
    """The year of a date, as digits; an empty string where none is told.

    The first number of four digits counts (of three, where there is none of four), whatever surrounds it; what
    is said to be before Christ counts as not told.

    Examples
    --------
    >>> [year_of(d) for d in ("1889.0", "c.1912", "(after) 1600", "Sept. 28, 1952", "1503-1506", "")]
    ['1889', '1912', '1600', '1952', '1503', '']
    """
    if _BEFORE_CHRIST.search(date):
        return ""
    found = [n for n in _YEAR.findall(date) if _EARLIEST <= int(n) <= _LATEST]
    return next((n for n in found if len(n) == 4), found[0] if found else "").lstrip("0")


def period_length(target: str) -> int:
    """Years in a period of a target like "century", "decade" or "period:50"; 0 for a target that is none.

    Raises
    ------
    SourceError
        The number of years is none.
    """
    name, colon, years = target.partition(":")
    if name not in _NAMES or (colon and name != "period"):
        return 0
    if not colon:
        return _NAMES[name]
    if not years.isdecimal() or int(years) < 1:
        raise SourceError(f"--target {target}: give whole years, as in period:50")
    return int(years)


def period_of(year: str, years: int) -> str:
    """The period that a year lies in: "1850-1899"; for a hundred years "19th century"; "" for an unknown year.

    Parameters
    ----------
    year : str
        Digits, or an empty string.
    years : int
        Length of a period.
    """
    if not year.isdecimal():
        return ""
    start = int(year) // years * years
    if years == 100:
        return f"{_ordinal(start // 100 + 1)} century"
    return f"{start}-{start + years - 1}" if years > 1 else str(start)


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{ending}"
