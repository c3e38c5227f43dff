"""Any table with a column that names picture files, and columns of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from featurize.dataset.notes import Note
from featurize.dataset.sheets import Sheet
from featurize.dataset.sources.base import Listing, Reader, Reading
from featurize.dataset.sources.columns import as_options, meaning, path_column
from featurize.dataset.sources.disk import find
from featurize.dataset.sources.text import columns_of, read_text, text_sheet
from featurize.dataset.sources.tree import TABLES, is_picture_name


class AnyTable(Reader):
    """A `.csv`, `.tsv`, `.txt`, `.xlsx` or `.parquet` file."""

    names_files = True
    has_columns = True

    def recognises(self, source: Path) -> bool:
        return source.is_file() and source.suffix.lower() in (*TABLES, ".txt", ".xlsm")

    def read(self, source: Path, reading: Reading) -> Listing:
        columns, notes, lines = _columns(source, reading)
        where = repr(source.name)
        named = path_column(columns, reading, where)
        meant = meaning(columns, reading, where, without=[named])
        options = as_options(meant.recognised, named)
        notes = [*notes, *meant.notes]
        listing = Listing(columns[named], meant.splits, meant.labels, notes, recognised=options, lines=lines)
        return located(listing, source.parent, reading)


def _columns(source: Path, reading: Reading) -> tuple[dict[str, list[str]], Sequence[Note], Sequence[int]]:
    """The columns of a table as text, notes on them, and the line of each row, where the file has lines."""
    if source.suffix.lower() == ".parquet":
        return *read_text(source, reading.encoding), ()
    sheet = text_sheet(source, reading.encoding)
    if any(map(is_picture_name, map(str.strip, sheet.header))):  # the first line names a file as all others do
        columns = _without_header(sheet, reading.target)
        text = f"first line names a file, and no columns: they are called {', '.join(columns)}"
        return columns, [*sheet.notes, Note(text, 1)], [1, *sheet.lines]
    return *columns_of(sheet), sheet.lines


def located(listing: Listing, folder: Path, reading: Reading) -> Listing:
    """A listing of names as a list has them -> one of locations on the disk.

    Lines without a name are left out, and noted.

    Parameters
    ----------
    listing : Listing
    folder : Path
        Where the list lies.
    reading : Reading
        Says where the pictures are, or that they are not to be looked for.
    """
    named = [n for n, name in enumerate(listing.paths) if name.strip()]
    notes = list(listing.notes)
    if len(named) < len(listing):
        notes.append(Note("lines of the list name no file: left out", len(listing) - len(named)))
        listing = taken(listing, named)
    names = listing.paths
    if reading.lists_only:
        return replace(listing, paths=[str(folder / name) for name in names], notes=notes)
    found = find(names, folder, reading.images_folder)
    return replace(listing, paths=found.paths, notes=[*notes, *found.notes])


def taken(listing: Listing, rows: Sequence[int]) -> Listing:
    """Some rows of a listing."""
    return replace(
        listing,
        paths=[listing.paths[n] for n in rows],
        splits=[listing.splits[n] for n in rows],
        labels={c: [v[n] for n in rows] for c, v in listing.labels.items()},
        lines=[listing.lines[n] for n in rows] if listing.lines else (),
    )


def _without_header(sheet: Sheet, target: str) -> dict[str, list[str]]:
    names = ["path", target, *(f"column_{n}" for n in range(3, len(sheet.header) + 1))]
    cells = zip(map(str.strip, sheet.header), sheet.cells, strict=True)
    return {name: [first, *rest] for name, (first, rest) in zip(names, cells, strict=False)}
