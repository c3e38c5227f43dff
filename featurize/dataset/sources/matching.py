"""Which file on the disk a name in a list means.

Lists and disks disagree about separators, case, `_`, `-` and spaces, accents and Unicode normal forms, endings, and the
folders above. A name is looked for as it stands first. Only names and files that are still without a partner are then
matched loosely, and only where the partner is the one possible, on both sides. What was matched so is noted, and so is
a name that could mean several files: it gets none of them.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from featurize.dataset.labels import label_key
from featurize.dataset.names import mended
from featurize.dataset.notes import Note
from featurize.dataset.sources.tree import ending, is_picture_name, stem
from featurize.dataset.spelling import words_of
from featurize.errors import Undecodable
from featurize.pictures import archives
from featurize.pictures.file import digest, read

_AS_IT_IS = re.compile(r"[\w-][\w. -]*(/[\w-][\w. -]*)*(?<! )")  # names that are plain already, as nearly all are
_LONG_WORD = 3  # letters; two such words make a file's name one that no other object has


def plain(name: str) -> str:
    r"""A name with one `/` between its parts, without `.` and without `..` in its middle.

    Examples
    --------
    >>> plain(r"d/a\1.png"), plain("./art//x.jpg"), plain("a/../b/x.jpg")
    ('d/a/1.png', 'art/x.jpg', 'b/x.jpg')
    """
    if _AS_IT_IS.fullmatch(name):
        return name
    stripped = name.strip().removeprefix("file://").replace("\\", "/")
    tidied = posixpath.normpath(stripped) if stripped else ""
    return "/" + tidied.lstrip("/") if tidied.startswith("//") else tidied


def match(wanted: Sequence[str], there: Sequence[str], root: str) -> Matching:
    """Find the files that names mean.

    Parameters
    ----------
    wanted : sequence of str
        Names as `plain` makes them, each perhaps several times.
    there : sequence of str
        Names of the files below the root.
    root : str
        An absolute path.
    """
    matching = Matching(wanted, there, root)
    matching.as_written()
    matching.without_folders_above()
    matching.loosely(_key_with_folder, _key_with_folder)
    for key in (_key_of_bare_name, _key_of_number, _key_of_telling_name):
        matching.loosely(key, _key)
    return matching


class Matching:
    """Names of a list and the files found for them, step by step."""

    def __init__(self, wanted: Sequence[str], there: Sequence[str], root: str) -> None:
        self._root = root
        self._wanted = wanted
        self._there = there
        self._loose: dict[str, str] = {}
        self._several: dict[str, Sequence[str]] = {}  # name in the list -> files that it could mean
        self._copies: set[str] = set()  # files that would have done as well
        self.found: dict[str, str] = {}  # name in the list -> name on disk, or an absolute location

    def as_written(self) -> None:
        """Names that stand on the disk as they are, perhaps below further folders."""
        known = {(plain(file) if "\\" in file else file): file for file in self._there}
        rest = []
        for name in dict.fromkeys(self._wanted):
            if name in known:
                self.found[name] = known[name]
            elif name.startswith(("/", "../")) and os.path.exists(place := posixpath.join(self._root, name)):  # noqa: PTH110
                place = posixpath.normpath(place)
                self.found[name] = known.get(place.removeprefix(f"{self._root}/"), place)
            else:
                rest.append(name)
        by_file = _grouped(self._unused(), _last_part) if rest else {}
        used: set[str] = set()
        for name in sorted(rest, key=lambda name: -name.count("/")):  # those that say the most choose first
            fitting = [f for f in by_file.get(_last_part(name), ()) if f.endswith(f"/{name}") and f not in used]
            if len(fitting) > 1 and not self._are_copies(fitting):
                self._several[name] = fitting
            elif fitting:
                self.found[name], *copies = fitting
                used.add(fitting[0])
                self._copies.update(copies)

    def without_folders_above(self) -> None:
        """Names that begin with folders that the disk does not have, as those of another computer.

        The same folders have to be left out of several names, and most of what is left has to be there.
        """
        known = set(self._there)
        names = [name for name in self._open_names() if "/" in name]
        for depth in range(1, max((name.count("/") for name in names), default=0) + 1):
            groups: dict[str, dict[str, str]] = defaultdict(dict)  # folders above -> name -> what is left of it
            for name in self._open(names):
                above = "/".join(name.split("/")[:depth])
                groups[above][name] = name[len(above) + 1 :]
            claimed: dict[str, str] = {}
            for shorter in groups.values():
                hits = {name: short for name, short in shorter.items() if short in known}
                if len(hits) > 1 and 2 * len(hits) > len(shorter):
                    claimed |= hits
            claims = Counter(claimed.values())
            used = set(self.found.values())
            for name, file in claimed.items():
                if claims[file] == 1 and file not in used:
                    self.found[name] = self._loose[name] = file

    def loosely(self, key_of_name: Callable[[str], str], key_of_file: Callable[[str], str]) -> None:
        """Names that differ from a file's only in spelling; a name with the key "" is left alone."""
        names = _grouped(self._open_names(), key_of_name)
        names.pop("", None)
        files = _grouped(self._unused(), key_of_file) if names else {}
        for spelled, listed in names.items():
            fitting = files.get(spelled, [])
            if len(fitting) > 1:
                same_ending = [f for f in fitting if ending(f) == ending(listed[0])]
                fitting = same_ending if len(same_ending) == 1 else fitting
            if len(listed) == len(fitting) == 1:
                self.found[listed[0]] = self._loose[listed[0]] = fitting[0]
            elif len(fitting) > 1:
                self._several |= dict.fromkeys(listed, fitting)

    def paths(self) -> list[str]:
        """The location of each name; one that is nowhere stands where it should be."""
        places = {name: self.found.get(name, name) for name in set(self._wanted)}
        return [p if (p := places[name]).startswith("/") else f"{self._root}/{p}" for name in self._wanted]

    def notes(self) -> list[Note]:
        """What the user should know of it."""
        notes = []
        if self._loose:
            told = [f"{name} = {file}" for name, file in self._loose.items()]
            notes.append(Note("names in the list are spelled otherwise on the disk: matched", len(told), told))
        if several := {name: files for name, files in self._several.items() if name not in self.found}:
            text = "names in the list could mean several files: matched with none (write the folder before the name)"
            notes.append(Note(text, len(several), [f"{name} = {' or '.join(some)}" for name, some in several.items()]))
        if self.found and (unused := [f for f in self._unused() if f not in self._copies]):
            notes.append(Note("pictures on the disk that the list does not name: left out", len(unused), unused))
        return notes

    def _open_names(self) -> list[str]:
        return self._open(dict.fromkeys(self._wanted))

    def _open(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name not in self.found and name not in self._several]

    def _unused(self) -> list[str]:
        used = set(self.found.values())
        return [name for name in self._there if name not in used]

    def _are_copies(self, files: Sequence[str]) -> bool:
        """Whether files hold the same bytes."""
        places = [f"{self._root}/{name}" for name in files]
        try:
            if len({archives.facts(place)[0] for place in places}) > 1:
                return False
            return len({digest(read(Path(place))) for place in places}) == 1
        except (OSError, Undecodable):
            return False


def _grouped(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return groups


def _last_part(name: str) -> str:
    return name[name.rfind("/") + 1 :]


def _key(name: str) -> str:
    return label_key(mended(stem(name)))


def _key_with_folder(name: str) -> str:
    folder = name.rpartition("/")[0].rpartition("/")[2].rpartition(archives.SEPARATOR)[2]
    return f"{label_key(mended(folder))}/{_key(name)}"


def _key_of_bare_name(name: str) -> str:
    """Of a name that says no folder, so that the file may lie in any."""
    return "" if "/" in name else _key(name)


def _key_of_number(name: str) -> str:
    """Of an inventory number with a `/`, which a file's name can't have: `1885/30` is `1885-30.jpg`."""
    return "" if is_picture_name(name) else label_key(name)


def _key_of_telling_name(name: str) -> str:
    """Of a name that says enough to be found in another folder, as `artist_title-1650`; a number does not."""
    long = [word for word in words_of(stem(name)).split() if len(re.sub(r"[\d\W]", "", word)) >= _LONG_WORD]
    return _key(name) if len(long) > 1 else ""
