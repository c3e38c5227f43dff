"""Readers of the forms in which people have paintings, one file a form, behind one contract.

`READERS` is asked in order; the first that recognises a source reads it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from featurize.dataset.names import lacking_columns, said_by_names
from featurize.dataset.notes import Note
from featurize.dataset.sources.artgan import ArtGan
from featurize.dataset.sources.base import AS_FOUND, Asking, Listing, Reader, Reading
from featurize.dataset.sources.folders import ClassFolders
from featurize.dataset.sources.iiif.reader import Iiif
from featurize.dataset.sources.painter import PainterByNumbers
from featurize.dataset.sources.parquet import ParquetPictures
from featurize.dataset.sources.tables import AnyTable
from featurize.dataset.sources.tree import FOLDER, is_picture_name, stem
from featurize.dataset.sources.webdataset import WebDataset
from featurize.dataset.sources.zips import Zips
from featurize.errors import SourceError

READERS: Mapping[str, Reader] = {
    "iiif": Iiif(),
    "painter-by-numbers": PainterByNumbers(),
    "artgan": ArtGan(),
    "parquet": ParquetPictures(),
    "webdataset": WebDataset(),
    "zip": Zips(),
    "table": AnyTable(),
    "folders": ClassFolders(),
}
_OTHER_SHEETS = (".xls", ".xlsb", ".ods", ".numbers", ".gsheet")
_WAY_OUT = (
    "give a folder with one folder for each class, a table (.csv, .tsv, .xlsx, .parquet), a .zip or .tar file, "
    "or the address of a IIIF manifest"
)


def format_of(source: Path, wanted: str = "") -> str:
    """The name of the reader for a source.

    Parameters
    ----------
    source : Path
    wanted : str
        A name of `READERS`, to overrule what a look would say.

    Raises
    ------
    SourceError
        The source is not there, no reader recognises it, or `wanted` is none.
    """
    if not source.exists():
        raise SourceError(f"there is no {str(source)!r}: give a folder of pictures, a table or an archive")
    if wanted:
        if wanted not in READERS:
            raise SourceError(f"--format {wanted} is not known: choose one of {', '.join(READERS)}")
        return wanted
    if source.name.endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")):
        raise SourceError(f"{source.name!r} is compressed, so its pictures can't be read in place: unpack it to .tar")
    for name, reader in READERS.items():
        if reader.recognises(source):
            return name
    if source.suffix.lower() in _OTHER_SHEETS:
        raise SourceError(f"{source.name!r} can't be read: open it in its spreadsheet program and save it as .xlsx")
    raise SourceError(f"{str(source)!r} is nothing that can be read: {_WAY_OUT}")


def read_source(source: Path, reading: Reading = AS_FOUND) -> tuple[str, Listing]:
    """The name of a source's form, and what it names.

    Raises
    ------
    SourceError
        The source can't be read, or names no picture at all.
    """
    name = format_of(source, reading.format)
    _refuse_columns(source, name, reading)
    listing = READERS[name].read(source.absolute(), reading)
    if not len(listing):
        raise SourceError(f"there are no pictures in {str(source)!r}: {_WAY_OUT}")
    return name, _with_names(_with_options(listing), reading)


def _refuse_columns(source: Path, name: str, reading: Reading) -> None:
    """Raise where a column is named of a source that is read without looking for it."""
    given = []
    if reading.path_column and not READERS[name].names_files:
        given.append(f"--path-column {reading.path_column}")
    if not READERS[name].has_columns:
        columns = reading.label_columns.items()
        given += [f"--label-column {label}={column}" for label, column in columns if column != FOLDER]
    if given:
        raise SourceError(
            f"{given[0]} names a column, and {str(source)!r} is read as {name}, whose columns can't be chosen: leave "
            "it out, or say with --format what the source is"
        )


def _with_options(listing: Listing) -> Listing:
    """A listing with a note of the columns that were recognised, as options to paste."""
    if not listing.recognised:
        return listing
    text = f"columns were recognised, the same as with {shlex.join(listing.recognised)}"
    return replace(listing, notes=[*listing.notes, Note(text, len(listing.recognised) // 2)])


def _with_names(listing: Listing, reading: Reading) -> Listing:
    """A listing with what the names of its pictures say of artist and year."""
    if reading.names is False or not lacking_columns(listing.labels):
        return listing
    pictures = [n for n, path in enumerate(listing.paths) if is_picture_name(path)]
    said, notes = said_by_names(
        [stem(listing.paths[n]) for n in pictures],
        {column: [values[n] for n in pictures] for column, values in listing.labels.items()},
        asked=reading.names,
        class_folders=listing.class_folders,
        classes=set(listing.labels.get(reading.target, ())),
    )
    columns = {column: [""] * len(listing) for column in said}
    for column, values in said.items():
        for n, value in zip(pictures, values, strict=True):
            columns[column][n] = value
    return replace(listing, labels={**listing.labels, **columns}, notes=[*listing.notes, *notes])


__all__ = ["AS_FOUND", "READERS", "Asking", "Listing", "Reader", "Reading", "format_of", "read_source"]
