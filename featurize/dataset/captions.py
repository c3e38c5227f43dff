"""What stands below a picture: its inventory number, title, artist and date, wherever a museum's table has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from featurize.dataset.headers import INVENTORY, LABELS, TITLES, first_named
from featurize.dataset.table import FACTS


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
