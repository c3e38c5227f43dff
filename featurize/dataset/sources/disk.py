"""What lies on the disk: all files below a folder, and where the pictures of a list are.

A list's pictures lie in the folder that the user names, or below the list's own folder; only where none of them lies
there, in a folder beside it, and that is noted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from featurize.dataset.notes import Note
from featurize.dataset.sources.matching import match, plain
from featurize.dataset.sources.tree import ending, is_leftover, is_picture_name
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
    names: list[str] = []
    _list_below(folder, "", (os.path.realpath(folder),), names)
    return names


def _list_below(folder: str, prefix: str, above: tuple[str, ...], names: list[str]) -> None:
    try:
        with os.scandir(folder) as listed:
            children = sorted(listed, key=attrgetter("name"))
    except OSError as error:
        raise SourceError(f"the folder {folder!r} can't be read: {error.strerror}") from error
    for child in children:
        if is_leftover(child.name):
            continue
        if not is_folder(child) or is_picture_name(child.name):
            names.append(prefix + child.name)
            continue
        real = os.path.realpath(child.path) if child.is_symlink() else f"{above[-1]}/{child.name}"
        if real not in above:
            _list_below(child.path, f"{prefix}{child.name}/", (*above, real), names)


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
    wanted = [plain(name) for name in names]
    own = str((images or folder).absolute())
    below, unread = _pictures_below(own)
    matched = match(wanted, below, own)
    if matched.found or images is not None:
        return Found(matched.paths(), [*matched.notes(), *_unread(unread, bool(matched.found))])
    beside = _beside(folder.absolute(), wanted)
    if beside is None:
        return Found(matched.paths(), [*matched.notes(), *_unread(unread, False)])
    below, unread = _pictures_below(str(beside))
    matched = match(wanted, below, str(beside))
    text = f"pictures lie in {str(beside)!r} beside the list's folder: taken from there (--images FOLDER names another)"
    return Found(matched.paths(), [Note(text, len(matched.found)), *matched.notes(), *_unread(unread, True)])


def _pictures_below(root: str) -> tuple[list[str], dict[str, str]]:
    """The pictures below a folder, also in archives; and for each archive that can't be read the reason."""
    unread: dict[str, str] = {}
    return [name for name in _with_archives(root, unread) if is_picture_name(name)], unread


def _unread(archives_with_reasons: Mapping[str, str], found: bool) -> list[Note]:
    """What to say of archives that can't be read, where the pictures of a list are elsewhere.

    Raises
    ------
    SourceError
        No picture was found, so that they may be in there.
    """
    if archives_with_reasons and not found:
        name, reason = next(iter(archives_with_reasons.items()))
        raise SourceError(f"{name!r} can't be read: {reason}")
    if not archives_with_reasons:
        return []
    examples = [f"{name}: {reason}" for name, reason in archives_with_reasons.items()]
    return [Note("archives near the list can't be read: they were not looked into", len(examples), examples)]


def _beside(folder: Path, wanted: Sequence[str]) -> Path | None:
    """The folder beside a list's own that holds most of its names; None where none of them does.

    Raises
    ------
    SourceError
        Several of them hold as many.
    """
    relative = [name for name in wanted if name and not name.startswith("/")]
    some = relative[:: len(relative) // _TRIED + 1]
    counts = {
        place: sum((place / name).is_file() for name in some)
        for place in sorted(p for p in folder.parent.iterdir() if p.is_dir() and p != folder)
        if not is_leftover(place.name)
    }
    most = max(counts.values(), default=0)
    if not most:
        return None
    best = [place for place, count in counts.items() if count == most]
    if len(best) > 1:
        raise SourceError(
            f"the list's pictures lie in {str(best[0])!r} and in {str(best[1])!r}: say which with --images FOLDER"
        )
    return best[0]


def _with_archives(root: str, unread: dict[str, str]) -> Iterator[str]:
    """Files below a folder, and the members of the zip and tar files among them; others are added to `unread`."""
    for name in files_below(root):
        yield name
        if ending(name) in (".zip", ".tar"):
            try:
                members = list(archives.open_archive(Path(root) / name).names())
            except OSError as error:
                unread[name] = str(error.strerror or error)
                continue
            yield from (archives.location(name, member) for member in members)
