"""WebDataset shards: tar files in which files of one key make up a sample (`000.jpg`, `000.json`).

A key ends at the first dot, so `000.image.png` and `000.meta.json` are a sample, too. What is said of a picture stands
in the `.json`, `.cls` or `.txt` beside it; `.json` objects give their fields as columns, `000.style.txt` gives a column
`style`. Shards without such files are read as class folders inside a tar. Nothing is unpacked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurize.dataset.notes import Note
from featurize.dataset.sources.base import Listing, Reader, Reading
from featurize.dataset.sources.columns import as_options, meaning
from featurize.dataset.sources.joined import joined
from featurize.dataset.sources.tree import ending, is_leftover, is_picture_name, read_tree, split_of_shard
from featurize.dataset.sources.zips import archives_of, members_of, notes_on
from featurize.errors import SourceError
from featurize.pictures import archives

_SIDE = (".json", ".cls", ".txt")


class WebDataset(Reader):
    """A tar file, or a folder of them."""

    has_columns = True

    def recognises(self, source: Path) -> bool:
        if source.is_dir():
            return any(p.suffix.lower() == ".tar" and not is_leftover(p.name) for p in source.iterdir())
        return source.suffix.lower() == ".tar"

    def read(self, source: Path, reading: Reading) -> Listing:
        return joined([_shard(path, reading) for path in archives_of(source, ".tar")])


def _shard(path: Path, reading: Reading) -> Listing:
    names = [n for n in members_of(path) if not any(map(is_leftover, n.split("/")))]
    part = split_of_shard(path.stem, path.parent.name)
    if not any(ending(n) in _SIDE for n in names):
        listing = read_tree(sorted(names), lambda n: archives.location(path, n), reading, part)
        return replace(listing, notes=[*listing.notes, *notes_on(path)])
    pictures = [n for n in names if is_picture_name(n)]
    try:
        columns, notes = _columns(path, pictures, names)
    except OSError as error:
        raise SourceError(f"{str(path)!r} can't be read: {error.strerror or error}") from error
    meant = meaning(columns, reading, repr(path.name))
    splits = [split or part for split in meant.splits] if columns else [part] * len(pictures)
    places = [archives.location(path, name) for name in pictures]
    said = [*notes, *notes_on(path), *meant.notes]
    return Listing(places, splits, meant.labels, said, recognised=as_options(meant.recognised))


def _columns(path: Path, pictures: Sequence[str], names: Iterable[str]) -> tuple[dict[str, list[str]], list[Note]]:
    """What stands beside the pictures, a column for each thing said.

    A file beside a picture belongs to it where both have the same name but for the ending, or else the same key. Names
    with dots that match but for the ending are no keys: nothing said of `m.c.-escher_x` is about all of `m`.
    """
    files = [name for name in names if ending(name) in _SIDE]
    stems = set(map(_without_ending, pictures))
    dotted = {_key(f) for f in files if _without_ending(f) in stems and _without_ending(f) != _key(f)}
    samples: dict[str, dict[str, str]] = {}
    unread: list[str] = []
    western: list[str] = []
    for name in files:
        alike, key = _without_ending(name), _key(name)
        belongs = alike if alike in stems or key in dotted else key
        data = archives.open_archive(path).read(name)
        text = _decoded(data, name, western)
        said = _said(text, ending(name), alike[len(belongs) + 1 :])
        if said is None:
            unread.append(name)
        samples.setdefault(belongs, {}).update(said or {})
    rows = []
    for picture in pictures:
        shared = samples.get(_key(picture), {}) if _key(picture) not in dotted else {}
        rows.append(shared | samples.get(_without_ending(picture), {}))
    columns = dict.fromkeys(column for row in rows for column in row)
    notes = [Note("files beside pictures hold no JSON: left out", len(unread), unread)] if unread else []
    if western:
        notes.append(Note("files beside pictures are not UTF-8: read as Windows-1252", len(western), western))
    return {column: [row.get(column, "") for row in rows] for column in columns}, notes


def _decoded(data: bytes, name: str, western: list[str]) -> str:
    """The text of a file; the names of those that are not UTF-8 are added to `western`."""
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        western.append(name)
        return data.decode("cp1252", "replace").strip()


def _said(text: str, kind: str, field: str) -> dict[str, str] | None:
    """Column -> value; `field` is the part of the name between key and ending. None where it can't be read."""
    if kind != ".json":
        return {field or kind[1:]: text}
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, Mapping):
        return {field or "label": _plain(found)}
    inner = {f"{k}.{name}": v for k, part in found.items() if isinstance(part, Mapping) for name, v in part.items()}
    flat = {**inner, **found}
    return {str(k): _plain(v) for k, v in flat.items() if not isinstance(v, Mapping)}


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(map(_plain, value))
    return "" if value is None else str(value)


def _without_ending(name: str) -> str:
    return name[: len(name) - len(ending(name))]


def _key(name: str) -> str:
    """The key of a sample as WebDataset has it: up to the first dot of the last part."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]
