"""Where a picture's bytes are: a file of its own, or a place inside an archive, which is never unpacked.

A location is written like a path: `shard-000.tar::train/x.jpg`, `wikiart.zip::Baroque/x.jpg`,
`train-00000-of-00072.parquet::image/17` (column and row). Opened archives are kept, so that many threads can
read from one of them without listing it again.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from featurize.errors import NotInArchive, Undecodable
from featurize.pictures.archives.base import Archive
from featurize.pictures.archives.parquet import Parquet
from featurize.pictures.archives.tar import Tar
from featurize.pictures.archives.zip import Zip
from featurize.reasons import Reason

SEPARATOR = "::"
ARCHIVES: Mapping[str, Callable[[Path], Archive]] = {".tar": Tar, ".zip": Zip, ".parquet": Parquet}
_INSIDE = re.compile(rf"(.+?({'|'.join(re.escape(e) for e in ARCHIVES)})){SEPARATOR}(.+)", re.DOTALL | re.IGNORECASE)
_MOST_OPEN = 64  # archives kept open: an index of 100,000 names takes some tens of megabytes


@dataclass(frozen=True)
class Place:
    """A place inside an archive.

    Parameters
    ----------
    archive : Path
    member : str
        Its name there.
    """

    archive: Path
    member: str


def inside(location: Path | str) -> Place | None:
    """The place that a location means, or None where it is an ordinary file's path."""
    text = str(location)
    if SEPARATOR not in text:
        return None
    found = _INSIDE.fullmatch(text)
    return Place(Path(found[1]), found[3]) if found else None


def location(archive: Path | str, member: str) -> str:
    """The location of a member of an archive."""
    return f"{archive}{SEPARATOR}{member}"


def facts(where: Path | str) -> tuple[int, int]:
    """Size and modification time (ns) of a picture; inside an archive the time is the archive's.

    The size is -1 where only reading would tell (Parquet).

    Raises
    ------
    OSError
        There is no such file or member.
    """
    text = str(where)
    place = inside(text) if SEPARATOR in text else None
    if place is None:
        seen = os.stat(text)  # noqa: PTH116  called 100,000 times: a Path each would take longer than the look
        return seen.st_size, seen.st_mtime_ns
    archive, changed = _OPEN.get(place.archive)
    return archive.size(place.member), changed


def read_inside(place: Place) -> bytes:
    """The bytes of a member of an archive.

    Raises
    ------
    Undecodable
        With reason MISSING, UNREADABLE or NOT_A_FILE.
    """
    try:
        return _OPEN.get(place.archive)[0].read(place.member)
    except NotInArchive as error:
        raise Undecodable(Reason.MISSING, f"it is not in {place.archive.name!r}") from error
    except FileNotFoundError as error:
        raise Undecodable(Reason.MISSING, f"there is no {str(place.archive)!r}") from error
    except OSError as error:
        raise Undecodable(Reason.UNREADABLE, f"{place.archive.name!r}: {error.strerror or error}") from error


def open_archive(path: Path) -> Archive:
    """An archive, opened and listed once for as long as its file does not change.

    Raises
    ------
    OSError
        There is no such file, or it is no archive of the kind its ending says.
    """
    return _OPEN.get(path)[0]


class _Opened:
    """The archives in use, the longest unused given up first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._archives: OrderedDict[str, tuple[tuple[int, int], Archive]] = OrderedDict()

    def get(self, path: Path) -> tuple[Archive, int]:
        """An archive and its modification time in nanoseconds."""
        seen = path.stat()
        state = (seen.st_size, seen.st_mtime_ns)
        with self._lock:
            name = str(path)
            known = self._archives.get(name)
            if known is None or known[0] != state:
                known = state, ARCHIVES[path.suffix.lower()](path)
                self._archives[name] = known
            self._archives.move_to_end(name)
            while len(self._archives) > _MOST_OPEN:
                self._archives.popitem(last=False)
        return known[1], state[1]


_OPEN = _Opened()

__all__ = ["ARCHIVES", "Archive", "Place", "facts", "inside", "location", "open_archive", "read_inside"]
