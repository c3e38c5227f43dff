"""What lies on the disk: all files below a folder, and which of them a list means.

Lists and disks disagree about case, `_`, `-` and spaces, accents and Unicode normal forms, endings, folders
above. A name is looked for as it stands first; only names and files that are still without a partner are then
matched loosely, and only where the partner is the one possible. What was matched so is told.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from featurize.dataset.labels import label_key
from featurize.dataset.names import mended
from featurize.dataset.notes import Note
from featurize.dataset.sources.tree import ending, is_leftover, is_picture_name, stem
from featurize.errors import SourceError
from featurize.pictures import archives

_TRIED = 50  # names of a list, spread over it, that are looked for in each folder


def files_below(folder: str) -> list[str]:
    """Names of all files below a folder, relative to it, sorted folder by folder.

    Hidden files are left out, and links to a folder above are not followed, as they would never end. A folder
    named `x.jpg` is listed as a file, to be told to the user, instead of being walked into.

    Raises
    ------
    SourceError
        A folder can't be read.
    """
    return list(_below(folder, "", (os.path.realpath(folder),)))


def _below(folder: str, prefix: str, above: tuple[str, ...]) -> Iterator[str]:
    try:
        with os.scandir(folder) as listed:
            children = sorted(listed, key=attrgetter("name"))
    except OSError as error:
        raise SourceError(f"the folder {folder!r} can't be read: {error.strerror}") from error
    for child in children:
        if is_leftover(child.name):
            continue
        if not is_folder(child) or is_picture_name(child.name):
            yield prefix + child.name
            continue
        real = os.path.realpath(child.path) if child.is_symlink() else f"{above[-1]}/{child.name}"
        if real not in above:
            yield from _below(child.path, f"{prefix}{child.name}/", (*above, real))


def is_folder(child: os.DirEntry[str]) -> bool:
    """Whether a folder's entry is a folder, or leads to one."""
    try:
        return child.is_dir()
    except OSError:  # a link that leads back to itself
        return False


@dataclass(frozen=True)
class Found:
    """Where the names of a list are.

    Parameters
    ----------
    paths : sequence of str
        For each name its location; one that is nowhere stands where it should be.
    notes : sequence of Note
    """

    paths: Sequence[str]
    notes: Sequence[Note]


def find(names: Sequence[str], folder: Path, images: Path | None = None) -> Found:
    """Find the files that a list names.

    Parameters
    ----------
    names : sequence of str
        As the list has them: relative to some folder, bare, or absolute.
    folder : Path
        Where the list lies.
    images : Path, optional
        Where its pictures are; by default beside the list.

    Raises
    ------
    SourceError
        `images` is no folder.
    """
    if images is not None and not images.is_dir():
        raise SourceError(f"--images {str(images)!r} is not a folder: give the one that holds the list's pictures")
    wanted = [_plain(name) for name in names]
    root = str((images or _beside(folder, wanted)).absolute())
    there = [name for name in _with_archives(root) if is_picture_name(name)]
    search = _Search(wanted, there, root)
    search.as_written()
    search.loosely()
    return Found(search.paths(), search.notes())


class _Search:
    def __init__(self, wanted: Sequence[str], there: Sequence[str], root: str) -> None:
        self._root = root
        self._wanted = wanted
        self._there = there
        self._found: dict[str, str] = {}  # name in the list -> name on disk, or an absolute location
        self._copies: set[str] = set()  # files that would have done as well
        self._loose: dict[str, str] = {}

    def as_written(self) -> None:
        """Names that stand on the disk as they are, below any folders."""
        known = set(self._there)
        rest = []
        for name in dict.fromkeys(self._wanted):
            if name in known or (name.startswith("/") and os.path.exists(name)):  # noqa: PTH110
                self._found[name] = name
            else:
                rest.append(name)
        by_file = _grouped(self._there, lambda name: name[name.rfind("/") + 1 :]) if rest else {}
        for name in rest:
            fitting = [f for f in by_file.get(name[name.rfind("/") + 1 :], ()) if f.endswith(f"/{name}")]
            if fitting:
                self._found[name], *copies = fitting
                self._copies.update(copies)

    def loosely(self) -> None:
        """Names that differ from a file's only in spelling; first with the folder they are in, then without."""
        for key in (_key_with_folder, _key):
            names = _grouped([n for n in dict.fromkeys(self._wanted) if n not in self._found], key)
            files = _grouped(self._unused(), key) if names else {}
            for spelled, listed in names.items():
                fitting = files.get(spelled, [])
                if len(fitting) > 1:
                    fitting = [f for f in fitting if ending(f) == ending(listed[0])]
                if len(listed) == len(fitting) == 1:
                    self._found[listed[0]] = self._loose[listed[0]] = fitting[0]

    def paths(self) -> list[str]:
        places = {name: self._found.get(name, name) for name in set(self._wanted)}
        return [p if (p := places[name]).startswith("/") else f"{self._root}/{p}" for name in self._wanted]

    def notes(self) -> list[Note]:
        notes = []
        if self._loose:
            told = [f"{name} = {file}" for name, file in self._loose.items()]
            notes.append(Note("names in the list are spelled otherwise on the disk: matched", len(told), told))
        if self._found and (unused := [f for f in self._unused() if f not in self._copies]):
            notes.append(Note("pictures on the disk that the list does not name: left out", len(unused), unused))
        return notes

    def _unused(self) -> list[str]:
        used = set(self._found.values())
        return [name for name in self._there if name not in used]


def _plain(name: str) -> str:
    """A name with `/` between its parts and no `./` before it."""
    if "\\" in name and "/" not in name:
        name = name.replace("\\", "/")
    return name.strip().removeprefix("./")


def _beside(folder: Path, wanted: Sequence[str]) -> Path:
    """The folder that holds most of a list's names: the list's own, or one beside it."""
    relative = [name for name in wanted if name and not name.startswith("/")]
    some = relative[:: len(relative) // _TRIED + 1]
    beside = sorted(p for p in folder.parent.iterdir() if p.is_dir() and p != folder and not is_leftover(p.name))
    return max([folder, *beside], key=lambda where: sum((where / name).exists() for name in some))


def _with_archives(root: str) -> Iterator[str]:
    """Files below a folder, and the members of the zip and tar files among them."""
    for name in files_below(root):
        yield name
        if ending(name) in (".zip", ".tar"):
            try:
                members = list(archives.open_archive(Path(root) / name).names())
            except OSError as error:
                raise SourceError(f"{name!r} can't be read: {error.strerror or error}") from error
            yield from (archives.location(name, member) for member in members)


def _grouped(names: Iterable[str], key: object) -> Mapping[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)  # type: ignore[operator]
    return groups


def _key(name: str) -> str:
    return label_key(mended(stem(name)))


def _key_with_folder(name: str) -> str:
    folder = name.rpartition("/")[0].rpartition("/")[2].rpartition(archives.SEPARATOR)[2]
    return f"{label_key(mended(folder))}/{_key(name)}"
