"""Kaggle's Painter by Numbers: `all_data_info.csv` beside the folders `train_1` ... `train_9`, `train`, `test`.

Its columns are artist, date, genre, pixelsx, pixelsy, size_bytes, source, style, title, artist_group, in_train
and new_filename; dates read `1889.0`, `c.1912`, `(after) 1600` or nothing. Pictures may still lie in the zip
files that Kaggle hands out.
"""

from __future__ import annotations

from pathlib import Path

from featurize.dataset.sources.base import Listing, Reader, Reading
from featurize.dataset.sources.tables import located
from featurize.dataset.sources.text import read_text
from featurize.errors import SourceError

_FILE = "all_data_info.csv"
_NEEDED = ("artist", "date", "genre", "style", "in_train", "new_filename")
_KEPT = ("date", "title", "source", "artist_group")
_PARTS = {"true": "train", "false": "test"}


class PainterByNumbers(Reader):
    """A folder with `all_data_info.csv`, or that file."""

    def recognises(self, source: Path) -> bool:
        if source.is_dir():
            return (source / _FILE).is_file()
        return source.suffix.lower() == ".csv" and set(_NEEDED) <= set(_first_line(source).strip().split(","))

    def read(self, source: Path, reading: Reading) -> Listing:
        path = source / _FILE if source.is_dir() else source
        columns, notes = read_text(path, reading.encoding)
        lacking = [c for c in _NEEDED if c not in columns]
        if lacking:
            raise SourceError(f"{str(path)!r} has no column {lacking[0]!r}: use --format table for a table of your own")
        labels = {c: columns[c] for c in ("style", "genre", "artist")}
        labels |= {"year": columns["date"]} | {c: columns[c] for c in _KEPT if c in columns}
        splits = [_PARTS.get(value.strip().lower(), "") for value in columns["in_train"]]
        return located(Listing(columns["new_filename"], splits, labels, notes), path.parent, reading)


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline(10_000)
