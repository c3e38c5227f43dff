"""Pictures inside Parquet files, as Hugging Face's `datasets` writes them (`huggan/wikiart`).

The column `image` is a struct of `bytes` and `path`; `artist`, `genre` and `style` are class numbers whose names
stand in the schema's metadata. Files are called `data/train-00000-of-00072.parquet`. Pictures stay where they
are: their location names file, column and row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

from featurize.dataset.names import artist_and_year
from featurize.dataset.sources.base import Listing, Reader, Reading
from featurize.dataset.sources.columns import meaning
from featurize.dataset.sources.disk import is_folder
from featurize.dataset.sources.joined import joined
from featurize.dataset.sources.text import parquet_text
from featurize.dataset.sources.tree import is_leftover, split_of_shard, stem
from featurize.errors import SourceError
from featurize.pictures import archives
from featurize.pictures.archives.parquet import picture_columns

ENDING = ".parquet"


class ParquetPictures(Reader):
    """A Parquet file with a column of pictures, or a folder of such files, in it or in folders of it."""

    def recognises(self, source: Path) -> bool:
        return any(map(_has_pictures, _files(source)))

    def read(self, source: Path, reading: Reading) -> Listing:
        files = [path for path in _files(source) if _picture_columns(path)]
        if not files:
            raise SourceError(
                f"no .parquet file in {str(source)!r} has pictures in it: give the folder that holds them"
            )
        return joined([_one(path, reading) for path in files])


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
        return bool(_picture_columns(path))
    except SourceError:
        return False  # reading will tell, where other files have pictures


def _picture_columns(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(picture_columns(pq.read_schema(path)))
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{str(path)!r} can't be read: {str(error).splitlines()[0]}") from error


def _one(path: Path, reading: Reading) -> Listing:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            image = _image_column(file, path, reading)
            columns = parquet_text(file)
            names = _names(file, image)
            rows = file.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{str(path)!r} can't be read: {str(error).splitlines()[0]}") from error
    meant = meaning(columns, reading, repr(path.name))
    said = [artist_and_year(stem(name)) for name in names]
    labels = {"artist": [artist for artist, _ in said], "year": [year for _, year in said]} | dict(meant.labels)
    part = split_of_shard(path.stem, path.parent.name)
    splits = [split or part for split in meant.splits] if columns else [part] * rows
    return Listing([archives.location(path, f"{image}/{row}") for row in range(rows)], splits, labels)


def _image_column(file: object, path: Path, reading: Reading) -> str:
    columns = list(picture_columns(file.schema_arrow))  # type: ignore[attr-defined]
    if reading.path_column and reading.path_column not in columns:
        raise SourceError(
            f"--path-column {reading.path_column}: {path.name!r} has no pictures in such a column "
            f"(it has some in: {', '.join(columns) or 'none'})"
        )
    if not columns:
        raise SourceError(f"{str(path)!r} has no column of pictures (bytes, or a struct of bytes and path)")
    return reading.path_column or ("image" if "image" in columns else columns[0])


def _names(file: object, image: str) -> list[str]:
    """The file names that were stored beside the pictures; empty where there are none."""
    field = file.schema_arrow.field(image)  # type: ignore[attr-defined]
    rows = file.metadata.num_rows  # type: ignore[attr-defined]
    if picture_columns([field])[image] == image or field.type.get_field_index("path") < 0:
        return [""] * rows
    read = file.read(columns=[f"{image}.path"], use_threads=False)  # type: ignore[attr-defined]
    return [(value or {}).get("path") or "" for value in read.column(0).to_pylist()]
