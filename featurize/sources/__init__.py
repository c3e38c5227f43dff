"""Readers of the forms in which people have paintings, one file a form, behind one contract.

`READERS` is asked in order; the first that recognises a source reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from featurize.errors import SourceError
from featurize.sources.base import Entry, Reader
from featurize.sources.folders import ClassFolders

READERS: Mapping[str, Reader] = {"folders": ClassFolders()}


def reader_for(source: Path) -> Reader:
    """The reader that recognises a source.

    Raises
    ------
    SourceError
        The source is not there, or no reader recognises it.
    """
    if not source.exists():
        raise SourceError(f"there is no {str(source)!r}: give a folder of pictures")
    for reader in READERS.values():
        if reader.recognises(source):
            return reader
    raise SourceError(f"{str(source)!r} is nothing that can be read: give a folder with one folder for each class")


__all__ = ["READERS", "Entry", "Reader", "reader_for"]
