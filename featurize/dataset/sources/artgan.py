"""ArtGAN's refined WikiArt lists: `style_train.csv`, `style_val.csv`, `style_class.txt`; genre and artist as well.

A line of a list is `path/to/image.jpg,class index`, without header; a line of the class file `index name`. The
lists of the target say which pictures there are and how they are split; the other tasks' lists in the folder
add their labels to the same pictures.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from featurize.dataset.names import artist_and_year_by_form, note_of_names
from featurize.dataset.notes import Note
from featurize.dataset.sheets.encoding import decode
from featurize.dataset.sources.base import Listing, Reader, Reading
from featurize.dataset.sources.tables import located
from featurize.dataset.sources.tree import stem
from featurize.errors import SourceError

_TASKS = ("style", "genre", "artist")
_PARTS = ("train", "val", "test")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ENDINGS = ("", ".csv", ".txt")  # the authors' repository has `artist_train` without one


@dataclass(frozen=True)
class _Task:
    """The lists of one task: part -> file, and the file of class names."""

    name: str
    parts: Mapping[str, Path]
    classes: Path


class ArtGan(Reader):
    """A folder with the lists of one or several tasks, in it or in folders of it, or one of the lists."""

    def recognises(self, source: Path) -> bool:
        if source.is_dir():
            return bool(_tasks(source))
        return any(source in task.parts.values() for task in _tasks(source.parent))

    def read(self, source: Path, reading: Reading) -> Listing:
        folder = source if source.is_dir() else source.parent
        tasks = _tasks(folder)
        if not tasks:
            raise SourceError(f"there are no lists like style_train.csv with style_class.txt in {str(folder)!r}")
        chosen = next((t for t in tasks if t.name == reading.target), None)
        if chosen is None and reading.target in _TASKS:
            there = ", ".join(t.name for t in tasks)
            raise SourceError(f"--target {reading.target}: the lists in {str(folder)!r} are for {there}")
        chosen = chosen or tasks[0]
        others = [t for t in tasks if t is not chosen]
        listing = _listing(chosen)
        if reading.names is not False:
            listing = _with_names(listing, chosen.name)
        return located(_with_others(listing, others), folder, reading)


def _tasks(folder: Path) -> list[_Task]:
    folders = [folder, *sorted(p for p in folder.iterdir() if p.is_dir() and p.name.lower() in _TASKS)]
    found = []
    for task in _TASKS:
        for place in folders:
            classes = _first(place, f"{task}_class")
            parts = {part: path for part in _PARTS if (path := _first(place, f"{task}_{part}"))}
            if classes and parts:
                found.append(_Task(task, parts, classes))
                break
    return found


def _first(folder: Path, name: str) -> Path | None:
    return next((p for ending in _ENDINGS if (p := folder / f"{name}{ending}").is_file()), None)


def _listing(task: _Task) -> Listing:
    classes = _classes(task.classes)
    paths, splits, labels = [], [], []
    for part, path in task.parts.items():
        for number, (name, index) in enumerate(_lines(path), 1):
            if index not in classes:
                raise SourceError(f"{path.name!r}, line {number}: class {index!r} is not in {task.classes.name!r}")
            paths.append(name)
            splits.append(part)
            labels.append(classes[index])
    return Listing(paths, splits, {task.name: labels})


def _with_names(listing: Listing, task: str) -> Listing:
    """With artist and year as the file names have them; few artists stand in lists of their own."""
    stems = list(map(stem, listing.paths))
    said = list(map(artist_and_year_by_form, stems))
    columns = {"artist": [artist for artist, _ in said], "year": [year for _, year in said]}
    labels = {**columns, **listing.labels} if task == "artist" else {**listing.labels, **columns}
    return Listing(listing.paths, listing.splits, labels, [note_of_names(stems, said)])


def _with_others(listing: Listing, others: list[_Task]) -> Listing:
    labels, notes = dict(listing.labels), list(listing.notes)
    known = set(listing.paths)
    for task in others:
        other = _listing(task)
        label = dict(zip(other.paths, other.labels[task.name], strict=True))
        if task.name != "artist":
            labels[task.name] = [label.get(path, "") for path in listing.paths]
        if unknown := [path for path in label if path not in known]:
            text = f"pictures that only the {task.name} lists name: left out (--target {task.name} takes those lists)"
            notes.append(Note(text, len(unknown), unknown))
    return Listing(listing.paths, listing.splits, labels, notes)


def _classes(path: Path) -> dict[str, str]:
    pairs = (line.split(maxsplit=1) for line in _text(path) if line.strip())
    return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_text(path), 1):
        if line.strip():
            separator = next(
                (s for s in ",;\t" if line.rpartition(s)[2].strip().isdigit()), ","
            )  # as spreadsheets write
            if separator not in line:
                raise SourceError(f"{str(path)!r}, line {number}: {line.strip()!r} is not path,class")
            name, _, index = line.rpartition(separator)
            yield name, index.strip()


def _text(path: Path) -> list[str]:
    """Lines of a list; bytes of names that are not UTF-8 stay what they are, as the files are called so, too."""
    try:
        data = path.read_bytes()
        text = decode(data).text if data[:2] in _UTF16 else data.decode("utf-8-sig", "surrogateescape")
    except (OSError, ValueError) as error:
        raise SourceError(f"{str(path)!r} can't be read: {getattr(error, 'strerror', None) or error}") from error
    return re.split("\r\n|\r|\n", text)
