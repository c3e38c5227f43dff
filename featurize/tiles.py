"""Some pictures side by side, as notebooks show a table or examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from featurize import pages
from featurize.pictures.thumbnail import thumbnail
from featurize.wording import plain

MOST = 12  # pictures that are shown
SIDE = 120  # pixels of their longer side


@dataclass(frozen=True)
class Tile:
    """A picture and what stands below it."""

    path: Path
    label: str
    note: str = ""


def first_of_each(labels: Sequence[str]) -> list[int]:
    """Row numbers to show: the first row of each class, and further rows where there are few classes."""
    first: dict[str, int] = {}
    for n, label in enumerate(labels):
        first.setdefault(label, n)
    chosen = [first[label] for label in sorted(first) if label][:MOST]
    others = [n for n in range(min(len(labels), 2 * MOST)) if n not in chosen]
    return [*chosen, *others[: MOST - len(chosen)]]


def html(title: str, tiles: Sequence[Tile]) -> str:
    """The pictures as HTML that needs no other file; texts are escaped, a missing picture is an empty frame."""
    shown = [(tile, thumbnail(tile.path, SIDE)) for tile in tiles]
    return pages.render("featurize", "tiles.html", {"title": title, "shown": shown}, {"plain": plain})
