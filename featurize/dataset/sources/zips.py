"""Class folders inside zip files, one or several; nothing is unpacked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from featurize.dataset.notes import Note
from featurize.dataset.sources.base import Listing, Reader, Reading
from featurize.dataset.sources.joined import joined
from featurize.dataset.sources.tree import is_leftover, read_tree, split_of_shard
from featurize.errors import SourceError
from featurize.pictures import archives


class Zips(Reader):
    """A zip file, or a folder of nothing but zip files."""

    def recognises(self, source: Path) -> bool:
        if source.is_dir():
            children = [p for p in source.iterdir() if not is_leftover(p.name)]
            return bool(children) and all(p.suffix.lower() == ".zip" for p in children)
        return source.suffix.lower() == ".zip"

    def read(self, source: Path, reading: Reading) -> Listing:
        return joined([_one(path, reading) for path in archives_of(source, ".zip")])


def _one(path: Path, reading: Reading) -> Listing:
    names = sorted(name for name in members_of(path) if not any(map(is_leftover, name.split("/"))))
    listing = read_tree(names, lambda name: archives.location(path, name), reading, split_of_shard(path.stem))
    return replace(listing, notes=[*listing.notes, *notes_on(path)])


def archives_of(source: Path, kind: str) -> list[Path]:
    """The archives of a kind that a source is, or that lie in it."""
    if not source.is_dir():
        return [source]
    found = sorted(p for p in source.iterdir() if p.suffix.lower() == kind and not is_leftover(p.name))
    if not found:
        raise SourceError(f"there is no {kind} file in {str(source)!r}: give the folder that holds them")
    return found


def members_of(path: Path) -> list[str]:
    """Tidy names of the files in an archive, in its order.

    Raises
    ------
    SourceError
        It can't be read.
    """
    try:
        return list(archives.open_archive(path).names())
    except (OSError, KeyError) as error:
        said = getattr(error, "strerror", None) or (error if isinstance(error, OSError) else "its ending is not known")
        raise SourceError(f"{str(path)!r} can't be read: {said}") from error


def notes_on(path: Path) -> list[Note]:
    """What a user should know about the members of an archive that can be read."""
    again = archives.open_archive(path).replaced()
    return (
        [Note("names stand several times in an archive: the last of each counts", len(again), again)] if again else []
    )
