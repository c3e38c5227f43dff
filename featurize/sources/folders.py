"""A folder for each class, with or without split folders above: `train/Baroque/artist_title-1650.jpg`."""

from __future__ import annotations

from pathlib import Path

from featurize.sources.base import Listing, Reader, Reading
from featurize.sources.disk import files_below
from featurize.sources.tree import read_tree


class ClassFolders(Reader):
    """A tree of class folders on disk."""

    def recognises(self, source: Path) -> bool:
        return source.is_dir()

    def read(self, source: Path, reading: Reading) -> Listing:
        root = str(source)
        return read_tree(files_below(root), lambda name: f"{root}/{name}", reading)
