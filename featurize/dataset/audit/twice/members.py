"""The rows of each picture: several where a table repeats one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence


def rows_of_pictures(ids: Sequence[str], rows: Iterable[int]) -> Mapping[str, list[int]]:
    """Id -> its rows, of some rows; pictures in the order of their first rows."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        found[ids[row]].append(row)
    return found


def row_of_each(first: Sequence[int], second: Sequence[int], splits: Sequence[str]) -> tuple[int, int]:
    """A row of each of two pictures, in different splits where there are such; the same whichever is named first."""
    one, other = (first, second) if first[0] < second[0] else (second, first)
    for a in one:
        for b in other:
            if splits[a] != splits[b]:
                return a, b
    return one[0], other[0]
