"""A folder for each class, with or without split folders above: `train/Baroque/artist_title-1650.jpg`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from featurize.dataset.notes import Note
from featurize.dataset.sources.base import Listing, Reader, Reading
from featurize.dataset.sources.disk import files_below
from featurize.dataset.sources.tree import TABLES, ending, read_tree


class ClassFolders(Reader):
    """A tree of class folders on disk."""

    def recognises(self, source: Path) -> bool:
        return source.is_dir()

    def read(self, source: Path, reading: Reading) -> Listing:
        root = str(source)
        names = [name for name in files_below(root) if not reading.is_own(f"{root}/{name}")]
        listing = read_tree(names, lambda name: f"{root}/{name}", reading)
        tables = [name for name in names if "/" not in name and ending(name) in TABLES]
        told = Note("tables beside the pictures: to read the labels in one, give it as SOURCE", len(tables), tables)
        return replace(listing, notes=[*listing.notes, told]) if tables else listing
