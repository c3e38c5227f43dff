"""What the columns of a table mean: which names the files, which are labels, which says the split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from featurize.dataset.labels import label_key
from featurize.dataset.sources.base import Reading
from featurize.dataset.sources.tree import is_picture_name, split_name
from featurize.dataset.table import FACTS
from featurize.errors import SourceError

Columns = Mapping[str, Sequence[str]]

_PATHS = (
    "path", "filename", "file", "filepath", "imagepath", "image", "imagename", "img", "newfilename", "relativepath",
    "name",
)  # fmt: skip
_SPLITS = ("split", "subset", "set", "partition", "intrain")
_MEANT: Mapping[str, Sequence[str]] = {
    "style": ("style", "styles", "artstyle", "movement", "stylename"),
    "genre": ("genre", "genres", "genrename"),
    "artist": ("artist", "artistname", "artists", "painter", "author", "creator"),
    "year": ("year", "date", "creationdate", "completionyear", "completitionyear", "dated"),
}
_CLASSES = ("label", "class", "classname", "category", "cls", "target")  # mean whatever the target is
_SAMPLE = 200  # rows looked at to find out what a column holds


@dataclass(frozen=True)
class Meaning:
    """A table's columns told apart.

    Parameters
    ----------
    labels : mapping of str to sequence of str
        Label columns under the names they have in the dataset table.
    splits : sequence of str
    """

    labels: Columns
    splits: Sequence[str]


def path_column(columns: Columns, reading: Reading, where: str) -> str:
    """The column that names the files.

    Raises
    ------
    SourceError
        It is not there, or not to be found out.
    """
    if reading.path_column:
        return _existing(columns, reading.path_column, "--path-column", where)
    known = {label_key(c): c for c in reversed(list(columns))}
    named = [known[k] for k in _PATHS if k in known]
    for column in [*named, *columns]:
        values = [v for v in columns[column][:_SAMPLE] if v]
        if values and sum(map(is_picture_name, values)) > len(values) / 2:
            return column
    raise SourceError(
        f"no column of {where} names picture files (it has: {', '.join(columns)}): say which does with --path-column"
    )


def meaning(columns: Columns, reading: Reading, where: str, without: Sequence[str] = ()) -> Meaning:
    """Tell label columns and the split apart; columns that mean nothing known are kept under their own names.

    Parameters
    ----------
    columns : mapping
    reading : Reading
    where : str
        What to call the table in a message.
    without : sequence of str
        Columns that are neither, such as the one that names the files.

    Raises
    ------
    SourceError
        A column that was asked for is not there.
    """
    wanted = {
        label: _existing(columns, column, f"--label-column {label}=", where)
        for label, column in reading.label_columns.items()
    }
    ours = FACTS if set(FACTS) <= set(columns) else ()  # a dataset table: its facts are found anew
    left = [c for c in columns if c.strip() and (c not in ours or c == "split")]
    free = [c for c in left if c not in without and c not in wanted.values()]
    split = next((c for c in free if label_key(c) in _SPLITS), None)
    meant = dict(_MEANT) | {reading.target: (label_key(reading.target), *_MEANT.get(reading.target, ()), *_CLASSES)}
    for label, spellings in meant.items():
        if label not in wanted:
            fitting = {k: c for c in reversed(free) if (k := label_key(c)) in spellings and c not in wanted.values()}
            if fitting:
                wanted[label] = min(fitting.items(), key=lambda item: spellings.index(item[0]))[1]
    kept = [c for c in free if c != split and (c not in wanted.values() or (c != "year" and c == wanted.get("year")))]
    labels = {label: columns[c] for label, c in wanted.items()}
    labels |= {(f"source_{c}" if c in FACTS else c): columns[c] for c in kept if c not in labels}
    rows = len(next(iter(columns.values()), ()))
    return Meaning(labels, _splits(columns[split]) if split else [""] * rows)


def _splits(values: Sequence[str]) -> list[str]:
    """Splits as tables say them: names of parts, or whether a row is for training."""
    said = {v: {"true": "train", "1": "train", "false": "test", "0": "test"}.get(v.strip().lower(), "") for v in values}
    return [split_name(v.strip()) or said[v] for v in values]


def _existing(columns: Columns, name: str, option: str, where: str) -> str:
    for column in columns:
        if column == name or column.strip().casefold() == name.strip().casefold():
            return column
    raise SourceError(f"{option}{name if option.endswith('=') else ' ' + name}: {where} has no such column "
                      f"(it has: {', '.join(columns)})")  # fmt: skip
