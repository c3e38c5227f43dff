"""Which pictures are to be predicted, and what the user's table says of each.

A table alone names the pictures: each of its rows is one. Where pictures are given, too, they are the ones, and the
table's columns are joined to them by their paths. Names are found on the disk as `featurize prepare` finds them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from classify.errors import PictureError
from featurize.dataset.notes import Note
from featurize.dataset.sources.base import Reading
from featurize.dataset.sources.columns import path_column
from featurize.dataset.sources.disk import find
from featurize.dataset.sources.matching import match, plain
from featurize.dataset.sources.text import read_text
from featurize.dataset.sources.tree import is_picture_name


@dataclass(frozen=True)
class Listed:
    """Pictures with what a table says of them.

    Parameters
    ----------
    paths : sequence of Path or None
        None for a row of the table that names no picture.
    columns : mapping of str to sequence of str
        The table's columns, one value a picture; "" where the table does not name it.
    notes : sequence of Note
        What the user should know.
    """

    paths: Sequence[Path | None]
    columns: Mapping[str, Sequence[str]]
    notes: Sequence[Note] = ()


def from_table(table: Path, pictures: Sequence[Path] = (), named_by: str = "") -> Listed:
    """The rows of a table as pictures; or the pictures given, with the table's columns.

    Parameters
    ----------
    table : Path
        `.csv`, `.tsv`, `.xlsx` or `.parquet`.
    pictures : sequence of Path
        Where some are given, the table's other rows are left out.
    named_by : str
        The column that names the picture files; empty to find out by looking.

    Raises
    ------
    PictureError
        There is no such file; or what may be names in it, as numbers of an inventory, are none of files.
    SourceError
        It can't be read as a table, or none of its columns names picture files.
    """
    if not table.is_file():
        raise PictureError(f"there is no table {str(table)!r}: give a .csv, .xlsx or .parquet file")
    columns, notes = read_text(table)
    column = path_column(columns, Reading(path_column=named_by), repr(table.name))
    names = columns[column]
    if not names:
        raise PictureError(f"the table {str(table)!r} has no rows: nothing to predict")
    if pictures:
        return _joined(columns, _rows_of(names, table, pictures), pictures, notes)
    filled = [name for name in names if name.strip()]
    found = find(filled, table.absolute().parent)
    guessed = not (named_by or any(map(is_picture_name, (*filled, *found.paths))))
    if guessed and not any(Path(path).exists() for path in found.paths):
        raise PictureError(
            f"no column of {str(table)!r} names picture files, and none lies here under what stands in {column!r}, "
            f"such as {filled[0] if filled else ''!r}: say which column names them with --path-column"
        )
    places = iter(found.paths)
    paths = [Path(next(places)) if name.strip() else None for name in names]
    return Listed(paths, columns, [*notes, *found.notes])


def _rows_of(names: Sequence[str], table: Path, pictures: Sequence[Path]) -> dict[str, list[int]]:
    """Absolute path of a picture that was given -> rows of the table that name it."""
    folder = table.absolute().parent
    wanted = [_where_it_lies(plain(name), folder) for name in names]
    there = [_absolute(path).lstrip("/") for path in pictures]
    found = match([name for name in wanted if name], there, "").found
    rows: dict[str, list[int]] = {}
    for number, name in enumerate(wanted):
        if name and name in found:
            rows.setdefault("/" + found[name].lstrip("/"), []).append(number)
    return rows


def _joined(
    columns: Mapping[str, Sequence[str]],
    rows: Mapping[str, Sequence[int]],
    pictures: Sequence[Path],
    notes: Sequence[Note],
) -> Listed:
    places = [rows.get(_absolute(path), ()) for path in pictures]
    told = list(notes)
    unnamed = [str(path) for path, place in zip(pictures, places, strict=True) if not place]
    if unnamed:
        told.append(Note("pictures are not named by the table: its columns are empty for them", len(unnamed), unnamed))
    several = [str(path) for path, place in zip(pictures, places, strict=True) if len(place) > 1]
    if several:
        told.append(Note("pictures stand in several rows of the table: the first row counts", len(several), several))
    length = len(next(iter(columns.values())))
    unused = length - len({number for place in places for number in place})
    if unused:
        told.append(Note("rows of the table name none of the pictures given: left out", unused))
    joined = {name: [values[place[0]] if place else "" for place in places] for name, values in columns.items()}
    return Listed(list(pictures), joined, told)


def _where_it_lies(name: str, folder: Path) -> str:
    """A name that leads to a file from the table's folder, as the path of that file; others as they are."""
    if name and os.path.exists(place := os.path.join(folder, name)):  # noqa: PTH110, PTH118
        return os.path.normpath(place)
    return name


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100  keeps links as they are
