"""A folder for each class, with or without split folders above: `train/Baroque/artist_title-1650.jpg`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from featurize.errors import SourceError
from featurize.names import artist_and_year
from featurize.sources.base import Entry, Reader
from featurize.table import tidy

_SPLIT = re.compile(r"(?:.*[_\- ])?(?:(train|training)|(val|valid|validation|dev)|(test|testing))", re.IGNORECASE)
_NO_PICTURES = {"thumbs.db", "desktop.ini", "ehthumbs.db"}  # left by file managers; no source names them


class ClassFolders(Reader):
    """A tree of class folders."""

    def recognises(self, source: Path) -> bool:
        return source.is_dir()

    def entries(self, source: Path, target: str) -> Iterator[Entry]:
        parts = [(p, split_name(p.name)) for p in _listed(source) if p.is_dir()]
        if parts and all(split for _, split in parts):
            for part, split in parts:
                yield from _classes(part, split, target)
        else:
            yield from _classes(source, "", target)


def split_name(name: str) -> str:
    """ "train", "val" or "test" if a folder's name says so, as in `wikipaintings_train`; else ""."""
    found = _SPLIT.fullmatch(name)
    if not found:
        return ""
    return next(split for split, said in zip(("train", "val", "test"), found.groups(), strict=True) if said)


def _classes(folder: Path, split: str, target: str) -> Iterator[Entry]:
    for child in _listed(folder):
        if not child.is_dir() or _looks_like_file(child):
            yield _entry(child, "", split, target)
            continue
        for path in _files_below(child, (child.resolve(),)):
            yield _entry(path, child.name, split, target)


def _entry(path: Path, label: str, split: str, target: str) -> Entry:
    artist, year = artist_and_year(path.stem)
    said = {"artist": artist, "year": year}
    return Entry(path, {target: tidy(label), **{c: v for c, v in said.items() if c != target}}, split)


def _files_below(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    for child in _listed(folder):
        if child.is_dir() and not _looks_like_file(child):
            where = child.resolve()
            if where not in above:  # a link to a folder above would never end
                yield from _files_below(child, (*above, where))
        else:
            yield child


def _looks_like_file(folder: Path) -> bool:
    """A folder named `x.jpg` is told to the user instead of being walked into."""
    return folder.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"}


def _listed(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  names as they are on disk
    except OSError as error:
        raise SourceError(f"the folder {str(folder)!r} can't be read: {error.strerror}") from error
    return [folder / n for n in names if not n.startswith(".") and n.lower() not in _NO_PICTURES]
