"""What stands below a picture: its inventory number, title, artist and date, wherever a museum's table has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from featurize.dataset.headers import INVENTORY, LABELS, TITLES, first_named
from featurize.dataset.table import FACTS, DatasetTable
from featurize.wording import artist as plain_artist


@dataclass(frozen=True)
class CaptionColumns:
    """The columns of a table that describe a work; None where it has none of that kind.

    Parameters
    ----------
    inventory, title, artist, year : str or None
        Names of columns.
    """

    inventory: str | None
    title: str | None
    artist: str | None
    year: str | None


def caption_columns(columns: Sequence[str], path: str | None = None) -> CaptionColumns:
    """Find them by their headers, in several languages.

    Parameters
    ----------
    columns : sequence of str
        Names of a table's columns.
    path : str, optional
        The one that names the picture files: it is no inventory number.
    """
    facts = FACTS if {"id", "path", "split"} <= set(columns) else ()  # a dataset table: its id is a checksum
    left = [name for name in columns if name != path and name not in facts]
    return CaptionColumns(
        first_named(left, INVENTORY),
        first_named(left, TITLES),
        first_named(left, LABELS["artist"]),
        first_named(left, LABELS["year"]),
    )


@dataclass(frozen=True)
class Caption:
    """What a table says of one work; "" where it says nothing.

    Parameters
    ----------
    inventory, title, artist, year : str
        As they are written.
    name : str
        The file's name.
    """

    inventory: str = ""
    title: str = ""
    artist: str = ""
    year: str = ""
    name: str = ""

    @property
    def in_words(self) -> str:
        """The picture in a line, for those who don't see it."""
        return ", ".join(filter(None, (self.title, plain_artist(self.artist), self.year, self.inventory))) or self.name


class Captions:
    """The captions of a dataset table's works, by the paths that stand in the table.

    Parameters
    ----------
    table : DatasetTable, optional
        Without one, a caption is the file's name.
    """

    def __init__(self, table: DatasetTable | None = None) -> None:
        columns: Mapping[str, Sequence[str]] = table.columns if table is not None else {"path": ()}
        named = caption_columns(list(columns))
        nothing = [""] * len(columns["path"])
        kinds = (named.inventory, named.title, named.artist, named.year)
        self._facts = [columns[name] if name else nothing for name in kinds]
        self._row = {path: row for row, path in reversed(list(enumerate(columns["path"])))}

    def __call__(self, path: str) -> Caption:
        """That of a path; of several rows with one path the first counts."""
        name = path.replace("::", "/").rpartition("/")[2]
        row = self._row.get(path)
        inventory, title, artist, year = ("" if row is None else column[row] for column in self._facts)
        return Caption(inventory, title, artist, year, name)
