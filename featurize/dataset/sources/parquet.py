"""Pictures inside Parquet files, as Hugging Face's `datasets` writes them (`huggan/wikiart`).

The column `image` is a struct of `bytes` and `path`; `artist`, `genre` and `style` are class numbers whose names
stand in the schema's metadata. Files are called `data/train-00000-of-00072.parquet`. Pictures stay where they
are: their location names file, column and row. A row that holds no bytes and names a file means that file.

Bytes are not always pictures: hashes, empty thumbnails and sounds lie in such columns, too. So where the schema does
not say that a column holds pictures, a few of its values must begin like one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from featurize.dataset.notes import Note
from featurize.dataset.sources.base import Listing, Reader, Reading
from featurize.dataset.sources.columns import as_options, meaning, picture_column
from featurize.dataset.sources.disk import find, is_folder
from featurize.dataset.sources.joined import joined
from featurize.dataset.sources.text import feature_types, parquet_text
from featurize.dataset.sources.tree import is_leftover, split_of_shard
from featurize.errors import SourceError
from featurize.pictures import archives
from featurize.pictures.archives.parquet import Parquet, picture_columns
from featurize.pictures.formats import begins_like_a_picture

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ENDING = ".parquet"
_SMALL = re.compile("thumb|preview|icon", re.IGNORECASE)  # a column of that name is taken where there is no other
_TRIED = 8  # values of a column; more than half of them must begin like a picture


class ParquetPictures(Reader):
    """A Parquet file with a column of pictures, or a folder of such files, in it or in folders of it."""

    names_files = True
    has_columns = True

    def recognises(self, source: Path) -> bool:
        return any(map(_has_pictures, _files(source)))

    def read(self, source: Path, reading: Reading) -> Listing:
        columns = _Columns(reading.path_column)
        files = [(path, column) for path in _files(source) if (column := columns.of(path))]
        if not files:
            raise SourceError(
                f"no .parquet file in {str(source)!r} has pictures in it: give the folder that holds them, or name the "
                "column of bytes with --path-column"
            )
        listing = joined([_one(path, column, reading) for path, column in files])
        text = "columns hold pictures, too, and are left out: --path-column takes another"
        told = [Note(text, len(columns.others), list(columns.others))] if columns.others else []
        return replace(listing, notes=[*listing.notes, *told])


def _files(source: Path, deep: int = 2) -> Iterator[Path]:
    """The Parquet files that a source is, or that lie in it or in folders of it."""
    if not source.is_dir():
        yield from [source] if source.suffix.lower() == ENDING else []
        return
    with os.scandir(source) as listed:
        children = [c for c in listed if (c.name.endswith(ENDING) or is_folder(c)) and not is_leftover(c.name)]
    for child in sorted(children, key=attrgetter("name")):
        if is_folder(child):
            yield from _files(Path(child.path), deep - 1) if deep else ()
        else:
            yield Path(child.path)


def _has_pictures(path: Path) -> bool:
    try:
        return bool(_Columns("").of(path))
    except SourceError:
        return False  # reading will tell, where other files have pictures


class _Columns:
    """Which column of a file holds its pictures.

    Parameters
    ----------
    asked : str
        The column that the user names, which is believed; empty to find out.
    """

    def __init__(self, asked: str) -> None:
        self._asked = asked
        self.others: dict[str, None] = {}  # that hold pictures, too
        self._known: dict[tuple[str, str], bool] = {}  # name and type -> whether it holds pictures

    def of(self, path: Path) -> str:
        """The column, or "" where the file has none.

        Raises
        ------
        SourceError
            The file can't be read, or lacks the column asked for.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            schema = pq.read_schema(path)
            there = list(picture_columns(schema))
            if self._asked and there and self._asked not in there:
                raise SourceError(
                    f"--path-column {self._asked}: {path.name!r} has no bytes in such a column "
                    f"(it has some in: {', '.join(there)})"
                )
            if self._asked:
                return self._asked if there else ""
            fitting = [column for column in there if self._holds_pictures(path, schema, column)]
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{str(path)!r} can't be read: {str(error).splitlines()[0]}") from error
        best = min(fitting, key=lambda column: (column != "image", bool(_SMALL.search(column))), default="")
        self.others.update(dict.fromkeys(column for column in fitting if column != best))
        return best

    def _holds_pictures(self, path: Path, schema: pa.Schema, column: str) -> bool:
        said = feature_types(schema).get(column)
        if said:
            return said == "Image"
        field = schema.field(column)
        name = column, str(field.type)
        if name not in self._known:
            found = Parquet(path).some(column, _TRIED)
            if not found:  # none, or none yet: a field `path` beside the bytes says that files hold them
                return "path:" in str(field.type)
            self._known[name] = sum(map(begins_like_a_picture, found)) > len(found) / 2
        return self._known[name]


def _one(path: Path, column: str, reading: Reading) -> Listing:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = parquet_text(file)
            names = _names(file, column)
        held = Parquet(path).held(column) if any(names) else [True] * len(names)
        beyond = Parquet(path).beyond_the_first(column)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{str(path)!r} can't be read: {str(error).splitlines()[0]}") from error
    meant = meaning(columns, reading, repr(path.name))
    part = split_of_shard(path.stem, path.parent.name)
    splits = [split or part for split in meant.splits] if columns else [part] * len(names)
    outside = {row: name for row, name in enumerate(names) if name and not held[row]}
    found, notes = _outside(outside, path, reading)
    places = [found.get(row) or archives.location(path, f"{column}/{row}") for row in range(len(names))]
    named = picture_column(columns)
    if named is not None:
        text = f"rows name a file in {named!r}, too: pictures are read from {column!r} (--format table takes the files)"
        notes.append(Note(text, len(names)))
    if beyond:
        notes.append(Note(f"pictures stand behind the first in a row of {column!r}: left out", beyond))
    return Listing(places, splits, meant.labels, [*notes, *meant.notes], recognised=as_options(meant.recognised))


def _outside(names: Mapping[int, str], path: Path, reading: Reading) -> tuple[dict[int, str], list[Note]]:
    """Where the files are that rows name instead of holding bytes: row -> location."""
    if not names:
        return {}, []
    notes = [Note("rows name a file instead of holding a picture: read from there", len(names), list(names.values()))]
    if reading.lists_only:
        return {row: str(path.parent / name) for row, name in names.items()}, notes
    found = find(list(names.values()), path.parent, reading.images_folder)
    return dict(zip(names, found.paths, strict=True)), [*notes, *found.notes]


def _names(file: pq.ParquetFile, column: str) -> Sequence[str]:
    """The file names that stand beside the pictures; empty where there are none."""
    rows = file.metadata.num_rows
    leaves = [file.schema.column(n).path for n in range(len(file.schema))]
    beside = [leaf for leaf in leaves if leaf.startswith(f"{column}.") and leaf.endswith(".path")]
    if not beside:
        return [""] * rows
    read = file.read(columns=beside, use_threads=False)
    return [_first_path(value) for value in read.column(0).to_pylist()]


def _first_path(value: object) -> str:
    while isinstance(value, list | dict):
        value = value.get("path") if isinstance(value, dict) else next(iter(value), None)
    return str(value or "")
