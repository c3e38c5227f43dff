"""What the columns of a table mean: which names the files, which are labels, which says the split.

Headers are known in several languages (`featurize.dataset.headers`). What was recognised can be given
back as options.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from featurize.dataset.headers import CLASSES, INVENTORY, LABELS, PATHS, SPLITS, first_named, header_key
from featurize.dataset.notes import Note
from featurize.dataset.sources.base import Reading
from featurize.dataset.sources.tree import is_picture_name
from featurize.dataset.splits.names import split_name
from featurize.dataset.table import FACTS
from featurize.errors import SourceError

Columns = Mapping[str, Sequence[str]]

_SAMPLE = 200  # rows looked at to find out what a column holds


@dataclass(frozen=True)
class Meaning:
    """A table's columns told apart.

    Parameters
    ----------
    labels : mapping of str to sequence of str
        Label columns under the names they have in the dataset table.
    splits : sequence of str
    recognised : mapping of str to str
        Label -> the column that was taken for it.
    notes : sequence of Note
    """

    labels: Columns
    splits: Sequence[str]
    recognised: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[Note] = ()


def path_column(columns: Columns, reading: Reading, where: str) -> str:
    """The column that names the files: their names with a picture's ending, or else what its header says.

    Raises
    ------
    SourceError
        It is not there, or not to be found out.
    """
    if reading.path_column:
        return _existing(columns, reading.path_column, "--path-column", where)
    found = picture_column(columns)
    if found is not None:
        return found
    without_ending = first_named(list(columns), PATHS[: PATHS.index("name")]) or first_named(list(columns), INVENTORY)
    if without_ending is not None and any(columns[without_ending]):
        return without_ending
    if not any(map(len, columns.values())):
        raise SourceError(f"{where} has no rows: only the names of its columns ({', '.join(columns)})")
    raise SourceError(
        f"no column of {where} names picture files (it has: {', '.join(columns)}): say which does with --path-column"
    )


def picture_column(columns: Columns) -> str | None:
    """The column most of whose values end like pictures' names; one that is called so before others."""
    named = sorted((PATHS.index(k), c) for c in columns if (k := header_key(c)) in PATHS)
    for column in [*(c for _, c in named), *columns]:
        values = [v for v in columns[column][:_SAMPLE] if v]
        if values and sum(map(is_picture_name, values)) > len(values) / 2:
            return column
    return None


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
    split, splits, notes = _split_column(columns, free)
    target = header_key(reading.target)
    meant = dict(LABELS) | {reading.target: (target, *LABELS.get(reading.target, ()), *CLASSES)}
    for label, headers in meant.items():
        if label not in wanted:
            fitting = first_named([c for c in free if c not in (split, *wanted.values())], headers)
            if fitting is not None:
                wanted[label] = fitting
    own = [c for c in left if c not in without and c != split]
    kept = [c for c in own if (c not in wanted.values() or (c != "year" and c == wanted.get("year")))]
    labels = {label: columns[c] for label, c in wanted.items()}
    labels |= {(f"source_{c}" if c in FACTS else c): columns[c] for c in kept if c not in labels}
    rows = len(next(iter(columns.values()), ()))
    return Meaning(labels, splits or [""] * rows, wanted, notes)


def as_options(recognised: Mapping[str, str], named: str = "") -> list[str]:
    """What was recognised, as words of options that say the same.

    Parameters
    ----------
    recognised : mapping of str to str
        Label -> column.
    named : str
        The column that names the files, if one does.
    """
    options = ["--path-column", named] if named else []
    for label, column in recognised.items():
        options += ["--label-column", f"{label}={column}"]
    return options


def _split_column(columns: Columns, free: Sequence[str]) -> tuple[str | None, list[str], list[Note]]:
    """The column that says the splits, what it says, and what of it is no split.

    A column that is called so and says no split is a column as any other.
    """
    for column in sorted((c for c in free if header_key(c) in SPLITS), key=lambda c: SPLITS.index(header_key(c))):
        said = {value: split_of_cell(value) for value in set(columns[column])}
        if not any(said.values()):
            continue
        unsaid = Counter(value for value in columns[column] if value.strip() and not said[value])
        examples = [f"{value} ({count} rows)" for value, count in unsaid.most_common()]
        text = f"rows of the column {column!r} say no train, val or test: they are in no split"
        notes = [Note(text, unsaid.total(), examples)] if unsaid else []
        return column, [said[value] for value in columns[column]], notes
    return None, [], []


def split_of_cell(value: str) -> str:
    """A split as tables say it: the name of a part, or whether a row is for training."""
    truth = {"true": "train", "1": "train", "yes": "train", "false": "test", "0": "test", "no": "test"}
    return split_name(value.strip()) or truth.get(value.strip().lower(), "")


def _existing(columns: Columns, name: str, option: str, where: str) -> str:
    for column in columns:
        if column == name or column.strip().casefold() == name.strip().casefold():
            return column
    raise SourceError(f"{option}{name if option.endswith('=') else ' ' + name}: {where} has no such column "
                      f"(it has: {', '.join(columns)})")  # fmt: skip
