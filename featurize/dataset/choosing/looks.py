"""A look at each picture file: is it there, is it the one that an older table knows, is it a picture at all.

Files that did not change since the older table was made are not read again. The others are read by several
threads at once: reading and hashing leave the interpreter's lock, so this goes at the disk's speed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from featurize import processors
from featurize.errors import Undecodable
from featurize.pictures import archives, decoding
from featurize.pictures.file import digest, read
from featurize.progress import Progress
from featurize.reasons import Reason

Known = Mapping[str, tuple[int, int, str]]  # path as written in a table -> size, time, id
_CHUNK = 512  # files handed to the workers at a time: keeps memory and the progress bar steady


class Seen(NamedTuple):
    """A file after a look at it: its facts, or why it is none of ours.

    Parameters
    ----------
    id : str
        sha256 of its bytes; empty for a file that was not read.
    size, mtime_ns : int
    refused : Undecodable, optional
    reused : bool
        Whether id and facts are those of the older table.
    """

    id: str = ""
    size: int = -1
    mtime_ns: int = -1
    refused: Undecodable | None = None
    reused: bool = False


def known_files(older: Mapping[str, Sequence[str]]) -> Known:
    """What the columns of an older table say of its files; nothing where they say nothing."""
    if not {"path", "id", "mtime_ns"} <= set(older):
        return {}
    paths = older["path"]
    sizes = _whole(older.get("size", [""] * len(paths)))
    rows = zip(paths, sizes, _whole(older["mtime_ns"]), older["id"], strict=True)
    return {path: (size, changed, picture) for path, size, changed, picture in rows}


def _whole(column: Sequence[str]) -> list[int]:
    """Whole numbers; -1 for a cell that is none, as a spreadsheet leaves it."""
    try:
        return list(map(int, column))
    except ValueError:
        return [int(value) if value.isdecimal() else -1 for value in column]


class Looks:
    """Looks at files, each remembered.

    Parameters
    ----------
    locations : sequence of str
        Where the files are.
    written : sequence of str
        The same as a table writes them.
    known : mapping
        From `known_files`.
    troubles : mapping of str to str
        Location -> why the file could not be fetched.
    """

    def __init__(
        self,
        locations: Sequence[str],
        written: Sequence[str],
        known: Known,
        troubles: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._locations = locations
        self._seen: dict[int, Seen] = {}
        self._refused: dict[int, Undecodable] = {}
        for n, (location, path) in enumerate(zip(locations, written, strict=True)):
            if location in troubles:
                self._take(n, Seen(refused=Undecodable(Reason.NOT_FETCHED, troubles[location])))
                continue
            try:
                size, changed = archives.facts(location)
            except (FileNotFoundError, NotADirectoryError):
                self._take(n, _look_at(location))  # says why
                continue
            except OSError:
                continue  # reading says why
            older = known.get(path)
            if older and older[1] == changed and size in (older[0], -1):
                self._seen[n] = Seen(older[2], older[0], changed, reused=True)

    def _take(self, n: int, seen: Seen) -> None:
        self._seen[n] = seen
        if seen.refused is not None:
            self._refused[n] = seen.refused

    def __getitem__(self, n: int) -> Seen:
        return self._seen[n]

    @property
    def refused(self) -> dict[int, Undecodable]:
        """Numbers of the files that turned out to be none of ours, ascending, and why."""
        return dict(sorted(self._refused.items()))

    def read(self, wanted: Sequence[int], workers: int | None = None, progress: Progress | None = None) -> None:
        """Read those of the wanted files that were not looked at yet."""
        todo = [n for n in wanted if n not in self._seen]
        if not todo:
            return
        done = len(wanted) - len(todo)
        if progress:
            progress(done, len(wanted))
        with ThreadPoolExecutor(workers or processors.count()) as pool:
            for chunk in _chunks(todo, _CHUNK):
                for n, seen in zip(chunk, pool.map(_look_at, [self._locations[n] for n in chunk]), strict=True):
                    self._take(n, seen)
                done += len(chunk)
                if progress:
                    progress(done, len(wanted))


def _look_at(location: str) -> Seen:
    changed = -1
    with contextlib.suppress(OSError):
        changed = archives.facts(location)[1]
    try:
        data = read(Path(location))
        decoding.probe(data)
    except Undecodable as why:
        return Seen(refused=why)
    return Seen(digest(data), len(data), changed)


def _chunks(numbers: Sequence[int], size: int) -> Iterator[list[int]]:
    rest = iter(numbers)
    while chunk := list(islice(rest, size)):
        yield chunk


def count_reasons(refused: Mapping[int, Undecodable]) -> dict[Reason, int]:
    """How many files were refused for each reason, in the order of the reasons."""
    return {r: n for r in Reason if (n := sum(why.reason == r for why in refused.values()))}


__all__ = ["Looks", "Seen", "count_reasons", "known_files"]
