"""Columns of a dataset table as a map colours by them: classes with codes, or numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.errors import DataError
from classify.explore.works import Works
from featurize.wording import listing

MOST = 60_000  # different values of a column that a page can hold
FIRST = ("style", "artist", "year")  # columns that come before the others
_FEW_NUMBERS = 12  # different numbers, up to which they are classes


@dataclass(frozen=True)
class Classes:
    """A column of names.

    Parameters
    ----------
    name : str
    values : sequence of str
        The most frequent first.
    codes : ndarray (N,) int
        Places among the values; -1 for none.
    """

    name: str
    values: Sequence[str]
    codes: NDArray[np.intp]


@dataclass(frozen=True)
class Numbers:
    """A column of numbers (N,), NaN where there is none."""

    name: str
    numbers: NDArray[np.float64]


Column = Classes | Numbers


def columns_of(works: Works, colour: str) -> tuple[list[Column], list[str]]:
    """The columns that a map offers, and names of those with too many values.

    Parameters
    ----------
    works : Works
    colour : str
        The column that is wanted most.

    Raises
    ------
    DataError
        The table has no such column, or nothing stands in it.
    """
    there = [*works.labels(), "split"]
    if colour not in there and colour != "style":
        raise DataError(f"--colour {colour}: the dataset table has no such labels (it has: {listing(there, 12)})")
    names = [name for name in (*FIRST, *there) if name in there and name != "title"]
    made = [column_of(name, works) for name in dict.fromkeys(names)]
    if colour != "style" and any(c.name == colour and _is_empty(c) for c in made):
        kind = "year" if colour == "year" else "value"
        raise DataError(f"--colour {colour}: no picture has a {kind} in that column; choose another")
    large = [c.name for c in made if isinstance(c, Classes) and len(c.values) > MOST]
    return [c for c in made if c.name not in large and not _is_empty(c)], large


def column_of(name: str, works: Works) -> Column:
    """A column as classes or as numbers."""
    if name == "year":
        return Numbers(name, works.years)
    cells = works.artists if name == "artist" else works.column(name)
    numbers = _numbers(cells)
    return Numbers(name, numbers) if numbers is not None else classes_of(name, cells)


def classes_of(name: str, cells: Sequence[str]) -> Classes:
    """A column of names, the most frequent first, equally frequent ones by their spelling."""
    counts = Counter(cells)
    counts.pop("", None)
    values = sorted(counts, key=lambda value: (-counts[value], value))
    place = {value: n for n, value in enumerate(values)}
    return Classes(name, values, np.array([place.get(cell, -1) for cell in cells], np.intp))


def _numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    distinct = {cell for cell in cells if cell}
    if len(distinct) <= _FEW_NUMBERS:
        return None
    try:
        known = {cell: float(cell) for cell in distinct}
    except ValueError:
        return None
    numbers = np.array([known.get(cell, np.nan) for cell in cells], np.float64)
    return numbers if np.isfinite(numbers[[bool(cell) for cell in cells]]).all() else None


def _is_empty(column: Column) -> bool:
    return not column.values if isinstance(column, Classes) else not np.isfinite(column.numbers).any()
