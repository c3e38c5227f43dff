"""Periods as classes: the century, the decade or any number of years that a picture was made in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from featurize.dataset.dates import Dated, read_date
from featurize.dataset.headers import means_date
from featurize.dataset.notes import Note
from featurize.errors import SourceError

_NAMES = {"century": 100, "decade": 10, "period": 50}
_WHOLE = re.compile(r"\s*(-?\d{1,6})\s*")


def year_number(year: str) -> int | None:
    """The number in a cell of the column `year`, negative before Christ; None for a cell that holds none.

    Examples
    --------
    >>> year_number("1889"), year_number("-300"), year_number("")
    (1889, -300, None)
    """
    whole = _WHOLE.fullmatch(year)
    return int(whole[1]) if whole else None


def year_of(date: str) -> str:
    """The year that stands for a date, in digits; an empty string where it has none.

    Examples
    --------
    >>> [year_of(date) for date in ("1889.0", "c. 1912", "300 BCE", "after 1650")]
    ['1889', '1912', '-300', '']
    """
    dated = read_date(date)
    return str(dated.year) if dated and dated.year is not None else ""


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


def column_of(target: str) -> str:
    """The column that holds the classes of a target: "period" for "period:50", and else what it is called.

    Examples
    --------
    >>> column_of("period:50"), column_of("century"), column_of("style")
    ('period', 'century', 'style')
    """
    return target.partition(":")[0] if period_length(target) else target


def made_by(target: str) -> str:
    """For the end of a sentence that a table lacks a target: how its column is made, where it is one of periods.

    Examples
    --------
    >>> made_by("style")
    ''
    >>> made_by("period:50")
    '; `featurize prepare SOURCE --target period:50` makes a column `period` of the years'
    """
    if not period_length(target):
        return ""
    return f"; `featurize prepare SOURCE --target {target}` makes a column `{column_of(target)}` of the years"


def period_of(dated: Dated | None, years: int) -> str:
    """The period that a date lies in: "1850-1899"; for a hundred years "19th century"; "" where it lies in several.

    Before Christ periods are counted back from the year 1 BCE: "400-351 BCE", "4th century BCE".

    Parameters
    ----------
    dated : Dated, optional
    years : int
        Length of a period.
    """
    if dated is None or dated.year is None or dated.first * dated.last < 0:
        return ""
    numbers = {period_number(year, years) for year in (dated.first, dated.last)}
    if len(numbers) > 1:
        return ""
    number = numbers.pop()
    if years == 100:
        return f"{_ordinal(number + 1)} century" if number >= 0 else f"{_ordinal(-number)} century BCE"
    return years_of_period(number, years)


def period_number(year: int, years: int) -> int:
    """Which period of a length a year lies in: 0 for the first after Christ, -1 for the one before it."""
    return year // years


def years_of_period(number: int, years: int) -> str:
    """The first and the last year of a period: "1850-1899", "400-351 BCE"."""
    if number >= 0:
        first, last, era = number * years, (number + 1) * years - 1, ""
    else:
        first, last, era = -number * years, -(number + 1) * years + 1, " BCE"
    return (f"{first}-{last}" if years > 1 else str(first)) + era


def periods_of(labels: Mapping[str, Sequence[str]], years: int) -> tuple[list[str], list[Note]]:
    """The period of each row, with a note of dates that lie in several.

    A row's date is the one that a column says as it was written, if that is where the row's year comes from; so "16th
    century" is in no decade though its year is 1549. A year that people changed counts by itself.

    Parameters
    ----------
    labels : mapping of str to sequence of str
        Label columns of N rows; `year` holds the years.
    years : int
        Length of a period.

    Returns
    -------
    periods : list of str
        N names; "" for a row without a year, and for a date that lies in several periods.
    notes : list of Note
    """
    column = labels.get("year", ())
    written = [labels[c] for c in labels if c != "year" and means_date(c)]
    names, several = [], []
    for n, year in enumerate(column):
        dated = read_date(year)
        said = (read_date(dates[n]) for dates in written)
        dated = next((d for d in said if d and dated and d.year == dated.year), dated)
        names.append(period_of(dated, years))
        if dated and dated.year is not None and not names[-1]:
            several.append(f"{dated.first} to {dated.last}")
    text = "dates lie in several of the target's periods: left without one"
    return names, [Note(text, len(several), sorted(set(several)))] if several else []


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{ending}"
