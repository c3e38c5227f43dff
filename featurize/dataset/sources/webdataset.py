"""WebDataset shards: tar files in which files of one base name make up a sample (`000.jpg`, `000.json`).

What is said of a picture stands in the `.json`, `.cls` or `.txt` beside it; `.json` objects give their fields as
columns. Shards without such files are read as class folders inside a tar. Nothing is unpacked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from featurize.dataset.names import artist_and_year
from featurize.dataset.sources.base import Listing, Reader, Reading
from featurize.dataset.sources.columns import meaning
from featurize.dataset.sources.joined import joined
from featurize.dataset.sources.tree import ending, is_leftover, is_picture_name, read_tree, split_of_shard, stem
from featurize.dataset.sources.zips import archives_of, members_of
from featurize.errors import SourceError
from featurize.pictures import archives

_SIDE = (".json", ".cls", ".txt")


class WebDataset(Reader):
    """A tar file, or a folder of them."""

    def recognises(self, source: Path) -> bool:
        if source.is_dir():
            return any(p.suffix.lower() == ".tar" and not is_leftover(p.name) for p in source.iterdir())
        return source.suffix.lower() == ".tar"

    def read(self, source: Path, reading: Reading) -> Listing:
        return joined([_shard(path, reading) for path in archives_of(source, ".tar")])


def _shard(path: Path, reading: Reading) -> Listing:
    names = [n for n in members_of(path) if not any(map(is_leftover, n.removeprefix("./").split("/")))]
    part = split_of_shard(path.stem, path.parent.name)
    if not any(ending(n) in _SIDE for n in names):
        clean = {n.removeprefix("./"): n for n in names}
        return read_tree(sorted(clean), lambda n: archives.location(path, clean[n]), reading, part)
    pictures = [n for n in names if is_picture_name(n)]
    try:
        columns = _columns(path, pictures, names)
    except OSError as error:
        raise SourceError(f"{str(path)!r} can't be read: {error.strerror or error}") from error
    meant = meaning(columns, reading, repr(path.name))
    said = [artist_and_year(stem(name)) for name in pictures]
    labels = {"artist": [artist for artist, _ in said], "year": [year for _, year in said]} | dict(meant.labels)
    splits = [split or part for split in meant.splits] if columns else [part] * len(pictures)
    return Listing([archives.location(path, name) for name in pictures], splits, labels)


def _columns(path: Path, pictures: Sequence[str], names: Iterable[str]) -> dict[str, list[str]]:
    """What stands beside the pictures, a column for each thing said."""
    samples: dict[str, dict[str, str]] = {}
    for name in names:
        kind = ending(name)
        if kind in _SIDE:
            said = _said(archives.open_archive(path).read(name), kind)
            samples.setdefault(name.removesuffix(name[-len(kind) :]), {}).update(said)
    rows = [samples.get(_without_ending(p)) or samples.get(_key(p)) or {} for p in pictures]
    columns = dict.fromkeys(column for row in rows for column in row)
    return {column: [row.get(column, "") for row in rows] for column in columns}


def _said(data: bytes, kind: str) -> dict[str, str]:
    text = data.decode("utf-8", "replace").strip()
    if kind != ".json":
        return {kind[1:]: text}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, Mapping):
        return {"label": _plain(found)}
    return {str(k): _plain(v) for k, v in found.items() if not isinstance(v, Mapping)}


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(map(_plain, value))
    return "" if value is None else str(value)


def _without_ending(name: str) -> str:
    return name[: len(name) - len(ending(name))]


def _key(name: str) -> str:
    """The base name as WebDataset has it: up to the first dot of the last part."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]
