"""Corrected labels on their way from a list of suspects back into the dataset table.

Either all corrections of a list are taken over, or none. `prepare` keeps them as it keeps every edit.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurize.dataset.suspects.sheet import CORRECT
from featurize.dataset.table import DatasetTable, mapped, table_columns, tidy
from featurize.errors import TableError
from featurize.wording import listing

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Change:
    """A label that is corrected.

    Parameters
    ----------
    row : int
        Of the table.
    was, now : str
    """

    row: int
    was: str
    now: str


@dataclass(frozen=True)
class Corrected:
    """What became of the corrections of a list.

    Parameters
    ----------
    table : DatasetTable
        With them.
    target : str
        The label column.
    changes : sequence of Change
    already : int
        Corrections that the table had before.
    differing : int
        Rows without a correction that have another label in the list than in the table.
    new_classes : sequence of str
        Labels that no row of the table had before.
    """

    table: DatasetTable
    target: str
    changes: Sequence[Change]
    already: int
    differing: int
    new_classes: Sequence[str]


def correct(table: DatasetTable, suspects: str | Path, target: str | None = None) -> Corrected:
    """The table with the corrections that people wrote into a list of suspects.

    Parameters
    ----------
    table : DatasetTable
    suspects : str or Path
        `suspects.csv` or `.xlsx` with some cells of the column `correct_style` filled in.
    target : str, optional
        The label column; by default the one that the list is about.

    Raises
    ------
    TableError
        The list can't be read or is none, or a correction does not fit the table; nothing is changed then.
    """
    path = Path(suspects)
    if not path.exists():
        raise TableError(
            f"there is no list of suspects {str(path)!r}: `featurize audit` and `classify compare` make one"
        )
    columns = table_columns(path)
    filled_in, target = _column(columns, path, target, table)
    labels = mapped(table.columns[target], tidy)
    rows = _rows_of(table)
    changes: dict[int, Change] = {}
    already = differing = 0
    for number, (picture, place, listed, given) in enumerate(_lines(columns, target, filled_in), 2):
        found = rows.get((place, picture), [])
        fitting = [row for row in found if labels[row] == listed]
        if not given:
            differing += bool(found) and not fitting
        elif any(labels[row] == given for row in found):
            already += 1
        elif not fitting:
            raise TableError(f"{str(path)!r}, line {number}: {_why_not(found, place, listed, target, labels)}")
        else:
            for row in fitting:
                if changes.setdefault(row, Change(row, table.columns[target][row], given)).now != given:
                    both = f"{changes[row].now!r} and {given!r}"
                    raise TableError(f"{str(path)!r}, line {number}: {place!r} is given {both}: keep one of them")
    corrected = list(table.columns[target])
    for change in changes.values():
        corrected[change.row] = change.now
    new = sorted({change.now for change in changes.values()} - set(labels))
    return Corrected(table.with_columns(**{target: corrected}), target, list(changes.values()), already, differing, new)


def _column(columns: Columns, path: Path, target: str | None, table: DatasetTable) -> tuple[str, str]:
    """The column that people filled in, and the label column that it is about."""
    found = [(c, t) for c in columns if (t := _target_of(c)) and t in columns and t in table.columns]
    wanted = [(c, t) for c, t in found if target in (None, t)]
    lacking = [name for name in ("id", "path") if name not in columns]
    if lacking or not wanted:
        lacking = lacking or [f"{CORRECT}{target or 'style'}"]
        raise TableError(
            f"{str(path)!r} is no list of suspects of this table: it has no column {lacking[0]!r} (it has: "
            f"{listing(columns, 12) or 'none'}); give suspects.csv or suspects.xlsx as `featurize audit` wrote it"
        )
    return wanted[0]


def _target_of(column: str) -> str:
    found = re.fullmatch(rf"{CORRECT}(.+?)(_\d+)?", column)
    return found[1] if found else ""


def _lines(columns: Columns, target: str, filled_in: str) -> Iterator[tuple[str, str, str, str]]:
    """Id, path, label in the list and correction of each line."""
    texts = (columns["id"], columns["path"], map(tidy, columns[target]), map(tidy, columns[filled_in]))
    yield from zip(*texts, strict=True)


def _rows_of(table: DatasetTable) -> Mapping[tuple[str, str], list[int]]:
    """Rows of the table by path and id; several where a row is repeated under other labels."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, place in enumerate(zip(table.columns["path"], table.columns["id"], strict=True)):
        found[place].append(row)
    return found


def _why_not(found: Sequence[int], place: str, listed: str, target: str, labels: Sequence[str]) -> str:
    if not found:
        return (
            f"{place!r} is not in the dataset table with that id, so nothing was changed: its row was removed, or its "
            "file is another one now; take the line out of the list, or make a new one with `featurize audit`"
        )
    there = listing(repr(labels[row]) for row in found)
    return (
        f"{place!r} has the {target} {there} in the dataset table and {listed!r} in the list, so nothing was changed: "
        "clear the correction, or make a new list with `featurize audit`"
    )
